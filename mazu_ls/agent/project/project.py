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
from mazu_ls.errors import MazuError

if TYPE_CHECKING:
    from mazu_ls.host import Host
    from mazu_ls.models.retry import RetryPolicy


class Project(ProjectServices):
    """Opened by `open`, which never raises when a key, git or a writable disk is missing: `warnings` says what is."""

    sessions: Sessions
    extractions: MemoryExtractor
    _kept_model: str | None = None
    """The model that stays because the settings name one that cannot be used."""

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

    def usable_model(self) -> str | None:
        """The full name of the model in force; None where none can be had."""
        try:
            return self._resolved()
        except MazuError:
            return None

    def keep_usable_model(self, before: str | None) -> str | None:
        """A sentence where new settings name a model that cannot be had: the one of `before` stays; None where it can."""
        if self.chosen_model is not None and self.chosen_model != self._kept_model:
            return None  # a choice of the user's holds whatever the settings say
        self.chosen_model = self._kept_model = None
        try:
            self._resolved()
        except MazuError as error:
            if before is None:
                return None
            self.chosen_model = self._kept_model = before
            said = error.message.rstrip(".")
            return f"the model {self.config.model} of the settings cannot be used: {said}; {before} stays."
        return None

    def _resolved(self) -> str:
        # Not awaited anywhere: settings are in force for the request that comes behind them.
        from mazu_ls.models import catalog

        return catalog.resolve(self.chosen_model, self.config, self.env).name

    async def close(self) -> None:
        """End all turns, children and connections."""
        await self.extractions.close()
        await asyncio.gather(self.sessions.close(), self.close_map())
        await self.close_stores()
