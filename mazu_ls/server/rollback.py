"""Rolling back with an editor in front: running turns first stopped, open documents changed through the editor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.server.apply import apply_to_document

if TYPE_CHECKING:
    from mazu_ls.checkpoints import Checkpoints
    from mazu_ls.checkpoints.records import OnConflict, RollbackReport, Section
    from mazu_ls.host import Buffer
    from mazu_ls.server.server import Server

NAMED = 5
ASK_SECONDS = 60.0


async def roll_back(
    server: Server,
    checkpoints: Checkpoints,
    checkpoint_id: str | None,
    *,
    only: Sequence[Section] = (),
    paths: Sequence[str] = (),
    preview: bool = False,
    on_conflict: OnConflict | None = None,
) -> RollbackReport:
    """Plan, and unless `preview` apply. Running turns are stopped, sessions read their conversation anew afterwards.

    Without `on_conflict` the user is asked only about files that he changed on top of what the agent changed since.
    """
    project = await server.opened()
    if not preview:
        for session in project.sessions.opened():
            session.cancel()
            await session.settled()
    plan = await checkpoints.plan(checkpoint_id, only=only, paths=paths, buffers=await server.host.buffers())
    if preview:
        return plan.preview()

    async def write_buffer(buffer: Buffer, text: str) -> bool:
        document = server.editor.documents.get(buffer.uri) if server.editor else None
        if document is None or server.editor is None:
            return False
        try:
            await apply_to_document(server.editor, document, text, "Mazu: roll back", in_command=True)
        except MazuError:
            return False
        return True

    report = await plan.apply(on_conflict, write_buffer)
    if not report.applied and report.plan.conflicts and (decided := await _decided(server, report)):
        report = await plan.apply(decided, write_buffer)
    for session in project.sessions.opened():
        await session.refresh()
    server.notify_changed("memory", "checkpoints", "sessions", "skills")
    return report


async def _decided(server: Server, report: RollbackReport) -> OnConflict | None:
    """What to do with files that the user changed too, in editors that have no part of ours to ask it."""
    if server.editor is None or server.editor.profile.opted("permissions"):
        return None
    names = [conflict.path for conflict in report.plan.conflicts]
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    index = await server.pick(
        f"You changed {listed} since the last checkpoint. Rolling back to {report.checkpoint.id} can be undone.",
        ("Keep my changes", "Overwrite them", "Do not roll back"),
        ASK_SECONDS,
    )
    choices: tuple[OnConflict | None, ...] = ("keep", "overwrite", None)
    return None if index is None else choices[index]
