"""The role document: the user's words to the agent, first in the prompt, looked at anew before every model call.

In a project's folder it is the user's own only if mazu-ls saw the user write `.mazu/role.md` on this machine, or the user
agreed to exactly that text. What counts is where the document is, not how its path is written: a path that leads into the
project through a link is the project's. How it came there does not count: a clone, an archive, a submodule, a linked folder, another
owner, a command or an edit of the agent. A document of another name, which the project's settings may choose, is always
asked about: who saves `docs/NOTES.md` does not know that it speaks to the agent.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mazu_ls.agent.project.cached_files import CachedFiles
from mazu_ls.host import Choice, Question
from mazu_ls.state import paths
from mazu_ls.workspace import project_files
from mazu_ls.workspace.path_rules import is_secret

if TYPE_CHECKING:
    from mazu_ls.host import Host
    from mazu_ls.tools.skills.trust import State, TrustStore

log = logging.getLogger(__name__)
CHOICES = (Choice("allow_always", "Use it", "allow_always"), Choice("deny", "Not now", "deny"))


class RoleDocument:
    """The role of one project. `key` names the project in the user's agreements."""

    def __init__(
        self, documents: CachedFiles, root: Path, key: str, host: Host, env: Mapping[str, str]
    ) -> None:
        self._documents = documents
        self._root = root
        self._key = key
        self._host = host
        self._env = env
        self._agreed: str | None = None
        self._own = False
        self._asked: set[str] = set()
        self._question: asyncio.Task[None] | None = None

    def path(self, name: str) -> Path:
        """Where the document of this setting is."""
        path = Path(name).expanduser()
        return path if path.is_absolute() else self._root / path

    def refresh(self, name: str) -> None:
        """Note whether there is a document; needed once before `text`. One that the user writes from now on is his own."""
        self._own = not self.found(name)

    def found(self, name: str) -> str:
        """The document as it is, whether it is in force or not; empty where there is none.

        Never of the kernel's folders, whose names lead elsewhere for every process, nor of a file that holds keys.
        """
        path = self.path(name)
        inside = self._inside(path)
        if _is_unfit(inside or path):
            return ""
        if inside is not None:
            return self._documents.text(self._root, str(inside))
        return self._documents.text_of_user(path)

    def in_project(self, name: str) -> bool:
        """Whether the document is a file of the project, not of the user."""
        return self._inside(self.path(name)) is not None

    def _inside(self, path: Path) -> PurePosixPath | None:
        """Where below the project the file is, links of the path outside of it resolved; None for one elsewhere."""
        lexical = Path(os.path.normpath(path))
        if lexical.is_relative_to(self._root):
            return PurePosixPath(lexical.relative_to(self._root))
        real = Path(os.path.realpath(path))
        for folder in real.parents:
            try:
                if folder.samefile(self._root):
                    return PurePosixPath(real.relative_to(folder))
            except OSError:  # a folder that is not there, or not to be looked into
                continue
        return None

    def text(self, name: str, seconds: float) -> str:
        """The text in force, empty where there is none or the user has not agreed to it; then he is asked, once."""
        text = self.found(name)
        if not text or text == self._agreed or not self.in_project(name):
            return text
        if self.state(text) == "agreed":
            self._agreed = text
            return text
        self._own = False
        if text not in self._asked:
            self._asked.add(text)
            self._question = asyncio.get_running_loop().create_task(self._ask(self.path(name), text, seconds))
        return ""

    def state(self, text: str) -> State:
        """What the user said about this text."""
        return self._trust().state("role", self._key, text.encode())

    def agree(self, text: str) -> None:
        """The user himself made this text the role, or agreed to it."""
        self._agreed, self._own = text, True
        self._trust().agree("role", self._key, text.encode())

    def revoke(self) -> None:
        """Take every agreement back. Raises MazuError(not_found) where there is none."""
        self._agreed, self._own = None, False
        self._asked.clear()
        self._trust().revoke("role", self._key)

    def opened(self, name: str, path: Path, text: str) -> None:
        """The user opened the document: what stands in it already was not seen to be written here."""
        if path == self.path(name) and text and text != self._agreed and self.state(text) != "agreed":
            self._own = False

    def saved(self, name: str, path: Path, text: str) -> None:
        """The user saved this text in the editor: it is his own if what stood there before was, or nothing did."""
        usual = self._root / paths.PROJECT_FOLDER / "role.md"
        if path == self.path(name) == usual and text and self._own:  # the agent cannot write in there
            self.agree(text)

    def write(self, name: str, text: str) -> None:
        """Put the user's text into the document. Raises OSError where a link or something else stands in the way."""
        path = self.path(name)
        if (inside := self._inside(path)) is not None:
            if path.is_relative_to(self._root / paths.PROJECT_FOLDER):
                paths.project_folder(self._root)
            project_files.write_file(self._root, inside, text.encode())
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.agree(text)

    async def close(self) -> None:
        """Take an open question back."""
        if self._question:
            self._question.cancel()

    async def _ask(self, path: Path, text: str, seconds: float) -> None:
        title = f"This project contains a role document for the agent, {path.name}, that was not written here. Use it?"
        reply = await self._host.ask(Question("", "", "trust", title, text, CHOICES), seconds)
        if reply.choice is not None and reply.choice.kind != "deny":
            self.agree(text)

    def _trust(self) -> TrustStore:
        from mazu_ls.tools.skills.trust import TrustStore

        return TrustStore.load(paths.mazu_home(self._env))


def _is_unfit(path: Path | PurePosixPath) -> bool:
    """Whether a document there is none for a model: below /proc, /dev or /sys, or of a name that keys have."""
    place = PurePosixPath(os.path.normpath(path))
    real = PurePosixPath(os.path.realpath(path)) if place.is_absolute() else place
    kernel = any(one.is_relative_to(top) for one in (place, real) for top in ("/proc", "/dev", "/sys"))
    return kernel or any(is_secret(one.parts) is not None for one in (place, real))
