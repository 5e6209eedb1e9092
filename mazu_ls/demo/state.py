"""Fingerprints of everything that a rollback restores."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mazu_ls.demo.editor import DemoEditor
from mazu_ls.demo.repository import git

OURS = (".git", ".mazu", "__pycache__")


@dataclass(frozen=True)
class Fingerprint:
    """SHA-256, shortened, of code on disk, text in the editor, memory, and conversation."""

    code: str
    buffers: str
    memory: str
    conversation: str

    @classmethod
    async def take(cls, editor: DemoEditor) -> Fingerprint:
        """Take it from the disk, the editor's documents, and the server's answers."""
        memories = await editor.command("mazu.memory.list", scope="project")
        session = await editor.command("mazu.session.show")
        told = [(memory["id"], memory["title"], memory["state"]) for memory in memories["memories"]]
        return cls(
            _hash(_files(editor.root)),
            _hash({document.uri: document.text for document in editor.documents.values()}),
            _hash(sorted(told)),
            _hash([(turn["message"], turn["reply"]) for turn in session["turns"]]),
        )


def git_state(root: Path) -> str:
    """Return HEAD, index, branches, stash and config of the user's repository, as one hash."""
    parts = [git(root, "rev-parse", "HEAD"), git(root, "for-each-ref"), git(root, "stash", "list")]
    parts += [
        hashlib.sha256((root / ".git" / name).read_bytes()).hexdigest()
        for name in ("index", "config", "HEAD")
    ]
    return _hash(parts)


def _files(root: Path) -> dict[str, str]:
    return {
        str(
            path.relative_to(root)
        ): f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and not any(part in OURS or part.startswith(".mazu-") for part in path.relative_to(root).parts)
    }


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
