"""Where state lives: the project's `.mazu/`, the user's `~/.mazu/`, the platform's state directory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

PROJECT_FOLDER = ".mazu"


def mazu_home(env: Mapping[str, str] = os.environ) -> Path:
    """The user's own folder: `config.toml`, global memory, skills, tools. `MAZU_HOME` moves it."""
    return Path(env["MAZU_HOME"]) if env.get("MAZU_HOME") else Path.home() / PROJECT_FOLDER


def state_home(env: Mapping[str, str] = os.environ) -> Path:
    """Checkpoint stores, journals and logs. `MAZU_STATE_HOME` moves it."""
    if env.get("MAZU_STATE_HOME"):
        return Path(env["MAZU_STATE_HOME"])
    from platformdirs import user_state_path

    return user_state_path("mazu-ls", appauthor=False)


def root_key(root: Path) -> str:
    """Names one worktree root: real path, device and inode, so that a copy or a moved folder is another root."""
    real = root.resolve()
    stat = real.stat()
    return hashlib.sha256(
        f"{real}\0{stat.st_dev}\0{stat.st_ino}".encode("utf-8", "surrogateescape")
    ).hexdigest()[:24]


def root_state(root: Path, env: Mapping[str, str] = os.environ) -> Path:
    """The state directory of one worktree root (not created)."""
    return state_home(env) / "roots" / root_key(root)


def private_folder(path: Path) -> Path:
    """Create `path` for this user alone (0700) and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def project_folder(root: Path) -> Path:
    """Create `<root>/.mazu`, ignored by git through its own `.gitignore`, and return it."""
    folder = root / PROJECT_FOLDER
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder
