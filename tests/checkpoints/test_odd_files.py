"""Names, contents and kinds of files that tools get wrong."""

import os
from pathlib import Path

import pytest

from mazu_ls.checkpoints.git.objects import FILE_MODE, TreeEntry
from mazu_ls.checkpoints.git.trees import HELD_TREES, TreeStore
from mazu_ls.checkpoints.scan import file_modes
from tests.checkpoints.bed import Bed, bed, git

CONTENTS = {
    "crlf": b"a\r\nb\r\n",
    "mixed": b"a\r\nb\nc\rd",
    "utf16": "\ufeffh\u00e9llo\r\n".encode("utf-16-le"),
    "ident": b"$Id$ $Id: 1234 $\n",
    "binary": bytes(range(256)) * 3,
    "empty": b"",
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "conflict": b"<<<<<<< HEAD\n=======\n>>>>>>> x\n",
}
NAMES = [
    b"new\nline",
    b"tab\tname",
    b"-dash",
    b"colon:name",
    b"star*",
    b"question?",
    b"[bracket]",
    b"back\\slash",
    b"quote\"'",
    b" space ",
    b"not\xffutf8",
    "\u00e9\u0301\U0001f600".encode(),
    b"!bang",
    b"#hash",
    b"a/:(top)b",
    b".hidden",
    b".gitkeep",
    b".gitmodules",
    b"COM1",
    b"x" * 255,
]


async def test_contents_come_back_byte_for_byte(tmp_path: Path):
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    git(root, "config", "core.autocrlf", "true")
    (root / ".gitattributes").write_text("* text=auto eol=crlf ident working-tree-encoding=UTF-16\n")
    async with bed(tmp_path) as project:
        for name, data in CONTENTS.items():
            project.write(name, data)
        first, state = await project.take(), project.files()
        for name in CONTENTS:
            project.write(name, b"changed\r\n")
        assert (await project.roll_back(first)).verified
        assert project.files() == state


async def test_names_come_back_byte_for_byte(project: Bed):
    for name in NAMES:
        project.write(name, b"1 " + name)
    first, state = await project.take(), project.files()
    assert first.files.added == len(NAMES)
    for name in NAMES:
        project.write(name, b"2 " + name)
    second, changed = await project.take(touched=[os.fsdecode(name) for name in NAMES]), project.files()
    assert second.files.modified == len(NAMES)
    for name in NAMES:
        project.place(name).unlink()
    diff = await project.engine.diff(first.id)
    assert len(diff.files) == len(NAMES)
    for checkpoint, expected in ((first, state), (second, changed), (first, state)):
        assert (await project.roll_back(checkpoint)).verified
        assert project.files() == expected
    project.fsck()


async def test_one_odd_name_comes_back_alone_by_the_name_that_reports_show(project: Bed):
    for name in NAMES:
        project.write(name, b"1")
    first = await project.take()
    for name in NAMES:
        project.write(name, b"2")
    shown = (await project.engine.plan(first.id, on_conflict="overwrite")).preview().plan.write
    for name in shown:
        assert (await project.roll_back(first, paths=[name])).plan.write == [name]
    assert all(project.place(name).read_bytes() == b"1" for name in NAMES)


