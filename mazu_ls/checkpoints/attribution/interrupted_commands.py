"""Commands of agents whose process was killed: what they changed until then, as far as the disk's own times tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.recorded_writes import Shown, Write, close_command, writes
from mazu_ls.checkpoints.context import CheckpointContext

if TYPE_CHECKING:
    import apsw


def changed_after_end(project: CheckpointContext, command: Write, place: bytes) -> bool:
    """Whether what stands at a place may be younger than the end of a command's process."""
    lived, changed = project.commands.lived_at(command.process), _changed_at(project.path_of(place))
    return lived is None or changed is None or changed > lived


def _changed_at(path: Path | None) -> float | None:
    """When a file was last written, renamed or removed (seconds since the epoch), by the disk's own record, which no program
    sets; None where that cannot be told. Of a file that is gone: when something last left its folder.
    """
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
    """Record how the files stand now for commands whose process was killed, before anybody changes them further."""
    for write in writes(db):
        if write.commanded is None or write.commanded[1] is not None:
            continue
        if project.commands.is_open(write.id, write.process) or not project.commands.lived_at(write.process):
            continue
        before = write.commanded[0]
        _, tree = project.present(db)
        differing = project.differing(before.tree, tree)
        later = [place for place in differing if changed_after_end(project, write, place)]
        # What an editor held unsaved comes back with it: only the files are seen from here.
        texts = {place: text for place, text in before.texts.items() if place not in differing}
        close_command(db, write.id, Shown(tree, texts), later)
        project.commands.forget(write.process)
