"""Folders that come back have the permission bits that they had; those of folders that are there are named."""

import json
import os
from pathlib import Path, PurePosixPath

import pytest

from mazu_ls.agent.archive.archived_files import paths_with_bits
from mazu_ls.checkpoints.scan.file_modes import FileModes
from mazu_ls.workspace.openat import make_folders
from tests.terminal.test_outgrown_files import runs
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # fixtures


def _bits(root: Path, *names: str) -> list[str]:
    return [f"{(root / name).stat().st_mode & 0o7777:o}" for name in names]


def _made(root: Path, modes: dict[str, int]) -> None:
    for name in modes:
        (root / name).mkdir()
        (root / name / "notes.txt").write_text(f"{name}\n")
    for name in reversed(modes):
        (root / name).chmod(modes[name])


def test_a_folder_that_comes_back_is_as_private_as_it_was(script: Script):
    folders = {
        "priv": 0o700,
        "priv/deep": 0o755,
        "shared": 0o2775,
        "plain": 0o755,
        "other": 0o755,
        "strict": 0o500,
    }
    _made(script.root, folders)
    found = _bits(script.root, *folders)
    runs(script, "chmod u+w strict", "rm -r priv shared plain strict")
    before = os.umask(0)
    try:
        status, out, err = script("undo")
    finally:
        os.umask(before)
    assert (status, "verified by hash" in out, "permission" in out) == (0, True, False), out + err
    assert _bits(script.root, *folders) == found
    assert (script.root / "priv/deep/notes.txt").read_text() == "priv/deep\n"
    assert script("redo")[0] == 0
    assert not (script.root / "priv").exists()
    status, out, err = script("undo")
    assert (status, _bits(script.root, *folders)) == (0, found), out + err


def test_a_folder_that_became_private_between_two_turns_comes_back_so(script: Script):
    _made(script.root, {"priv": 0o755, "other": 0o755})
    runs(script, "touch a.txt")
    (script.root / "priv").chmod(0o700)
    runs(script, "rm -r priv")
    status, out, err = script("undo")
    assert (status, _bits(script.root, "priv")) == (0, ["700"]), out + err


def test_bits_of_a_folder_that_stays_are_named(script: Script):
    _made(script.root, {"sub": 0o755, "other": 0o755})
    runs(script, "chmod 700 sub", "cp other/notes.txt sub/notes.txt")
    for words in (["--preview"], []):
        status, out, err = script("undo", *words)
        assert (status, "keep: sub (a folder's permission bits stay: they are 700 and were 755)" in out) == (
            0,
            True,
        ), out + err
    assert (script.root / "sub" / "notes.txt").read_text() == "sub\n"


def test_a_strict_folder_that_you_opened_stays_open(script: Script):
    _made(script.root, {"ro": 0o555, **{f"d{n:02}": 0o755 for n in range(14)}})
    assert script("checkpoint", "take", "here")[0] == 0
    for folder in script.root.glob("[dr]*"):
        if folder.is_dir():
            folder.chmod(0o750)
    (script.root / "ro" / "notes.txt").write_text("mine\n")
    status, out, err = script("rollback", "here", "--on-conflict", "overwrite")
    assert (status, _bits(script.root, "ro")) == (0, ["750"]), out + err
    assert (out.count("a folder's permission bits stay"), "5 more folders" in out) == (10, True), out


def test_bits_of_a_file_that_both_changed_are_asked_about(script: Script):
    tool = script.root / "tool.sh"
    tool.write_text("true\n")
    tool.chmod(0o755)
    runs(script, "chmod 600 tool.sh")
    tool.chmod(0o644)
    status, out, err = script("undo")
    assert (
        status,
        "conflict: tool.sh (you changed it on top of the agent" in out,
        _bits(script.root, "tool.sh"),
    ) == (4, True, ["644"]), out + err
    assert script("redo")[0] == 0
    status, out, err = script("undo", "--on-conflict", "keep")
    assert (status, "keep: tool.sh (left as it is, with the agent's change in it" in out) == (0, True), (
        out + err
    )
    assert _bits(script.root, "tool.sh") == ["644"]
    assert script("redo")[0] == 0
    status, out, err = script("undo", "--on-conflict", "overwrite")
    assert (status, _bits(script.root, "tool.sh")) == (0, ["755"]), out + err


def test_lines_go_back_also_where_the_bits_are_yours(script: Script):
    tool = script.root / "tool.sh"
    tool.write_text("true\n")
    tool.chmod(0o644)
    runs(script, "cp app.py tool.sh", "chmod 755 tool.sh")
    tool.chmod(0o600)
    status, out, err = script("undo")
    assert (status, tool.read_text(), _bits(script.root, "tool.sh")) == (0, "true\n", ["600"]), out + err
    assert script("redo")[0] == 0
    tool.chmod(0o644)
    status, out, err = script("undo")
    assert (status, tool.read_text(), _bits(script.root, "tool.sh")) == (0, "true\n", ["644"]), out + err


def test_the_usual_bits_of_folders_are_those_of_most():
    modes = FileModes({})
    modes.note_all({b"c/a": 0o600}, {b"c/x": 0o750, b"c/y": 0o750, b"c/z": 0o2700}, first=True)
    again = modes.copy()
    assert (again.folder_bits(b"c/new"), again.folder_bits(b"c/z"), again.unusual_bits(b"c/z")) == (
        0o750,
        0o2700,
        None,
    )
    assert b"c/z/" in modes.dump() and b"c/x" not in modes.dump()
    again.note_all({}, {b"c/z": None, b"c/x": 0o700}, first=False)
    assert again.differing_folders(modes) == {b"c/z", b"c/x"}
    assert again.bits_on_way(b"c/", b"x/deep/file") == (0o700, 0o750)


def test_folders_of_a_group_are_usual_where_most_are():
    modes = FileModes({})
    modes.note_all({}, {b"c/x": 0o2775, b"c/y": 0o2775, b"c/z": 0o755}, first=True)
    listed = {key.encode(): int(bits, 8) for key, bits in json.loads(modes.dump()).items()}
    assert listed.keys() == {b"usual", b"usual-executable", b"usual-folder", b"c/z/"}
    assert FileModes(listed).folder_bits(b"c/new") == 0o2775
    said = {key.decode(): f"{bits:o}" for key, bits in {**listed, b"c/z/": 0o2700}.items()}
    assert {b"usual-folder", b"c/z"} < set(paths_with_bits(said))


def test_a_new_folder_follows_no_link(tmp_path: Path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError):
        os.close(make_folders(tmp_path / "root", PurePosixPath("link/new"), [0o700, 0o700])[0])
    assert not list((tmp_path / "outside").iterdir())
