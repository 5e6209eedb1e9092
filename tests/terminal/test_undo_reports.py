"""What an undo says of a file is true: whose it is, and why it stays."""

import pytest

from mazu_ls.platform.birth_time import birth_time
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # fixtures
LINES = "".join(f"line {n}\n" for n in range(1, 9))


def need_birth_times(script: Script) -> None:
    if birth_time(bytes(script.root)) is None:
        pytest.skip("this file system does not say when a file was created")


def edit(path: str, old: str, new: str) -> dict[str, object]:
    return {"name": "edit_file", "arguments": {"path": path, "edits": [{"old": old, "new": new}]}}


def test_a_file_without_the_agents_change_is_only_yours(script: Script):
    files = [script.root / "a.txt", script.root / "b.txt"]
    for file in files:
        file.write_text(LINES)
    assert script("checkpoint", "take", "start")[0] == 0
    script.model_says(
        {"calls": [edit("a.txt", "line 3", "LINE 3"), edit("b.txt", "line 3", "LINE 3")]}, {"text": "Done."}
    )
    assert script("run", "edit both")[0] == 0
    files[1].write_text(files[1].read_text() + "mine\n")
    status, out, err = script("rollback", "start", "--path", "b.txt")
    assert (status, files[1].read_text()) == (0, LINES + "mine\n"), out + err
    status, out, err = script("undo")
    assert (status, "keep: b.txt (only you changed it)" in out, "conflict" in out) == (0, True, False), (
        out + err
    )
    assert [file.read_text() for file in files] == [LINES, LINES + "mine\n"]


def test_bits_that_no_rollback_sets_are_named(script: Script):
    tools = [script.root / "tool.sh", script.root / "other.sh"]
    for tool, bits in zip(tools, (0o4755, 0o6755), strict=True):
        tool.write_text("echo 1\n")
        tool.chmod(bits)
    lines = ["chmod 755 tool.sh", "rm other.sh"]
    script.model_says(
        {"calls": [{"name": "run_shell", "arguments": {"command": line}} for line in lines]},
        {"text": "Done."},
    )
    for line in lines:
        assert script("permissions", "allow", "run_shell", line)[0] == 0
    assert script("run", "tidy up")[0] == 0
    status, out, err = script("undo")
    assert status == 0 and [tool.stat().st_mode & 0o7777 for tool in tools] == [0o755] * 2, out + err
    assert "keep: tool.sh (its set-user-ID bit stays off: no rollback sets it on a file)" in out
    assert (
        "keep: other.sh (its set-user-ID and set-group-ID bits stay off: no rollback sets them on a file)"
        in out
    )
    archive = str(script.root.parent / "state.zip")
    assert script("state", "export", archive)[0] == 0
    status, out, err = script("state", "import", archive, "--replace")
    assert status == 0, out + err


def test_a_renamed_file_is_not_said_to_be_yours_alone(script: Script):
    old, new = script.root / "cart.txt", script.root / "Basket.txt"
    old.write_text(LINES)
    script.model_says({"calls": [edit("cart.txt", "line 3", "LINE 3")]}, {"text": "Done."})
    assert script("run", "edit it")[0] == 0
    old.rename(new)
    said = "keep: Basket.txt (with the agent's change in it, since it has another name now: it was cart.txt)"
    gone = "you deleted it, or gave it another name, after the agent changed it)"
    for line in (("undo", "--preview"), ("undo", "--on-conflict", "keep")):
        _, out, err = script(*line)
        assert said in out and gone in out and "left as it is" not in out, out + err
    assert new.exists() and not old.exists()


def test_a_copy_in_place_of_the_agents_file_is_not_said_to_be_yours_alone(script: Script):
    old, new, other = (script.root / name for name in ("cart.txt", "Basket.txt", "other.txt"))
    old.write_text(LINES)
    script.model_says({"calls": [edit("cart.txt", "line 3", "LINE 3")]}, {"text": "Done."})
    assert script("run", "edit it")[0] == 0
    new.write_text(old.read_text() + "mine\n")
    other.write_text("of mine\n")
    old.unlink()
    for line in (("undo", "--preview"), ("undo", "--on-conflict", "keep")):
        _, out, err = script(*line)
        assert "keep: Basket.txt (with the agent's change in it, since" in out, out + err
        assert "keep: other.txt (only you changed it)" in out, out + err


def test_a_file_that_came_to_light_is_not_said_to_be_yours(script: Script):
    need_birth_times(script)
    (script.root / "make.sh").write_text("echo made/ >> .gitignore\nmkdir made\necho m > made/m.txt\n")
    call = {"name": "run_shell", "arguments": {"command": "sh make.sh"}}
    script.model_says({"calls": [call]}, {"text": "Done."})
    assert script("permissions", "allow", "run_shell", "sh make.sh")[0] == 0
    assert script("run", "make it")[0] == 0
    for line in (("undo",), ("redo",), ("undo", "--preview"), ("undo",)):
        status, out, err = script(*line)
        assert status == 0 and "only you changed it" not in out, out + err
    assert "keep: made/m.txt (it stays, whoever " in out, out
    assert (script.root / "made" / "m.txt").exists()
