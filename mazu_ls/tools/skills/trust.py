"""Consent to what a project brings: somebody else's code, inert until the user agreed to exactly these bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct

from mazu_ls.errors import Kind, MazuError
from mazu_ls.tools.locked_json import LockedJsonFile

Brought = Literal["config", "role", "skill", "tool", "mcp_server", "mcp_tool", "mcp_file"]
State = Literal["new", "changed", "agreed"]


class TrustPin(Struct, frozen=True, rename="camel"):
    """The user's consent to this content, by its SHA-256. `name` is unique within a kind, and includes the project."""

    kind: Brought
    name: str
    digest: str
    agreed_at: datetime


class TrustStore:
    """The pins of this user. Consent to earlier versions stays, so that a rollback asks nothing again."""

    def __init__(self, file: LockedJsonFile[TrustPin]) -> None:
        self._file = file

    @classmethod
    def load(cls, home: Path) -> TrustStore:
        """Load the pins in `<home>/trust.json`."""
        return cls(
            LockedJsonFile(
                home / "trust.json", TrustPin, "Fix it, or delete it to be asked about everything again."
            )
        )

    def state(self, kind: Brought, name: str, content: bytes) -> State:
        """Return whether these bytes have consent, others under this name have, or none. Raises MazuError(config)."""
        digests = [pin.digest for pin in self._file.read() if (pin.kind, pin.name) == (kind, name)]
        if digest_of(content) in digests:
            return "agreed"
        return "changed" if digests else "new"

    def agree(self, kind: Brought, name: str, content: bytes) -> TrustPin:
        """Record the consent of the user, who has seen these bytes."""
        new = TrustPin(kind, name, digest_of(content), datetime.now(UTC).replace(microsecond=0))
        key = (new.kind, new.name, new.digest)
        self._file.change(lambda old: (*(p for p in old if (p.kind, p.name, p.digest) != key), new))
        return new

    def agree_all(
        self, seen: Sequence[tuple[Brought, str, bytes]],
        only_if: Callable[[tuple[TrustPin, ...]], bool] = lambda pins: True,
    ) -> None:  # fmt: skip
        """Record the consent to all of these in one change of the file, unless `only_if` is false for the pins in it."""
        now = datetime.now(UTC).replace(microsecond=0)
        pins = [TrustPin(kind, name, digest_of(content), now) for kind, name, content in seen]
        new = {(pin.kind, pin.name, pin.digest): pin for pin in pins}

        def change(old: tuple[TrustPin, ...]) -> tuple[TrustPin, ...]:
            kept = tuple(pin for pin in old if (pin.kind, pin.name, pin.digest) not in new)
            return (*kept, *new.values()) if only_if(old) else old

        self._file.change(change)

    def revoke(self, kind: Brought, name: str) -> None:
        """Revoke every consent under this name, for a server including its tools and files. Raises MazuError(not_found) if there
        is none."""
        if not any((pin.kind, pin.name) == (kind, name) for pin in self._file.read()):
            raise MazuError(
                Kind.NOT_FOUND, f"Nothing was agreed to for {kind} {name}.", "List what was agreed to first."
            )
        self._file.change(lambda old: tuple(pin for pin in old if not _covers(kind, name, pin)))

    def list(self) -> tuple[TrustPin, ...]:
        """Return every consent, oldest first."""
        return self._file.read()


def _covers(kind: Brought, name: str, pin: TrustPin) -> bool:
    """Return whether revoking the named item revokes this pin."""
    part = kind == "mcp_server" and pin.kind in ("mcp_tool", "mcp_file") and pin.name.startswith(f"{name}/")
    return part or (pin.kind, pin.name) == (kind, name)


def digest_of(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
