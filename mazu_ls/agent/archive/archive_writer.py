"""Writes an archive atomically, with its manifest signed by a key from this machine's state directory."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import secrets
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from mazu_ls.agent.archive.state_archive import (
    CHUNK,
    MANIFEST,
    PACK,
    SIGNATURE,
    ArchivedFile,
    ArchiveManifest,
)
from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import open_flags
from mazu_ls.state import paths

KEY_BYTES = 32
KEY = "archive-key"


def write_archive(
    target: Path, sources: Mapping[str, Path], facts: Mapping[str, object], key: bytes, *, overwrite: bool
) -> ArchiveManifest:
    """Write `sources` (by entry name) to `target` atomically; `facts` are the manifest's other fields.

    Raises MazuError(conflict) if `target` exists and may not be overwritten, OSError if it cannot be written.
    """
    if target.is_dir() or (target.exists() and not overwrite):
        raise _exists(target)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "The folder does not exist", str(target.parent))
    draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    try:
        return _written(draft, target, sources, facts, key, overwrite=overwrite)
    except OSError as error:
        if error.filename == str(draft):  # a name that the user never chose
            error.filename = str(target)
        raise


def _written(
    draft: Path,
    target: Path,
    sources: Mapping[str, Path],
    facts: Mapping[str, object],
    key: bytes,
    *,
    overwrite: bool,
) -> ArchiveManifest:
    fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | open_flags.CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                files = tuple(_add(archive, name, source) for name, source in sources.items())
                manifest = msgspec.convert({**facts, "files": files}, ArchiveManifest)
                text = msgspec.json.format(msgspec.json.encode(manifest))
                archive.writestr(MANIFEST, text)
                archive.writestr(SIGNATURE, hmac.digest(key, text, "sha256").hex())
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, target, overwrite=overwrite)
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def _add(archive: zipfile.ZipFile, name: str, source: Path) -> ArchivedFile:
    """Copy the content that the file has now; a conversation may grow meanwhile."""
    size, digest = 0, hashlib.sha256()
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_STORED if name == PACK else zipfile.ZIP_DEFLATED
    with source.open("rb") as file, archive.open(info, "w", force_zip64=True) as entry:
        left = os.fstat(file.fileno()).st_size
        while left and (data := file.read(min(CHUNK, left))):
            entry.write(data)
            digest.update(data)
            size, left = size + len(data), left - len(data)
    return ArchivedFile(name, size, digest.hexdigest())


def _publish(draft: Path, target: Path, *, overwrite: bool) -> None:
    """Give the draft its name in one step, replacing an existing file only if that is wanted."""
    if overwrite:
        draft.replace(target)
    else:
        try:
            os.link(draft, target)
        except FileExistsError:
            raise _exists(target) from None
        except OSError as error:  # a file system without hard links
            if os.path.lexists(target):
                raise _exists(target) from error
            draft.rename(target)
    folder = os.open(target.parent, os.O_RDONLY | open_flags.CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(folder)
    finally:
        os.close(folder)


def _exists(target: Path) -> MazuError:
    if target.is_dir():
        return MazuError(Kind.CONFLICT, f"{target} is a folder.", "Name a file in it.")
    return MazuError(
        Kind.CONFLICT, f"{target} exists.", "Choose another name, or overwrite it (--overwrite)."
    )


def signing_key(env: Mapping[str, str]) -> bytes:
    """Return this machine's key from the state directory, created on first use; it proves that mazu-ls here wrote an
    archive.

    A truncated key (full disk, power failure) is replaced: with an empty key anybody could sign.
    """
    place = paths.private_folder(paths.state_home(env)) / KEY
    with suppress(FileNotFoundError):
        if len(key := place.read_bytes()) == KEY_BYTES:
            return key
        place.unlink()
    draft = place.with_name(f"{KEY}.{secrets.token_hex(6)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | open_flags.CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(MazuError):  # another process created one meanwhile
            _publish(draft, place, overwrite=False)
    finally:
        draft.unlink(missing_ok=True)
    key = place.read_bytes()
    if len(key) != KEY_BYTES:
        raise MazuError(
            Kind.STORAGE, f"{place} is damaged.", "Delete it; archives of before count as foreign."
        )
    return key
