"""Compares memories with the files they are about whenever they are given to the model, whoever changed the files."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import history, user_repository
from mazu_ls.gitcmd.commits import object_ids_at, read_objects

if TYPE_CHECKING:
    from mazu_ls.gitcmd.user_repository import UserRepository
    from mazu_ls.host import Host
    from mazu_ls.memory.anchors.anchor_evidence import AnchoredText
    from mazu_ls.memory.anchors.anchors import Anchors
    from mazu_ls.memory.memories import Memories
    from mazu_ls.memory.models import Memory, MemoryAnchor
    from mazu_ls.workspace import Workspace

MOST_FILES = 100
MOST_CANDIDATES = 200
"""Maximum number of files that are compared with one that is gone."""
MOST_BYTES = 1 << 20
"""A larger file is not compared."""
_MOST_ASKED = 20_000
"""Maximum number of files of which git is asked whether HEAD has them."""
_RENAMED_FROM = 0.5
"""Share of lines from which a file that HEAD does not have is one of its files under another name; git's own bound."""
_LEAST_LINES = 3
"""Lines of code by which a file of another name is recognised: a closing bracket is in all of them."""

log = logging.getLogger(__name__)


async def refresh_anchors(
    memories: Memories, found: Iterable[Memory], host: Host, workspace: Workspace
) -> bool:
    """Update the anchors of `found` from the current text of their files; return whether any memory changed by that.

    A memory whose code changed or whose file is missing becomes stale; one whose code is back becomes current. A file that was
    renamed outside an editor is looked for once, in a git repository.
    """
    moved = RenamedFiles(workspace)
    paths = dict.fromkeys(anchor.path for memory in found for anchor in memory.anchors)
    changed = False
    for path in list(paths)[:MOST_FILES]:
        try:
            text: str | None = await host.read(workspace.resolve(path))
        except FileNotFoundError:
            text = None
            if new := await follow_renamed(memories.anchors, path, moved):
                changed = True
                with contextlib.suppress(OSError, MazuError):
                    await memories.anchors.document_changed(new, await host.read(workspace.resolve(new)))
                continue
        except (OSError, MazuError) as error:
            log.info("the anchors in %s were not followed: %s", path, error)
            continue
        changed = bool(await memories.anchors.document_changed(path, text)) or changed
    return changed


async def follow_renamed(anchors: Anchors, path: str, moved: RenamedFiles) -> str | None:
    """Move the anchors of a file that is gone to the file that holds their code now; return its name.

    Anchors that are stale already were looked for before.
    """
    known = [
        one.anchor for one in await anchors.at(path) if one.anchor.state != "stale" and one.anchor.evidence
    ]
    new = await asyncio.to_thread(moved.find, path, known) if known else None
    if new is not None:
        await anchors.renamed(path, new)
    return new


