"""Commands whose process was killed: what they changed until then, judged by the file system's own times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.recorded_writes import Shown, Write, close_command, writes
from mazu_ls.checkpoints.context import CheckpointContext

if TYPE_CHECKING:
    import apsw


def changed_after_end(project: CheckpointContext, command: Write, place: bytes) -> bool:
    """Return whether the present state of a place may be younger than the end of a command's process."""
    lived, changed = project.commands.lived_at(command.process), _changed_at(project.path_of(place))
    return lived is None or changed is None or changed > lived


def _changed_at(path: Path | None) -> float | None:
    """Return the time (seconds since the epoch) of a file's last write, rename or removal: its ctime, which no program
    can set; None if unknown. For a removed file: when its folder last lost an entry."""
    if path is None:
        return None
    try:
        return path.lstat().st_ctime
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError:
        return None
    for folder in path.parents:
        try:
            return folder.lstat().st_mtime
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
    return None


def close_interrupted(project: CheckpointContext, db: apsw.Connection) -> None:
    """Record the current state of the files for commands whose process was killed, before anything changes them
    further."""
    for write in writes(db):
        if write.commanded is None or write.commanded[1] is not None:
            continue
        if project.commands.is_open(write.id, write.process) or not project.commands.lived_at(write.process):
            continue
        before = write.commanded[0]
        _, tree = project.present(db)
        differing = project.differing(before.tree, tree)
        later = [place for place in differing if changed_after_end(project, write, place)]
        # Unsaved text comes back with its editor: only the files can be read here.
        texts = {place: text for place, text in before.texts.items() if place not in differing}
        close_command(db, write.id, Shown(tree, texts), later)
        project.commands.forget(write.process)
