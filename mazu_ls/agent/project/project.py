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
    from mazu_ls.config.config import Mode
    from mazu_ls.host import Host
    from mazu_ls.models.retry import RetryPolicy


class Project(ProjectServices):
    """Created by `open`, which never raises when a key, git or a writable disk is missing: `warnings` says what is
    missing."""

    sessions: Sessions
    extractions: MemoryExtractor
    _expiring: asyncio.Task[None]
    _kept_model: str | None = None
    """The model that stays in use because the new settings name one that cannot be used."""

    @classmethod
    async def open(
        cls,
        folders: Sequence[Path],
        host: Host,
        *,
        settings: Mapping[str, Any] | None = None,
        env: Mapping[str, str] = os.environ,
        patience: RetryPolicy | None = None,
        checkpoints: bool = True,
    ) -> Project:
        """Read the settings, open memory and `checkpoints`, find the sessions. `patience` is the retry policy for failing
        models."""
        project = cls(folders, host, env, patience)
        await project.open_services(settings or {}, checkpoints=checkpoints)
        if project.checkpoints:
            project.checkpoints.upkeep.named_by_undo = lambda: undo_targets(project)
        sessions = project.sessions = Sessions(project, project.journals)
        project.extractions = MemoryExtractor(project, sessions.has_opened, sessions.holds)
        project.scheduler = project.extractions
        project.extractions.start()
        project._expiring = asyncio.create_task(sessions.remove_expired())
        return project

    def put_back_choices(self, mode: Mode | None) -> None:
        """Leave the mode and the model that were chosen in this process for `mode`, or that of the settings, and their model."""
        self.chosen_mode, self.chosen_model = mode, self._kept_model

    def usable_model(self) -> str | None:
        """Return the full name of the model in force; None if none is available."""
        try:
            return self._resolved()
        except MazuError:
            return None

    def keep_usable_model(self, before: str | None) -> str | None:
        """Keep the model of `before` if the new settings name one that is not available, and return a sentence about
        it; None if it is."""
        if self.chosen_model is not None and self.chosen_model != self._kept_model:
            return None  # the user's explicit choice of a model overrides the settings
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
        # No await before this point: the settings must apply to the request that follows.
        from mazu_ls.models import catalog

        return catalog.resolve(self.chosen_model, self.config, self.env).name

    async def close(self) -> None:
        """End all turns, child processes and connections."""
        await self.extractions.close()
        await asyncio.wait([self._expiring])
        await asyncio.gather(self.sessions.close(), self.close_map())
        await self.close_stores()
