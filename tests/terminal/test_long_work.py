"""Long conversations, long changes and long lists in a terminal: what was cut or summarized is said."""

import shutil
from pathlib import Path

import pytest

from tests.terminal.test_chat_screen import Chat, chat
from tests.terminal.test_scripts import Script, script

__all__ = ["chat", "script"]  # fixtures
SMALL = """model = "small"
[context]
map_tokens = 0
compact_at = 0.5
[models.small]
provider = "anthropic"
model = "claude-scripted"
context_window = 8000
"""


def test_a_compaction_is_said(script: Script):
    script.model_says(
        {"text": "I did."}, {"text": "## Topics\nthe port"}, {"text": "8080."}, {"text": "## Topics\nit"}
    )
    home = script.root.parent / "home"
    home.mkdir()
    (home / "config.toml").write_text(SMALL)
    assert script("chat", "Remember the port. " + "word " * 4000)[0] == 0
    status, out, err = script("chat", "What was the port?", "--continue")
    assert (status, out) == (0, "8080.\n")
    assert "Older messages of this conversation were replaced by a summary" in err
    status, out, _ = script("session", "compact")
    assert (status, out.count("\n")) == (0, 1) and out.startswith("not compacted “Remember the port.")


async def test_the_share_of_the_window_is_not_known_behind_a_compaction(chat: Chat, tmp_path: Path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text(SMALL.replace("8000", "20000"))
    terminal = await chat({"text": "I did."}, {"text": "So."}, {"text": "## Topics\nit"}, columns=60)
    await terminal.says("Remember " + "the words " * 300)
    await terminal.sees("I did.", " % · cost unknown · /help")
    await terminal.says("and now?")
    await terminal.sees("So.")
    await terminal.rests()
    await terminal.says("/compact")
    await terminal.sees("replaced by a summary; their", "Compacted.")
    await terminal.loses(" % · cost unknown · /help")
    assert "their record stays," in terminal.text, terminal.text  # wrapped between words


def test_a_line_counts_the_whole_of_a_long_change(script: Script):
    (script.root / "big.txt").write_text("".join(f"line {number}\n" for number in range(1000)))
    small = {"name": "write_file", "arguments": {"path": "big.txt", "content": "small\n"}}
    script.model_says({"calls": [small]}, {"text": "Done."})
    err = script("run", "make it small")[2]
    assert "Write big.txt  +1 -1000" in err and "1 file changed +1 -1000" in err


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_list_that_ends_early_says_so(script: Script):
    for label in ("one", "two"):
        (script.root / "app.py").write_text(f"{label}\n")
        assert script("checkpoint", "take", label)[0] == 0
    assert "… older ones: --limit 10" in script("checkpoint", "list", "--limit", "1")[1]
    assert "older ones" not in script("checkpoint", "list")[1]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_conflict_markers_that_an_undo_brings_back_are_said(script: Script):
    cart = script.root / "cart.py"
    cart.write_text("<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> topic\n")
    solved = {"name": "write_file", "arguments": {"path": "cart.py", "content": "a = 2\n"}}
    script.model_says({"calls": [solved]}, {"text": "Solved."})
    assert "conflict markers" not in script("run", "solve it")[2]
    status, _, err = script("undo")
    assert (status, "cart.py holds the conflict markers" in err) == (0, True), err
    assert "conflict markers" not in script("redo")[2]
