"""The role document: the user's words to the agent, first in the prompt, looked at anew before every model call.

One that came with a cloned project, which git tells by tracking it, is somebody else's: it has no effect until the user
agreed to exactly that text. One that git does not track was put there by the user, for `.mazu/` ignores itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls import paths
from mazu_ls.agent.documents import Documents
from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import user_repository
from mazu_ls.host import Choice, Question

if TYPE_CHECKING:
    from mazu_ls.host import Host
    from mazu_ls.tools.trust import Trust

log = logging.getLogger(__name__)
CHOICES = (Choice("allow_always", "Use it", "allow_always"), Choice("deny", "Not now", "deny"))


class Role:
    """The role of one project. `key` names the project in the user's agreements."""

    def __init__(
        self, documents: Documents, root: Path, key: str, host: Host, env: Mapping[str, str]
    ) -> None:
        self._documents = documents
        self._root = root
        self._key = key
        self._host = host
        self._env = env
        self._brought: dict[Path, bool] = {}
        self._agreed: str | None = None
        self._asked: set[str] = set()
        self._question: asyncio.Task[None] | None = None

    def path(self, name: str) -> Path:
        """Where the document of this setting is."""
        path = Path(name).expanduser()
        return path if path.is_absolute() else self._root / path

    async def look(self, name: str) -> None:
        """Find out whether the document came with the project; needed once before `text`."""
        path = self.path(name)
        self._brought[path] = await asyncio.to_thread(_tracked, self._root, path)

    def text(self, name: str, seconds: float) -> str:
        """The text in force, empty where there is none or the user has not agreed to it; then he is asked, once."""
        path = self.path(name)
        text = self._documents.text(path)
        if not text or not self._brought.get(path) or text == self._agreed:
            return text
        if self._trust().state("role", self._key, text.encode()) == "agreed":
            self._agreed = text
            return text
        if text not in self._asked:
            self._asked.add(text)
            self._question = asyncio.get_running_loop().create_task(self._ask(path, text, seconds))
        return ""

    def agree(self, text: str) -> None:
        """The user himself made this text the role."""
        self._agreed = text
        self._trust().agree("role", self._key, text.encode())

    async def close(self) -> None:
        """Take an open question back."""
        if self._question:
            self._question.cancel()

    async def _ask(self, path: Path, text: str, seconds: float) -> None:
        title = f"This project brings a role document for the agent, {path.name}. Use it?"
        reply = await self._host.ask(Question("", "", "trust", title, text, CHOICES), seconds)
        if reply.choice is not None and reply.choice.kind != "deny":
            self.agree(text)

    def _trust(self) -> Trust:
        from mazu_ls.tools.trust import Trust

        return Trust.load(paths.mazu_home(self._env))


def _tracked(root: Path, path: Path) -> bool:
    """Whether git has the file in its index; False without git."""
    if not path.is_relative_to(root):
        return False
    try:
        repository = user_repository.find(root)
        return repository is not None and repository.tracks(os.fsencode(path.relative_to(root)))
    except (OSError, MazuError) as error:
        log.info("git could not be asked about %s: %s", path, error)
        return False
