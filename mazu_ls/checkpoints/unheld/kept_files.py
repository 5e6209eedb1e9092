"""Reads a file that no checkpoint holds, and keeps it: its content in the store, its permission bits and those of its folders."""

from __future__ import annotations

import json
from typing import NamedTuple

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.models import SkippedFile
from mazu_ls.checkpoints.scan.file_modes import PRIVATE_FOLDER
from mazu_ls.checkpoints.scan.folder_reader import FolderReader
from mazu_ls.checkpoints.scan.read_files import FileReader, FileSnapshot
from mazu_ls.checkpoints.scan.roots import CheckpointRoot

REFS = "refs/mazu/u/"
"""The names of the kept contents in the store, by their ids, so that they are not collected."""

DROPPED, NOT_IMPORTED = "-", "!"
"""In place of an entry: what the file held was kept, and is not any more; or an archive of the state did not bring it."""
LOST_CONTENTS = frozenset((DROPPED, NOT_IMPORTED))


class KeptFile(NamedTuple):
    """What a row of `checkpoint_unheld` says of a file: its tree entry ("" for no file), its permission bits, and, as JSON, those of
    each folder on the way, the outermost first."""

    entry: str
    permissions: int | None
    folders: str


def read_file(
    project: CheckpointContext, mount: CheckpointRoot, inside: bytes
) -> FileSnapshot | SkippedFile | None:
    """Read a file, and write its content to the store."""
    most = project.settings.max_tracked_file_bytes
    writer = project.repository.writer()
    try:
        with FolderReader(mount) as reader:
            found = FileReader(most, most).file(reader, inside, None, writer.add, lambda _: True)
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    return found


def keep_file(
    project: CheckpointContext, at: tuple[CheckpointRoot, bytes], file: FileSnapshot | None
) -> KeptFile:
    """Protect a content that was read from being collected. `at`: where it was read."""
    if file is None:
        return KeptFile("", None, "[]")
    oid = file.entry.oid
    project.repository.set_ref(REFS + oid.hex(), oid)
    return KeptFile(
        f"{file.entry.mode.decode()} {oid.hex()}", file.permissions, json.dumps(_bits_on_way(*at))
    )


def _bits_on_way(mount: CheckpointRoot, path: bytes) -> list[int]:
    parts = path.split(b"/")[:-1]
    with FolderReader(mount) as reader:
        found = reader.folder_bits(b"/".join(parts[: n + 1]) for n in range(len(parts)))
    return [PRIVATE_FOLDER if bits is None else bits for bits in found.values()]
