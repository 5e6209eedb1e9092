"""LspHost: the agent's host for an editor, over LSP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Buffer, LanguageServices, Question, UserReply
from mazu_ls.server import uris
from mazu_ls.server.chat import markdown
from mazu_ls.server.client.ask_user import PICK_SECONDS
from mazu_ls.server.client.editor import ConnectedEditor
from mazu_ls.server.client.editor_language_servers import EditorLanguageServices
from mazu_ls.server.documents.apply_edit import (
    apply_to_closed,
    apply_to_document,
    name,
    rejection_reason,
    review_edits,
)
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.documents.editor_encoding import require_encodable
from mazu_ls.server.documents.file_io import DiskFiles
from mazu_ls.server.documents.notebooks import NotebookState, OpenNotebook
from mazu_ls.server.errors import ContentModified
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.workspace.ipynb import CellTexts, new_sources, separate_cells
from mazu_ls.workspace.visible_text import make_visible

logger = logging.getLogger(__name__)
LEVELS = {"error": 1, "warning": 2, "info": 3}
SAVE_SECONDS = 30.0
SHOW_SECONDS = 10.0
LOOK_SECONDS = 0.25
"""How often it is looked whether the user has saved, or the editor has loaded a file."""
RELOAD_SECONDS = 3.0
"""Seconds in which an editor loads a notebook that was changed on disk, if it does at all."""
Applied = TypeVar("Applied")


class LspHost:
    """Reads and edits open documents in the editor, any other file on disk through the workspace."""

    def __init__(
        self, editor: ConnectedEditor, disk: DiskFiles, waiting: Callable[[str, bool], None]
    ) -> None:
        """`waiting` is called with the session when it starts and stops waiting for the user."""
        self._editor = editor
        self._waiting = waiting
        self._disk = disk
        self._lending = EditorLanguageServices(editor, disk)
        self.edited: Callable[[Path, str, str], None] | None = None
        """Called with each edit that was made: text before and after."""
        self.require_editable: Callable[[Path], Awaitable[None]] | None = None
        """Raises MazuError if an editor of another process holds unsaved text of a file."""

    @property
    def lender(self) -> LanguageServices | None:
        """The editor's other language servers, if it shares them."""
        return self._lending if self._lending.lends else None

    def on_disk(self, path: Path) -> str:
        """Return the file's text. Blocks; raises FileNotFoundError, and MazuError for binary data."""
        return self._disk.read(path)

    async def read(self, path: Path) -> str:
        """Return the text the user sees, or will see once the editor has reloaded a file that was changed below it."""
        if document := self._editor.documents.at(path):
            _, stale = await self._disk_state(document)
            if not stale:
                return document.text
        if notebook := self._editor.notebooks.at(path):
            return await self._editor.notebooks.text(notebook, path, self._disk.read)
        return await asyncio.to_thread(self._disk.read, path)

    async def edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Edit through the editor if the file is open there, left unsaved; else on disk."""
        if self.require_editable:
            await self.require_editable(path)
        await self._edit(path, before, after)
        if self.edited and after is not None:
            self.edited(path, before or "", after)

    async def _edit(self, path: Path, before: str | None, after: str | None) -> None:
        document = self._editor.documents.at(path)
        if document is None and (notebook := self._editor.notebooks.at(path)):
            await self._edit_notebook(notebook, path, before, after)
            return
        if document is None or before is None:
            await asyncio.to_thread(self._disk.replace, path, before, after)
            return
        if (await self._disk_state(document))[1]:
            await self._edit_stale(document, path, before, after)
            return
        if after is not None:
            await require_encodable(self._editor, self._disk, document, after)
        _require(document, before)
        if after is not None:
            applying = apply_to_document(
                self._editor, document, after, revert_late=not markdown.is_chat(path)
            )
            await self._edit_open(document, after, applying)
        elif await self._dirty(document):
            raise MazuError(
                Kind.CONFLICT,
                f"{path.name} has unsaved changes in the editor.",
                "Save or close it before deleting it.",
            )
        else:
            await asyncio.to_thread(self._disk.replace, path, before, None)

    async def _edit_stale(self, document: OpenDocument, path: Path, before: str, after: str | None) -> None:
        """Edit on disk, since the editor shows an older text. It gets the new one, too, unless the user typed meanwhile."""
        await asyncio.to_thread(self._disk.replace, path, before, after)
        if after is not None:
            try:
                await apply_to_document(self._editor, document, after)
            except ContentModified as error:
                logger.info("%s is on disk, and not shown in the editor yet: %s", path, error.message)

    async def _edit_notebook(
        self, notebook: OpenNotebook, path: Path, before: str | None, after: str | None
    ) -> None:
        """Edit each cell in the editor; other changes of the file are refused."""
        if after is None:
            raise MazuError(
                Kind.CONFLICT, f"{path.name} is open as a notebook.", "Close it before deleting it."
            )
        if before is None or await self.read(path) != before:
            raise changed_meanwhile(path.name)
        cells = await asyncio.to_thread(new_sources, before, after, path.name)
        if (await self._notebook_state(notebook, path)).stale:
            await asyncio.to_thread(self._disk.replace, path, before, after)  # the editor loads it
            return
        await self._edit_cells(notebook, path.name, cells)

    async def _edit_cells(
        self, notebook: OpenNotebook, named: str, cells: Mapping[int, str], *, in_command: bool = False
    ) -> None:
        for number, text in cells.items():
            if (document := self._editor.notebooks.document(notebook, number)) is None:
                raise changed_meanwhile(named)
            late = not in_command
            await apply_to_document(
                self._editor, document, text, "Mazu", in_command=in_command, revert_late=late
            )

    async def restore_notebook(self, notebook: OpenNotebook, buffer: Buffer, text: str) -> bool:
        """Bring an open notebook from what `buffer` holds to `text`, a file of it; return whether the editor shows that now.

        If it has no unsaved changes, and its file was restored, the editor has a while to load it. False: the user typed
        since, or more would have to change than the text of cells.
        """
        shown, path = partial(self._editor.notebooks.shown, notebook), buffer.path
        if path is None:
            return False
        before, after = await asyncio.to_thread(lambda: [*map(CellTexts.parse, (buffer.text, text))])
        if not buffer.dirty and await self._is_on_disk(path, text):
            with suppress(TimeoutError):
                async with asyncio.timeout(RELOAD_SECONDS):
                    while not after.is_shown_as(shown()):  # noqa: ASYNC110 - any of its cells may change
                        await asyncio.sleep(LOOK_SECONDS)
        if after.is_shown_as(shown()):
            return True
        cells = await asyncio.to_thread(separate_cells, buffer.text, text)
        if cells is None or not before.is_shown_as(shown()):
            return False
        await self._edit_cells(notebook, path.name, cells[0], in_command=True)
        return cells[1] or buffer.dirty

    async def _is_on_disk(self, path: Path, text: str) -> bool:
        try:
            return await asyncio.to_thread(self._disk.read, path) == text
        except (MazuError, OSError):
            return False

    async def _notebook_state(self, notebook: OpenNotebook, path: Path) -> NotebookState:
        return await self._editor.notebooks.state(notebook, path, self._disk.read)

    async def propose_edit(self, uri: str, before: str, after: str, label: str) -> str:
        """Edit a document in the editor for the user to review: shown first if supported, unsaved. Return the resulting text, which
        is less than `after` if the user accepted a part. Raises MazuError(conflict) like `edit`."""
        if document := self._editor.documents.get(uri):
            await require_encodable(self._editor, self._disk, document, after)
            _require(document, before)
            landed = await self._edit_open(
                document, after, review_edits(self._editor, document, after, label)
            )
            after = after if landed is None else landed
            if self.edited and document.path:
                self.edited(document.path, before, after)
            return after
        path = uris.to_path(uri)
        if path is None:
            raise MazuError(Kind.CONFLICT, f"{uri} is no longer open.", "Open it and ask again.")
        await self._lay_closed(path, before, after, label)
        if self.edited:
            self.edited(path, before, after)
        return after

    async def _lay_closed(self, path: Path, before: str, after: str, label: str) -> None:
        """Let the editor open the file with the edit in it; if it edits no closed files, write to the disk."""
        if await asyncio.to_thread(self._disk.read, path) != before:
            raise MazuError(
                Kind.CONFLICT, f"{path.name} was changed in the meantime.", "Ask for the edit again."
            )
        if (problem := await apply_to_closed(self._editor, path, before, after, label)) is not None:
            if self._editor.profile.reviews:
                raise rejection_reason(path.name, problem)
            logger.info("%s is written to disk: the editor did not apply the edit (%s).", path, problem)
            await asyncio.to_thread(self._disk.replace, path, before, after)

    async def _edit_open(
        self, document: OpenDocument, after: str, applying: Awaitable[Applied]
    ) -> Applied | None:
        """Edit in the editor. One that never declared edits, and refuses, reloads what is written to the disk."""
        before = document.text
        try:
            return await applying
        except ContentModified:
            declared = self._editor.profile.declares("workspace.applyEdit") is True
            if declared or document.path is None or document.text != before or await self._dirty(document):
                raise
            logger.info("%s is written to disk: the editor does not accept edits now.", document.path)
            await asyncio.to_thread(self._disk.replace, document.path, before, after)
            return None

    async def buffers(self) -> Sequence[Buffer]:
        """Return every open document; `dirty` and `stale` come from comparing with the disk, not from the editor's reports.

        Chat documents are left out: they are redrawn from their session, and hold no work that could be lost or rolled back.
        """
        notebooks: list[Buffer] = []
        whole: set[str] = set()
        for notebook in self._editor.notebooks:
            if notebook.path is not None and self._editor.documents.at(notebook.path) is None:
                with suppress(MazuError, OSError):  # its cells are then documents of their own
                    state = await self._notebook_state(notebook, notebook.path)
                    notebooks.append(
                        Buffer(
                            notebook.uri, notebook.path, 0, "jupyter", state.text,
                            state.dirty, state.stale, is_notebook=True,
                        )
                    )  # fmt: skip
                    whole |= {cell.uri for cell in notebook.cells}
        looked: dict[Path, str] = {}
        return [
            Buffer(
                d.uri, self._place(d, looked), d.version, d.language_id, d.text, *await self._disk_state(d)
            )
            for d in self._editor.documents
            if not markdown.is_chat(d.path) and d.uri not in whole
        ] + notebooks

    def _place(self, document: OpenDocument, looked: dict[Path, str]) -> Path | None:
        """Return where a document's file is, which the agent's tools and checkpoints know by no other path. Of one that is open
        under several names, only the document that is edited has that place: a checkpoint holds one text of each."""
        if document.path is None:
            return None
        place = self._disk.follow(document.path, looked)
        return place if self._editor.documents.at(place) is document else document.path

    async def note_if_loaded(self, document: OpenDocument) -> None:
        """After a change: an editor that shows the file's content has reloaded it, or saved it and will report that."""
        version, text = document.version, document.text
        if document.path is not None and not await self._disk.differs(document):
            document.note_loaded(version, text)
            document.note_on_disk(version, text)

    async def save(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Save through `mazu/documents/save` if the client opted in; else wait for the user to save."""
        unsaved = await self._unsaved(paths)
        if not unsaved:
            return []
        if self._editor.profile.opted("save"):
            try:
                request = {"uris": [document.uri for document in unsaved]}
                await self._editor.link.ask("mazu/documents/save", request, SAVE_SECONDS)
            except (ClientError, TimeoutError) as error:
                logger.warning("The editor did not save: %s", error)
        else:
            await self._wait_saved(paths, ", ".join(one.path.name for one in unsaved if one.path))
        return [document.path for document in await self._unsaved(paths) if document.path]

    async def _wait_saved(self, paths: Sequence[Path], names: str) -> None:
        """Tell the user, and wait. A question would be modal in some editors, and nothing can be saved behind it."""
        await self.say(
            "warning",
            f"Save {names}: a command that reads the disk waits for it, {PICK_SECONDS / 60:.0f} minutes at most; then it runs "
            "without your text. Or stop the turn.",
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(PICK_SECONDS):
                while await self._unsaved(paths):  # noqa: ASYNC110 - another program may write the file, too
                    await asyncio.sleep(LOOK_SECONDS)

    @property
    def can_ask(self) -> bool:
        """Whether the editor, or another client, asks: unless it declined the last question."""
        return self._editor.approvals.can_ask

    async def ask(self, question: Question, timeout: float) -> UserReply:
        """Ask one question at a time; no answer in time is a reply without a choice."""
        self._waiting(question.session_id, True)
        try:
            return await self._editor.approvals.ask(question, timeout)
        finally:
            self._waiting(question.session_id, False)

    async def say(self, level: Literal["info", "warning", "error"], text: str) -> None:
        """`window/showMessage`."""
        self._editor.link.notify("window/showMessage", {"type": LEVELS[level], "message": make_visible(text)})

    async def show(self, path: Path, line: int | None = None) -> bool:
        """`window/showDocument`, also tried if the client does not declare it."""
        params: dict[str, Any] = {"uri": uris.from_path(path), "takeFocus": True}
        if line is not None:
            at = {"line": line, "character": 0}
            params["selection"] = {"start": at, "end": at}
        try:
            answer = await self._editor.link.ask("window/showDocument", params, SHOW_SECONDS)
        except (ClientError, TimeoutError) as error:
            logger.info("%s could not be shown: %s", path, error)
            return False
        return isinstance(answer, dict) and answer.get("success") is True

    async def _unsaved(self, paths: Sequence[Path]) -> list[OpenDocument | OpenNotebook]:
        documents = [document for path in paths if (document := self._editor.documents.at(path))]
        notebooks = [notebook for path in paths if (notebook := self._editor.notebooks.at(path))]
        unsaved: list[OpenDocument | OpenNotebook] = [one for one in documents if await self._dirty(one)]
        return unsaved + [one for one in notebooks if await self._differs(one)]

    async def _differs(self, notebook: OpenNotebook) -> bool:
        """Return whether the cells in the editor hold unsaved changes."""
        if notebook.path is None:
            return False
        try:
            return (await self._notebook_state(notebook, notebook.path)).dirty
        except (MazuError, OSError):
            return True

    async def _dirty(self, document: OpenDocument) -> bool:
        return (await self._disk_state(document))[0]

    async def _disk_state(self, document: OpenDocument) -> tuple[bool, bool]:
        """Return whether the document is `dirty`, and whether it is `stale`: see `Buffer`."""
        if notebook := self._editor.notebooks.for_cell(document.uri):
            return await self._differs(notebook), False
        if document.path is None:
            return bool(document.text), False
        version, text = document.version, document.text
        if not await self._disk.differs(document):
            document.note_on_disk(version, text)
            return False, False
        stale = document.is_unmodified
        return not stale, stale


def _require(document: OpenDocument, before: str) -> None:
    if document.text != before:
        raise changed_meanwhile(name(document))


def changed_meanwhile(named: str) -> MazuError:
    """Return the error for an edit of an open document that is not made."""
    return MazuError(
        Kind.CONFLICT, f"{named} was changed in the editor meanwhile.", "Read it again and redo the edit."
    )
