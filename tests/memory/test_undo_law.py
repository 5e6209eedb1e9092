"""Law: of memory a rollback takes back what agents wrote since, leaves what only the user did, and is itself taken back."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.config.config import CheckpointSettings
from mazu_ls.memory.checkpoint_part import MemoryPart
from mazu_ls.memory.models import MemoryEntry
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.store import MemoryStore

AGENT, USER = "s_1", ""
Rows = Mapping[int, str]
WRITER = st.sampled_from([AGENT, USER])
WRITE = st.one_of(
    st.tuples(st.just("remember"), WRITER),
    st.tuples(st.just("change"), WRITER, st.integers(0, 4)),
    st.tuples(st.just("forget"), WRITER, st.integers(0, 4)),
    st.tuples(st.just("take")),
)
ROUND = st.tuples(
    st.lists(WRITE, min_size=1, max_size=8),
    st.integers(0, 3),
    st.sampled_from(["spare", "keep", "agents", "overwrite"]),
)


class Model:
    """What is remembered, what was at each checkpoint, and who changed what since then, by the plainest means."""

    def __init__(self) -> None:
        self.rows: dict[int, str] = {}
        self.taken: list[tuple[str, Rows, dict[int, set[str]]]] = []

    def write(self, n: int, writer: str, title: str | None) -> None:
        if title is None:
            del self.rows[n]
        else:
            self.rows[n] = title
        for _, _, writers in self.taken:
            writers.setdefault(n, set()).add(writer)

    def check(self, found: Rows, target: int, choice: str, applied: bool) -> None:
        """Whether this is right after a rollback to a checkpoint."""
        _, then, writers = self.taken[target]
        differing = {n for n in {*self.rows, *then} if self.rows.get(n) != then.get(n)}
        both = {n for n in differing if writers[n] == {AGENT, USER}}
        assert applied == (choice != "spare" or not both)
        for n in {*self.rows, *then, *found}:
            mine, earlier = self.rows.get(n), then.get(n)
            if n not in differing or not applied:
                expected = [mine]
            elif n in both:
                expected = [mine] if choice == "keep" else [earlier]
            else:
                expected = [earlier if writers[n] == {AGENT} or choice == "overwrite" else mine]
            assert found.get(n) in expected, (n, writers.get(n))


def titles(rows: EntryTable) -> dict[int, str]:
    return {entry.n or 0: entry.title for entry in rows.entries("1")}


@settings(max_examples=8, deadline=None)
@given(st.lists(ROUND, min_size=1, max_size=3))
def test_a_rollback_of_memory_leaves_the_users_part(rounds: Sequence[tuple[Any, ...]]):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_run(Path(folder), rounds))


async def _run(folder: Path, rounds: Sequence[tuple[Any, ...]]) -> None:
    project, state = folder / "project", folder / "state"
    for one in (project, state):
        one.mkdir()
    database, settings = state / "memory.db", CheckpointSettings()
    engine = await Checkpoints.open([project], database, state, [MemoryPart()], settings)
    store, model, names = await MemoryStore.open(database, "project"), Model(), map(str, itertools.count())
    try:
        model.taken.append(((await engine.take(kind="manual")).id, {}, {}))
        for writes, number, choice in rounds:
            for what, *values in writes:
                if what == "take":
                    model.taken.append(((await engine.take(kind="manual")).id, dict(model.rows), {}))
                else:
                    await _write(store, model, (what, *values), next(names))
            target = number % len(model.taken)
            report = await (await engine.plan(model.taken[target][0])).apply(choice)
            model.check(await store.read(titles), target, choice, report.applied)
            if report.safety:
                assert (await (await engine.plan(report.safety.id)).apply("spare")).applied
            assert await store.read(titles) == model.rows
    finally:
        await store.close()
        await engine.close()


async def _write(store: MemoryStore, model: Model, write: tuple[Any, ...], name: str) -> None:
    what, writer, *rest = write
    if what == "remember":
        entry = MemoryEntry(title=f"Title {name}")
        n = await store.write(lambda rows: rows.insert(entry), writer)
        model.write(n, writer, entry.title)
    elif model.rows:
        n = sorted(model.rows)[rest[0] % len(model.rows)]
        title = None if what == "forget" else f"Title {name}"

        def change(rows: EntryTable) -> None:
            rows.delete(n) if title is None else rows.put(replace(rows.entry(n), title=title))

        await store.write(change, writer)
        model.write(n, writer, title)
