"""Loose refs of the store are packed as git packs them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from mazu_ls.checkpoints.git.packed_refs import pack_refs
from mazu_ls.checkpoints.git.repository import REFS
from tests.checkpoints.bed import bed


def git(store: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "--git-dir", str(store), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


async def test_refs_are_packed_to_the_byte_as_git_does_it(tmp_path: Path):
    async with bed(tmp_path) as b:
        store, by_git = b.engine._project.repository.path, tmp_path / "by_git"
        for number in range(3):
            b.write("a.txt", f"{number}\n")
            await b.take()
        pack_refs(store, REFS)
        for number in range(3, 12):  # c9, c10: sorted as bytes
            b.write("a.txt", f"{number}\n")
            await b.take()
        shutil.copytree(store, by_git)
        refs = git(store, "for-each-ref")
        (store / REFS / "half").write_text("0123")  # of a process that was killed: stays as it is
        pack_refs(store, REFS)
        git(by_git, "pack-refs", "--all")
        assert (store / "packed-refs").read_bytes() == (by_git / "packed-refs").read_bytes()
        assert [path.name for path in (store / REFS).iterdir()] == ["half"]
        (store / REFS / "half").unlink()
        assert git(store, "for-each-ref") == refs
        b.fsck()


async def test_nothing_is_moved_while_git_holds_the_file(tmp_path: Path):
    async with bed(tmp_path) as b:
        store = b.engine._project.repository.path
        await b.take()
        (store / "packed-refs.lock").touch()
        pack_refs(store, REFS)
        assert len([*(store / REFS).iterdir()]) == 1
        assert not (store / "packed-refs").exists()
