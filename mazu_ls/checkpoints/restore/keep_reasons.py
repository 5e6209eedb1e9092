"""Why a rollback leaves a file as it is, in words for the user, and which files have something else in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mazu_ls.checkpoints.attribution.owners import Owner
    from mazu_ls.checkpoints.restore.restore_steps import RestoreStep

ONLY_YOURS = "only you changed it"
NOT_NEW = "it stays, whoever changed it: it is not new, but had another name before, or git ignored it"
RENAMED = "with the agent's change in it, since it has another name now: it was"
BOTH = "you changed it on top of the agent's change"
ONLY_ANOTHERS = "only another session changed it"
ANOTHER_ON_TOP = "another session changed it on top of the agent's change"
GITS_WORK = "git changed it, since HEAD moved while a command of the agent ran"
YOUR_FILE = "the file on disk: you saved or changed it while the editor held the agent's change unsaved"
SAME_LINES = "your text stays in the lines that both you and the agent changed"
KEPT = "left as it is, with the agent's change in it: your change on top of that cannot be separated from it"
UNHELD_CHANGED = "no checkpoint holds it, and it changed after the agent's edit: by you, or by a command"
KEPT_UNHELD = f"left as it is: {UNHELD_CHANGED}"
IN_THE_WAY = "you put something else in its place"
UNCERTAIN = "a command was interrupted, and it is not known whether it or you changed this file"
KEPT_UNCERTAIN = f"left as it is: {UNCERTAIN}"
MOVED_IN = "it was moved here from where no checkpoint holds files (git ignores them there, or it is outside): it stays"


def blocked_steps(steps: Sequence[RestoreStep], owners: Mapping[bytes, Owner]) -> dict[bytes, set[bytes]]:
    """Return the files to be written in whose place the user put a folder with files, or a file in that of a folder on the way.

    With these files of the user's, by place.
    """
    written = {step.place for step in steps if step.now is not None}
    gone = {step.place for step in steps if step.now is None and owners[step.place] == "user"}
    found: dict[bytes, set[bytes]] = {}
    for places, others in ((gone, written), (written, gone)):
        for place in places:
            parts = place.split(b"/")
            above = (b"/".join(parts[:depth]) for depth in range(2, len(parts)))
            for folder in others.intersection(above):
                at, inside = (folder, place) if places is gone else (place, folder)
                found.setdefault(at, set()).add(inside)
    return found
