"""Files that outgrow what checkpoints hold: the agent's change of them is undone, and what was there is set aside."""

from pathlib import Path

import pytest

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # fixtures
SMALL = b"a,b\n" * 2_300_000
LARGE = SMALL + bytes((12 << 20) - len(SMALL))


def runs(script: Script, *lines: str) -> str:
    calls = [{"name": "run_shell", "arguments": {"command": line}} for line in lines]
    script.model_says({"calls": calls}, {"text": "Done."})
    for line in lines:
        assert script("permissions", "allow", "run_shell", line)[0] == 0
    status, out, err = script("run", "do it")
    assert status == 0, out + err
    return err


def test_a_file_that_a_command_made_too_large_is_undone_and_kept_aside(script: Script):
    data = script.root / "sub" / "data.csv"
    data.parent.mkdir()
    data.write_bytes(SMALL)
    assert "1 file changed +0 -0" in runs(script, "truncate -s 12M sub/data.csv")
    assert data.read_bytes() == LARGE
    status, out, err = script("undo", "--preview")
    assert (status, "set aside: sub/data.csv (no checkpoint can hold" in out) == (0, True), out + err
    assert data.read_bytes() == LARGE
    status, out, err = script("undo")
    assert (status, "keep: " in out, "1 file," in out, "verified by hash" in out) == (0, False, True, True), (
        out + err
    )
    assert data.read_bytes() == SMALL
    place = Path(out.partition("set aside: sub/data.csv (")[2].partition(": it is ")[2].partition(" now)")[0])
    assert place.read_bytes() == LARGE, out
    assert place.parts[-2:] == ("sub", "data.csv")
    assert f"set aside    {place}" in script("status")[1].replace("\n", "")
    status, out, err = script("redo")
    assert (status, "write: sub/data.csv" in out, "verified by hash" in out) == (0, True, True), out + err
    assert (data.read_bytes(), place.exists()) == (LARGE, False)
    assert script("undo")[0] == 0
    assert data.read_bytes() == SMALL


def test_what_a_command_did_to_files_over_the_limit_is_named(script: Script):
    changed, gone, mine = (script.root / name for name in ("changed.bin", "gone.bin", "mine.bin"))
    for path in (changed, gone, mine):
        path.write_bytes(LARGE)
    runs(script, "truncate -s 13M changed.bin made.bin", "rm gone.bin")
    mine.write_bytes(LARGE + b"more")
    status, out, err = script("undo")
    assert ("mine.bin: it" in out, "fully verified" in out, status) == (False, True, 1), out + err
    assert "problem: gone.bin: it does not come back" in out
    assert "problem: changed.bin: the agent's change stays" in out
    assert "problem: made.bin: it stays: a command of the agent made it" in out


def test_a_line_of_mine_in_a_file_that_a_command_made_too_large_is_asked_about(script: Script):
    data = script.root / "data.csv"
    data.write_bytes(SMALL)
    runs(script, "truncate -s 12M data.csv")
    mine = b"mine" + LARGE[4:]  # of the same size
    data.write_bytes(mine)
    status, out, err = script("undo")
    assert (status, "conflict: data.csv (you changed it" in out) == (4, True), out + err
    assert data.read_bytes() == mine
    diff = script("checkpoint", "diff", "cp_000001", "--path", "data.csv")[1]
    assert ("deleted" in diff, "modified" in diff, "data.csv" in diff) == (False, True, True), diff


def test_an_undo_that_leaves_the_files_has_no_problem_with_them(script: Script):
    runs(script, "truncate -s 13M made.bin")
    status, out, err = script("undo", "--keep-code")
    assert (status, "problem" in out, (script.root / "made.bin").exists()) == (0, False, True), out + err


def test_a_comparison_names_files_over_the_limit_that_came_went_or_have_another_size(script: Script):
    gone, grown, same, made = (script.root / f"{name}.bin" for name in ("gone", "grown", "same", "made"))
    for path in (gone, grown, same):
        path.write_bytes(LARGE)
    assert script("checkpoint", "take", "before")[0] == 0
    gone.unlink()
    grown.write_bytes(LARGE + b"more")
    made.write_bytes(LARGE)
    said = script("checkpoint", "diff", "before")[1]
    named = [
        f"{verb} {path.name}" for verb, path in (("deleted", gone), ("modified", grown), ("added", made))
    ]
    assert (all(line in said for line in named), "same.bin" in said) == (True, False), said
    status, out, err = script("checkpoint", "diff", "before", "--path", "same.bin")
    assert (status, "same.bin is too large to compare" in err) == (1, True), out + err


@pytest.mark.parametrize(
    ("line", "steps"), [("rm gone.bin", 1), ("truncate -s 6 gone.bin", 1), ("rm gone.bin", 2)]
)
def test_a_file_over_the_limit_that_a_command_replaced_and_a_tool_wrote_again_is_named(
    script: Script, line: str, steps: int
):
    path = script.root / "gone.bin"
    path.write_bytes(LARGE)
    calls = [
        {"name": "run_shell", "arguments": {"command": line}},
        {"name": "read_file", "arguments": {"path": "gone.bin"}},
        {"name": "write_file", "arguments": {"path": "gone.bin", "content": "small\n"}},
    ]
    messages = [calls] if steps == 1 else [calls[:1], calls[1:]]
    script.model_says(*({"calls": some} for some in messages), {"text": "Done."})
    for tool, what in (("run_shell", line), ("write_file", "gone.bin")):
        assert script("permissions", "allow", tool, what)[0] == 0
    status, out, err = script("run", "do it")
    assert (status, path.read_bytes()[:20].decode()) == (0, "small\n"), out + err
    for arguments in (["--preview"], []):
        status, out, err = script("undo", *arguments)
        assert ("problem: gone.bin: " in out, "verified by hash" in out) == (True, False), out + err
    assert status == 1, out + err
    assert not path.exists() or path.stat().st_size == 6  # what the command left, or the agent's text
