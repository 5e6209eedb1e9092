"""The user's changes of one file, separated from the agent's by three-way merges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from mazu_ls.checkpoints.attribution.intervals import Interval
from mazu_ls.checkpoints.attribution.owners import Owner
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, place_of, shown_text

Merge = Callable[[bytes, bytes, bytes], bytes | None]
"""Merges mine, ancestor and theirs; None if they conflict."""


def replay_users_changes(
    then: bytes | None, intervals: Iterable[tuple[bytes | None, bytes | None, Owner]], merge: Merge
) -> bytes | None:
    """Return the content `then` with the user's changes since and without the agent's; None if `merge` cannot separate them.

    `intervals`: the content before and after each, and whose its change is, the oldest first.
    """
    # Skip the agent's intervals, apply each of the user's as a three-way merge whose ancestor is the interval's start.
    # An interval of both has no state between the two to start from.
    result = then
    for was, now, owner in intervals:
        if was == now or owner == "agent":
            continue
        if owner == "both" or was is None or now is None or result is None:
            return None
        result = now if result == was else merge(now, was, result)
    return result


class _Seen(Struct, frozen=True):
    """A place at one moment: the text that the user saw, and that of the file on disk, in UTF-8; None for none."""

    text: bytes | None
    file: bytes | None
    is_unsaved: bool


class FileBelow:
    """Follows a file of which an editor showed unsaved text, and that text, both without the agent's changes.

    What the user saves is what they see: a file that changed while an editor held unsaved text of it is compared with
    that text, in which the agent's changes are. If another program changed the file the result is the same, since that
    file lacks the agent's changes.
    """

    def __init__(
        self,
        project: CheckpointContext,
        place: bytes,
        intervals: Sequence[Interval],
        *,
        ends: tuple[BufferView, BufferView],
        session: str | None,
        strict: Merge,
        was_discarded: bool,
    ) -> None:
        """`intervals`: those that count, the oldest first; `ends`: the target and the present. `strict`: a merge that returns None
        for every conflict. `was_discarded`: unsaved text was thrown away at some time."""
        self._project = project
        self._place = place
        self._session = session
        self._intervals = intervals
        self._then, self._now = map(self._seen, ends)
        self._strict = strict
        self._was_discarded = was_discarded
        self._text: bytes | None = None
        self._file: bytes | None = None

    def replay(self, merge: Merge) -> bytes | None:
        """Return the text of the file now without the agent's changes; None if `merge` cannot separate them."""
        self._text, self._file = self._then.text, self._then.file
        for interval in self._intervals:
            before, after = self._seen(interval.before), self._seen(interval.after)
            owner, is_beneath = interval.change.owner(self._session), interval.change.beneath
            self._compare_with(before)
            shown = self._text
            self._text = replay_users_changes(shown, [(before.text, after.text, owner)], merge)
            if not after.is_unsaved or before.file == after.file:
                continue
            if owner == "agent" and not is_beneath:
                is_saved = False if self._text == self._file else self._holds_typed(after.file)
                self._file = None if is_saved is None else self._text if is_saved else self._file
            else:
                whose: Owner = "user" if is_beneath else owner
                self._file = replay_users_changes(shown, [(before.text, after.file, whose)], merge)
        self._compare_with(self._now)
        return self._file

    def _compare_with(self, moment: _Seen) -> None:
        """Compare with what is seen: what the user had typed and not saved may be saved by now, or thrown away."""
        if self._text == self._file:
            return
        is_there = self._holds_typed(moment.text)
        if is_there is None and (moment.is_unsaved or not self._was_discarded):
            is_there = True
        if is_there is None:
            self._file = self._text = None
        elif not is_there:
            self._text = self._file
        elif not moment.is_unsaved or self._holds_typed(moment.file):
            self._file = self._text  # as a rollback leaves it, a text can be like its file and unsaved

    def _holds_typed(self, text: bytes | None) -> bool | None:
        """Return whether a text contains what the user had typed and not saved; None if that cannot be told."""
        if text is None or self._text is None or self._file is None:
            return None
        merged = self._strict(text, self._file, self._text)
        if merged is None:
            return None
        return merged in (
            text,
            self._strict(text, self._file, self._file),
        )  # a merge may write a notebook anew

    def _seen(self, view: BufferView) -> _Seen:
        is_unsaved = any(place_of(self._project, held) == self._place for held in view.unsaved)
        text, file = (
            None if one is None else one.encode("utf-8", "surrogatepass")
            for one in (
                shown_text(self._project, view, self._place),
                shown_text(self._project, BufferView(view.tree, ()), self._place),
            )
        )
        return _Seen(text, file, is_unsaved)
