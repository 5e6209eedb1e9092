"""Memory in a checkpoint: only what changed is written, and a rollback brings back exactly what was."""

from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mazu_ls.memory.checkpoint_part import MemoryPart
from mazu_ls.memory.io import markdown
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import AnchorRequest, MemoryEntry
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.upsert import forget, remember
from mazu_ls.state.store import connect, transaction

PART = MemoryPart()


class Store:
    """What the checkpoint engine does with a part: a tree of files, and the differences between two of them."""

    def __init__(self, db: apsw.Connection) -> None:
        self.db = db
        self.tree: dict[str, bytes] = {}

    def take(self) -> dict[str, bytes]:
        changed = transaction(self.db, lambda db: (PART.changed(db), PART.mark_taken(db))[0])
        for path, data in changed.items():
            if data is None:
                self.tree.pop(path, None)
            else:
                self.tree[path] = data
        return dict(self.tree)

    def restore(self, target: dict[str, bytes]) -> None:
        now = self.take()
        different = {
            path: target.get(path) for path in now.keys() | target.keys() if now.get(path) != target.get(path)
        }
        transaction(self.db, lambda db: PART.restore(db, different))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(connect(tmp_path / "memory.db", [PART.migrations]))


async def test_a_rollback_undoes_every_kind_of_change(memories: Memories, tmp_path: Path):
    store = Store(connect(tmp_path / "memory.db", [PART.migrations]))
    port = (await memories.remember("The port is 8080", anchors=[AnchorRequest("a.py", text="x")])).memory
    gone = (await memories.remember("Herons wade", "in the mud", tags=["birds"], pinned=True)).memory
    await memories.wiki.write("build", "# Build\n\nmake")
    await memories.traits.set("name", "Ada", scope="project")
    await memories.graph.add("web", "calls", "api")
    target = store.take()
    before = await memories.list()
    assert set(target) == {
        "01/0/m_000001.json",
        "02/0/m_000002.json",
        "wiki/build.json",
        "traits/name.json",
        "relations/m_000005.json",
    }

    await memories.remember("The port is 9090")
    await memories.forget(gone.id)
    await memories.wiki.write("build", "ninja")
    await memories.wiki.write("extra", "page")
    await memories.traits.delete("name", scope="project")
    await memories.graph.remove("web", "calls", "api")
    await memories.anchors.renamed("a.py", "b.py")
    later = store.take()
    after = await memories.list()

    store.restore(target)
    assert await memories.list() == before
    assert store.take() == target
    assert (await memories.wiki.read("build")).body == "make"
    assert [m.id for m in await memories.recall("herons")] == [gone.id]
    assert not any((m.why or "").startswith("matches") for m in await memories.recall("9090"))
    assert (await memories.graph.path("web", "api"))[0].relation == "calls"
    assert (await memories.get(port.id)).anchors[0].path == "a.py"

    store.restore(later)
    assert await memories.list() == after
    assert store.take() == later


def test_only_what_changed_is_written(store: Store):
    def work(db: apsw.Connection) -> None:
        for n in range(50):
            remember(
                EntryTable(db, "project"), MemoryEntry(title=f"Subject {chr(65 + n % 26)}{n} is separate")
            )

    transaction(store.db, work)
    assert len(store.take()) == 50
    transaction(store.db, lambda db: EntryTable(db, "project").change(7, pinned=True))
    assert list(PART.changed(store.db)) == ["07/0/m_000007.md", "07/0/m_000007.json"]
    assert PART.everything(store.db).keys() == store.take().keys()


def test_an_id_of_before_the_rollback_is_not_given_again(store: Store):
    rows = EntryTable(store.db, "project")
    empty = store.take()
    transaction(store.db, lambda db: remember(rows, MemoryEntry(title="First")))
    store.restore(empty)
    n = transaction(store.db, lambda db: remember(rows, MemoryEntry(title="Second"))).n
    assert n == 2


