"""A Neovim in a real terminal (tmux): typed into and read back, on the settings that a new user has."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from neovim_bed import PLUGIN

from mazu_ls.demo.model_server import ModelServer

WAIT_SECONDS = 120
LOOK_SECONDS = 0.1
AGAIN_SECONDS = 5.0
INIT = """\
vim.opt.runtimepath:prepend({plugin!r})
vim.g.mazu = {{ cmd = {{ {python!r}, '-m', 'mazu_ls' }} }}
vim.lsp.enable('mazu_ls')
"""


class NoTmux(Exception):
    """tmux could not be obtained; the message says what to do."""


def obtain_tmux() -> str:
    """The machine's tmux, installed by apt where root may do that."""
    if found := shutil.which("tmux"):
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "tmux"]):
            subprocess.run(["apt-get", *command], env=quiet, capture_output=True, check=False)
    if found := shutil.which("tmux"):
        return found
    raise NoTmux("there is no tmux: install it, or leave the editors out by MAZU_SKIP_EDITORS=1")


@dataclass
class Terminal:
    """One program in a tmux server of its own."""

    nvim: Path
    project: Path
    home: Path
    model: ModelServer
    columns: int = 120
    lines: int = 36
    name: str = field(default_factory=lambda: f"mazu-{uuid.uuid4().hex[:8]}")

    async def start(self, *arguments: str) -> None:
        """Start Neovim with these arguments."""
        obtain_tmux()
        init = self.home / "init.lua"
        init.write_text(INIT.format(plugin=str(PLUGIN), python=sys.executable))
        await self.run(self.nvim, "-u", init, *arguments)

    async def run(self, *command: object, extra: dict[str, str] | None = None) -> None:
        """Start a program in the project, with a home of its own and nothing else of the user's."""
        words = " ".join(
            shlex.quote(str(word)) for word in ("env", "-i", *self._environment(extra), *command)
        )
        size = ("-x", str(self.columns), "-y", str(self.lines))
        await self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-s", "t", *size, "-c", str(self.project), words
        )
        await self._tmux("set-option", "-g", "escape-time", "0")
        await self._tmux("set-option", "-g", "remain-on-exit", "on")

    async def press(self, *keys: str) -> None:
        """Press keys by tmux's names, such as `Enter`, `Escape`, `C-s`."""
        await self._tmux("send-keys", "-t", "t", *keys)

    async def type(self, text: str) -> None:
        """Type text, key by key."""
        await self._tmux("send-keys", "-t", "t", "-l", text)

    async def command(self, text: str) -> None:
        """Type an Ex command in Normal mode."""
        await self.type(f":{text}")
        await self.press("Enter")

    async def screen(self, *, colours: bool = False) -> str:
        """What stands on the screen, trailing blanks removed; with `colours` its escape sequences too."""
        flags = ["-e", "-N"] if colours else []
        return await self._tmux("capture-pane", "-t", "t", "-p", *flags)

    async def wait(self, *parts: str, without: str | None = None) -> str:
        """The screen once it shows all `parts`, and no longer shows `without`."""
        shown = ""

        def fits() -> bool:
            return all(part in shown for part in parts) and (without is None or without not in shown)

        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            shown = await self.screen()
            if fits():
                return shown
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"{parts} (without {without!r}) did not come in {WAIT_SECONDS} s:\n{shown}")

    async def until(self, what: str, met: Callable[[], bool | Awaitable[bool]]) -> None:
        """Wait for something outside the screen."""
        if not await self._comes(met, WAIT_SECONDS):
            raise AssertionError(f"{what} did not come in {WAIT_SECONDS} s:\n{await self.screen()}")

    async def press_until(self, what: str, met: Callable[[], bool | Awaitable[bool]], *keys: str) -> None:
        """Press keys, and again where nothing came of it: a question is deaf for a moment after it was shown."""
        for _ in range(int(WAIT_SECONDS / AGAIN_SECONDS)):
            await self.press(*keys)
            if await self._comes(met, AGAIN_SECONDS):
                return
        raise AssertionError(f"{what} did not come of {keys}:\n{await self.screen()}")

    async def _comes(self, met: Callable[[], bool | Awaitable[bool]], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = met()
            if found if isinstance(found, bool) else await found:
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    async def lua(self, expression: str) -> str:
        """The value of a Lua expression, from Normal mode."""
        answer = self.home / f"answer-{uuid.uuid4().hex[:6]}"
        written = f"vim.fn.writefile(vim.split(tostring({expression}), '\\n'), '{answer}.part')"
        text = f"lua {written} vim.uv.fs_rename('{answer}.part', '{answer}')"
        await self.command(text)
        await self.until(text, answer.exists)
        return answer.read_text().rstrip("\n")

    async def lua_gives(self, expression: str, value: str) -> bool:
        """Whether a Lua expression has this value now."""
        return await self.lua(expression) == value

    async def settled(self, before: str = "") -> list[str]:
        """The screens from now on until one stays and is another than `before`: a page is drawn in parts."""
        seen: list[str] = []
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            seen.append(await self.screen())
            if len(seen) > 1 and seen[-1] == seen[-2] != before:
                return seen
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"the screen did not settle in {WAIT_SECONDS} s:\n{seen[-1]}")

    async def has_ended(self) -> bool:
        """Whether the program has ended of itself."""
        return (await self._tmux("display-message", "-t", "t", "-p", "#{pane_dead}")).strip() == "1"

    async def close(self) -> None:
        """End the terminal and everything in it."""
        await self._tmux("kill-server", check=False)

    async def _tmux(self, *arguments: str, check: bool = True) -> str:
        process = await asyncio.create_subprocess_exec(
            "tmux", "-L", self.name, *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        if check and process.returncode:
            raise AssertionError(f"tmux {' '.join(arguments)[:200]}: {err.decode(errors='replace')}")
        return out.decode(errors="replace")

    def _environment(self, extra: dict[str, str] | None) -> list[str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR") if name in os.environ}
        own = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "ANTHROPIC_BASE_URL": self.model.url,
            "ANTHROPIC_API_KEY": "test-key",
        }
        return [f"{name}={value}" for name, value in (kept | own | (extra or {})).items()]
