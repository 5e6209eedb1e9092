"""Full disks, forbidden folders, damaged stores: never half a state, always a sentence."""

import asyncio
import errno
import logging
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.checkpoints.restore import (
    atomic_rename,
    restore_files,
    rollback,
    staging,
    staging_folder,
    staging_sweep,
)
from mazu_ls.config.config import CheckpointSettings
from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Buffer
from tests.checkpoints.bed import Bed, Notes, bed, files, open_engine


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_disk_shows_before_anything_moves(tmp_path: Path, tiny: Path):
    root = tiny / "project"
    database = tmp_path / "memory.db"
    root.mkdir()
    part = Notes()
    engine = await Checkpoints.open([root], database, tmp_path / "state", [part], CheckpointSettings())
    try:
        (root / "a.bin").write_bytes(os.urandom(300_000))
        (root / "b.bin").write_bytes(os.urandom(300_000))
        part.put(engine._store.connection, "m", "then")
        first = await engine.take(kind="manual")
        (root / "a.bin").write_bytes(b"a")
        (root / "b.bin").write_bytes(b"b")
        part.put(engine._store.connection, "m", "now")
        (root / "filler").write_bytes(bytes(1 << 19))
        state = files(root)
        with pytest.raises(MazuError) as full:
            await (await engine.plan(first.id, paths=["a.bin", "b.bin"], only=["code", "memory"])).apply(
                "overwrite"
            )
        assert full.value.kind == Kind.STORAGE
        assert "full" in full.value.message
        assert files(root) == state
        assert part.all(engine._store.connection) == {"m": "now"}
        assert [path for path in root.iterdir() if path.name.startswith(".mazu")] == []
        (root / "filler").unlink()
        assert (await (await engine.plan(first.id)).apply("overwrite")).verified
    finally:
        await engine.close()


async def test_a_store_on_a_full_disk_fails_loudly_and_keeps_what_it_has(tmp_path: Path, tiny: Path):
    root = tmp_path / "project"
    (root / ".mazu").mkdir(parents=True)
    engine = await open_engine([root], tiny)
    try:
        (root / "a").write_text("1")
        first = await engine.take(kind="manual")
        (root / "big").write_bytes(os.urandom(1 << 20))
        with pytest.raises(MazuError) as full:
            await engine.take(kind="manual")
        assert full.value.kind == Kind.STORAGE
        assert [c.id for c in (await engine.list())[0]] == [first.id]
        (root / "big").unlink()
        (root / "a").write_text("2")
        await engine.take(kind="manual")
        assert (await (await engine.plan(first.id)).apply("overwrite")).verified
        assert (root / "a").read_text() == "1"
    finally:
        await engine.close()


async def test_a_read_only_file_system_shows_before_anything_moves(tmp_path: Path, tiny: Path):
    (tiny / "project").mkdir()
    root = tiny / "project"
    (root / ".mazu").mkdir()
    part = Notes()
    engine = await Checkpoints.open(
        [root], tmp_path / "memory.db", tmp_path / "state", [part], CheckpointSettings()
    )
    try:
        (root / "a").write_text("1")
        first = await engine.take(kind="manual")
        (root / "a").write_text("2")
        await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", str(tiny)], check=True)
        with pytest.raises(MazuError) as refused:
            await (await engine.plan(first.id)).apply("overwrite")
        assert refused.value.kind == Kind.PERMISSION
        assert (root / "a").read_text() == "2"
    finally:
        await engine.close()


async def test_a_read_only_folder_shows_before_anything_moves(project: Bed, monkeypatch: pytest.MonkeyPatch):
    project.write("locked/a", "1")
    project.write("open/b", "1")
    first = await project.take()
    project.write("locked/a", "2")
    project.write("open/b", "2")
    access = os.access
    # Root may write everywhere; everybody else is told by access(2).
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "locked" and access(path, mode))
    with pytest.raises(MazuError) as refused:
        await project.roll_back(first)
    assert refused.value.kind == Kind.PERMISSION
    assert "locked" in refused.value.message
    assert (project.read("locked/a"), project.read("open/b")) == ("2", "2")


