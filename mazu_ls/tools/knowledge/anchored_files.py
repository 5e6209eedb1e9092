"""Compares memories with the files they are about whenever they are given to the model, whoever changed the files."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError

if TYPE_CHECKING:
    from mazu_ls.host import Host
    from mazu_ls.memory.memories import Memories
    from mazu_ls.memory.models import Memory
    from mazu_ls.workspace import Workspace

MOST_FILES = 100

log = logging.getLogger(__name__)


async def refresh_anchors(
    memories: Memories, found: Iterable[Memory], host: Host, workspace: Workspace
) -> bool:
    """Update the anchors of `found` from the current text of their files; return whether any memory changed by that.

    A memory whose code changed or whose file is missing becomes stale; one whose code is back becomes current.
    """
    paths = dict.fromkeys(anchor.path for memory in found for anchor in memory.anchors)
    changed = False
    for path in list(paths)[:MOST_FILES]:
        try:
            text: str | None = await host.read(workspace.resolve(path))
        except FileNotFoundError:
            text = None
        except (OSError, MazuError) as error:
            log.info("the anchors in %s were not followed: %s", path, error)
            continue
        changed = bool(await memories.anchors.document_changed(path, text)) or changed
    return changed
