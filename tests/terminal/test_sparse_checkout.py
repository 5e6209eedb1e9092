"""What the agent's tools write where a sparse checkout leaves files out is undone: it was not there before."""

import subprocess
from pathlib import Path

import pytest

from tests.terminal.test_scripts import Script, script
from tests.terminal.test_unheld_edits import write

__all__ = ["script"]  # a fixture


def git(root: Path, *line: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    return subprocess.run(["git", *who, *line], cwd=root, check=True, capture_output=True, text=True).stdout


def repository(root: Path) -> None:
    git(root, "init", "-q")
    for name in ("in/a.txt", "out/b.txt", "out/c.txt"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(f"{name}\n")
    git(root, "add", "in", "out")
    git(root, "commit", "-qm", "files")


@pytest.mark.parametrize("before", [True, False])
def test_files_at_left_out_paths_are_undone_and_redone(script: Script, before: bool):
    root = script.root
    repository(root)
    if before:  # then the checkpoints since hold the files as they were before they were left out
        assert script("checkpoint", "take", "start")[0] == 0
    git(root, "sparse-checkout", "set", "in")
    calls = [write("in/a.txt", "agent\n"), write("out/b.txt", "agent\n"), write("out/new.txt", "agent\n")]
    script.model_says({"calls": calls}, {"text": "Done."})
    assert script("run", "write them")[0] == 0
    changed = {
        path: path.read_text() for path in (root / "in/a.txt", root / "out/b.txt", root / "out/new.txt")
    }
    for _ in range(2):
        status, out, err = script("undo")
        assert (status, "conflict" in out, "keep" in out) == (0, False, False), out + err
        assert ((root / "in/a.txt").read_text(), (root / "out/b.txt").exists()) == ("in/a.txt\n", False)
        assert not (root / "out/new.txt").exists() and git(root, "status", "--short", "in", "out") == ""
        status, out, err = script("redo")
        assert (status, {path: path.read_text() for path in changed}) == (0, changed), out + err
    # As each git command that writes the index does, once it saw a file there.
    git(root, "update-index", "--no-skip-worktree", "out/b.txt")
    status, out, err = script("undo")
    assert (status, (root / "out/b.txt").exists()) == (0, False), out + err
    assert "keep: out/b.txt (git, which left it out, says that you deleted it" in out
    git(root, "sparse-checkout", "reapply")
    assert git(root, "status", "--short", "in", "out") == ""


def test_a_file_of_mine_at_a_left_out_path_stays(script: Script):
    root = script.root
    repository(root)
    git(root, "sparse-checkout", "set", "in")
    script.model_says({"calls": [write("out/b.txt", "agent\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    (root / "out/b.txt").write_text("agent\nmine\n")
    status, out, err = script("undo")
    assert (status, (root / "out/b.txt").read_text()) == (4, "agent\nmine\n"), out + err
    status, out, err = script("rollback", "cp_000001", "--on-conflict", "overwrite")
    assert (status, (root / "out/b.txt").exists()) == (0, False), out + err
    assert script("redo")[0] == 0 and (root / "out/b.txt").read_text() == "agent\nmine\n"
