"""The role document: the user's standing instructions, first in the prompt, read again before every model call.

In a project's folder it counts as the user's own only if mazu-ls saw the user write `.mazu/role.md` on this machine, or
the user agreed to exactly that text. What counts is where the document is, not how its path is written: a path that
leads into the project through a link is the project's. Anything else (a clone, an archive, a submodule, a linked
folder, another owner, a command or an edit of the agent) needs consent. A document of another name, which the project's
settings may choose, always needs consent: someone who saves `docs/NOTES.md` does not know that it instructs the agent.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mazu_ls.agent.project.cached_files import CachedFiles
from mazu_ls.host import UNDECIDED, Choice, Question
from mazu_ls.state import paths
from mazu_ls.workspace import project_files
from mazu_ls.workspace.path_rules import is_secret

if TYPE_CHECKING:
    from mazu_ls.host import Host
    from mazu_ls.tools.skills.trust import State, TrustStore

log = logging.getLogger(__name__)
CHOICES = (Choice("allow_always", "Use it", "allow_always"), Choice("deny", "Not now", "deny"))


class RoleDocument:
    """The role of one project. `key` names the project in the stored consents."""

    def __init__(
        self, documents: CachedFiles, root: Path, key: str, host: Host, env: Mapping[str, str]
    ) -> None:
        self._documents = documents
        self._root = root
        self._key = key
        self._host = host
        self._env = env
        self._placed: tuple[str, Path, PurePosixPath | None] | None = None
        self._agreed: str | None = None
        self._own = False
        self._asked: set[str] = set()
        self._question: asyncio.Task[None] | None = None

    def path(self, name: str) -> Path:
        """Return the path of the document that this setting names."""
        path = Path(name).expanduser()
        return path if path.is_absolute() else self._root / path

    def refresh(self, name: str) -> None:
        """Record whether the document exists; required once before `text`. A document that the user creates later is
        their own."""
        self._own = not self.found(name)

    def found(self, name: str) -> str:
        """Return the document's text whether or not it is in force; empty if there is none.

        Never reads below /proc, /dev or /sys, whose names resolve differently for every process, nor files that hold
        keys.
        """
        path, inside = self._place(name)
        if _is_unfit(inside or path):
            return ""
        if inside is not None:
            return self._documents.text(self._root, str(inside))
        return self._documents.text_of_user(path)

    def in_project(self, name: str) -> bool:
        """Return whether the document is a file of the project, not of the user."""
        return self._place(name)[1] is not None

    def _place(self, name: str) -> tuple[Path, PurePosixPath | None]:
        """Return the document's path, and where it is below the project; the latter is settled if the path itself says so."""
        if self._placed is None or self._placed[0] != name:
            path = self.path(name)
            lexical = Path(os.path.normpath(path))
            below = lexical.relative_to(self._root) if lexical.is_relative_to(self._root) else None
            self._placed = name, path, None if below is None else PurePosixPath(below)
        _, path, inside = self._placed
        return path, inside or self._inside(path)

    def _inside(self, path: Path) -> PurePosixPath | None:
        """Return the file's path below the project, with links resolved outside of it; None if it is elsewhere."""
        lexical = Path(os.path.normpath(path))
        if lexical.is_relative_to(self._root):
            return PurePosixPath(lexical.relative_to(self._root))
        real = Path(os.path.realpath(path))
        for folder in real.parents:
            try:
                if folder.samefile(self._root):
                    return PurePosixPath(real.relative_to(folder))
            except OSError:  # a folder that does not exist or cannot be read
                continue
        return None

    def text(self, name: str, seconds: float) -> str:
        """Return the text in force: empty if there is none or without the user's consent, which is then asked for once."""
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
        """Return the user's decision about this text."""
        return self._trust().state("role", self._key, text.encode())

    def agree(self, text: str) -> None:
        """The user made this text the role, or agreed to it."""
        self._agreed, self._own = text, True
        self._trust().agree("role", self._key, text.encode())

    def revoke(self) -> None:
        """Revoke every consent. Raises MazuError(not_found) if there is none."""
        self._agreed, self._own = None, False
        self._asked.clear()
        self._trust().revoke("role", self._key)

    def opened(self, name: str, path: Path, text: str) -> None:
        """The user opened the document: its present text was not seen to be written here."""
        if path == self.path(name) and text and text != self._agreed and self.state(text) != "agreed":
            self._own = False

    def saved(self, name: str, path: Path, text: str) -> None:
        """The user saved this text in the editor: it is their own if the previous text was, or if there was none."""
        usual = self._root / paths.PROJECT_FOLDER / "role.md"
        if path == self.path(name) == usual and text and self._own:  # the agent cannot write in .mazu
            self.agree(text)

    def write(self, name: str, text: str) -> None:
        """Write the user's text to the document. Raises OSError if a link or another kind of file is in its place."""
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
        """Withdraw an open question."""
        if self._question:
            self._question.cancel()

    async def _ask(self, path: Path, text: str, seconds: float) -> None:
        title = f"This project contains a role document for the agent, {path.name}, that was not written here. Use it?"
        reply = await self._host.ask(Question("", "", "trust", title, text, CHOICES), seconds)
        if reply.unreachable:
            await self._host.say("warning", f"Mazu: {title} {UNDECIDED}")
        if reply.choice is not None and reply.choice.kind != "deny":
            self.agree(text)

    def _trust(self) -> TrustStore:
        from mazu_ls.tools.skills.trust import TrustStore

        return TrustStore.load(paths.mazu_home(self._env))


def _is_unfit(path: Path | PurePosixPath) -> bool:
    """Return whether a document must not reach a model: below /proc, /dev or /sys, or with a name that suggests keys."""
    place = os.path.normpath(path)
    return _is_unfit_place(place) or (place.startswith("/") and _is_unfit_place(os.path.realpath(path)))


@lru_cache(64)
def _is_unfit_place(path: str) -> bool:
    place = PurePosixPath(path)
    kernel = any(place.is_relative_to(top) for top in ("/proc", "/dev", "/sys"))
    return kernel or is_secret(place.parts) is not None
