"""Documents with unsaved text in another process's editor: a rollback here cannot change that text."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import Kind, MazuError

if TYPE_CHECKING:
    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.checkpoints.models import PlanFiles, UnsavedElsewhere
    from mazu_ls.host import Host
    from mazu_ls.server.client.editor import ConnectedEditor
    from mazu_ls.workspace import Workspace

logger = logging.getLogger(__name__)
FOLDER = "unsaved"
NAMED = 3
MAX_CHARACTERS = 1 << 20
"""Maximum characters of unsaved text that a process shares; what exceeds that is only named."""
UNDO_THERE = "Undo or roll back in that editor, or save or close the file there first."


class UnsavedRegistry:
    """One file per process whose editor holds unsaved text, with paths and texts; its lock ends with the process. All
    methods but `others` block."""

    def __init__(self, state: Path) -> None:
        """`state`: the project's state directory."""
        import secrets

        self._folder = state / FOLDER
        self._token = secrets.token_hex(8)
        self._held = ExitStack()
        self._shown = False
        self._closed = False
        self._changing = threading.Lock()

    def show(self, documents: Iterable[tuple[Path, str, str]]) -> None:
        """Publish what is unsaved here (path, URI, text); does nothing once it is closed. Raises OSError, MazuError."""
        listed: dict[str, dict[str, str]] = {}
        room = MAX_CHARACTERS
        for path, uri, text in documents:
            listed[str(path)] = {"uri": uri, "hash": _hash(text)}
            if len(text) <= room:
                listed[str(path)]["text"] = text
                room -= len(text)
        with self._changing:
            if not self._closed:
                self._show(listed)

    def _show(self, listed: dict[str, dict[str, str]]) -> None:
        from mazu_ls.checkpoints.store.lock import lock_exclusively
        from mazu_ls.state.paths import private_folder
        from mazu_ls.workspace.project_files import write_file

        if not listed and not self._shown:
            return
        private_folder(self._folder)
        if not self._shown:
            self._held.enter_context(lock_exclusively(self._folder / self._token, 0.0))
            self._shown = True
        write_file(self._folder, f"{self._token}.json", json.dumps(listed).encode(), durable=False)

    def others(self) -> list[str]:
        """Return the names of other processes' files; lists one small folder, so that it may be called on the event loop."""
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - at each edit and each checkpoint
        except OSError:  # nobody has shared anything yet
            return []
        own = f"{self._token}.json"
        return [name for name in names if name.endswith(".json") and name != own]

    def elsewhere(self) -> dict[Path, str]:
        """Return the documents that live processes other than this one name, with the hashes of their texts."""
        return {path: one.hash for path, one in self.documents().items()}

    def documents(self) -> dict[Path, UnsavedElsewhere]:
        """Return the documents that live processes other than this one name, with their texts."""
        if not (names := self.others()):
            return {}
        import msgspec
        from msgspec.structs import replace

        from mazu_ls.checkpoints.models import UnsavedElsewhere
        from mazu_ls.checkpoints.store.lock import is_held

        found: dict[Path, UnsavedElsewhere] = {}
        for name in names:
            file = self._folder / name
            lock = file.with_suffix("")
            try:
                if is_held(lock):
                    listed = json.loads(file.read_text("utf-8"))
                    at = file.stat().st_mtime
                    # The server of an earlier version, which may still run beside this one, shares hashes alone.
                    for path, one in msgspec.convert(listed, dict[str, UnsavedElsewhere | str]).items():
                        known = UnsavedElsewhere("", one) if isinstance(one, str) else one
                        found[Path(path)] = replace(known, at=at)
                else:
                    file.unlink(missing_ok=True)
                    lock.unlink(missing_ok=True)
            except (OSError, ValueError, AttributeError) as error:
                logger.info("%s cannot be read: %s", file, error)
        return found

    def close(self) -> None:
        """The project is closed: nothing is unsaved here."""
        with self._changing:
            self._closed = True
            self._held.close()
            if self._shown:
                for name in (self._token, f"{self._token}.json"):
                    with suppress(OSError):
                        (self._folder / name).unlink()
                self._shown = False


