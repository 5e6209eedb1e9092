"""Where this process makes temporary files: never in the working folder, which is the user's project."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mazu_ls.state import paths

IN_MEMORY = "/dev/shm"
"""Where Linux keeps files in memory: writable even if no disk is."""
_USUAL = ("/tmp", "/var/tmp", "/usr/tmp")
_PROBE_BYTES = 64 * 1024


def keep_out_of_project(env: Mapping[str, str]) -> None:
    """Fix the folder for temporary files of this process and its libraries, where Python falls back to the working folder.

    It does so where the usual places take no file, as in a container whose root is read-only. The state directory is used then,
    or a folder in memory; where none of them takes a file either, making one raises OSError. Blocks.
    """
    if not _is_working_folder():
        return
    for place in _other_places(env):
        try:
            with tempfile.TemporaryFile(dir=paths.private_folder(place), buffering=0) as probe:
                if probe.write(bytes(_PROBE_BYTES)) == _PROBE_BYTES:
                    tempfile.tempdir = str(place)
                    return
        except OSError:
            continue
    tempfile.tempdir = _USUAL[0]


def _is_working_folder() -> bool:
    """Return whether temporary files would be made in the working folder though nobody named it for them."""
    named = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    try:
        here = Path.cwd()
        found = Path(tempfile.gettempdir())
    except FileNotFoundError:  # no place at all takes a file, or the working folder is gone
        return tempfile.tempdir is None
    return found == here and here not in {
        *map(Path, _USUAL),
        *(Path(place).absolute() for place in named if place),
    }


def _other_places(env: Mapping[str, str]) -> list[Path]:
    runtime = env.get("XDG_RUNTIME_DIR")
    return [paths.state_home(env) / "tmp", *([Path(runtime)] if runtime else []), Path(IN_MEMORY)]
