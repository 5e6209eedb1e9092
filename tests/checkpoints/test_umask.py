"""Permission bits come back as they were, whatever umask the process has that undoes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mazu_ls.checkpoints.scan.file_modes import UsualBits, usual_bits
from tests.checkpoints.bed import bed


@contextmanager
def umask(bits: int) -> Iterator[None]:
    before = os.umask(bits)
    try:
        yield
    finally:
        os.umask(before)


def bits_of(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize(("then", "later"), [(0o022, 0o002), (0o022, 0o077), (0o002, 0o022), (0o077, 0o022)])
async def test_a_turn_under_one_umask_is_undone_under_another(tmp_path: Path, then: int, later: int):
    with umask(then):
        async with bed(tmp_path) as b:
            b.write("a.txt", "one\n")
            b.write("gone.txt", "private\n")
            (b.root / "gone.txt").chmod(0o600)
            b.write("run.sh", "true\n")
            (b.root / "run.sh").chmod(0o777 & ~then)
            target = await b.take()
            before = {name: bits_of(b.root / name) for name in ("a.txt", "gone.txt", "run.sh")}
            await b.agent_writes("a.txt", "two\n")
            await b.agent_writes("new.txt", "made by the agent\n")
            for name in ("gone.txt", "run.sh"):
                (b.root / name).unlink()
            await b.take(kind="step", touched=["a.txt", "new.txt", "gone.txt", "run.sh"])
    with umask(later):
        async with bed(tmp_path) as b:
            plan = (await b.engine.plan(target.id)).preview().plan
            assert not {"a.txt", "new.txt"} & {str(one.path) for one in plan.conflicts}, (
                "nobody else changed these"
            )
            report = await b.roll_back(target)
            assert report.applied and report.verified, report
            assert not (b.root / "new.txt").exists()
            assert {name: bits_of(b.root / name) for name in before} == before


def test_the_usual_bits_are_those_of_most_files():
    assert usual_bits([]) == UsualBits(0o644, 0o755)
    assert usual_bits([0o664, 0o664, 0o600, 0o775]) == UsualBits(0o664, 0o775)
    assert usual_bits([0o600]) == UsualBits(0o600, 0o700)
    assert usual_bits([0o700]) == UsualBits(0o600, 0o700)


async def test_a_store_of_an_earlier_version_keeps_the_bits_of_files_that_it_does_not_list(tmp_path: Path):
    """It said nothing of the usual bits; the few files of the next checkpoint do not decide for all others."""
    async with bed(tmp_path) as b:
        b.write("a.txt", "one\n")
        b.write("run.sh", "true\n").chmod(0o777 & ~_umask())
        await asyncio.sleep(0.1)  # what was just written would be read again
        await b.take()
        first = await b.take(kind="step", touched=[])  # from here on the watch knows what changed
        b.engine._project.modes(bytes.fromhex(first.tree))._usual = None  # as an earlier version stored it
        b.write("own.txt", "secret\n", 0o600)
        target = await b.take(kind="step", touched=["own.txt"])
        for name in ("a.txt", "run.sh"):
            (b.root / name).unlink()
        report = await b.roll_back(target)
        assert report.verified
        found = [bits_of(b.root / name) for name in ("a.txt", "run.sh", "own.txt")]
        assert found == [0o666 & ~_umask(), 0o777 & ~_umask(), 0o600]


def _umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before
