"""Whose a change is is known without reading files back from git, and in any encoding of the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkpoints.bed import bed


async def test_a_step_reads_no_file_back_from_git(tmp_path: Path):
    async with bed(tmp_path) as b:
        b.write("old.txt", "was here\n")
        first = await b.take()
        for number in range(3):
            await b.agent_writes("old.txt", f"changed {number}\n")
            await b.agent_writes(f"new{number}.txt", "new\n")
            await b.take(kind="step", touched=["old.txt", f"new{number}.txt"])
        assert b.engine._project.repository._reader is None
        names = ["new0.txt", "new1.txt", "new2.txt", "old.txt"]
        assert await b.engine.owners(first.id) == dict.fromkeys(names, "agent")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
async def test_whose_a_change_is_does_not_depend_on_the_encoding(tmp_path: Path, encoding: str):
    async with bed(tmp_path) as b:
        before, after = "café à la crème, déjà vu\n", "café à la crème, déjà bu\n"
        b.write("menu.txt", before.encode(encoding))
        first = await b.take()
        await b.engine.record_edit("s", b.root / "menu.txt", before, after)
        b.write("menu.txt", after.replace("\n", "\r\n").encode(encoding))
        step = await b.take(kind="step", touched=["menu.txt"])
        assert await b.engine.owners(first.id, step.id) == {"menu.txt": "agent"}
        b.write("menu.txt", before.encode(encoding))
        second = await b.take(kind="step", touched=["menu.txt"])
        assert await b.engine.owners(step.id, second.id) == {"menu.txt": "user"}
