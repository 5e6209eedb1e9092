"""Checks the files that mazu-ls itself keeps in an archived checkpoint: may they hold what they hold?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from mazu_ls.agent.archive.archived_tables import NotOurs, is_safe_name
from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.git.repository import StoreRepository, lines
from mazu_ls.checkpoints.models import FileCounts, MemoryCounts, SkippedFile
from mazu_ls.checkpoints.scan.file_modes import SPECIAL, USUAL_FOLDER

MOST_BYTES = 64 * 2**20
Mode = Annotated[str, Meta(pattern=r"\A[0-7]{1,4}\Z")]
"""Permission bits: read, write and execute of owner, group and others; no set-user-ID."""


class ArchivedMeta(Struct, rename="camel"):
    """meta.json: the same facts as the database row of the checkpoint."""

    id: Annotated[str, Meta(pattern=r"\A[\w-]{1,100}\Z")]
    parent_id: str | None
    created_at: str
    label: str
    kind: str
    session_id: str | None
    turn_id: str | None
    files: FileCounts
    memories: MemoryCounts
    skipped: list[SkippedFile]
    folders: dict[str, str] = {}
    user: dict[str, Any] = {}


class ArchivedBuffer(Struct):
    """A row of buffers/index.json: one unsaved document, and the name of the file with its text."""

    uri: str
    path: str | None
    text: str


_SHAPES: dict[bytes, Any] = {
    b"meta.json": ArchivedMeta,
    b"modes.json": dict[str, Mode],
    b"index.json": list[ArchivedBuffer],
}


def require_known_content(repository: StoreRepository, entries: Mapping[bytes, TreeEntry]) -> None:
    """Check the mazu-ls files among these entries. Raises NotOurs if one is too large or holds a value that mazu-ls
    never writes."""
    ours = {name: entry.oid for name, entry in entries.items() if name in _SHAPES or name == b"sparse"}
    sizes = repository.run(
        "cat-file", "--batch-check=%(objecttype) %(objectsize)", input=lines(ours.values())
    ).split()
    if len(sizes) != 2 * len(ours) or any(int(size) > MOST_BYTES for size in sizes[1::2]):
        raise NotOurs("a list of a checkpoint is too large")
    for name, oid in ours.items():
        data = repository.read(oid)
        if name == b"sparse":
            paths = data.split(b"\0")
        else:
            try:
                said = msgspec.json.decode(data, type=_SHAPES[name])
            except (ValueError, RecursionError) as error:
                raise NotOurs(f"{name.decode()} of a checkpoint: {error}") from error
            paths = list(paths_with_bits(said)) if name == b"modes.json" else []
            if name == b"index.json" and {one.text.encode() for one in said} - entries.keys():
                raise NotOurs("a checkpoint lists an unsaved text that it does not hold")
        if bad := next((path for path in paths if not all(map(is_safe_name, path.split(b"/")))), None):
            raise NotOurs(f"{name.decode()} of a checkpoint names {bad!r:.100}")


def paths_with_bits(said: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the paths of a list of permission bits. Raises NotOurs for bits that a rollback must not set: of a file, which has no slash
    at its end, more than nine; of a folder set-user-ID."""
    special = SPECIAL.decode()
    for path, bits in said.items():
        is_folder = path.endswith("/") or path == USUAL_FOLDER.decode()
        most = 0o7777 if path.startswith(special) else 0o3777 if is_folder else 0o777
        if int(bits, 8) > most:
            raise NotOurs(
                f"modes.json of a checkpoint: {bits} is not for {'folders' if is_folder else 'files'}"
            )
        yield path.removeprefix(special).removesuffix("/").encode("utf-8", "surrogateescape")
