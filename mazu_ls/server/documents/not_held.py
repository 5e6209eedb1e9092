"""What the agent changed and no undo restores, because checkpoints leave the files out: ignored ones, and those that are too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.checkpoints.models import Checkpoint, PathReason, RollbackReport
    from mazu_ls.server.state import ServerState

NOT_HELD = (
    "the agent's change stays: no checkpoint holds this file, because git ignores it or it is too large"
)
MADE = "it stays: a command of the agent made it, and it is too large for a checkpoint"
CHANGED = (
    "the agent's change stays: it was too large for a checkpoint before, so its earlier content is not held"
)
GONE = "it does not come back: a command of the agent removed it, and it was too large for a checkpoint"
UNIGNORED = "it stays, whoever made it: a rule that the undo removed had ignored it since the checkpoint"
MOST = 1000
"""Maximum number of checkpoints that are compared."""


async def not_held(
    server: ServerState,
    checkpoints: Checkpoints,
    report: RollbackReport,
    *,
    edited: Sequence[str],
    session: str,
    paths: Sequence[str] = (),
) -> list[PathReason]:
    """Return the files that the agent edited (`edited`, as its calls name them) or its commands changed, and that no undo restores.

    `paths`: only of these files and folders.

    What the report keeps for that reason is named as a problem instead.
    """
    from mazu_ls.checkpoints.models import PathReason, is_selected

    newest = report.safety or next(iter((await checkpoints.list(1))[0]), None)
    if report.undecided or newest is None:
        return []
    target = report.checkpoint
    found: dict[str, str] = {}
    plan = report.plan
    decided = {*report.unheld, *plan.write, *plan.delete, *(conflict.path for conflict in plan.conflicts)}
    decided |= {one.path for one in plan.keep if not one.reason.startswith("not held")}
    decided |= {one.path for one in report.problems}
    kept = {one.path for one in report.plan.keep}
    for name, reason in (await _by_commands(checkpoints, (target, newest), session)).items():
        if name not in decided and not (reason == MADE and name in kept):
            found[name] = reason
    skipped = {one.path for one in target.skipped}
    for named in edited:
        try:
            path = server.workspace.resolve(named)
        except (MazuError, ToolError):
            continue
        if (name := server.name_of(path)) in decided:
            continue
        held = [await checkpoints.file_text(id, name) for id in (newest.id, target.id)]
        if path.is_file() and (name in skipped or not any(exists for _, _, exists in held)):
            found.setdefault(name, NOT_HELD)
    found = {name: reason for name, reason in found.items() if is_selected(name, paths)}
    report.plan.keep = [one for one in report.plan.keep if one.path not in found]
    report.plan.keep += [PathReason(name, UNIGNORED) for name in await _unignored(checkpoints, report)]
    return [PathReason(name, reason) for name, reason in sorted(found.items())]


async def _unignored(checkpoints: Checkpoints, report: RollbackReport) -> list[str]:
    """Return the files that an undo which restored ignore rules brought to light: neither state before it holds them."""
    plan, safety = report.plan, report.safety
    rules = any(path.rpartition("/")[2] == ".gitignore" for path in (*plan.write, *plan.delete))
    if not rules or not report.applied or safety is None:
        return []
    differing = [(await checkpoints.diff(one.id)).files for one in (report.checkpoint, safety)]
    then, before = ({one.path for one in files if one.status == "added"} for files in differing)
    return sorted(then & before - {one.path for one in plan.keep})


async def _by_commands(
    checkpoints: Checkpoints, ends: tuple[Checkpoint, Checkpoint], session: str
) -> dict[str, str]:
    """Return the files over the limit that steps of a session's turns changed since the target, and what became of them."""
    from mazu_ls.checkpoints.models import OWN_CHANGES

    target, newest = ends
    listed, _ = await checkpoints.list(MOST)
    since = [one for one in reversed(listed) if target.id < one.id <= newest.id]
    before = then = _sizes(target)
    changed: set[str] = set()
    for one in since:
        after = _sizes(one)
        if one.kind == "step" and one.session_id == session and one.label != OWN_CHANGES:
            changed |= {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        before = after
    now = _sizes(newest)
    return dict(_outcomes(changed, then, now))


def _outcomes(changed: Iterable[str], then: dict[str, int], now: dict[str, int]) -> Iterable[tuple[str, str]]:
    for path in changed:
        if path not in then and path in now:
            yield path, MADE
        elif path in then and then[path] != now.get(path):
            yield path, CHANGED if path in now else GONE


def _sizes(checkpoint: Checkpoint) -> dict[str, int]:
    """Return the files that are left out for their size, and how large they are."""
    return {one.path: one.bytes for one in checkpoint.skipped if one.bytes}
