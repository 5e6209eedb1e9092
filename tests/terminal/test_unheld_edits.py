"""Files that no checkpoint holds (git ignores them, or they are too large): the agent's edits of them are undone as well."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture
LARGE = "a,b\n" * (3 << 20)


def write(path: str, text: str) -> dict[str, Any]:
    return {"name": "write_file", "arguments": {"path": path, "text": text}}


def test_an_edit_of_a_file_that_no_checkpoint_holds_is_undone_and_redone(script: Script):
    (script.root / ".gitignore").write_text("data/\n*.log\n")
    labels, big, new = (script.root / name for name in ("data/labels.csv", "big.txt", "new.log"))
    labels.parent.mkdir()
    labels.write_text("mine\n")
    labels.chmod(0o600)
    big.write_text(LARGE)
    calls = [write("data/labels.csv", "theirs\n"), write("big.txt", "small\n"), write("new.log", "log\n")]
    again = [write("data/labels.csv", "again\n")]
    script.model_says({"calls": calls}, {"calls": again}, {"text": "Done."})
    assert script("run", "write them")[0] == 0
    changed = labels.read_text(), big.read_text(), new.read_text()
    assert changed == ("again\n", "small\n", "log\n")
    for _ in range(2):
        status, out, err = script("undo")
        assert (status, "problem" in out, "verified by hash" in out) == (0, False, True), out + err
        assert (labels.read_text(), big.read_text() == LARGE, new.exists()) == ("mine\n", True, False)
        assert labels.stat().st_mode & 0o777 == 0o600
        status, out, err = script("redo")
        assert (status, "problem" in out) == (0, False), out + err
        assert (labels.read_text(), big.read_text(), new.read_text()) == changed


def test_a_line_of_mine_on_top_of_such_an_edit_is_a_conflict(script: Script):
    (script.root / ".gitignore").write_text("*.csv\n")
    labels = script.root / "labels.csv"
    labels.write_text("mine\n")
    script.model_says({"calls": [write("labels.csv", "theirs\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    labels.write_text("theirs\nand mine\n")
    status, out, err = script("undo", "--preview")
    assert (
        "conflict: labels.csv (no checkpoint holds it, and it changed after the agent's edit: by you, or by a command)"
        in out
    ), out + err
    status, out, err = script("undo")
    assert (status, labels.read_text()) == (4, "theirs\nand mine\n"), out + err
    status, out, err = script("rollback", "cp_000001", "--on-conflict", "overwrite")
    assert labels.read_text() == "mine\n", out + err


def test_an_edit_after_it_is_no_longer_ignored_is_undone_too(script: Script):
    (script.root / ".gitignore").write_text("*.log\n")
    log = script.root / "x.log"
    log.write_text("mine\n")
    first = [{"calls": [write("x.log", "A\n")]}, {"calls": [write(".gitignore", "")]}]
    script.model_says(*first, {"calls": [write("x.log", "B\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    for _ in range(2):
        status, out, err = script("undo")
        assert (status, log.read_text()) == (0, "mine\n"), out + err
        status, out, err = script("redo")
        assert (status, log.read_text()) == (0, "B\n"), out + err
    script.model_says({"calls": [write("x.log", "C\n")]}, {"text": "Done."})
    assert script("run", "write it", "--continue")[0] == 0
    for text in ("B\n", "mine\n"):
        status, out, err = script("undo")
        assert (status, log.read_text()) == (0, text), out + err
    assert script("redo")[0] == 0
    log.write_text("mine again\n")  # in between, while checkpoints hold it
    script.model_says({"calls": [write("x.log", "D\n")]}, {"text": "Done."})
    assert script("run", "write it", "--continue")[0] == 0
    _, out, err = script("rollback", "cp_000001", "--preview")
    assert "conflict: x.log" in out, out + err


def test_an_undo_between_such_edits_makes_the_next_one_nobody_elses(script: Script):
    (script.root / ".gitignore").write_text("*.log\n")
    log = script.root / "x.log"
    log.write_text("mine\n")
    script.model_says(
        {"calls": [write("x.log", "A\n")]}, {"calls": [write(".gitignore", "")]}, {"text": "Done."}
    )
    assert script("run", "write it")[0] == 0
    for text in ("B\n", "C\n"):
        script.model_says({"calls": [write("x.log", text)]}, {"text": "Done."})
        assert script("run", "write it again", "--continue")[0] == 0
        if text == "B\n":
            assert (script("undo")[0], log.read_text()) == (0, "A\n")
    _, out, err = script("rollback", "cp_000001", "--preview")
    assert "conflict" not in out and "write: x.log" in out, out + err
    log.write_text("D\n")
    _, out, err = script("rollback", "cp_000001", "--preview")
    assert "conflict: x.log" in out, out + err
    log.write_text("C\n")
    status, out, err = script("rollback", "cp_000001")
    assert (status, log.read_text()) == (0, "mine\n"), out + err


def test_my_change_of_such_a_file_is_still_mine_after_an_undo_and_a_redo(script: Script):
    (script.root / ".gitignore").write_text("*.log\n")
    log = script.root / "x.log"
    log.write_text("mine\n")
    script.model_says({"calls": [write("x.log", "theirs\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    log.write_text("theirs and mine\n")
    assert (script("undo", "--on-conflict", "overwrite")[0], log.read_text()) == (0, "mine\n")
    assert (script("redo")[0], log.read_text()) == (0, "theirs and mine\n")
    status, out, err = script("undo")
    assert (status, "conflict: x.log" in out + err) == (4, True), out + err


def test_bits_that_i_gave_such_a_file_stay(script: Script):
    (script.root / ".gitignore").write_text("*.sh\n")
    start = script.root / "x.sh"
    start.write_text("mine\n")
    start.chmod(0o755)
    script.model_says({"calls": [write("x.sh", "theirs\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    start.chmod(0o600)
    for line, text in (("undo", "mine\n"), ("redo", "theirs\n")):
        status, out, err = script(line)
        assert (status, "problem" in out, start.read_text()) == (0, False, text), out + err
        assert start.stat().st_mode & 0o777 == 0o600
    start.unlink()
    status, out, err = script("rollback", "cp_000001", "--on-conflict", "overwrite")
    assert (start.read_text(), start.stat().st_mode & 0o777) == ("mine\n", 0o755), out + err


def test_lines_of_such_a_file_are_not_divided(script: Script):
    (script.root / ".gitignore").write_text("*.csv\n")
    labels = script.root / "labels.csv"
    labels.write_text("a\n" + "same\n" * 9 + "b\n")
    script.model_says({"calls": [write("labels.csv", "A\n" + "same\n" * 9 + "b\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    mine = "A\n" + "same\n" * 9 + "B\n"
    labels.write_text(mine)
    status, out, err = script("undo", "--on-conflict", "keep")
    assert (status, labels.read_text()) == (0, mine), out + err
    assert "keep: labels.csv (left as it is: no checkpoint holds it" in out, out


def test_what_was_only_proposed_is_no_problem_of_an_undo(script: Script):
    (script.root / ".gitignore").write_text("*.cfg\n")
    (script.root / "z.cfg").write_text("mine\n")
    script.model_says({"calls": [write("z.cfg", "theirs\n")]}, {"text": "Done."})
    assert script("run", "--dry-run", "write it")[0] == 0
    status, out, err = script("undo")
    assert (status, "problem" in out, (script.root / "z.cfg").read_text()) == (0, False, "mine\n"), out + err


def test_a_private_folder_of_ignored_files_comes_back_private(script: Script):
    (script.root / ".gitignore").write_text("*.cfg\n")
    for folder, bits in (("priv", 0o700), ("open", 0o755)):
        (script.root / folder).mkdir()
        (script.root / folder / "local.cfg").write_text("mine\n")
        (script.root / folder).chmod(bits)
    (script.root / "open" / "held.txt").write_text("held\n")
    calls = [write("priv/local.cfg", "theirs\n"), write("open/local.cfg", "theirs\n")]
    script.model_says({"calls": calls}, {"text": "Done."})
    assert script("run", "write them")[0] == 0
    for folder in ("priv", "open"):
        shutil.rmtree(script.root / folder)
    _, out, err = script("undo", "--on-conflict", "overwrite")
    found = [(script.root / folder).stat().st_mode & 0o777 for folder in ("priv", "open")]
    assert found == [0o700, 0o755], out + err
    assert (script.root / "priv" / "local.cfg").read_text() == "mine\n"


def test_an_ordinary_folder_of_ignored_files_comes_back_as_it_was(script: Script):
    (script.root / ".gitignore").write_text("dist/\n*.log\n")
    usual, made = script.root / "dist" / "js", script.root / "made"
    usual.mkdir(parents=True)
    usual.parent.chmod(0o755)
    usual.chmod(0o775)
    (usual / "app.js").write_text("mine\n")
    script.model_says(
        {"calls": [write("dist/js/app.js", "theirs\n"), write("made/x.log", "log\n")]}, {"text": "Done."}
    )
    assert script("run", "write them")[0] == 0
    made.chmod(0o755)
    shutil.rmtree(usual.parent)
    _, out, err = script("undo", "--on-conflict", "overwrite")
    found = [folder.stat().st_mode & 0o777 for folder in (usual.parent, usual)]
    assert (found, made.exists()) == ([0o755, 0o775], False), out + err
    _, out, err = script("redo")
    assert made.stat().st_mode & 0o777 == 0o755, out + err


def kept(script: Script) -> list[Path]:
    return [*script.root.parent.glob("state/**/refs/mazu/u/*")]


def test_what_was_kept_goes_with_its_checkpoints_and_not_before(script: Script):
    (script.root / ".gitignore").write_text("*.cfg\n")
    local = script.root / "local.cfg"
    local.write_text("mine\n")
    script.model_says({"calls": [write("local.cfg", "theirs\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    assert len(kept(script)) == 1
    assert script("undo")[0] == script("redo")[0] == 0
    status, out, err = script("checkpoint", "prune", "--keep", "1")
    assert (status, "removed" in out.lower()) == (0, True), out + err
    assert script("undo")[0] == 0
    assert local.read_text() == "mine\n"
    assert len(kept(script)) == 2
    assert script("checkpoint", "prune", "--keep", "1")[0] == 0
    assert len(kept(script)) == 1, "what a redo needs"


def test_a_preview_after_a_redo_has_no_problem_with_a_new_file(script: Script):
    script.model_says({"calls": [write("sub/new.txt", "new\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    assert script("undo")[0] == script("redo")[0] == 0
    _, out, err = script("undo", "--preview")
    assert ("delete: sub/new.txt" in out, "problem" in out) == (True, False), out + err


def test_what_a_command_made_and_ignored_at_once_is_named(script: Script):
    (script.root / "make.sh").write_text("echo made/ >> .gitignore\nmkdir made\necho m > made/m.txt\n")
    script.model_says(
        {"calls": [{"name": "run_shell", "arguments": {"command": "sh make.sh"}}]}, {"text": "Done."}
    )
    assert script("permissions", "allow", "run_shell", "sh make.sh")[0] == 0
    assert script("run", "make it")[0] == 0
    _, out, err = script("undo")
    assert (script.root / "made/m.txt").exists()
    assert "keep: made/m.txt (it stays, whoever made it" in out, out + err


def test_a_rollback_names_edits_of_which_nothing_is_kept(script: Script):
    """As in the state of a version that kept nothing of ignored files."""
    (script.root / ".gitignore").write_text("*.cfg\n")
    config = script.root / "p.cfg"
    config.write_text("mine\n")
    assert script("checkpoint", "take", "start")[0] == 0
    script.model_says({"calls": [write("p.cfg", "theirs\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    for _ in range(2):  # that nothing is left to do the second time is no problem
        status, out, err = script("rollback", "start", "--only", "code")
        assert (status, config.read_text(), "problem" in out) == (0, "mine\n", False), out + err
    assert script("redo")[0] == 0 and script("redo")[0] == 0 and config.read_text() == "theirs\n"
    databases = [*(script.root.parent / "state").rglob("memory.db")]
    with closing(sqlite3.connect(databases[0])) as db, db:
        db.execute("DELETE FROM checkpoint_unheld")
    for line in (["rollback", "start", "--preview"], ["rollback", "start"]):
        _, out, err = script(*line)
        assert "problem: p.cfg: the agent's change stays: no checkpoint holds this file" in out, out + err
        assert "verified by hash" not in out
    assert config.read_text() == "theirs\n"


@pytest.mark.parametrize("torn", ["", '{"seq":1,"par'])
def test_a_conversation_that_never_began_stops_no_rollback(script: Script, torn: str):
    path = script.root / "a.txt"
    path.write_text("mine\n")
    assert script("checkpoint", "take", "start")[0] == 0
    script.model_says({"calls": [write("a.txt", "theirs\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    (journal,) = script.root.parent.glob("state/**/s_*.jsonl")
    journal.with_name(journal.name[:-9] + "zzzz.jsonl").write_text(torn)
    status, out, err = script("rollback", "start", "--only", "code")
    assert (status, path.read_text()) == (0, "mine\n"), out + err
