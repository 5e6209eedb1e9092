"""Compares memories with the files they are about whenever they are given to the model, whoever changed the files."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import user_repository

if TYPE_CHECKING:
    from mazu_ls.host import Host
    from mazu_ls.memory.anchors.anchors import Anchors
    from mazu_ls.memory.memories import Memories
    from mazu_ls.memory.models import Memory, MemoryAnchor
    from mazu_ls.workspace import Workspace

MOST_FILES = 100
MOST_CANDIDATES = 200
"""Maximum number of files that are compared with one that is gone."""
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
    paths = dict.fromkeys(anchor.path for memory in found for anchor in memory.anchors)
    changed = False
    for path in list(paths)[:MOST_FILES]:
        try:
            text: str | None = await host.read(workspace.resolve(path))
        except FileNotFoundError:
            text = None
            if await follow_renamed(memories.anchors, path, host, workspace):
                changed = True
                continue
        except (OSError, MazuError) as error:
            log.info("the anchors in %s were not followed: %s", path, error)
            continue
        changed = bool(await memories.anchors.document_changed(path, text)) or changed
    return changed


async def follow_renamed(anchors: Anchors, path: str, host: Host, workspace: Workspace) -> bool:
    """Move the anchors of a file that is gone to the first one that holds all the code that they know; return whether there is one.

    Anchors that are stale already were looked for before.
    """
    known = [
        one.anchor for one in await anchors.at(path) if one.anchor.state != "stale" and one.anchor.evidence
    ]
    new = await _find_code(known, path, host, workspace) if known and len(workspace.roots) == 1 else None
    if new is not None:
        await anchors.renamed(path, new)
    return new is not None


async def _find_code(
    anchors: Sequence[MemoryAnchor], path: str, host: Host, workspace: Workspace
) -> str | None:
    from mazu_ls.memory.anchors.anchor_evidence import AnchoredText, follow_anchor

    for name in await asyncio.to_thread(_candidates, workspace.roots[0], path):
        if PurePosixPath(name).name != PurePosixPath(path).name and not all(map(_is_telling, anchors)):
            continue
        try:
            document = AnchoredText(name, await host.read(workspace.resolve(name)))
        except (OSError, MazuError):
            continue
        if all(follow_anchor(anchor, document).state != "stale" for anchor in anchors):
            return name
    return None


def _is_telling(anchor: MemoryAnchor) -> bool:
    """Return whether its evidence is of a whole file, or of more than a line or two."""
    evidence = anchor.evidence or ""
    return evidence.startswith("file.") or int(evidence.rpartition(".")[2]) >= _LEAST_LINES


def _candidates(root: Path, path: str) -> Sequence[str]:
    """Return the files of the kind of `path` that git knows or does not ignore, those of the same name first."""
    try:
        repository = user_repository.find(root)
        names = [os.fsdecode(name) for name in repository.files()] if repository is not None else []
    except MazuError as error:
        log.info("a renamed %s was not looked for: %s", path, error)
        return []
    gone = PurePosixPath(path)
    alike = [name for name in names if name != path and PurePosixPath(name).suffix == gone.suffix]
    return sorted(alike, key=lambda name: PurePosixPath(name).name != gone.name)[:MOST_CANDIDATES]
