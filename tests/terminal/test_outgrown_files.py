"""Files that outgrow what checkpoints hold: the agent's change of them is undone, and what was there is set aside."""

from pathlib import Path

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # fixtures
SMALL = b"a,b\n" * 2_300_000
LARGE = SMALL + bytes((12 << 20) - len(SMALL))


def _runs(script: Script, line: str) -> None:
    script.model_says({"calls": [{"name": "run_shell", "arguments": {"command": line}}]}, {"text": "Done."})
    assert script("permissions", "allow", "run_shell", line)[0] == 0
    status, out, err = script("run", "do it")
    assert status == 0, out + err


def test_a_file_that_a_command_made_too_large_is_undone_and_kept_aside(script: Script):
    data = script.root / "sub" / "data.csv"
    data.parent.mkdir()
    data.write_bytes(SMALL)
    _runs(script, "truncate -s 12M sub/data.csv")
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
    assert str(place) in script("status", "--json")[1]
    status, out, err = script("redo")
    assert (status, "write: sub/data.csv" in out, "verified by hash" in out) == (0, True, True), out + err
    assert (data.read_bytes(), place.exists()) == (LARGE, False)
    assert script("undo")[0] == 0
    assert data.read_bytes() == SMALL
