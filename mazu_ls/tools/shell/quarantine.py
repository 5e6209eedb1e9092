"""Files that a command nobody approved made where programs run them by themselves: moved out of the project, and said."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mazu_ls.paths import private_folder, state_home
from mazu_ls.tools.shell.protected_files import Protected, find_protected


def quarantine_created(roots: Sequence[Path], before: Protected | None, env: Mapping[str, str]) -> list[str]:
    """Move what is new, or was replaced, since `before`; one sentence for each. Nothing where `before` is None or empty."""
    if before is None:
        return []
    told: list[str] = []
    for root in roots:
        for path, inode in find_protected(root).run_by_others.items():
            if before.run_by_others.get(path) != inode and os.path.lexists(path):
                told.append(_moved(path, Path(os.path.realpath(root)), env))
    return told


def _moved(path: Path, root: Path, env: Mapping[str, str]) -> str:
    shown = path.relative_to(root)
    place = private_folder(state_home(env) / "quarantine") / f"{time.time_ns()}-{path.name.lstrip('.')}"
    try:
        shutil.move(path, place)
    except OSError as error:
        return f"[{shown} was made by the command; programs run what stands there, and it could not be moved away: {error}]"
    return (
        f"[{shown} was made by the command and moved to {place}: programs run what stands there by themselves;"
        " write it with write_file, so that the user sees it]"
    )
