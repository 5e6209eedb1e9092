"""Draws the main screens of the terminal as SVG into docs/: real runs in a pseudo-terminal, a scripted model.

Usage: python scripts/captures.py
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from mazu_ls.demo.model_server import ModelServer  # noqa: E402
from tests.terminal.terminal import Terminal, project  # noqa: E402

APP = (
    ("app.py", "def total(a, b):\n    return a - b\n"),
    ("test_app.py", "from app import total\n\ndef test_total():\n    assert total(2, 3) == 5\n"),
)
TESTS = "for n in 1 2 3 4; do echo test_app.py::test_$n PASSED; sleep 0.3; done; echo 4 passed"
REPLIES = [
    {
        "text": "`total()` subtracts. I'll change the sign, then run the tests.",
        "calls": [{"name": "edit_file", "arguments": {"path": "app.py", "old": "a - b", "new": "a + b"}}],
    },
    {"calls": [{"name": "run_shell", "arguments": {"command": TESTS}}]},
    {
        "text": "Fixed: `total()` **adds** now, and all four tests pass.\n\n- the sign was wrong since the first version\n- no caller relied on it"
    },
]
REMOTE_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def picture(terminal: Terminal, title: str) -> str:
    """What the emulator shows, without the empty rows below it."""
    rows = list(terminal.screen.history.top) + [terminal.screen.buffer[y] for y in range(terminal.rows)]
    lines: list[Text] = []
    for row in rows:
        text = Text()
        for column in range(terminal.columns):
            cell = row[column]
            colour = "" if cell.fg == "default" else {"brown": "yellow"}.get(cell.fg, cell.fg)
            colour = f"#{colour}" if re.fullmatch("[0-9a-f]{6}", colour) else colour
            style = f"{'bold ' if cell.bold else ''}{'reverse ' if cell.reverse else ''}{colour}".strip()
            text.append(cell.data, style=style)
        text.rstrip()
        lines.append(text)
    while lines and not lines[-1].plain:
        lines.pop()
    console = Console(record=True, width=terminal.columns, file=io.StringIO(), force_terminal=True)
    console.print(Text("\n").join(lines))
    return REMOTE_FONTS.sub("", console.export_svg(title=title))


async def main() -> None:
    """One conversation, captured at its question, while a command runs, and at its end; then on forty columns."""
    for name, columns, rows in (("", 92, 34), ("-narrow", 40, 44)):
        with tempfile.TemporaryDirectory() as folder:
            async with ModelServer(REPLIES) as server:
                terminal = await Terminal(
                    project(Path(folder), APP), server.url, columns=columns, rows=rows
                ).start()
                await terminal.sees("new conversation")
                await terminal.says("Make total() add instead of subtract. @app.py")
                await terminal.sees("Allow once", "return a + b")
                await asyncio.sleep(0.8)
                save(f"terminal-question{name}", terminal)
                await terminal.answers("y")
                await terminal.sees("Run for n", "Needs approval because")
                await terminal.answers("y")
                await terminal.sees("test_3 PASSED", "esc to stop")
                save(f"terminal-running{name}", terminal)
                await terminal.sees("no caller relied on it", "/undo")
                await asyncio.sleep(0.5)
                save(f"terminal{name}", terminal)
                await terminal.kill()


def save(name: str, terminal: Terminal) -> None:
    """Write one picture."""
    (ROOT / "docs" / f"{name}.svg").write_text(picture(terminal, "mazu-ls"), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
