"""The trees of a long session's steps do not stay in memory, and are read again where they are needed."""

from __future__ import annotations

from mazu_ls.checkpoints.git.objects import FILE_MODE, TreeEntry
from mazu_ls.checkpoints.git.trees import REPLACED_TREES, TreeStore


def test_memory_does_not_grow_with_the_steps_of_a_session():
    stored: dict[bytes, bytes] = {}
    trees = TreeStore(stored.__getitem__)
    start = {f"d{n}/sub/f{n}".encode(): TreeEntry(FILE_MODE, bytes(20)) for n in range(20)}
    roots = [trees.update(None, start, lambda _, data, oid: stored.__setitem__(oid, data))]
    for number in range(1, 1001):
        changed = {f"d{number % 20}/sub/f".encode(): TreeEntry(FILE_MODE, number.to_bytes(20))}
        roots.append(trees.update(roots[-1], changed, lambda _, data, oid: stored.__setitem__(oid, data)))
    folders = 1 + 2 * 20
    assert len(trees._cache) <= folders + REPLACED_TREES
    assert trees._size == sum(map(len, trees._cache.values()))
    for number in (1, 500, 1000):
        assert trees.at(roots[number], f"d{number % 20}/sub/f".encode()) == (FILE_MODE, number.to_bytes(20))


def test_a_state_that_comes_back_is_not_forgotten_as_a_replaced_one():
    stored: dict[bytes, bytes] = {}
    loaded: list[bytes] = []
    trees = TreeStore(lambda oid: loaded.append(oid) or stored[oid])

    def update(root: bytes | None, path: bytes, number: int) -> bytes | None:
        changed = {path: TreeEntry(FILE_MODE, number.to_bytes(20))}
        return trees.update(root, changed, lambda _, data, oid: stored.__setitem__(oid, data))

    root = update(None, b"a/b", 1)
    assert update(update(root, b"a/b", 2), b"a/b", 1) == root  # replaced, and back
    other = None
    for number in range(2 * REPLACED_TREES):
        other = update(other, b"c/d", number)
    assert trees.at(root, b"a/b") == (FILE_MODE, (1).to_bytes(20))
    assert loaded == []
