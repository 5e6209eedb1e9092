"""Text from a project, from a model or from memory does nothing to the terminal that shows it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal.terminal import Terminal, project

CLIPBOARD = "\x1b]52;c;ZXZpbA==\x07"
EVIL = f"before\t{CLIPBOARD}\x1b[2Jafter \x9b31mC1 \u202eback :bug: [red]m[/]\r\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = project(tmp_path, [("evil.txt", EVIL)])
    (root / "evil.txt").write_bytes(EVIL.encode())
    return root


def run(root: Path, *arguments: str) -> bytes:
    """What the command writes into a pipe."""
    env = Terminal(root).env
    return subprocess.run(
        [sys.executable, "-m", "mazu_ls", *arguments], cwd=root, env=env, capture_output=True, check=True
    ).stdout


async def shown(root: Path, *arguments: str) -> bytes:
    """What the command writes into a terminal, the colours that are ours taken away."""
    terminal = await Terminal(root).start(*arguments)
    assert await terminal.ends() == 0, terminal.text
    await terminal.sees("after 31mC1 <U+202E>back :bug: [red]m[/]")
    raw = terminal.raw
    for colour in (b"0", b"1", b"2", b"31", b"32", b"33"):
        raw = raw.replace(b"\x1b[" + colour + b"m", b"")
    return raw


async def test_a_file_of_a_checkpoint_and_a_difference(root: Path) -> None:
    first = json.loads(run(root, "checkpoint", "take", "--json"))["id"]
    assert run(root, "checkpoint", "file", first, "evil.txt") == EVIL.encode()
    raw = await shown(root, "checkpoint", "file", first, "evil.txt")
    assert not {0x1B, 0x07} & set(raw) and b"52;c" not in raw and "\x9b".encode() not in raw
    (root / "evil.txt").write_text("good\n")
    second = json.loads(run(root, "checkpoint", "take", "--json"))["id"]
    for line in (["checkpoint", "diff", first, "--against", second], ["compare", first, second]):
        raw = await shown(root, *line)
        assert not {0x1B, 0x07} & set(raw) and b"52;c" not in raw


async def test_a_memory(root: Path) -> None:
    given = {"title": f"Weather {EVIL.strip()}", "body": EVIL}
    run(root, "remember", given["title"], "--body", given["body"])
    raw = await shown(root, "recall", "Weather")
    assert not {0x1B, 0x07} & set(raw) and b"52;c" not in raw
    found = run(root, "recall", "Weather", "--json")
    assert not set(found) & {0x1B, 0x07, 0x9B}
    assert "\u202eback" in json.loads(found)["memories"][0]["body"]
