"""What only editors and their servers know of files: unsaved text elsewhere, and edits that were accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from mazu_ls.checkpoints.models import UnsavedElsewhere


class AcceptedEdit(Struct, frozen=True):
    """An edit that sessions proposed and the user accepted: the file's text before and after it, None for no file."""

    sessions: frozenset[str]
    before: str | None
    after: str | None


class EditorKnowledge(Struct):
    """What only editors and servers know of files; set by whoever opens the checkpoints. It is asked on the worker thread."""

    unsaved_elsewhere: Callable[[], Mapping[Path, UnsavedElsewhere]] = dict
    """Returns the documents in which editors of other processes hold unsaved text now; blocks."""
    accepted_edits: Callable[[Path, str | None, str | None], Sequence[AcceptedEdit]] = lambda *_: ()
    """Returns the edits of a file that the user accepted and that are not recorded yet. Given its path and its texts, None for no file,
    at the last checkpoint and now: what was accepted in between is found in them."""
