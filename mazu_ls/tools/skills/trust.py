"""What a project brings along is somebody else's code: inert until the user agreed to exactly these bytes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct

from mazu_ls.errors import Kind, MazuError
from mazu_ls.tools.locked_json import LockedJsonFile

Brought = Literal["config", "role", "skill", "tool", "mcp_server", "mcp_tool"]
State = Literal["new", "changed", "agreed"]


class TrustPin(Struct, frozen=True, rename="camel"):
    """The user agreed to this content, by its SHA-256. `name` is unique within a kind, and says of which project."""

    kind: Brought
    name: str
    digest: str
    agreed_at: datetime


class TrustStore:
    """The pins of this user. Earlier versions stay agreed to, so that a rollback asks nothing anew."""

    def __init__(self, file: LockedJsonFile[TrustPin]) -> None:
        self._file = file

    @classmethod
    def load(cls, home: Path) -> TrustStore:
        """The pins in `<home>/trust.json`."""
        return cls(
            LockedJsonFile(
                home / "trust.json", TrustPin, "Fix it, or delete it to be asked about everything again."
            )
        )

    def state(self, kind: Brought, name: str, content: bytes) -> State:
        """Whether these bytes were agreed to, others under this name were, or nothing was. Raises MazuError(config)."""
        digests = [pin.digest for pin in self._file.read() if (pin.kind, pin.name) == (kind, name)]
        if digest_of(content) in digests:
            return "agreed"
        return "changed" if digests else "new"

    def agree(self, kind: Brought, name: str, content: bytes) -> TrustPin:
        """The user has seen these bytes and agrees."""
        new = TrustPin(kind, name, digest_of(content), datetime.now(UTC).replace(microsecond=0))
        key = (new.kind, new.name, new.digest)
        self._file.change(lambda old: (*(p for p in old if (p.kind, p.name, p.digest) != key), new))
        return new

    def revoke(self, kind: Brought, name: str) -> None:
        """Take every agreement under this name back, with a server's that to its tools. Raises MazuError(not_found) for none."""
        if not any((pin.kind, pin.name) == (kind, name) for pin in self._file.read()):
            raise MazuError(
                Kind.NOT_FOUND, f"Nothing was agreed to for {kind} {name}.", "List what was agreed to first."
            )
        self._file.change(lambda old: tuple(pin for pin in old if not _covers(kind, name, pin)))

    def list(self) -> tuple[TrustPin, ...]:
        """Everything that was agreed to, oldest first."""
        return self._file.read()


def _covers(kind: Brought, name: str, pin: TrustPin) -> bool:
    """Whether taking back what is named takes this pin back."""
    tool = kind == "mcp_server" and pin.kind == "mcp_tool" and pin.name.startswith(f"{name}/")
    return tool or (pin.kind, pin.name) == (kind, name)


def digest_of(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
