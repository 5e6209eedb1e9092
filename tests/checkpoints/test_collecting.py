"""Pruned objects are collected while other windows go on: nothing that anybody relies on may go with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mazu_ls.checkpoints.git.repository import MANY_PACKS
from mazu_ls.checkpoints.models import Checkpoint
from mazu_ls.checkpoints.store import lock
from mazu_ls.checkpoints.upkeep import gc, retention
from mazu_ls.errors import Kind, MazuError
from tests.checkpoints.bed import Bed, open_engine


@pytest.fixture
async def other(project: Bed) -> AsyncIterator[Bed]:
    """A second window on the same project."""
    engine = await open_engine([project.root], project.state)
    try:
        yield Bed(project.root, project.state, engine)
    finally:
        await engine.close()


@asynccontextmanager
async def collection(window: Bed) -> AsyncIterator[None]:
    """The engine's own way, with room for something in between."""
    repository = window.engine._project.repository
    with lock.lock_exclusively(repository.collecting):
        found = await window.engine._locked(lambda _: gc.begin_collection(repository))
        assert found is not None
        yield
        names = await asyncio.to_thread(gc.repack, repository, found)
        await window.engine._locked(lambda _: gc.finish_collection(repository, found, names))


async def give_up(window: Bed, checkpoint: Checkpoint) -> None:
    await window.engine._locked(lambda db: retention.remove(window.engine._project, db, [checkpoint.id]))


async def test_a_pack_that_is_written_again_meanwhile_stays(project: Bed, other: Bed):
    """A preview stores what it saw without naming it; the same preview again writes the very same pack."""
    project.write("a", "one")
    first = await project.take()
    project.write("a", "precious")
    await project.engine.plan(first.id)
    async with collection(other):
        await project.engine.plan(first.id)
        held = await project.take()
    project.fsck()
    project.write("a", "three")
    assert (await project.roll_back(held)).verified
    assert project.read("a") == "precious"


async def test_packs_are_not_put_together_while_a_collection_is_on_its_way(project: Bed, other: Bed):
    """The new pack would leave out what the packs hold that are about to go."""
    for number in range(20 * MANY_PACKS):
        project.write(f"many/{number}", f"{number}")
    project.write("noise", "precious")
    first = await project.take()
    project.place("noise").unlink()
    project.write("a", "one")
    await project.take()
    await give_up(other, first)
    async with collection(other):
        project.write("noise", "precious")
        held = await project.take()
        for number in range(MANY_PACKS):
            project.write("a", str(number))
            await project.take(touched=["a"])
        await project.engine.upkeep.idle()
    project.fsck()
    project.place("noise").unlink()
    assert (await project.roll_back(held)).verified
    assert project.read("noise") == "precious"


async def test_a_checkpoint_that_is_pruned_after_its_preview_is_said_to_be_gone(project: Bed, other: Bed):
    project.write("a", "one")
    first = await project.take()
    project.write("a", "two")
    await project.take()
    project.write("a", "three")
    await project.take()
    plan = await project.engine.plan(first.id)
    await give_up(other, first)
    with pytest.raises(MazuError, match=first.id) as caught:
        await plan.apply("overwrite")
    assert caught.value.kind == Kind.NOT_FOUND
    assert project.read("a") == "three"
    assert (await project.roll_back((await project.engine.list())[0][-1])).verified