async def test_without_renameat2_files_still_change_places(project: Bed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(atomic_rename, "_rename", lambda: None)
    await _there_and_back(project)

    def refuse(*arguments, **more):
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    await _there_and_back(project)


async def _there_and_back(project: Bed) -> None:
    project.write("a", "1")
    project.write("old", "1")
    first, state = await project.take(), project.files()
    project.write("a", "2")
    project.place("old").unlink()
    project.write("new", "2")
    report = await project.roll_back(first)
    assert report.verified
    assert project.files() == state


async def test_the_store_is_gone(noted: Bed, caplog: pytest.LogCaptureFixture):
    noted.write("a", "1")
    noted.note("m", "1")
    await noted.take()
    await noted.engine.close()
    (place,) = noted.state.glob("projects/*/checkpoints")
    shutil.rmtree(place)
    noted.engine = await open_engine([noted.root], noted.state, noted.parts)
    assert (await noted.engine.list())[0] == []
    assert "misses 1 of 1" in caplog.text
    again = await noted.take()
    assert (again.id, again.files.added, again.memories.added) == ("cp_000002", 1, 1)
    noted.note("m", "2")
    await noted.roll_back(again)
    assert noted.notes() == {"m": "1"}


async def test_the_database_is_garbage(noted: Bed):
    noted.write("a", "1")
    noted.note("m", "1")
    first = await noted.take("keep me")
    await noted.engine.close()
    (database,) = noted.state.glob("projects/*/memory.db")
    for path in database.parent.glob("memory.db*"):
        path.unlink()
    database.write_bytes(os.urandom(50_000))
    noted.engine = await open_engine([noted.root], noted.state, noted.parts)
    listed, current = await noted.engine.list()
    assert [(c.id, c.label, c.commit) for c in listed] == [(first.id, "keep me", first.commit)]
    assert current == first.id
    assert (await noted.engine.stats()).damaged
    assert noted.notes() == {}
    report = await noted.roll_back(first)
    assert report.verified
    assert noted.notes() == {"m": "1"}
    assert (await noted.take()).id == "cp_000003"


async def test_a_damaged_object_is_named_and_new_checkpoints_still_work(
    project: Bed, caplog: pytest.LogCaptureFixture
):
    project.write("a", "1")
    first = await project.take()
    packs = project.engine._project.repository.path / "objects" / "pack"
    for pack in packs.glob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40] + bytes(400))
    project.engine._project.repository.forget_reader()
    project.engine._project.trees._cache.clear()
    project.write("a", "2")
    with pytest.raises(MazuError) as damaged:
        await project.roll_back(first)
    assert damaged.value.kind == Kind.STORAGE
    assert project.read("a") == "2"
    second, state = await project.take(), project.files()
    assert "everything is captured again" in caplog.text
    project.write("a", "3")
    assert (await project.roll_back(second)).verified
    assert project.files() == state


async def test_stale_locks_and_half_written_packs_are_swept(project: Bed):
    project.write("a", "1")
    await project.take()
    store = project.engine._project.repository.path
    await project.engine.close()
    left = [
        store / "packed-refs.lock",
        store / "objects" / "pack" / "tmp_pack_1234",
        store / "refs" / "mazu" / "c" / "x.lock",
    ]
    for path in left:
        path.write_text("left by a killed git")
    project.engine = await open_engine([project.root], project.state)
    assert not any(path.exists() for path in left)
    await project.engine.prune(keep=0)
    project.fsck()


