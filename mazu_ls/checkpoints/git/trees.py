"""Trees of the store: read with a cache, updated along the changed paths, compared."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping

from mazu_ls.checkpoints.git.objects import FOLDER_MODE, TREE, TreeEntry, format_tree, object_id, parse_tree

Changes = Mapping[bytes, TreeEntry | None]
Difference = tuple[bytes, TreeEntry | None, TreeEntry | None]
Updates = dict[tuple[bytes | None, frozenset[tuple[bytes, TreeEntry | None]]], bytes | None]
"""Updates of folders: the tree before and what changes below it, and the tree afterwards."""
_CACHED_ENTRIES = 200_000
_KNOWN_FOLDERS = 8192
"""Maximum number of folders whose trees are remembered by the tree above and the path: neighbours are looked up one by one."""
_KNOWN_UPDATES = 8192
_LAST, _FEW = 16, 5000  # maximum number of remembered differences, each of at most so many files
REPLACED_TREES = 2048
"""Maximum number of trees that are remembered although an update replaced them: those of the last steps, which are compared."""
HELD_TREES = 20_000
"""Maximum number of trees that are held but not stored: far more than the history of one place needs."""


class TreeStore:
    """Reads tree objects through `load`; `update` passes new ones to the given `add`."""

    def __init__(self, load: Callable[[bytes], bytes]) -> None:
        self._load = load
        self._cache: OrderedDict[bytes, dict[bytes, TreeEntry]] = OrderedDict()
        self._size = 0
        self._replaced: OrderedDict[bytes, None] = OrderedDict()
        self._held: OrderedDict[bytes, dict[bytes, TreeEntry]] = OrderedDict()
        self._folders: dict[tuple[bytes, bytes], bytes | None] = {}
        self.updates: Updates = {}
        """Updates whose trees are stored, although no checkpoint may name them."""
        self._differences: OrderedDict[tuple[bytes | None, bytes | None], tuple[Difference, ...]] = (
            OrderedDict()
        )

    def read(self, oid: bytes | None) -> dict[bytes, TreeEntry]:
        """Return entries by name; none for None. The caller must not change the result."""
        if oid is None:
            return {}
        if (held := self._held.get(oid)) is not None:
            return held
        if (found := self._cache.get(oid)) is None:
            found = parse_tree(self._load(oid))
            self._remember(oid, found)
        else:
            self._cache.move_to_end(oid)
        return found

    def at(self, root: bytes | None, path: bytes) -> TreeEntry | None:
        """Return the entry of a path, or None."""
        above, _, name = path.rpartition(b"/")
        return self.read(self._tree_at(root, above) if above and root is not None else root).get(name)

    def _tree_at(self, root: bytes, path: bytes) -> bytes | None:
        """Return the tree of a folder; None if there is none. A tree never changes, so it holds what it once held."""
        if (root, path) in self._folders:
            return self._folders[root, path]
        oid: bytes | None = root
        for folder in path.split(b"/"):
            entry = self.read(oid).get(folder)
            oid = entry.oid if entry is not None and entry.is_folder else None
            if oid is None:
                break
        if len(self._folders) >= _KNOWN_FOLDERS:
            self._folders.clear()
        self._folders[root, path] = oid
        return oid

    def folder(self, root: bytes | None, path: bytes) -> bytes | None:
        """Return the id of the tree at `path`, or None if there is no folder."""
        entry = self.at(root, path)
        return entry.oid if entry is not None and entry.is_folder else None

    def update(
        self,
        root: bytes | None,
        changes: Changes,
        add: Callable[[str, bytes, bytes], object],
        updates: Updates | None = None,
    ) -> bytes | None:
        """Return the tree `root` with these paths set (None: removed); only folders on the way are rebuilt.

        Folders that `updates` knows are not made and passed to `add` again; those that are made are added to it.
        """
        here, below = _grouped(changes)
        entries = dict(self.read(root))
        for name, entry in here.items():
            if entry is None and (old := entries.get(name)) is not None and old.is_folder and name in below:
                continue  # the file is removed and a folder of its name stays
            if entry is None:
                entries.pop(name, None)
            else:
                entries[name] = entry
        for name, inner in below.items():
            if (leaf := here.get(name)) is not None and not leaf.is_folder:
                continue
            old = entries.get(name)
            before = old.oid if old is not None and old.is_folder else None
            subtree = self._updated(before, inner, add, updates)
            if subtree is not None:
                entries[name] = TreeEntry(FOLDER_MODE, subtree)
            elif old is None or old.is_folder:
                entries.pop(name, None)
        new = self._write(entries, add) if entries else None
        if root is not None and root != new:
            self._note_replaced(root)
        return new

    def _updated(
        self,
        root: bytes | None,
        changes: Changes,
        add: Callable[[str, bytes, bytes], object],
        updates: Updates | None,
    ) -> bytes | None:
        if updates is None:
            return self.update(root, changes, add)
        update = root, frozenset(changes.items())
        if update in updates:
            return updates[update]
        made = self.update(root, changes, add, updates)
        if len(updates) < _KNOWN_UPDATES:
            updates[update] = made
        return made

    def hold(
        self, path: bytes, entry: TreeEntry | None, beside: Mapping[bytes, TreeEntry] | None = None
    ) -> bytes | None:
        """Return a tree with this file alone, or the empty one, that can be read like any other but is not stored.

        `beside`: further entries of its root.

        Only the last HELD_TREES of them can be read.
        """
        if entry is None:
            return None
        names = path.split(b"/")
        for depth in reversed(range(len(names))):
            entries = {names[depth]: entry, **((beside or {}) if depth == 0 else {})}
            entry = TreeEntry(FOLDER_MODE, object_id(TREE, format_tree(entries)))
            self._held[entry.oid] = entries
            self._held.move_to_end(entry.oid)
        while len(self._held) > HELD_TREES:
            self._held.popitem(last=False)
        return entry.oid

    def diff(self, old: bytes | None, new: bytes | None) -> Iterable[Difference]:
        """Yield every file that differs: path, old and new entry. Equal folders are not read."""
        if old == new:
            return ()
        if (found := self._differences.get((old, new))) is None:
            found = tuple(self._differing(old, new, b""))
            if len(found) <= _FEW:
                self._differences[old, new] = found
                if len(self._differences) > _LAST:
                    self._differences.popitem(last=False)
        return found

    def _differing(self, old: bytes | None, new: bytes | None, prefix: bytes) -> Iterator[Difference]:
        before, after = self.read(old), self.read(new)
        names = (
            {name for name, _ in before.items() ^ after.items()} if before and after else {**before, **after}
        )
        for name in names:
            was, now = before.get(name), after.get(name)
            path = prefix + name
            was_folder, now_folder = was is not None and was.is_folder, now is not None and now.is_folder
            if not (was_folder and now_folder) and ((was and not was_folder) or (now and not now_folder)):
                yield path, None if was_folder else was, None if now_folder else now
            if was_folder or now_folder:
                yield from self._differing(
                    was.oid if was and was_folder else None,
                    now.oid if now and now_folder else None,
                    path + b"/",
                )

    def files(self, root: bytes | None) -> Iterator[tuple[bytes, TreeEntry]]:
        """Yield every file below a tree."""
        folders = [(b"", root)]
        while folders:
            prefix, folder = folders.pop()
            for name, entry in self.read(folder).items():
                if entry.is_folder:
                    folders.append((prefix + name + b"/", entry.oid))
                else:
                    yield prefix + name, entry

    def _write(self, entries: dict[bytes, TreeEntry], add: Callable[[str, bytes, bytes], object]) -> bytes:
        data = format_tree(entries)
        oid = object_id(TREE, data)
        self._replaced.pop(oid, None)
        if oid not in self._cache:
            self._remember(oid, entries)
        add(TREE, data, oid)
        return oid

    def _note_replaced(self, oid: bytes) -> None:
        """Forget the tree that was replaced REPLACED_TREES updates ago: a long session would keep each state of each folder."""
        self._replaced[oid] = None
        self._replaced.move_to_end(oid)
        if len(self._replaced) > REPLACED_TREES:
            old, _ = self._replaced.popitem(last=False)
            self._size -= len(self._cache.pop(old, ()))

    def _remember(self, oid: bytes, entries: dict[bytes, TreeEntry]) -> None:
        self._cache[oid] = entries
        self._size += len(entries)
        while self._size > _CACHED_ENTRIES and len(self._cache) > 1:
            self._size -= len(self._cache.popitem(last=False)[1])


def _grouped(
    changes: Changes,
) -> tuple[dict[bytes, TreeEntry | None], dict[bytes, dict[bytes, TreeEntry | None]]]:
    """Group changes: names of this folder, and those further down by the folder they are in."""
    here: dict[bytes, TreeEntry | None] = {}
    below: dict[bytes, dict[bytes, TreeEntry | None]] = {}
    for path, entry in changes.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(name, {})[rest] = entry
        else:
            here[name] = entry
    return here, below