class RenamedFiles:
    """Finds where files that are gone are now, by their code. One for many of them, as after a switch of branches: the files of a
    project are listed, read and hashed once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._names: list[str] | None = None
        self._repository: UserRepository | None = None
        self._tracked: set[bytes] | None = None
        self._documents: dict[str, AnchoredText | None] = {}

    def find(self, path: str, anchors: Sequence[MemoryAnchor]) -> str | None:
        """Return the first file of the same kind that holds the code of all `anchors`, those of the same name first; else the file
        that is not committed and has the text that HEAD has under that name, or most of it; else the file that a commit renamed it
        to, whose code may have changed since. Blocks."""
        if len(self._workspace.roots) != 1:
            return None
        return (
            self._find_by_code(path, anchors) or self._find_uncommitted(path) or self._find_in_history(path)
        )

    def _find_by_code(self, path: str, anchors: Sequence[MemoryAnchor]) -> str | None:
        from mazu_ls.memory.anchors.anchor_evidence import holds_code

        gone = PurePosixPath(path)
        telling = all(map(_is_telling, anchors))
        with self._lock:
            for name in self._of_kind(gone)[:MOST_CANDIDATES]:
                if PurePosixPath(name).name != gone.name and not telling:
                    continue
                document = self._read(name)
                if document is not None and all(holds_code(document, anchor) for anchor in anchors):
                    return name
        return None

    def _find_uncommitted(self, path: str) -> str | None:
        """Return the one file that HEAD does not have and that is most like what HEAD has as `path`."""
        from mazu_ls.memory.anchors.anchor_evidence import AnchoredText, resemblance

        with self._lock:
            self._open_repository()
            commit = self._repository.state().commit if self._repository is not None else None
            if self._repository is None or commit is None:
                return None
            names = self._of_kind(PurePosixPath(path))[:_MOST_ASKED]
            try:
                asked = [os.fsencode(name) for name in (path, *names)]
                (gone,), *there = object_ids_at(self._repository, [commit], asked)
                (data,) = read_objects(self._repository, [gone]) if gone is not None else (None,)
            except MazuError as error:
                log.info("renames that are not committed were not looked for: %s", error)
                return None
            if data is None or not data.strip() or len(data) > MOST_BYTES:
                return None
            text = AnchoredText(path, data.decode("utf-8", "replace"))
            new = [name for name, (oid,) in zip(names, there, strict=True) if oid is None][:MOST_CANDIDATES]
            alike = [(resemblance(text, one), name) for name in new if (one := self._read(name)) is not None]
        best = max((share for share, _ in alike), default=0.0)
        found = [name for share, name in alike if share == best]  # those of the same name are first
        same = [name for name in found if PurePosixPath(name).name == PurePosixPath(path).name]
        one = found if len(found) == 1 else same
        return one[0] if best >= _RENAMED_FROM and len(one) == 1 else None

    def _open_repository(self) -> None:
        if self._tracked is None:
            self._tracked = set()
            try:
                if (repository := user_repository.find(self._workspace.roots[0])) is not None:
                    self._tracked, self._repository = set(repository.tracked()), repository
            except MazuError as error:
                log.info("renames were not looked for: %s", error)

    def _find_in_history(self, path: str) -> str | None:
        root = self._workspace.roots[0]
        with self._lock:
            self._open_repository()
            tracked = self._tracked or set()
        # What git still tracks was removed from the work tree alone: an earlier rename of that name was another file's.
        if self._repository is None or os.fsencode(path) in tracked:
            return None
        inside = root.resolve().relative_to(self._repository.top)
        new = history.renamed_to(self._repository, os.fsencode(inside / path))
        if new is None or not Path(os.fsdecode(new)).is_relative_to(inside):
            return None
        name = Path(os.fsdecode(new)).relative_to(inside).as_posix()
        return name if (root / name).is_file() else None

    def _of_kind(self, gone: PurePosixPath) -> list[str]:
        if self._names is None:
            self._names = _listed(self._workspace.roots[0])
        alike = [
            name for name in self._names if name != str(gone) and PurePosixPath(name).suffix == gone.suffix
        ]
        return sorted(alike, key=lambda name: PurePosixPath(name).name != gone.name)

    def _read(self, name: str) -> AnchoredText | None:
        from mazu_ls.memory.anchors.anchor_evidence import AnchoredText

        if name not in self._documents:
            try:
                data = self._workspace.read_bytes(self._workspace.resolve(name), MOST_BYTES)
                self._documents[name] = AnchoredText(name, data.decode("utf-8", "replace"))
            except (OSError, MazuError):
                self._documents[name] = None
        return self._documents[name]


def _is_telling(anchor: MemoryAnchor) -> bool:
    """Return whether its evidence is of a whole file, or of more than a line or two."""
    evidence = anchor.evidence or ""
    return evidence.startswith("file.") or int(evidence.rpartition(".")[2]) >= _LEAST_LINES


def _listed(root: Path) -> list[str]:
    """Return the files that git knows or does not ignore."""
    try:
        repository = user_repository.find(root)
        return [os.fsdecode(name) for name in repository.files()] if repository is not None else []
    except MazuError as error:
        log.info("renamed files were not looked for: %s", error)
        return []