def attach(
    registry: UnsavedRegistry,
    host: Host,
    editor: ConnectedEditor,
    spawn: Callable[[Coroutine[Any, Any, None]], object],
) -> None:
    """Publish from now on which files have unsaved text in this editor."""
    writing = asyncio.Lock()
    wanted = asyncio.Event()

    async def write() -> None:
        async with writing:
            if not wanted.is_set():
                return  # the one before this saw the same
            wanted.clear()
            edited = [(one.path, one.uri, one.text) for one in await host.buffers() if one.path and one.dirty]
            try:
                await asyncio.to_thread(registry.show, edited)
            except (OSError, MazuError) as error:
                logger.warning("other processes cannot see the unsaved text of this one: %s", error)

    def changed() -> None:
        if not wanted.is_set():
            wanted.set()
            spawn(write())

    editor.unsaved_listener = changed
    changed()  # documents stay open while the project is reopened


async def require_none(
    registry: UnsavedRegistry | None,
    workspace: Workspace,
    checkpoints: Checkpoints,
    target_id: str,
    paths: Sequence[str] = (),
) -> None:
    """Raise MazuError(conflict) if another process's editor holds unsaved text in a file that an agent changed since: a
    rollback would have to change that text and cannot, and the next save there would restore it.

    `paths`: the files and folders to roll back; none named: all.
    """
    from mazu_ls.checkpoints.models import is_selected

    names = [name for name in await names_elsewhere(registry, workspace) if is_selected(name, paths)]
    if names:
        owners = await checkpoints.owners(target_id)
        _refuse([name for name in names if owners.get(name, "user") != "user"])


async def require_text_of(
    registry: UnsavedRegistry | None,
    workspace: Workspace,
    checkpoints: Checkpoints,
    target_id: str,
    paths: Sequence[str] = (),
) -> None:
    """Raise MazuError(conflict) if another process's editor holds unsaved text that differs from the checkpoint: a
    rollback of everything would have to change that text, which is not possible from here."""
    from mazu_ls.checkpoints.models import is_selected

    held = await asyncio.to_thread(registry.elsewhere) if registry else dict[Path, str]()
    names: list[str] = []
    for path, hash in sorted(held.items()):
        if workspace.contains(path) and is_selected(name := workspace.relative(path), paths):
            text, _, _ = await checkpoints.file_text(target_id, name)
            if text is not None and _hash(text) != hash:
                names.append(name)
    _refuse(
        names,
        "Roll back in that editor, save or close the file there first, or choose `keep` for your own changes.",
    )


async def require_none_in_plan(
    registry: UnsavedRegistry | None, workspace: Workspace, plan: PlanFiles, *, with_users: bool
) -> None:
    """Raise MazuError(conflict) if another process's editor holds unsaved text in a file that this plan writes.

    `with_users`: the files with the user's own work are written as well.
    """
    touched = {*plan.write, *plan.delete, *(conflict.path for conflict in plan.conflicts)}
    touched |= {*plan.users} if with_users else set()
    _refuse([name for name in await names_elsewhere(registry, workspace) if name in touched])


async def require_saved(registry: UnsavedRegistry, workspace: Workspace, path: Path) -> None:
    """Raise MazuError(conflict) if another process's editor holds unsaved text of a file that is to be edited: its next
    save would revert the edit, and what the user typed there is not in the text that was read here."""
    if registry.others() and path in await asyncio.to_thread(registry.elsewhere):
        _refuse([workspace.relative(path)], "It was not edited: save or close the file there first.")


async def names_elsewhere(registry: UnsavedRegistry | None, workspace: Workspace) -> list[str]:
    """Return the project's files of which other processes' editors hold unsaved text."""
    paths = await asyncio.to_thread(registry.elsewhere) if registry else ()
    return [workspace.relative(path) for path in sorted(paths) if workspace.contains(path)]


def _hash(text: str) -> str:
    from mazu_ls.checkpoints.scan.unsaved_buffers import text_digest

    return text_digest(text)


def _refuse(names: list[str], hint: str = UNDO_THERE) -> None:
    if not names:
        return
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    raise MazuError(
        Kind.CONFLICT,
        f"Another editor on this project has unsaved changes: {listed}.",
        hint,
    )
