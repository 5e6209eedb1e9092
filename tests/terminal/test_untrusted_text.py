"""Text from a project, from a model or from memory does nothing to the terminal that shows it."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from mazu_ls.journal import journal
from mazu_ls.server.chat.render import TurnMarkdown
from mazu_ls.terminal.screen import styled_text
from mazu_ls.terminal.screen.turn_view import TurnScreen
from mazu_ls.terminal.surfaces.plain_surface import PlainSurface
from mazu_ls.terminal.verbs import timeline
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


def filled(kind: Any, nth: int) -> Any:
    """A value of this type with escape sequences in every text; `nth` of the words that a literal may be."""
    given = get_args(kind)
    if kind is str:
        return EVIL
    if kind in (int, float, bool):
        return kind(1)
    if get_origin(kind) is Literal:
        return given[nth % len(given)]
    if get_origin(kind) is dict:
        words = ("path", "command", "message", "hint", "id", "label", EVIL)
        return dict.fromkeys(words, EVIL)
    if get_origin(kind) is tuple:
        return (filled(given[0], nth),)
    if given:  # of a union the first that is not None
        return filled(next(one for one in given if one is not type(None)), nth)
    return kind(**{name: filled(one, nth) for name, one in get_type_hints(kind).items()})


def test_no_event_has_an_escape_sequence_in_the_terminal_or_the_chat_document(
    monkeypatch: pytest.MonkeyPatch,
):
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", Screen())
    monkeypatch.setattr(sys, "stderr", Screen())
    drawn: list[str] = []
    plain, view = PlainSurface(), TurnScreen(drawn.append, colours=False, width=lambda: 80)
    document = TurnMarkdown("s")
    bodies = [filled(kind, nth) for nth in range(3) for kind in get_args(journal.Body)]
    events = [journal.Event(1, 0, "2026-01-01T00:00:00+00:00", "t", body) for body in bodies]
    for event in events:
        plain.show_event("s", event)
        view.draw_event(event)
        drawn += view.live(40)
        if not isinstance(event.body, journal.Delta):  # the model's own words stay as they are in a document
            document.add(event, streamed=True)
    styled_text.write([timeline._line(step) for step in timeline.steps(events)])
    shown = [*drawn, document.text, sys.stdout.getvalue(), sys.stderr.getvalue()]  # type: ignore[attr-defined]
    assert all("before" in text for text in shown[-3:])
    assert [text for text in shown if set(text) & set("\x1b\x07\x9b\u202e")] == []