async def test_links_modes_and_empty_folders(project: Bed, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    for name, target in (
        ("dangling", "nowhere"),
        ("up", "../outside"),
        ("abs", "/etc/hostname"),
        ("self", "self"),
    ):
        project.place(name).symlink_to(target)
    project.write("run.sh", "#!/bin/sh", 0o755)
    project.write("locked", "read only", 0o444)
    project.write("private", "key", 0o600)
    project.place("empty/inner").mkdir(parents=True)
    first, state = await project.take(), project.files()
    for name in ("dangling", "up", "abs", "self", "run.sh", "locked", "private"):
        project.place(name).unlink()
        project.write(name, "now a file")
    second, changed = await project.take(), project.files()
    assert (await project.roll_back(first)).verified
    assert project.files() == state
    assert project.place("empty/inner").is_dir()
    assert (await project.roll_back(second)).verified
    assert project.files() == changed
    assert (outside / "secret").read_text() == "secret"


async def test_a_folder_that_becomes_a_link_is_never_followed(project: Bed, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("theirs")
    project.write("dir/x", "mine")
    first = await project.take()
    project.place("dir/x").unlink()
    project.place("dir").rmdir()
    project.place("dir").symlink_to(outside)
    second = await project.take()
    assert await project.take(touched=["dir/x"])
    report = await project.roll_back(first)
    assert (outside / "x").read_text() == "theirs"
    assert report.verified
    assert project.read("dir/x") == "mine"
    await project.roll_back(second)
    assert project.place("dir").is_symlink()
    assert (outside / "x").read_text() == "theirs"


async def test_a_rename_that_changes_the_case_only(project: Bed):
    project.write("Readme", "1")
    first, state = await project.take(), project.files()
    project.place("Readme").rename(project.place("README"))
    second, changed = await project.take(), project.files()
    await project.roll_back(first)
    assert project.files() == state
    await project.roll_back(second)
    assert project.files() == changed


async def test_a_large_file_comes_back(tmp_path: Path):
    async with bed(tmp_path, max_untracked_file_bytes=300 << 20) as project:
        data = os.urandom(1 << 20) * 200
        project.write("large.bin", data)
        first = await project.take()
        project.write("large.bin", data[:-1])
        assert (await project.roll_back(first)).verified
        assert project.place("large.bin").read_bytes() == data


async def test_a_file_that_changes_while_it_is_read_is_said_to_be_left_out(
    project: Bed, monkeypatch: pytest.MonkeyPatch
):
    """The user's program appends between any two of our reads."""
    noisy = project.write("noisy.log", "0")
    project.write("quiet", "1")
    read = os.read

    def interrupted(fd: int, size: int) -> bytes:
        data = read(fd, size)
        if Path(f"/proc/self/fd/{fd}").readlink() == noisy:
            with noisy.open("a") as file:
                file.write("more")
        return data

    monkeypatch.setattr(os, "read", interrupted)
    checkpoint = await project.take()
    monkeypatch.undo()
    assert [(s.path, s.reason) for s in checkpoint.skipped] == [("noisy.log", "changed while it was read")]
    assert (await project.take()).skipped == ()


async def test_unreadable_files_are_said(project: Bed, monkeypatch: pytest.MonkeyPatch):
    project.write("a", "1")
    project.write("b", "1")
    opened = os.open

    def refuse(path, *arguments, **more):
        if path == b"b":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refuse)
    checkpoint = await project.take()
    monkeypatch.undo()
    assert [(s.path, s.reason) for s in checkpoint.skipped] == [("b", "Permission denied")]
    project.write("a", "2")
    project.write("b", "2")
    report = await project.roll_back(checkpoint)
    assert (project.read("a"), project.read("b")) == ("1", "2")
    assert report.plan.keep[0].path == "b"


async def test_folders_of_git_in_any_case_are_never_held(project: Bed):
    project.write(".GIT/config", "x")
    project.write("sub/.Git/config", "x")
    project.write("sub/.mazu/memory.db", "x")
    project.write("git/ok", "x")
    assert (await project.take()).files.added == 1


async def test_many_files_in_one_folder(project: Bed):
    for number in range(3000):
        project.write(f"flat/f{number}", str(number))
    first, state = await project.take(), project.files()
    await project.engine.upkeep.idle()
    project.write("flat/f7", "changed")
    assert (await project.take(touched=["flat/f7"])).files.modified == 1
    assert (await project.take()).files.modified == 0
    await project.roll_back(first)
    assert project.files() == state


@pytest.mark.parametrize("kept", [0o777, 0o7777])
async def test_no_stored_tree_restores_set_user_id(project: Bed, monkeypatch: pytest.MonkeyPatch, kept: int):
    project.write("tool", "one\n", 0o6750)
    with monkeypatch.context() as earlier:
        earlier.setattr(file_modes, "_KEEP", kept)  # 0o7777: as an archive may hold it
        first = await project.take()
        project.write("tool", "two\n", 0o700)
        await project.take()
    assert (await project.roll_back(first)).verified
    assert project.place("tool").read_bytes() == b"one\n"
    assert project.place("tool").stat().st_mode & 0o7777 == 0o750


def test_trees_that_are_held_and_not_stored_are_bounded():
    """Those of the history that is looked at can be read; a server that runs for weeks does not grow by the others."""

    def load(oid: bytes) -> bytes:
        raise LookupError(oid.hex())

    trees, file = TreeStore(load), TreeEntry(FILE_MODE, bytes(20))
    first, *_, last = [trees.hold(f"a/{n}".encode(), file) for n in range(HELD_TREES)]
    assert trees.at(last, f"a/{HELD_TREES - 1}".encode()) == file
    with pytest.raises(LookupError):
        trees.at(first, b"a/0")
    again = trees.hold(b"a/0", file)
    assert again == first
    assert trees.at(again, b"a/0") == file


OWN_WORK = {
    "A chmod": ("", 0o600),
    "chmod A": ("", 0o600),
    "chmod A chmod": ("", 0o400),
    "A chmod U": ("mine\n", 0o600),
    "A cp chmod A": ("", 0o600),
    "A chmod cp A": ("", 0o600),
    "A": ("", 0o640),
}


@pytest.mark.parametrize("steps", OWN_WORK)
async def test_a_chmod_of_the_users_around_an_edit_of_the_agent_stays(project: Bed, steps: str):
    """`A`: the agent edits the first line, `U`: the user adds a line, `cp`: a checkpoint; no other divides the interval."""
    file = project.write("key.pem", begun := "1\n2\n3\n4\n5\n6\n", 0o640)
    first = await project.take(kind="baseline", session_id="s")
    agents = iter(("two", "three"))
    for step in steps.split():
        text = file.read_text()
        if step == "A":
            await project.agent_writes("key.pem", f"{next(agents)}\n{text.partition(chr(10))[2]}")
        elif step == "U":
            file.write_text(f"{text}mine\n")
        elif step == "chmod":
            file.chmod(0o400 if file.stat().st_mode & 0o777 == 0o600 else 0o600)
        else:
            await project.take(kind="step", session_id="s")
    done = await (await project.engine.plan(first.id, session="s", own=True)).apply("merge")
    assert done.applied and done.verified and not done.plan.conflicts, done.plan
    added, bits = OWN_WORK[steps]
    assert (file.read_text(), f"{file.stat().st_mode & 0o777:o}") == (begun + added, f"{bits:o}")
