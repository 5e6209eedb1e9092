"""Finds what changed in a folder: one `git ls-files` with an index of our own, plus what git would miss."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from mazu_ls.checkpoints.git import index
from mazu_ls.checkpoints.git.repository import StoreRepository
from mazu_ls.checkpoints.scan import ignore_list, nested_repositories
from mazu_ls.checkpoints.scan.folder_reader import FolderReader, walk
from mazu_ls.checkpoints.scan.read_files import FileSnapshot, Inode
from mazu_ls.checkpoints.scan.roots import CheckpointRoot, folders_of
from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd.user_repository import UserRepository

_LAG = 200  # files read again at every scan before the index is updated
_FOLDERS = "folders"
_EMPTY_TREE = bytes.fromhex("4b825dc642cb6eb9a060e54bf8d69288fbee4904")


class FolderScanner:
    """Scans one mount. Its index is in `scan/<mount>/<tree>/`: the folder's name says which tree the index describes.

    `looked` is what the last full scan read; the next index is made from it.
    """

    def __init__(
        self, repository: StoreRepository, mount: CheckpointRoot, user: UserRepository | None
    ) -> None:
        self._repository = repository
        self.mount = mount
        self._user = user
        self._home = repository.path / "scan" / mount.name
        self.looked: Mapping[bytes, FileSnapshot | None] = {}

    def candidates(self, base: bytes | None) -> set[bytes]:
        """Return paths that may differ from the tree `base`; all others are certain to be equal."""
        if not self.mount.scanned:
            held = {path for path, _ in self._repository.trees.files(base)}
            return {p for p in held | set(walk(self.mount)) if self.mount.holds(p)}
        known = self._index()
        # Git compares the folder with the index only, so paths in which the index differs from the base are added.
        lag = self._lag(known, base) if known is not None else None
        if known is None or lag is None:
            found = self._listed(self.mount.directory, self._blank())
            # With an empty index git lists every file as untracked; only deleted ones are missing from that list.
            found |= {path for path, _ in self._repository.trees.files(base)}
        else:
            found = lag | self._listed(self.mount.directory, known, "-m", "-d")
        if self._user is not None:
            found |= self._forced(base)
            found -= self.absent(found)
        return {path for path in found if self.mount.holds(path)}

    def sparse(self) -> list[bytes]:
        """Return files that the user's sparse checkout leaves out and that are not there: they are absent, not deleted."""
        if self._user is None or not self.mount.scanned:
            return []
        missing: dict[bytes, bool] = {b"": False}

        def is_missing(path: bytes) -> bool:
            """Return whether nothing is at a path; most of them are in folders that are not there either."""
            if path not in missing:
                absent = missing.get(above := os.path.dirname(path))  # noqa: PTH120
                absent = is_missing(above) if absent is None else absent
                missing[path] = absent or not os.path.lexists(self.mount.full(path))
            return missing[path]

        return [path for path in self._user.sparse() if is_missing(path)]

    def is_left_out(self, path: bytes) -> bool:
        """Return whether a sparse checkout leaves out a file, and it is not there."""
        return not os.path.lexists(self.mount.full(path)) and bool(self.absent({path}))

    def ignored(self, paths: list[bytes]) -> set[bytes]:
        """Return those of these paths that the ignore rules name and the user's git does not track."""
        if not paths or not self.mount.scanned:
            return set()
        rules = ignore_list.exclude_text(self._user)
        if not (asked := ignore_list.maybe_ignored(self.mount.root, self.mount.inside, rules, paths)):
            return set()
        listed = b"\0".join(asked)
        # 128: a folder on the way became a link meanwhile; what is behind it is not read anyway.
        out = self._git(self._blank(), "check-ignore", "-z", "--stdin", input=listed, accept=(0, 1, 128))
        found = set(out.split(b"\0")) - {b""}
        return (
            found - set(self._user.tracked_although_ignored()) if found and self._user is not None else found
        )

    def inodes(self) -> Iterator[tuple[Inode, bytes, int]]:
        """Yield what the index knows of each file, as `FileReader.inodes` does."""
        if (known := self._index()) is not None:
            for path, raw in index.load(known / "index"):
                if (found := index.inode(raw)) is not None:
                    yield found[0], self.mount.full(path), found[1]

    def stale(self) -> bool:
        """Return whether updating the index would pay."""
        return self.mount.scanned and (
            len(self.looked) > _LAG or (bool(self.looked) and self._index() is None)
        )

    def folder_bits(self) -> dict[bytes, int | None]:
        """Return the permission bits, by place, of the folders that held files when the index was updated (None: gone since); folders of
        later files are on the way to a candidate."""
        known = self._index()
        if known is None or not (known / _FOLDERS).exists():
            return {}
        with FolderReader(self.mount) as reader:
            return reader.folder_bits(path for path in (known / _FOLDERS).read_bytes().split(b"\0") if path)

    def refresh(self, tree: bytes | None) -> None:
        """Publish an index of `tree`: what the last scan read, and the rest as it was in the old index."""
        known = self._index()
        old = dict(index.load(known / "index")) if known is not None else {}
        entries = []
        for path, held in self._repository.trees.files(tree):
            captured = self.looked.get(path)
            if captured is not None:
                sure = captured.entry == held and captured.settled_seconds
                entries.append((path, index.entry(path, held, captured.seen if sure else None)))
            elif path in old and path not in self.looked:
                entries.append((path, old[path]))
        draft = self._directory(f"new-{os.getpid()}")
        (draft / _FOLDERS).write_bytes(b"\0".join(sorted(folders_of(path for path, _ in entries))))
        (draft / "index").write_bytes(index.dump(entries))
        self._publish(draft, self._home / (tree or _EMPTY_TREE).hex())
        self.looked = {}

    def _lag(self, known: Path, base: bytes | None) -> set[bytes] | None:
        """Return where the index differs from the base; None if the tree it describes is no longer in the store."""
        try:
            return {path for path, _, _ in self._repository.trees.diff(bytes.fromhex(known.name), base)}
        except MazuError as error:
            if error.kind != Kind.STORAGE:
                raise
            shutil.rmtree(known, ignore_errors=True)
            return None

    def _publish(self, draft: Path, target: Path) -> None:
        """Publish atomically: the folder appears under its final name with a whole index in it, or not at all."""
        others = [
            path for path in self._home.iterdir() if path.is_dir() and path.name not in (draft.name, "blank")
        ]
        if target in others:
            for name in (_FOLDERS, "index"):
                (draft / name).replace(target / name)
            others[others.index(target)] = draft
        else:
            draft.rename(target)
        for path in others:
            shutil.rmtree(path, ignore_errors=True)

    def _index(self) -> Path | None:
        """Return the newest index that was published whole."""
        if not self._home.is_dir():
            return None
        found = [path for path in self._home.iterdir() if len(path.name) == 40 and (path / "index").exists()]
        return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)

    def _listed(self, folder: Path, directory: Path, *options: str) -> set[bytes]:
        """Return untracked files, and with -m -d those whose status differs from the index."""
        out = self._git(
            directory, "ls-files", "-t", "-z", "-o", *options, "--exclude-standard", folder=folder
        )
        found, untracked = set[bytes](), list[bytes]()
        for line in out.split(b"\0"):
            path = line[2:]
            if path.endswith(b"/"):  # a nested repository: its files, in place of its folder
                inner = folder / os.fsdecode(path)
                below = self._listed(inner, self._blank())
                found |= {path + name for name in below - nested_repositories.excluded_in(inner, below)}
            elif line.startswith(b"? "):
                untracked.append(path)
            elif path:
                found.add(path)
        return found | nested_repositories.without_excluded(folder, untracked)

    def _blank(self) -> Path:
        """Return a git directory with an empty index over our objects."""
        return self._directory("blank")

    def _directory(self, name: str) -> Path:
        directory = self._home / name
        if not (directory / "HEAD").exists():
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "commondir").write_text("../../..\n", encoding="utf-8")
            (directory / "HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
        return directory

    def _git(
        self,
        directory: Path,
        *arguments: str,
        folder: Path | None = None,
        input: bytes | None = None,
        accept: tuple[int, ...] = (0,),
    ) -> bytes:
        excludes = self._home / "exclude"
        text = ignore_list.exclude_text(self._user).encode("utf-8", "surrogateescape")
        if not excludes.exists() or excludes.read_bytes() != text:
            excludes.write_bytes(text)
        place = folder or self.mount.directory
        return self._repository.run(
            *arguments,
            input=input,
            accept=accept,
            git_dir=directory,
            work_tree=place,
            settings=("core.bare=false", f"core.excludesFile={excludes}"),
        )

    def _forced(self, base: bytes | None) -> set[bytes]:
        """Return files that the user's git tracks although a rule ignores them, and that the base does not hold yet."""
        ignored = self._user.tracked_although_ignored() if self._user is not None else []
        return {path for path in ignored if self._repository.trees.at(base, path) is None}

    def absent(self, found: set[bytes]) -> set[bytes]:
        """Return those of the candidates that a sparse checkout removed from the work tree."""
        left_out = self._user.sparse() if self._user is not None and self.mount.scanned else []
        return {p for p in found.intersection(left_out) if not os.path.lexists(self.mount.full(p))}
