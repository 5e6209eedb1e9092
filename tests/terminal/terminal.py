"""A pseudo-terminal with `mazu-ls` in it, seen through a terminal emulator: what a person would see."""

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

PATIENCE = 120.0
STILL_SECONDS = 0.5
"""A screen that was not drawn for so long is whole, and nothing runs: a spinner is drawn several times a second."""
ESC, ENTER, CTRL_C, CTRL_D, CTRL_O, SHIFT_TAB, UP, DOWN, ALT_ENTER = (
    "\x1b", "\r", "\x03", "\x04", "\x0f", "\x1b[Z", "\x1b[A", "\x1b[B", "\x1b\r",
)  # fmt: skip


class Terminal:
    """Starts a command in `root`, feeds what it prints to an emulator of `columns` by `rows`, and types."""

    def __init__(
        self, root: Path, url: str = "http://127.0.0.1:1", *, columns: int = 100, rows: int = 40, term: str = "xterm-256color",
        wraps_again: bool = False, **env: str,
    ) -> None:  # fmt: skip
        """`wraps_again`: lines that no longer fit are wrapped, as most terminals do; else they are cut, as xterm does."""
        self.root = root
        self._wraps_again = wraps_again
        self.columns, self.rows = columns, rows
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MAZU_", "ANTHROPIC_", "OPENAI_"))
        }
        self.env = {
            **kept, "HOME": str(root.parent), "MAZU_HOME": str(root.parent / "home"),
            "MAZU_STATE_HOME": str(root.parent / "state"), "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test-key",
            "TERM": term, **({} if wraps_again else {"XTERM_VERSION": "pyte"}), **env,
        }  # fmt: skip
        self.screen = pyte.HistoryScreen(columns, rows, history=5000)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._drawn = 0.0

    async def start(self, *arguments: str) -> "Terminal":
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mazu_ls", *arguments), cwd=self.root, env=self.env,
            stdin=slave, stdout=slave, stderr=slave, preexec_fn=lambda: os.login_tty(0), close_fds=True,
        )  # fmt: skip
        os.close(slave)
        asyncio.get_running_loop().add_reader(self.master, self._read)
        return self

    def _read(self) -> None:
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self.master)
            return
        self.raw += data
        self._drawn = time.monotonic()
        self._stream.feed(data)
        if b"\x1b[6n" in data:  # an emulator is asked where its cursor is
            self.types(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")

    @property
    def text(self) -> str:
        """All that was printed and can be scrolled to, and the screen."""
        above = [
            "".join(line[column].data for column in range(self.columns)).rstrip()
            for line in self.screen.history.top
        ]
        return "\n".join([*above, *(line.rstrip() for line in self.screen.display)])

    async def sees(self, *texts: str, times: int = 1) -> None:
        """Wait until each of the texts is to be seen so often, line breaks of the terminal aside."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(_flat(self.text).count(_flat(text)) >= times for text in texts):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{texts} was not seen in:\n{self.text}") from None

    def resize(self, columns: int, rows: int) -> None:
        """Another size, as when a window is dragged; the kernel sends SIGWINCH."""
        shown, cursor = [row.rstrip() for row in self.screen.display], self.screen.cursor
        at = (cursor.y, cursor.x)
        self.columns, self.rows = columns, rows
        self.screen.resize(rows, columns)
        if self._wraps_again:
            self._wrap(shown, *at)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _wrap(self, shown: list[str], row: int, column: int) -> None:
        """Draw the rows again, each as many as it needs now; the cursor stays at its character."""
        pieces = [
            [line[at : at + self.columns] for at in range(0, max(1, len(line)), self.columns)]
            for line in shown
        ]
        cursor = sum(map(len, pieces[:row])) + column // self.columns
        rows = [piece for line in pieces for piece in line]
        above = max(0, cursor - self.rows + 1)  # scrolled away
        self.screen.erase_in_display(2)
        for number, piece in enumerate(rows[above : above + self.rows], 1):
            self.screen.cursor_position(number, 1)
            self.screen.draw(piece)
        self.screen.cursor_position(cursor - above + 1, column % self.columns + 1)

    async def rests(self) -> None:
        """Wait until no turn runs: the spinner's line is gone, and not only from a screen that is just being drawn."""
        await self.until(lambda: not self._spins() and self._is_still(), "the turn did not end")

    async def loses(self, text: str) -> None:
        """Wait until a text is to be seen no more, so that what comes next is not mistaken for it."""
        await self.until(lambda: not self.shows(text) and self._is_still(), f"{text!r} did not go")

    def _spins(self) -> bool:
        return any("esc to stop" in row for row in self.screen.display)

    def _is_still(self) -> bool:
        return time.monotonic() - self._drawn > STILL_SECONDS

    async def until(self, met: Callable[[], bool], failed: str) -> None:
        """Wait until it is so."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not met():  # noqa: ASYNC110 - a terminal tells nobody
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{failed} in:\n{self.text}") from None

    def shows(self, text: str) -> bool:
        return _flat(text) in _flat(self.text)

    def types(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    async def says(self, message: str) -> None:
        """Type a message and send it."""
        self.types(message)
        await asyncio.sleep(0.05)
        self.types(ENTER)

    async def answers(self, key: str) -> None:
        """Answer a question after the time that nobody can read it in."""
        await asyncio.sleep(0.8)
        self.types(key)

    async def ends(self) -> int:
        try:
            return await asyncio.wait_for(self.process.wait(), PATIENCE)
        except TimeoutError:
            raise AssertionError(f"it did not end:\n{self.text}") from None

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


def _flat(text: str) -> str:
    return "".join(text.split())


def project(
    folder: Path, files: Sequence[tuple[str, str]] = (("app.py", "def total(a, b):\n    return a - b\n"),)
) -> Path:
    """A folder with a few files."""
    root = folder / "project"
    root.mkdir()
    for name, text in files:
        (root / name).write_text(text)
    return root