async def test_a_rollback_that_was_cut_off_is_finished_by_whoever_comes_next(
    noted: Bed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    for number in range(5):
        noted.write(f"f{number}", "1")
    noted.note("m", "1")
    first, state = await noted.take(), noted.files()
    for number in range(5):
        noted.write(f"f{number}", "2")
    noted.note("m", "2")

    class PowerCut(BaseException):
        pass

    swap, calls = restore_files.exchange, []

    def cut(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise PowerCut
        swap(*arguments)

    monkeypatch.setattr(restore_files, "exchange", cut)
    with pytest.raises(PowerCut):
        await noted.roll_back(first)
    monkeypatch.undo()
    assert noted.files() != state
    other = await open_engine([noted.root], noted.state, noted.parts)
    assert noted.files() == state
    assert noted.notes() == {"m": "1"}
    assert "interrupted" in caplog.text
    await other.close()


async def test_a_recovery_that_the_disk_refuses_does_not_keep_the_server_from_starting(
    project: Bed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    project.write("a", "1")
    first = await project.take()
    await project.engine.upkeep.idle()
    project.write("a", "2")

    class PowerCut(BaseException):
        pass

    def cut(*arguments):
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr(rollback, "finish_rollback", cut)
        with pytest.raises(PowerCut):
            await project.roll_back(first)
    await project.engine.close()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(staging, "_write", full)
        project.engine = await open_engine([project.root], project.state)
        assert "not complete yet" in caplog.text
        with pytest.raises(MazuError):
            await project.take()
    assert project.read("a") == "2"
    await project.take()
    assert project.read("a") == "1"


async def test_a_save_through_an_open_descriptor_is_rescued(project: Bed, monkeypatch: pytest.MonkeyPatch):
    project.write("a", "1")
    first = await project.take()
    file = project.write("a", "2")
    verify = restore_files.verify_steps
    with file.open("r+") as editor:

        def save_late(*arguments):
            editor.write("typed during the rollback")
            editor.flush()
            return verify(*arguments)

        monkeypatch.setattr(restore_files, "verify_steps", save_late)
        report = await project.roll_back(first)
    assert project.read("a") == "1"
    assert not report.verified
    rescued = (await project.engine.stats()).rescued
    assert [problem.path for problem in report.problems] == list(rescued)
    assert Path(rescued[0]).read_text() == "typed during the rollback"


async def test_a_save_in_the_middle_of_a_rollback_wins(project: Bed, monkeypatch: pytest.MonkeyPatch):
    for name in ("a", "b", "gone"):
        project.write(name, "1")
    first = await project.take()
    for name in ("a", "b"):
        project.write(name, "2")
    project.write("new", "2")
    finish = rollback.finish_rollback

    def save_first(*arguments):
        project.write("a", "typed")
        project.write("new", "typed, too")
        finish(*arguments)

    monkeypatch.setattr(rollback, "finish_rollback", save_first)
    report = await project.roll_back(first)
    assert (project.read("a"), project.read("b"), project.read("new")) == ("typed", "1", "typed, too")
    assert not report.verified
    assert {problem.path for problem in report.problems} == {"a", "new"}


async def test_two_hundred_rollbacks_leave_nothing_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    async with bed(tmp_path) as project:
        project.write("a", "1")
        first = await project.take()
        project.write("a", "2")
        second = await project.take()
        for number in range(30):
            assert (await project.roll_back((first, second)[number % 2])).verified
        await project.engine.upkeep.idle()
        staging.sweep_staging(
            project.engine._project.mounts, project.engine._project.rescue_folder, older_than=0
        )
        assert not [path for path in project.root.iterdir() if path.name.startswith(".mazu")]
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        project.fsck()


def test_a_folder_that_cannot_be_emptied_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rescue = tmp_path / "rescue"
    grave = staging.grave_folder(rescue)
    grave.mkdir(0o700)

    def broken(folder: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "scandir", broken)
    (note,) = staging.sweep_staging([], rescue)
    assert (note.path, note.reason) == (str(grave), f"could not be emptied: {os.strerror(errno.EIO)}")


def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on what was swapped out has rested long enough to be swept."""
    monkeypatch.setattr(staging_sweep, "GRAVE_SECONDS", 0.0)
    monkeypatch.setattr(staging, "_rests", lambda *_: False)


def staging_folders(project: Bed) -> list[Path]:
    return [path for path in project.root.iterdir() if path.name.startswith(".mazu")]


async def test_no_staging_folder_stays_after_later_rollbacks_nor_after_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rested(monkeypatch)
    async with bed(tmp_path) as project:
        project.write("a", "1")
        first = await project.take()
        project.write("a", "2")
        second = await project.take()
        await project.roll_back(first)
        await asyncio.sleep(0.6)
        await project.roll_back(second)  # while the first one's files still rest
        assert staging_folders(project)
        assert project.engine._sweep._task
        await project.engine._sweep._task
        assert not staging_folders(project)
        await project.roll_back(first)
        assert staging_folders(project)
    assert not staging_folders(project)


async def test_odd_names_in_staging_and_a_full_disk_leave_a_rollback_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with bed(tmp_path) as project:
        path = project.write("a", "1")
        first = await project.take()
        project.write("a", "2")
        second = await project.take()
        await project.roll_back(first)
        (work,) = staging_folders(project)
        zeros = "z" * 40
        for name in (b"\xff\xfe", f"0-x.{zeros}.{zeros}".encode(), b"draft-folder/in"):
            place = work / os.fsdecode(name)
            place.parent.mkdir(exist_ok=True)
            place.write_text("odd")

        def forbidden(*_: object) -> Path:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(staging, "_rescue", forbidden)
        shown = Buffer(path.as_uri(), path, 1, "text", "1", False)
        report = await project.roll_back(second, buffers=[shown])
        assert report.applied and project.read("a") == "2"
        assert project.typed == {path.as_uri(): "2"}
        assert len([one for one in report.problems if "staging" in one.reason]) == 3
        monkeypatch.undo()
        rested(monkeypatch)
    assert not staging_folders(project)
    assert len(list(project.engine._project.rescue_folder.iterdir())) == 3


async def test_a_file_system_without_modes_takes_a_rollback_and_a_loose_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with bed(tmp_path) as project:
        project.write("a", "1")
        first = await project.take()
        project.write("a", "2")
        await project.take()
        (mount,) = [one for one in project.engine._project.mounts if one.scanned]
        mount.work.mkdir(0o777)
        mount.work.chmod(0o777)
        with pytest.raises(MazuError, match="Nothing was rolled back"):
            await project.roll_back(first)
        assert not mount.work.exists()
        monkeypatch.setattr(staging_folder, "_is_private", lambda _: False)  # as exFAT and drvfs answer
        assert (await project.roll_back(first)).verified
        assert project.read("a") == "1"
        rested(monkeypatch)
    assert not staging_folders(project)


async def test_what_is_written_after_closing_into_a_file_that_was_swapped_out_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with bed(tmp_path) as project:
        project.write("a", "1")
        first = await project.take()
        path = project.write("a", "2")
        await project.take()
        editor = path.open("r+")  # as an editor that saves in place holds it
        await project.roll_back(first)
        rescue = project.engine._project.rescue_folder
    assert not staging_folders(project), "nothing of ours stays in the project of somebody who left"
    assert len(list(staging.grave_folder(rescue).iterdir())) == 2
    with editor:
        editor.write("3 by the user")
    rested(monkeypatch)
    async with bed(tmp_path) as project:
        await project.take()
        if task := project.engine._sweep._task:
            await task
        rescued = [file.read_text() for file in project.engine._project.rescue_folder.iterdir()]
    assert rescued == ["3 by the user"]
    assert not staging_folders(project) and not staging.grave_folder(rescue).exists()


def test_a_full_disk_leaves_no_staging_folder_behind(tmp_path: Path):
    work = tmp_path / ".mazu-staging-0"
    before, limit = len(list(Path("/proc/self/fd").iterdir())), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))  # no byte can be written, as on a full disk
    try:
        with pytest.raises(OSError, match="File too large"):
            staging_folder.open_staging(work, create=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not work.exists()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    os.close(staging_folder.open_staging(work, create=True))
    assert (work / ".gitignore").read_text() == "*\n"