def test_a_row_comes_back_whatever_stands_in_it(store: Store):
    """What a hand-written reader of Markdown misreads: commas, quotes, colons, fences, empty and odd names."""
    odd = MemoryEntry(
        title="--- a: b", body='---\n# x\n"', tags=("api", "limits, quota", "", "'", "null", "1.0"), origin="a: [b, c",
        details={"k": ["v", None, 1.5]},
    )  # fmt: skip
    rows = EntryTable(store.db, "project")
    n = transaction(store.db, lambda _: rows.insert(odd))
    entry, tree = rows.entry(n), store.take()
    transaction(store.db, lambda _: rows.delete(n))
    store.restore(tree)
    assert rows.entry(n) == entry


def test_a_damaged_entry_is_named_and_the_others_come_back(store: Store):
    rows = EntryTable(store.db, "project")
    transaction(
        store.db, lambda _: [rows.insert(MemoryEntry(title=name)) for name in ("one", "two", "three")]
    )
    tree = store.take()
    transaction(store.db, lambda _: [rows.change(n, body="later") for n in (1, 2, 3)])
    files = {**tree, "02/0/m_000002.json": b'{"n": 2, "title'}
    problems = transaction(store.db, lambda db: PART.restore(db, files))
    assert list(problems) == ["02/0/m_000002.json"]
    assert [e.body for e in rows.entries("1", (), "ORDER BY n")] == ["", "later", ""]


def test_a_checkpoint_of_an_earlier_version_holds_markdown_and_is_read(store: Store):
    rows = EntryTable(store.db, "project")
    n = transaction(store.db, lambda _: rows.insert(MemoryEntry(title="old", body="text", tags=("a",))))
    entry = rows.entry(n)
    old = {"01/0/m_000001.md": markdown.write(entry, "project").encode()}
    store.take()
    store.tree = dict(old)
    transaction(store.db, lambda _: rows.change(n, body="new"))
    new = store.take()
    assert list(new) == ["01/0/m_000001.json"]
    store.restore(old)
    assert rows.entry(n) == entry
    store.restore(new)
    assert rows.entry(n).body == "new"


steps = st.lists(
    st.tuples(
        st.sampled_from(["remember", "forget", "change", "page", "take", "restore"]), st.integers(0, 5)
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_any_history_comes_back_at_every_checkpoint(steps, tmp_path_factory):
    store = Store(connect(tmp_path_factory.mktemp("part") / "memory.db", [PART.migrations]))
    rows = EntryTable(store.db, "project")
    taken: list[tuple[dict[str, bytes], list[MemoryEntry]]] = []

    def present() -> list[MemoryEntry]:
        return list(rows.entries("1", (), "ORDER BY n"))

    def step(action: str, number: int) -> None:
        live = [e.n for e in present()]
        if action == "remember":
            remember(rows, MemoryEntry(title=f"The port of service {'abcdef'[number]} is {len(live)}"))
        elif action == "page":
            known = rows.keyed("page", f"p{number}")
            if known:
                rows.put(replace(known, body=known.body + "x"))
            else:
                rows.insert(MemoryEntry(kind="page", key=f"p{number}", category="wiki", title="p"))
        elif live and action == "forget":
            forget(rows, live[number % len(live)])
        elif live:
            rows.change(live[number % len(live)], body=f"changed {number}")

    for action, number in steps:
        if action == "take":
            taken.append((store.take(), present()))
        elif action == "restore":
            if taken:
                tree, entries = taken[number % len(taken)]
                store.restore(tree)
                assert present() == entries
                assert PART.everything(store.db) == tree
        else:
            transaction(store.db, lambda _, a=action, n=number: step(a, n))
    counted = dict(store.db.execute("SELECT kind, sum(entries) FROM memory_count GROUP BY kind"))
    assert {kind: count for kind, count in counted.items() if count} == {
        kind: sum(e.kind == kind for e in present()) for kind in {e.kind for e in present()}
    }
    assert store.db.execute("PRAGMA foreign_key_check").fetchall() == []
