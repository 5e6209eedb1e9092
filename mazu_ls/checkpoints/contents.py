"""What one checkpoint holds: files by path, memory entries by name; and which unsaved texts nothing but it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, held_texts, place_of, same_lines, shown_text
from mazu_ls.checkpoints.store import schema
from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Buffer
from mazu_ls.workspace.file_names import same_letters

if TYPE_CHECKING:
    import apsw


@dataclass(frozen=True)
class CheckpointContents:
    """The contents of a checkpoint. `files`: sorted, as reports show them. `memories`: file names below `memory/` and
    their content."""

    files: tuple[str, ...]
    memories: dict[str, bytes]


@dataclass(frozen=True)
class LostTexts:
    """Files whose unsaved text no editor shows any more and no file has, as reports show them; `checkpoint` holds them."""

    files: tuple[str, ...] = ()
    checkpoint: str = ""


def lost_texts(
    project: CheckpointContext, db: apsw.Connection, session_id: str, buffers: Sequence[Buffer]
) -> LostTexts:
    """Return the unsaved texts of a session's last checkpoint that were lost with the editor.

    No editor shows other unsaved text of such a file, and it still is as it was then: nobody saved the text or replaced it.
    """
    taken = schema.newest(db, 1, session_id)
    held = held_texts(project, bytes.fromhex(taken[0].tree)) if taken else []
    shown = (buffer.path for buffer in buffers if buffer.dirty)
    opened = {*shown, *(project.editors.unsaved_elsewhere() if held else ())}
    held = [one for one in held if one.path is not None and one.path not in opened]
    if not held:
        return LostTexts()
    then, now = bytes.fromhex(taken[0].tree), project.present(db)[1]
    found: list[str] = []
    for one in held:
        if (place := place_of(project, one)) is None:
            continue
        is_as_then = project.state_at(now, place) == project.state_at(then, place)
        if is_as_then and not same_lines(shown_text(project, BufferView(now, ()), place), one.text):
            found.append(project.shown(place))
    return LostTexts(tuple(found), taken[0].id) if found else LostTexts()


def read_contents(project: CheckpointContext, db: apsw.Connection, id: str) -> CheckpointContents:
    """Read a checkpoint. Costs one read per folder and per memory entry. Raises MazuError(not_found)."""
    tree = bytes.fromhex(schema.get(db, id).tree)
    files = (
        mount.shown(path)
        for mount in project.mounts
        for path, _ in project.trees.files(project.trees.folder(tree, mount.prefix))
    )
    entries = project.trees.files(project.trees.folder(tree, b"memory"))
    memories = {
        path.decode("utf-8", "surrogateescape"): project.repository.read(entry.oid) for path, entry in entries
    }
    return CheckpointContents(tuple(sorted(files)), memories)


def require_known(project: CheckpointContext, paths: Sequence[str], *trees: bytes | None) -> None:
    """Raise MazuError(not_found) for a path that is in none of the trees: a typo must not pass for "nothing to do"."""
    for path in paths:
        if not _known(project, path, *trees):
            raise MazuError(
                Kind.NOT_FOUND,
                f"Neither the checkpoint nor the project contains {path!r}.",
                "Name files as the diff does.",
            )


def _known(project: CheckpointContext, shown: str, *trees: bytes | None) -> bool:
    """Return whether one of the trees has a file or folder that is shown by this name."""
    wanted = shown.rstrip("/")
    for mount in project.mounts:
        if f"{wanted}/" == mount.label:
            return True
        if wanted.startswith(mount.label):
            parts = wanted.removeprefix(mount.label).split("/")
            if any(_holds(project, project.trees.folder(tree, mount.prefix), parts) for tree in trees):
                return True
    return False


def _holds(project: CheckpointContext, folder: bytes | None, shown: Sequence[str]) -> bool:
    """Return whether a tree holds a path by the name that reports show, which need not be the name itself."""
    head, *rest = shown
    found = (
        e
        for name, e in project.trees.read(folder).items()
        if same_letters(name.decode("utf-8", "backslashreplace"), head)
    )
    return any(not rest or (entry.is_folder and _holds(project, entry.oid, rest)) for entry in found)
