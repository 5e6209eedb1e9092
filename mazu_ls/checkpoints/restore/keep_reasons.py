"""Why a rollback leaves a file as it is, in words for the user, and which files have something else in their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.models import PathReason

if TYPE_CHECKING:
    from mazu_ls.checkpoints.attribution.owners import Owner
    from mazu_ls.checkpoints.models import PlanFiles
    from mazu_ls.checkpoints.restore.buffers import BufferChange
    from mazu_ls.checkpoints.restore.restore_steps import RestoreStep

ONLY_YOURS = "only you changed it"
SAID_TOO = "you said it, too"
NOT_NEW = "it stays, whoever changed it: it is not new, but had another name before, or git ignored it"
RENAMED = "with the agent's change in it, since it has another name now: it was"
BOTH = "you changed it on top of the agent's change"
ONLY_ANOTHERS = "only another session changed it"
ANOTHER_ON_TOP = "another session changed it on top of the agent's change"
DELETED = "you deleted it, or gave it another name, after the agent changed it"
GITS_WORK = "git changed it, since HEAD moved while a command of the agent ran"
YOUR_FILE = "the file on disk: you saved or changed it while the editor held the agent's change unsaved"
SAME_LINES = "your text stays in the lines that both you and the agent changed"
SAME_BLOCK = "you changed lines in a block of the agent's: such a block stays as it is, with the agent's other lines in it"
KEPT = "left as it is, with the agent's change in it: your change on top of that cannot be separated from it"
UNHELD_CHANGED = "no checkpoint holds it, and it changed after the agent's edit: by you, or by a command"
KEPT_UNHELD = f"left as it is: {UNHELD_CHANGED}"
IN_THE_WAY = "you put something else in its place"
UNCERTAIN = "a command was interrupted, and it is not known whether it or you changed this file"
KEPT_UNCERTAIN = f"left as it is: {UNCERTAIN}"
KEPT_DELETED = f"not there: {DELETED}"
MOVED_IN = "it was moved here from where no checkpoint holds files (git ignores them there, or it is outside): it stays"
CONFLICTS = frozenset((BOTH, DELETED, ANOTHER_ON_TOP, UNCERTAIN, UNHELD_CHANGED))
"""The reasons for which the agent's changes stay, although nobody decided that."""
LEFT = frozenset((KEPT, KEPT_DELETED, KEPT_UNCERTAIN, KEPT_UNHELD, SAME_LINES, SAME_BLOCK))
"""The reasons for which they stay because the user decided to keep their work."""


def of_users_file(old_name: str | None, *, is_renamed: bool) -> str:
    """Return why a file of the user's stays. `old_name`: of the file that the agent changed, if it had another name then."""
    if not is_renamed:
        return ONLY_YOURS
    return f"{RENAMED} {old_name}" if old_name else NOT_NEW


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


def list_in_plan(
    plan: PlanFiles,
    changed: tuple[Sequence[RestoreStep], Sequence[BufferChange]],
    kept: Mapping[str, str],
    undecided: Collection[str],
    also: Sequence[PathReason],
) -> None:
    """Enter in the plan which files and documents change, and what stays, with the reason (`kept`): a conflict if nobody decided that.

    `undecided`: files that are in conflict whatever their reason. `also`: what is said of a file besides, of which something else
    is said of its open document.
    """
    done, typed = changed
    plan.write = [step.shown for step in done if step.now is not None]
    plan.delete = [step.shown for step in done if step.now is None]
    plan.buffers = [change.buffer.uri for change in typed]
    changing = {*plan.write, *plan.delete, *(change.shown for change in typed)}
    for shown, reason in sorted(kept.items()):
        if shown in undecided or reason in CONFLICTS:
            plan.conflicts.append(PathReason(shown, reason))
        elif shown not in changing or reason == YOUR_FILE or reason in LEFT:
            plan.keep.append(PathReason(shown, reason))
    plan.keep += also
    conflicts = {conflict.path for conflict in plan.conflicts}
    plan.write, plan.delete = ([p for p in some if p not in conflicts] for some in (plan.write, plan.delete))
