"""A project folder with checkpoints, in one object that reads well in a story."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.checkpoints.models import Checkpoint, RollbackReport
from mazu_ls.checkpoints.snapshot_part import SnapshotPart
from mazu_ls.config.config import CheckpointSettings
from mazu_ls.host import Buffer
from mazu_ls.state.paths import private_folder, root_state
from mazu_ls.state.store import Migrations, select

State = dict[str, tuple[int, bytes]]


class Notes:
    """A part in its simplest form: one table of named texts, with a table of dirty names kept by triggers."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.migrations = Migrations(
            f"notes-{name}",
            (
                f"CREATE TABLE {name}_note (name TEXT PRIMARY KEY, text TEXT NOT NULL);"
                f"CREATE TABLE {name}_dirty (name TEXT PRIMARY KEY);"
                + "".join(
                    f"CREATE TRIGGER {name}_{event} AFTER {event} ON {name}_note BEGIN"
                    f" INSERT INTO {name}_dirty SELECT {row}.name WHERE {row}.name NOT IN {name}_dirty; END;"
                    for event, row in (("insert", "new"), ("update", "new"), ("delete", "old"))
                ),
            ),
        )

    def changed(self, db: Any) -> dict[str, bytes | None]:
        rows = select(
            db, f"SELECT d.name, n.text FROM {self.name}_dirty d LEFT JOIN {self.name}_note n USING (name)"
        )
        return {f"{name}.md": None if text is None else text.encode() for name, text in rows}

    def everything(self, db: Any) -> dict[str, bytes]:
        return {f"{name}.md": text.encode() for name, text in self.all(db).items()}

    def mark_taken(self, db: Any) -> None:
        db.execute(f"DELETE FROM {self.name}_dirty")

    def restore(self, db: Any, files: Mapping[str, bytes | None], writer: str = "") -> dict[str, str]:
        for path, data in files.items():
            self.put(db, path.removesuffix(".md"), None if data is None else data.decode())
        return {}

    def readable(self, path: str, data: bytes) -> tuple[str, bytes]:
        return path, data

    def put(self, db: Any, name: str, text: str | None) -> None:
        if text is None:
            db.execute(f"DELETE FROM {self.name}_note WHERE name = ?", (name,))
        else:
            db.execute(
                f"INSERT INTO {self.name}_note VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET text = excluded.text",
                (name, text),
            )

    def all(self, db: Any) -> dict[str, str]:
        return dict(select(db, f"SELECT name, text FROM {self.name}_note"))  # type: ignore[arg-type]


@dataclass
class Bed:
    """`root` is the project, `state` the state directory; `engine` is open."""

    root: Path
    state: Path
    engine: Checkpoints
    parts: Sequence[SnapshotPart] = ()
    typed: dict[str, str] = field(default_factory=dict)

    def write(self, path: str | bytes, data: str | bytes, mode: int | None = None) -> Path:
        file = self.place(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.encode() if isinstance(data, str) else data)
        if mode is not None:
            file.chmod(mode)
        return file

    async def agent_writes(self, path: str, text: str, session: str = "s") -> Path:
        """As the agent's edit tool does: recorded first."""
        await self.engine.record_edit(session, self.root / path, self.read(path), text)
        return self.write(path, text)

    def place(self, path: str | bytes) -> Path:
        return self.root / os.fsdecode(path)

    def read(self, path: str | bytes) -> str | None:
        file = self.place(path)
        return file.read_text() if file.is_file() else None

    def files(self, root: Path | None = None) -> State:
        return files(root or self.root)

    def note(self, name: str, text: str | None, part: int = 0) -> None:
        self.parts[part].put(self.engine._store.connection, name, text)  # type: ignore[attr-defined]

    def notes(self, part: int = 0) -> dict[str, str]:
        return self.parts[part].all(self.engine._store.connection)  # type: ignore[attr-defined]

    async def take(self, label: str = "", touched: Sequence[str] | None = None, **more: Any) -> Checkpoint:
        more.setdefault("kind", "manual")
        paths = None if touched is None else [self.root / path for path in touched]
        return await self.engine.take(label=label, touched=paths, **more)

    async def roll_back(
        self, checkpoint: Checkpoint | None, on_conflict: Any = "overwrite", **more: Any
    ) -> RollbackReport:
        plan = await self.engine.plan(checkpoint.id if checkpoint else None, **more)
        return await plan.apply(on_conflict, self.type_text)

    async def type_text(self, buffer: Buffer, text: str) -> bool:
        self.typed[buffer.uri] = text
        return True

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        return git(cwd or self.root, *arguments)

    def fsck(self) -> None:
        store = self.engine._project.repository.path
        out = subprocess.run(
            ["git", "--git-dir", str(store), "fsck", "--full", "--strict"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert out.returncode == 0, out.stderr


@asynccontextmanager
async def bed(folder: Path, parts: Sequence[SnapshotPart] = (), root: Path | None = None, **settings: Any):
    """Open checkpoints on `folder`/project (or `root`)."""
    root = root or folder / "project"
    root.mkdir(parents=True, exist_ok=True)
    engine = await open_engine([root], folder / "state", parts, **settings)
    opened = Bed(root, folder / "state", engine, parts)
    try:
        yield opened
    finally:
        await opened.engine.close()


async def open_engine(
    roots: Sequence[Path], state: Path, parts: Sequence[SnapshotPart] = (), **settings: Any
) -> Checkpoints:
    database = root_state(roots[0], {"MAZU_STATE_HOME": str(state)}) / "memory.db"
    with contextlib.suppress(OSError):
        private_folder(database.parent)
    return await Checkpoints.open(roots, database, state, parts, CheckpointSettings(**settings))


def files(root: Path, leave_out: Sequence[str] = ()) -> State:
    """Type and permission bits, and bytes, of every file below `root`, without git's, ours and some folders."""
    found: State = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [n for n in folders if n not in (".git", *leave_out) and not n.startswith(".mazu")]
        for name in [*names, *(n for n in folders if (Path(folder) / n).is_symlink())]:
            path = Path(folder) / name
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                found[str(path.relative_to(root))] = (stat.S_IFLNK, os.fsencode(path.readlink()))
            elif stat.S_ISREG(status.st_mode) and name != ".git":
                found[str(path.relative_to(root))] = (status.st_mode, path.read_bytes())
    return found


def git(folder: Path, *arguments: str, made: str | None = None) -> str:
    """One git command of the user's. `made`: the date of its commits."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    who = {
        "GIT_AUTHOR_NAME": "u",
        "GIT_AUTHOR_EMAIL": "u@x",
        "GIT_COMMITTER_NAME": "u",
        "GIT_COMMITTER_EMAIL": "u@x",
    }
    if made is not None:
        env |= {"GIT_AUTHOR_DATE": made, "GIT_COMMITTER_DATE": made}
    out = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=env | who,
    )
    assert out.returncode in (0, 1), out.stderr
    return out.stdout


def git_folder(root: Path) -> dict[str, bytes]:
    """Every byte of the user's `.git`."""
    return {
        str(p.relative_to(root)): p.read_bytes() for p in sorted((root / ".git").rglob("*")) if p.is_file()
    }
