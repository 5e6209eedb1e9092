"""An edit that the editor makes after mazu-ls stopped waiting for it: the turn was stopped or undone, or it took too long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from mazu_ls.server.client.editor import ConnectedEditor
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.documents.file_io import unified_text
from mazu_ls.server.documents.text_edits import text_edits
from mazu_ls.server.errors import ContentModified
from mazu_ls.server.rpc.lsp_types import TextEdit
from mazu_ls.tools.edit.rebased_edit import rebase_edit

logger = logging.getLogger(__name__)
ECHO_SECONDS = 5.0
"""Seconds between the editor's answer and the didChange that shows the edit."""
WARNING = 2
Apply = Callable[[list[TextEdit], str], Awaitable[None]]
"""Makes edits that result in this text; raises ContentModified."""


class LateEdit:
    """From `watch` on, when nobody waits any more, reverts the edit if the editor says that it made it.

    Nothing is done on the text alone: the user may type the same, and the agent may make the same edit again. A change that a
    newer request of ours made is not the late edit, so whether it is waits until nobody waits for such a request.
    """

    def __init__(
        self,
        editor: ConnectedEditor,
        document: OpenDocument,
        edits: list[TextEdit],
        expected: str,
        apply: Apply,
    ) -> None:
        """`expected`: the text that the edit was to result in; `apply` makes the edit that reverts it."""
        self._editor = editor
        self._document = document
        self._edits = edits
        self._expected = unified_text(expected).rstrip("\n")
        self._apply = apply
        self._before = self._previous = ""
        self._made: dict[int, tuple[str, str]] = {}
        """Changes that look like the edit, by their number: the texts before and after."""
        self._shown = asyncio.Event()
        self._is_newest = True
        """Whether no later request of ours changed the document, whose text the expected one may be, too."""
        self._unwatch: tuple[Callable[[], None], ...] = ()

    def watch(self) -> None:
        """Nobody waits any more. An edit that is there already is not late."""
        if self._is_expected(self._document) or self._unwatch:
            return
        self._before = self._previous = self._document.text
        self._unwatch = (
            self._editor.documents.watch(self._document.uri, self._changed),
            self._editor.own_edits.watch(self._explained),
        )

    def _is_expected(self, document: OpenDocument) -> bool:
        return unified_text(document.text).rstrip("\n") == self._expected

    def _stop(self) -> None:
        for unwatch in self._unwatch:
            unwatch()
        self._unwatch = ()

    def _changed(self, document: OpenDocument) -> None:
        before: str | None = None
        if document.text == self._previous:
            return
        if document.text == document.with_edits(self._previous, self._edits):
            before = self._previous
        elif self._is_newest and not self._made and self._is_expected(document):
            before = self._before  # shown hunk by hunk
        if before is not None:
            self._made[self._editor.documents.changes] = before, document.text
            self._shown.set()
        self._previous = document.text

    def _explained(self, uri: str, made: range) -> None:
        if uri == self._document.uri:
            self._is_newest = False
            self._made = {number: texts for number, texts in self._made.items() if number not in made}
            if not self._made:
                self._shown.clear()

    def answer(self, answer: Any) -> None:
        """The editor answered; None if it never will."""
        if not self._unwatch:
            return
        if not (isinstance(answer, dict) and answer.get("applied") is True):
            self._stop()
            return
        task = asyncio.get_running_loop().create_task(self._revert())
        self._editor.late_edits.add(task)
        task.add_done_callback(self._editor.late_edits.discard)

    async def _revert(self) -> None:
        try:
            before, after = await self._late_change()
        except TimeoutError:
            logger.info("%s does not show a late edit.", self._document.uri)
            return
        finally:
            self._stop()
        name = self._document.path.name if self._document.path else self._document.uri
        outcome = (
            "It was reverted."
            if await self._reverted(before, after)
            else "It is still there: undo it in the editor."
        )
        said = f"Mazu: the editor made an edit of {name} after mazu-ls had stopped waiting for it. {outcome}"
        self._editor.link.notify("window/showMessage", {"type": WARNING, "message": said})

    async def _late_change(self) -> tuple[str, str]:
        """Return the texts before and after the edit that the editor made. Raises TimeoutError if the document does not show it."""
        own, uri = self._editor.own_edits, self._document.uri
        while True:
            async with asyncio.timeout(ECHO_SECONDS):
                await self._shown.wait()
            await own.idle(uri)
            if self._made:
                number, texts = self._made.popitem()
                self._stop()
                own.explain(uri, range(number, number + 1))  # one change is the edit of one request
                return texts

    async def _reverted(self, before: str, after: str) -> bool:
        document = self._document
        if self._editor.documents.get(document.uri) is not document:
            return False
        if (text := rebase_edit(after, before, document.text)) is None:
            return False
        try:
            await self._apply(text_edits(document, text), text)
        except ContentModified as error:
            logger.warning("A late edit of %s was not reverted: %s", document.uri, error.message)
            return False
        return True
