"""The watch: what it says changed is all that changed, or it says that it does not know."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mazu_ls.checkpoints.scan import dirty_set
from tests.checkpoints.bed import Bed, bed

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")


@pytest.fixture
async def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bed]:
    """A project that counts as too large to be looked at each time."""
    monkeypatch.setattr(dirty_set, "CHEAP_SECONDS", 0.0)
    async with bed(tmp_path) as project:
        await start(project)
        yield project


async def start(project: Bed) -> None:
    project.write("still/here", "1")
    project.write(".gitignore", "ignored/\n")
    project.write("ignored/deep/file", "1")
    await project.take()
    await project.take(kind="baseline")
    assert project.engine._project.dirty.watch is not None


async def step(project: Bed) -> bool:
    """Take a step as the agent does, then look at everything: nothing more is found. Whether the watch sufficed."""
    await project.take(kind="step", touched=[])
    sufficed = not project.engine.looked_everywhere
    found = await project.take(kind="baseline")
    assert (found.files.added, found.files.modified, found.files.deleted) == (0, 0, 0)
    return sufficed


async def test_a_step_sees_what_anybody_wrote_without_looking_at_all_files(watched: Bed):
    watched.write("still/here", "by somebody")
    watched.write("new/folder/file", "1")
    watched.write(b"odd \xff name/\xfe", "1")
    watched.write("ignored/deep/other", "1")
    taken = await watched.take(kind="step", touched=[])
    assert not watched.engine.looked_everywhere and taken.complete
    assert (taken.files.added, taken.files.modified, taken.files.deleted) == (2, 1, 0)
    shutil.rmtree(watched.root / "new")
    assert await step(watched)


async def test_a_small_project_shows_what_no_watch_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dirty_set, "CHEAP_SECONDS", 1000.0)  # however busy the machine is
    async with bed(tmp_path) as project:
        await start(project)
        (tmp_path / "elsewhere").hardlink_to(project.root / "still" / "here")
        await project.take(kind="baseline")
        (tmp_path / "elsewhere").write_text("written by another name")
        project.write("fresh", "1")
        taken = await project.take(kind="step", touched=[])
        assert not project.engine._project.dirty.scanned and project.engine.looked_everywhere
        assert (taken.files.added, taken.files.modified, taken.files.deleted) == (1, 1, 0)


async def test_a_queue_that_overflowed_means_a_look_at_all_files(watched: Bed):
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 100_000:
        pytest.skip("the queue of this machine is too long to be filled in a test")
    for number in range(limit // 3 + 100):  # creation, writing, closing
        (watched.root / "still" / "noise").write_text(str(number))
        (watched.root / "still" / "noise").unlink()
    watched.write("still/here", "after the overflow")
    assert not await step(watched)
    watched.write("still/here", "again")
    assert await step(watched)


async def test_rules_that_change_and_folders_that_move_are_a_doubt(watched: Bed):
    (watched.root / "still").rename(watched.root / "moved")
    assert not await step(watched)
    watched.write(".gitignore", "nothing\n")
    assert not await step(watched)
    watched.write("ignored/deep/file", "2")
    assert await step(watched)


NAMES = ("a", "b/c", "b/d/e", "f/g", "ignored/x", ".gitignore", "h\u00e9")
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "remove", "rename", "tree", "link", "mode", "step", "step"]),
        st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 9),
    ),
    max_size=14,
)  # fmt: skip


def act(root: Path, what: str, one: Path, other: Path, number: int) -> None:
    one, other = root / one, root / other
    if what == "write":
        one.parent.mkdir(parents=True, exist_ok=True)
        one.write_text(str(number))
    elif what == "remove":
        one.unlink()
    elif what == "rename":
        other.parent.mkdir(parents=True, exist_ok=True)
        (one if number % 2 else one.parent).replace(other)
    elif what == "tree" and one.parent != root:
        shutil.rmtree(one.parent)
    elif what == "link":
        one.parent.mkdir(parents=True, exist_ok=True)
        one.symlink_to(other.parent if number % 2 else other.name)
    elif what == "mode":
        one.chmod(0o755 if number % 2 else 0o644)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(operations=OPERATIONS)
async def test_a_look_at_all_files_right_after_a_step_finds_nothing_more(
    operations: list[tuple[str, str, str, int]],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(dirty_set, "CHEAP_SECONDS", 0.0)
    async with bed(tmp_path_factory.mktemp("watch")) as project:
        await start(project)
        for what, one, other, number in operations:
            if what == "step":
                await step(project)
                continue
            try:
                act(project.root, what, Path(one), Path(other), number)
            except OSError:
                continue
        await step(project)


async def test_a_preview_scans_only_where_the_watch_has_a_doubt(
    watched: Bed, monkeypatch: pytest.MonkeyPatch
):
    scans: list[str] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, command: Sequence[str], **given: Any) -> None:
            scans.extend(word for word in command if word == "ls-files")
            super().__init__(command, **given)

    target = await watched.take()
    monkeypatch.setattr(subprocess, "Popen", Recorded)
    watched.write("still/here", "changed by somebody")
    watched.write("new/file", "1")
    for doubt in (False, True):
        if doubt:
            (watched.root / "still").rename(watched.root / "moved")
            (watched.root / "moved").rename(watched.root / "still")
        files = (await watched.engine.plan(target.id)).preview().plan
        assert bool(scans) is doubt
        assert set(files.users) == {"still/here", "new/file"}


async def test_to_read_the_events_makes_no_file(watched: Bed):
    watch = watched.engine._project.dirty.watch
    assert watch is not None
    folder = next(tmp for tmp in watched.root.parent.rglob("checkpoints/watch") if tmp.is_dir())
    before = folder.stat().st_mtime_ns
    watched.write("still/here", "2")
    assert watch.drain().paths == {bytes(watched.root / "still/here")}
    assert watch.drain().paths == set()
    assert folder.stat().st_mtime_ns == before and not [*folder.iterdir()]


MOUNTS = """
import subprocess, sys
from pathlib import Path
from mazu_ls.checkpoints.scan.file_watch import FolderWatch
from mazu_ls.checkpoints.scan.roots import CheckpointRoot
root, other, state = (Path(sys.argv[1]) / name for name in ("root", "other", "state"))
for folder in (root / "below", other):
    folder.mkdir(parents=True)
for place in (other, root / "below"):
    watch = FolderWatch([CheckpointRoot(b"root", root, state)], state, lambda mount, folders: ())
    assert watch.drain().sure and watch.drain().sure
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    assert not watch.drain().sure and not watch.drain().sure, place
    watch.close()
    subprocess.run(["umount", place], check=True)
"""


def test_what_is_mounted_meanwhile_is_a_doubt(tmp_path: Path):
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("no namespaces for users here")
    subprocess.run(["unshare", "-Urm", sys.executable, "-c", MOUNTS, tmp_path], check=True)
