"""Open documents in a checkpoint: the unsaved text that it holds, and what a rollback asks of the editor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mazu_ls.checkpoints.merge import merged
from mazu_ls.checkpoints.objects import LINK_MODE
from mazu_ls.checkpoints.project import Project
from mazu_ls.checkpoints.records import Checkpoint, PlanFiles, Reasoned
from mazu_ls.checkpoints.steps import Selection, Step
from mazu_ls.checkpoints.unsaved import held_texts, same_lines
from mazu_ls.host import Buffer
from mazu_ls.workspace.text import NotText, decode


@dataclass(frozen=True)
class BufferChange:
    """One open document, and the text it shall have. `last` is what the last checkpoint knew of it, None for nothing."""

    buffer: Buffer
    text: str
    shown: str
    last: str | None = None

    @property
    def users(self) -> bool:
        """The user typed since the last checkpoint: the agent's own edits are all in one."""
        return self.last is not None and not same_lines(self.buffer.text, self.last)

    @property
    def mixed(self) -> bool:
        """The user typed on top of what changed between the target and the last checkpoint."""
        return self.users and not same_lines(self.text, self.last or "")


def only_saved(project: Project, last: bytes | None, now: bytes | None) -> set[bytes]:
    """Places whose file in the tree `now` says what the tree `last` held as unsaved text."""
    found: set[bytes] = set()
    for held in held_texts(project, last):
        located = project.locate(held.path) if held.path is not None else None
        if located is None:
            continue
        place = located[0].prefix + b"/" + located[1]
        if same_lines(_file_text(project, now, place), held.text):
            found.add(place)
    return found


def buffer_changes(
    project: Project,
    target: Checkpoint,
    trees: Sequence[bytes | None],
    *,
    steps: Sequence[Step],
    buffers: Sequence[Buffer],
    selection: Selection,
) -> list[BufferChange]:
    """Documents whose text is not what it was at the checkpoint. `trees` are those of the last
    checkpoints, the newest first: a text that one of them knows is nobody's unrecorded work.

    One that was unsaved then gets its unsaved text; every other one the text of its file in the checkpoint. A
    document whose file is deleted keeps its text: closing it is the user's business.
    """
    tree, changes = bytes.fromhex(target.tree), []
    held = {held.uri: held.text for held in held_texts(project, tree)}
    by_place = {step.place: step for step in steps}
    for buffer in buffers:
        text = held.get(buffer.uri)
        found = project.locate(buffer.path) if buffer.path is not None else None
        if found is not None and not selection.names(found[0].shown(found[1])):
            continue
        place = found[0].prefix + b"/" + found[1] if found is not None else None
        if text is None and place is not None:
            if not buffer.dirty and place not in by_place:
                continue
            text = _file_text(project, tree, place)
        if text is not None and text != buffer.text:
            before = _known_text(project, trees, buffer, place)
            shown = found[0].shown(found[1]) if found is not None else buffer.uri
            changes.append(BufferChange(buffer, text, shown, before))
    return changes


def _known_text(
    project: Project, trees: Sequence[bytes | None], buffer: Buffer, place: bytes | None
) -> str | None:
    """The document's text in the first of the trees; its present text if any of them knows that."""
    first: str | None = None
    for number, tree in enumerate(trees):
        text = next((held.text for held in held_texts(project, tree) if held.uri == buffer.uri), None)
        if text is None and place is not None:
            text = _file_text(project, tree, place)
        if same_lines(text, buffer.text):
            return buffer.text
        first = text if number == 0 else first
    return first


def keep_typed(project: Project, changes: list[BufferChange], plan: PlanFiles) -> None:
    """Change the list so that what the user typed since the last checkpoint stays, merged with the target where it can be."""
    kept: list[BufferChange] = []
    for change in changes:
        if not change.users or change.last is None:
            kept.append(change)
            continue
        both = None
        if change.mixed:
            sides = (change.buffer.text, change.last, change.text)
            both = merged(project, *(side.encode("utf-8", "surrogatepass") for side in sides))
            if both is None:
                reason = "what you typed does not merge with the checkpoint; your text was kept"
                plan.conflicts.append(Reasoned(change.shown, reason))
        if both is None:
            plan.keep.append(Reasoned(change.shown, "what you typed was kept"))
        else:
            kept.append(replace(change, text=both.decode("utf-8", "surrogatepass")))
    changes[:] = kept


def spare_typed(changes: list[BufferChange], plan: PlanFiles) -> None:
    """Leave out the documents that only the user changed."""
    for change in changes:
        if change.users and not change.mixed:
            plan.keep.append(Reasoned(change.shown, "only you changed it"))
    changes[:] = [change for change in changes if not change.users or change.mixed]


def _file_text(project: Project, tree: bytes | None, place: bytes) -> str | None:
    entry = project.trees.at(tree, place)
    if entry is None or entry.is_folder or entry.mode == LINK_MODE:
        return None
    try:
        return decode(project.repository.read(entry.oid)).text
    except NotText:
        return None
