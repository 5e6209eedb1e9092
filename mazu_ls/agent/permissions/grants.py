"""What the user allowed for good: argv prefixes per project, in the user's own folder, never in the repository."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from mazu_ls.agent.permissions.rules import Rule
from mazu_ls.errors import Kind, MazuError
from mazu_ls.paths import private_folder


class Grant(Struct, frozen=True, rename="camel"):
    """One standing permission: every call of `tool` whose words begin with `prefix`; all calls if it is empty."""

    id: str
    tool: str
    prefix: tuple[str, ...]
    granted_at: datetime

    @property
    def rule(self) -> Rule:
        """The rule it amounts to."""
        return Rule(self.tool, self.prefix, "allow", origin="always")


class Grants:
    """The grants of one project. The file is read anew on every change, so that several servers may share it."""

    def __init__(self, path: Path, grants: tuple[Grant, ...]) -> None:
        self.path = path
        self._grants = grants

    @classmethod
    def load(cls, home: Path, project: str) -> Grants:
        """Read `<home>/grants/<project>.json`. Raises MazuError(config) if it is damaged, rather than lose what it held."""
        path = home / "grants" / f"{project}.json"
        return cls(path, _read(path))

    def list(self) -> tuple[Grant, ...]:
        """All of them, oldest first."""
        return self._grants

    def rules(self) -> tuple[Rule, ...]:
        """All of them as rules for `decide`."""
        return tuple(grant.rule for grant in self._grants)

    def add(self, tool: str, prefix: tuple[str, ...]) -> Grant:
        """Store a grant; the same one twice is one. Raises MazuError(storage) where it cannot be kept."""
        digest = hashlib.sha256("\0".join((tool, *prefix)).encode("utf-8", "surrogateescape")).hexdigest()
        new = Grant(f"gr_{digest[:10]}", tool, prefix, datetime.now(UTC).replace(microsecond=0))
        self._change(lambda old: old if any(grant.id == new.id for grant in old) else (*old, new))
        return next(grant for grant in self._grants if grant.id == new.id)

    def revoke(self, grant_id: str) -> Grant:
        """Take one back. Raises MazuError(not_found)."""
        found = next((grant for grant in _read(self.path) if grant.id == grant_id), None)
        if found is None:
            raise MazuError(
                Kind.NOT_FOUND, f"There is no grant {grant_id}.", "List them with mazu.permissions.list."
            )
        self._change(lambda old: tuple(grant for grant in old if grant.id != grant_id))
        return found

    def _change(self, change: Callable[[tuple[Grant, ...]], tuple[Grant, ...]]) -> None:
        try:
            private_folder(self.path.parent)
            with _locked(self.path.with_suffix(".lock")):
                grants = change(_read(self.path))
                _write(self.path, grants)
        except OSError as error:
            raise MazuError(
                Kind.STORAGE,
                f"The permission could not be stored: {error}.",
                f"Check that {self.path} is writable.",
            ) from error
        self._grants = grants


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _read(path: Path) -> tuple[Grant, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Grant, ...])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError) as error:
        raise MazuError(
            Kind.CONFIG,
            f"{path} cannot be read: {error}.",
            "Mend it, or remove it: then everything is asked again.",
        ) from error


def _write(path: Path, grants: tuple[Grant, ...]) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(grants)))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
