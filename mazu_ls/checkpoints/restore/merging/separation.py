"""The content of a place without the agent's changes: what the user's own changes since a checkpoint make of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec import Struct, field

from mazu_ls.checkpoints.attribution.intervals import PlaceHistory
from mazu_ls.checkpoints.attribution.owners import AttributedChanges, Change, Owner
from mazu_ls.checkpoints.attribution.saved_since import SavedSince
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.merge_cells import merge_cells
from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.restore.merging.keep_lines import keep_users_lines, separate_lines
from mazu_ls.checkpoints.restore.merging.replay import FileBelow, Merge, replay_users_changes
from mazu_ls.checkpoints.restore.restore_steps import RestoreStep
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, encode_like, file_bytes, shown_text


class Separation(Struct):
    """Separates what the agent changed since a checkpoint from what the user did. `now`: the present; `unsaved`: the places of which
    an editor shows unsaved text.

    `session`: only its agent counts as the agent. `keeps_same_lines`: in lines that both changed the user's text stays.
    """

    project: CheckpointContext
    target_id: str
    session: str | None
    history: PlaceHistory
    changes: AttributedChanges
    since: SavedSince
    now: BufferView
    unsaved: set[bytes | None]
    keeps_same_lines: bool
    same_lines: dict[bytes, str] = field(default_factory=dict)
    """The places of which both changed the same lines, in which the user's text stays, with what is said of that: of the file while
    that is decided, then of its document."""

    def of_file(self, step: RestoreStep) -> bytes | None:
        """Return the content of a file on disk without the agent's changes; None if they cannot be separated."""
        project, place = self.project, step.place
        if place not in self.unsaved and not self.history.was_unsaved(place):
            return self.without_agent(
                place, lambda it: file_bytes(project, it.tree, place), Change.file_owner
            )
        if (text := self.text_of_file(place)) is None:
            return None
        if text == shown_text(project, BufferView(self.now.tree, ()), place):
            return file_bytes(project, self.now.tree, place)
        return self.encoded(step.was or step.now, text)

    def text_of_file(self, place: bytes) -> str | None:
        """Return the text of a file on disk, of which an editor showed unsaved text, without the agent's changes."""
        history, views = self.history, (self.history.view(self.target_id), self.now)
        below = FileBelow(
            self.project, place, history.intervals(place), ends=views, session=self.session,
            strict=merge_cells(self._separate, place), was_discarded=self.since.was_discarded(place),
        )  # fmt: skip
        found = None if self.changes.unknown else self._separated(place, below.replay)
        return None if found is None else found.decode("utf-8", "surrogatepass")

    def of_document(self, place: bytes) -> str | None:
        """Return a file's text as the user saw it, without the agent's changes; None if they cannot be separated."""

        def read(view: BufferView) -> bytes | None:
            text = shown_text(self.project, view, place)
            return None if text is None else text.encode("utf-8", "surrogatepass")

        data = self.without_agent(place, read, Change.owner)
        return None if data is None else data.decode("utf-8", "surrogatepass")

    def encoded(self, entry: TreeEntry | None, text: str) -> bytes:
        """Return a text as bytes in the encoding of a file."""
        return encode_like(self.project.repository.read(entry.oid) if entry else b"", text)

    def without_agent(
        self,
        place: bytes,
        read: Callable[[BufferView], bytes | None],
        owner_of: Callable[[Change, str | None], Owner],
        merge: Merge | None = None,
    ) -> bytes | None:
        """See `replay_users_changes`. `merge`: the three-way merge of what is no file."""
        if self.changes.unknown:
            return None
        intervals: list[tuple[bytes | None, bytes | None, Owner]] = [
            (read(one.before), read(one.after), owner_of(one.change, self.session))
            for one in self.history.intervals(place)
        ]
        then = read(self.history.view(self.target_id))
        if merge is not None:
            return replay_users_changes(then, intervals, merge)
        return self._separated(place, partial(replay_users_changes, then, intervals))

    def _separated(self, place: bytes, replay: Callable[[Merge], bytes | None]) -> bytes | None:
        """Return what `replay` separates line by line; in lines that both changed the user's text stays if they said so."""
        found = replay(merge_cells(self._separate, place))
        if found is None and self.keeps_same_lines:
            found, said = keep_users_lines(self.project.repository, place, replay)
            if found is not None:
                self.same_lines[place] = said
        return found

    def _separate(self, mine: bytes, ancestor: bytes, theirs: bytes) -> bytes | None:
        return separate_lines(self.project.repository, mine, ancestor, theirs)
