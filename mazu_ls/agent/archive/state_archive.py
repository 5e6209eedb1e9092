"""The file that holds a project's state: a ZIP archive of a fixed set of entries and a manifest, signed on this
machine.

Its content is untrusted, since anybody may have made it by hand. So its directory is bounded before it is parsed, an
entry is read only if its name is known and the manifest names it with size and SHA-256, nothing is unpacked by the
names in it, and no more bytes are written than the manifest declares.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import msgspec
from msgspec import Struct

from mazu_ls.errors import Kind, MazuError
from mazu_ls.workspace import project_files

FORMAT = 1
MANIFEST, SIGNATURE = "manifest.json", "manifest.hmac"
DATABASE, PACK, ONE_SHOTS, JOURNALS = "memory.db", "checkpoints.pack", "oneshot.jsonl", "journal/"
MAX_BYTES = 64 * 2**30
MAX_MANIFEST_BYTES = 16 * 2**20
MAX_DIRECTORY_BYTES = 64 * 2**20
_NAME = re.compile(r"memory\.db|checkpoints\.pack|oneshot\.jsonl|journal/[A-Za-z0-9_-]{1,100}\.jsonl")
CHUNK = 1 << 20
# The end records of a ZIP file: APPNOTE.TXT 4.3.14 to 4.3.16.
_END, _LOCATOR, _END64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")


class ArchivedFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry: bytes and SHA-256 of its content."""

    name: str
    size: int
    sha256: str


class ArchiveManifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What an archive holds. `project` is the path of the exported project, `created_at` is RFC 3339 in UTC."""

    format: int
    version: str
    project: str
    created_at: str
    memories: int
    sessions: int
    checkpoints: int
    files: tuple[ArchivedFile, ...]


class StateArchive:
    """An archive that is open for reading; so far only its manifest was read."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, manifest: ArchiveManifest, *, own: bool) -> None:
        self.path = path
        self.manifest = manifest
        self.own = own
        """Whether this mazu-ls, on this machine, wrote exactly this manifest."""
        self.files = {file.name: file for file in manifest.files}
        self._archive = archive

    def extract(self, name: str, target: Path) -> None:
        """Write one entry to a new file. Raises MazuError(config) if size or hash differ from the manifest."""
        declared, left = self.files[name], self.files[name].size
        digest = hashlib.sha256()
        try:
            with self._archive.open(name) as entry, target.open("xb") as file:
                while data := entry.read(min(CHUNK, left + 1)):
                    left -= len(data)
                    if left < 0:
                        break
                    digest.update(data)
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
            raise damaged(self.path, f"{name}: {error}") from error
        if left != 0 or digest.hexdigest() != declared.sha256:
            raise damaged(self.path, f"{name} is not what the manifest says")
        target.chmod(0o600)


@contextmanager
def open_archive(path: Path, key: bytes) -> Iterator[StateArchive]:
    """Open an untrusted file. Raises MazuError: storage if it cannot be read, config if it is no archive."""
    try:
        opened = project_files.open_file(path.parent, path.name)
    except OSError as error:
        raise MazuError(
            Kind.STORAGE, f"{path} cannot be read: {error.strerror or error}.", "Choose another file."
        ) from error
    with opened as file:
        try:
            _require_small_directory(file, path)
            with zipfile.ZipFile(file) as archive:
                yield _checked(archive, path, key)
        except (zipfile.BadZipFile, struct.error, UnicodeDecodeError) as error:
            raise damaged(path, str(error)) from error


def _require_small_directory(file: BinaryIO, path: Path) -> None:
    """Check the declared size of the directory first, since `zipfile` reads all of it into memory."""
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - _END.size - _LOCATOR.size))
    tail = file.read()
    if len(tail) < _END.size or not tail[-_END.size :].startswith(b"PK\5\6"):
        raise damaged(path, "it does not end as an archive of mazu-ls does")
    declared = _END.unpack(tail[-_END.size :])[5]
    if tail.startswith(b"PK\6\7"):
        file.seek(max(0, size - _END.size - _LOCATOR.size - _END64.size))
        declared = max(declared if declared != 0xFFFFFFFF else 0, _END64.unpack(file.read(_END64.size))[8])
    if declared > MAX_DIRECTORY_BYTES:
        raise damaged(path, "its directory is too large")


def _checked(archive: zipfile.ZipFile, path: Path, key: bytes) -> StateArchive:
    held: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        mode = info.external_attr >> 16
        if info.filename in held or info.flag_bits & 1 or (stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
            raise damaged(path, f"{info.filename[:100]!r} stands twice, is encrypted or is no file")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise damaged(path, f"{info.filename[:100]!r} is packed in another way")
        held[info.filename] = info
    if not {MANIFEST, SIGNATURE} <= held.keys():
        raise damaged(path, "it has no manifest")
    text = _read(archive, MANIFEST, MAX_MANIFEST_BYTES, path)
    signature = _read(archive, SIGNATURE, 64, path)
    try:
        manifest = msgspec.json.decode(text, type=ArchiveManifest)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"its manifest: {error}") from error
    if manifest.format != FORMAT:
        raise MazuError(
            Kind.CONFIG, f"{path} has format {manifest.format}, of another mazu-ls.", "Update mazu-ls."
        )
    names = [file.name for file in manifest.files]
    strange = [name for name in names if not _NAME.fullmatch(name)]
    if strange or len(set(names)) != len(names) or {*names, MANIFEST, SIGNATURE} != held.keys():
        raise damaged(path, "its entries are not those of its manifest, or have other names than ours")
    sizes = [file.size for file in manifest.files]
    if min(sizes, default=0) < 0 or sum(sizes) > MAX_BYTES or DATABASE not in names:
        raise damaged(path, f"it has no {DATABASE}, or is larger than {MAX_BYTES:,} bytes")
    own = hmac.compare_digest(signature, hmac.digest(key, text, "sha256").hex().encode())
    return StateArchive(path, archive, manifest, own=own)


def _read(archive: zipfile.ZipFile, name: str, limit: int, path: Path) -> bytes:
    entry: IO[bytes]
    with archive.open(name) as entry:
        data = entry.read(limit + 1)
    if len(data) > limit:
        raise damaged(path, f"{name} is too large")
    return data


def damaged(path: Path, why: str) -> MazuError:
    """Return the error for a file that is not, or no longer, a valid archive."""
    return MazuError(
        Kind.CONFIG,
        f"{path} is not an archive of mazu-ls, or is damaged: {why.rstrip('.')}.",
        "Nothing was changed.",
    )
