"""One opened project: what its sessions share, and the sessions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.agent.jobs.extraction import MemoryExtractor
from mazu_ls.agent.project.services import ProjectServices
from mazu_ls.agent.session.sessions import Sessions
from mazu_ls.agent.session.undo import undo_targets

if TYPE_CHECKING:
    from mazu_ls.host import Host
    from mazu_ls.models.retry import RetryPolicy


class Project(ProjectServices):
    """Opened by `open`, which never raises when a key, git or a writable disk is missing: `warnings` says what is."""

    sessions: Sessions
    extractions: MemoryExtractor

    @classmethod
    async def open(
        cls,
        folders: Sequence[Path],
        host: Host,
        *,
        settings: Mapping[str, Any] | None = None,
        env: Mapping[str, str] = os.environ,
        patience: RetryPolicy | None = None,
    ) -> Project:
        """Read the settings, open memory and checkpoints, find the sessions. `patience` with models that fail."""
        project = cls(folders, host, env, patience)
        await project.open_services(settings or {})
        if project.checkpoints:
            project.checkpoints.upkeep.named_by_undo = lambda: undo_targets(project)
        sessions = project.sessions = Sessions(project, project.journals)
        project.extractions = MemoryExtractor(
            project, lambda session_id: sessions.find(session_id) is not None
        )
        project.scheduler = project.extractions
        project.extractions.start()
        return project

    async def close(self) -> None:
        """End all turns, children and connections."""
        await self.extractions.close()
        await asyncio.gather(self.sessions.close(), self.close_map())
        await self.close_stores()
