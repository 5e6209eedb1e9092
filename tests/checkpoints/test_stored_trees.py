"""Trees that a preview made and stored are not made again by the rollback; neither are links looked for twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.checkpoints.git.objects import FILE_MODE, TREE, TreeEntry
from mazu_ls.checkpoints.git.pack import PackWriter
from mazu_ls.checkpoints.git.trees import TreeStore
from tests.checkpoints.bed import bed

PATHS = st.sampled_from([b"a", b"a/b", b"a/b/c", b"a/d", b"e/f/g", b"e/h", b"i"])
ENTRIES = st.one_of(st.none(), st.builds(lambda n: TreeEntry(FILE_MODE, bytes([n]) * 20), st.integers(0, 3)))
CHANGES = st.lists(st.dictionaries(PATHS, ENTRIES, max_size=5), max_size=6)


@given(CHANGES)
def test_known_updates_give_the_same_trees_and_store_each_once(rounds: list[dict[bytes, Any]]):
    plain: dict[bytes, bytes] = {}
    stored: dict[bytes, bytes] = {}
    slow, quick = TreeStore(plain.__getitem__), TreeStore(stored.__getitem__)
    updates: Any = {}
    old = None
    for changes in rounds:
        new = slow.update(old, changes, lambda _, data, oid: plain.__setitem__(oid, data))
        for again in range(2):
            added: list[bytes] = []

            def add(_: str, data: bytes, oid: bytes, added: list[bytes] = added) -> None:
                added.append(oid)
                stored[oid] = data

            assert quick.update(old, changes, add, updates) == new
            assert not again or len(added) <= 1  # the root alone
        for path in (b"a", b"a/b", b"a/b/c", b"e/f/g", b"nothing/here"):
            found = slow.read(new) if new else {}
            for name in path.split(b"/")[:-1]:
                entry = found.get(name)
                found = slow.read(entry.oid) if entry is not None and entry.is_folder else {}
            assert quick.at(new, path) == quick.at(new, path) == found.get(path.rpartition(b"/")[2])
        old = new


async def test_a_rollback_makes_no_tree_that_its_preview_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with bed(tmp_path) as project:
        for number in range(30):
            project.write(f"d{number}/sub/f", f"old {number}")
        target = await project.take()
        for number in range(30):
            project.write(f"d{number}/sub/f", f"new {number}")
        known, trees = PackWriter.add, []

        def add(self: PackWriter, kind: str, data: bytes, oid: bytes | None = None) -> bytes:
            if kind == TREE:
                trees.append(data)
            return known(self, kind, data, oid)

        monkeypatch.setattr(PackWriter, "add", add)
        plan = await project.engine.plan(target.id)
        made = len(trees)
        assert made > 60
        report = await plan.apply("overwrite")
        assert report.verified and project.read("d7/sub/f") == "old 7"
        assert len(trees) - made < 30
        project.fsck()
        assert report.safety is not None
        await project.roll_back(report.safety)
        assert project.read("d7/sub/f") == "new 7"


async def test_a_link_on_the_way_is_seen_for_each_file_behind_it(tmp_path: Path):
    async with bed(tmp_path) as project:
        outside = tmp_path / "outside"
        (outside / "deep").mkdir(parents=True)
        project.write("real/deep/file", "old")
        (project.root / "link").symlink_to(outside)
        await project.take()
        for name in ("file", "other"):
            (outside / "deep" / name).write_text("of somebody else")
            project.write(f"real/deep/{name}", "new")
        paths = [f"{folder}/deep/{name}" for folder in ("link", "real") for name in ("file", "other")]
        taken = await project.take(touched=paths)
        changed = await project.engine.diff(taken.id, paths=["real", "link"])
        assert not changed.files
        (mount,) = (one for one in project.engine._project.mounts if one.scanned)
        looked: dict[bytes, bool] = {}
        behind = [mount.behind_link(path.encode(), looked) for path in [*paths, "top", *paths]]
        assert behind == [True, True, False, False, False, True, True, False, False]
        assert len(looked) == 4
