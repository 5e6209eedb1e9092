"""Team memory of one project: sharing, synchronizing with the folder or a remote, and proposals for the user."""

from __future__ import annotations

import asyncio
import getpass
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from mazu_ls import gitcmd
from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd import user_repository
from mazu_ls.memory.models import Memory, MemoryEntry, identifier
from mazu_ls.memory.store.entries import EntryTable, number
from mazu_ls.memory.store.store import MemoryStore
from mazu_ls.memory.team import shared_file, shared_folder, shared_table
from mazu_ls.memory.team.conflicts_here import name_conflicts
from mazu_ls.memory.team.memory_remote import MemoryRemote, resolve_remote
from mazu_ls.memory.team.shared_memory import SharedMemories, merge, new_id
from mazu_ls.memory.team.team_proposals import TeamProposal, digest_of, find_news, find_proposals
from mazu_ls.state.store import select

GIT_FOLDER = "shared_memory.git"
MAX_TRIES = 10
T = TypeVar("T")


class NotShared(Struct, frozen=True):
    """A memory that was not shared, and why."""

    id: str
    why: str


class VersionRow(Struct, frozen=True):
    """One version of one field for display; `holds` marks the newest of a field."""

    field: str
    value: object
    at: int
    by: str
    holds: bool


@dataclass
class SyncResult:
    """The result of a sync: memories sent and received, entries removed here, pending proposals, what was not shared and why."""

    place: str
    sent: int = 0
    received: int = 0
    removed: int = 0
    waiting: int = 0
    refused: list[NotShared] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    hint: str = ""


class TeamMemory:
    """`root` is the project's folder, `store` its memory. Methods may raise MazuError(storage, busy)."""

    def __init__(self, store: MemoryStore, root: Path, author: str | None = None) -> None:
        self._store = store
        self._root = root
        self._state = store.writer.path.parent
        self._author = author

    async def author(self) -> str:
        """Return the author name of local versions: the user's name and address in git, those of the repository first."""
        if self._author is None:
            found = await asyncio.to_thread(_identity, self._root) if gitcmd.find_git() else None
            self._author = shared_file.author(found or getpass.getuser())
        return self._author

    async def share(self, ids: Sequence[str]) -> tuple[list[Memory], list[NotShared]]:
        """Share memories of the project; files of the folder are written at once. A memory that holds a secret is refused.

        Raises MazuError(not_found).
        """
        by = await self.author()
        numbers = [number(id, "project") for id in dict.fromkeys(ids)]
        shared, refused = await self._store.write(lambda rows: _share(rows, numbers, by))
        try:
            await self._write_folder()
        except MazuError:
            await self._store.write(lambda rows: [_stop_sharing(rows, memory.id) for memory in shared])
            raise
        return shared, refused

    async def unshare(self, ids: Sequence[str]) -> list[Memory]:
        """Delete memories for the others with the next sync; here they stay. Raises MazuError(not_found, conflict)."""
        by = await self.author()
        numbers = [number(id, "project") for id in dict.fromkeys(ids)]
        kept = await self._store.write(lambda rows: [_unshare(rows, n, by) for n in numbers])
        await self._write_folder()
        return kept

    async def sync(
        self, remote: str | None = None, *, pull: bool = False, accept: bool = False
    ) -> SyncResult:
        """Exchange with the remote that was named last, or with the project's folder if none was.

        `remote` is stored for the next time; "none" switches back to the folder. `pull` sends nothing. `accept` adopts the folder's
        proposals. Raises InvalidArguments, MazuError(git, unsupported, storage).
        """
        if remote == "none":
            await self._store.write(lambda rows: _keep_setting(rows, "remote", None))
        named = await self.remote() if remote in (None, "none") else remote
        accepted: list[Memory] = []
        if accept:
            waiting, _ = await self.proposals()
            accepted = await self.accept([one.id for one in waiting])
        if named is None:
            result = await self._sync_folder(pull=pull)
        else:
            result = await self._sync_remote(named, pull=pull)
        if conflicts := await self.conflicts(accepted):
            result.hint = "\n".join(filter(None, (result.hint, *conflicts)))
        waiting, content = await self._waiting()
        result.waiting = len(waiting)
        result.problems += content.problems
        if named is not None and content.names:
            hint = f"The files in {shared_folder.FOLDER} are not kept up to date while {named} is used: delete them."
            result.hint = "\n".join(filter(None, (result.hint, hint)))
        return result

    async def proposals(self) -> tuple[list[TeamProposal], list[str]]:
        """Return the memories of the folder that are neither adopted nor rejected, and problems with reading it."""
        found, content = await self._waiting()
        return found, content.problems

    async def accept(self, ids: Sequence[str]) -> list[Memory]:
        """Adopt the proposals with these ids; return the new or changed memories. Raises MazuError(not_found)."""
        if not ids:
            return []
        by = await self.author()
        chosen = await self._offered(ids)

        def take(rows: EntryTable) -> list[Memory]:
            shared_table.note_edits(rows, by)
            done = shared_table.apply(rows, merge(shared_table.known(rows), chosen))
            return [rows.memory(n) for n in (*done.created, *done.changed)]

        taken = await self._store.write(take)
        await self._write_folder()
        return taken

    async def conflicts(self, received: Sequence[Memory]) -> list[str]:
        """Return one sentence for each of these memories that is replaced here, or that another one contradicts."""
        numbers = [number(memory.id, "project") for memory in received]
        return await self._store.read(lambda rows: name_conflicts(rows, numbers))

    async def reject(self, ids: Sequence[str]) -> None:
        """Ignore these proposals until the folder says something else. Raises MazuError(not_found)."""
        digests = [(digest_of(memory),) for memory in (await self._offered(ids)).values()]
        sql = "INSERT OR IGNORE INTO memory_shared_rejected VALUES (?)"
        await self._store.write(lambda rows: rows.db.executemany(sql, digests) and None)

    async def versions(self, id: str) -> list[VersionRow]:
        """Return all versions of a shared memory, newest first; none if it is not shared. Raises MazuError(not_found)."""
        n = number(id, "project")
        found = await self._store.read(lambda rows: _shared_row(rows, n))
        if found is None:
            return []
        rows = [
            VersionRow(name, version.value, version.at, version.by, position == 0)
            for name, versions in found.memory.fields.items()
            for position, version in enumerate(versions)
        ]
        return sorted(rows, key=lambda row: row.at, reverse=True)

    async def remote(self) -> str | None:
        """Return the remote that a sync without a name uses; None for the folder."""
        return await self._store.read(lambda rows: _setting(rows, "remote"))

    async def _waiting(self) -> tuple[list[TeamProposal], shared_folder.FolderContent]:
        known = await self._store.read(shared_table.known)
        content = await asyncio.to_thread(shared_folder.read_folder, self._root, known)
        rejected = await self._store.read(
            lambda rows: {one for (one,) in select(rows.db, "SELECT digest FROM memory_shared_rejected")}
        )
        return await asyncio.to_thread(find_proposals, known, content, rejected), content

    async def _offered(self, ids: Sequence[str]) -> SharedMemories:
        """Return the proposals with these ids, each of which is valid for one text only."""
        found, content = await self._waiting()
        waiting = {one.id for one in found}
        if unknown := [id for id in ids if id not in waiting]:
            raise MazuError(
                Kind.NOT_FOUND, f"No proposal waits that is called {', '.join(unknown[:5])}, or it says something else by now.",
                "mazu-ls memory proposals lists those that do.",
            )  # fmt: skip
        return {name: content.memories[name] for name in (id.partition(".")[0] for id in ids)}

    async def _sync_folder(self, *, pull: bool) -> SyncResult:
        by = await self.author()
        result = SyncResult(str(self._root / shared_folder.FOLDER))
        result.refused = await self._store.write(lambda rows: _note_edits(rows, by))
        await self._store.write(lambda rows: shared_table.apply(rows, {}) and None)
        if not pull:
            result.sent = await self._write_folder()
        if result.sent and await asyncio.to_thread(shared_folder.is_ignored, self._root):
            result.problems.append(
                f"git ignores {shared_folder.FOLDER}: un-ignore it, or nobody else gets it."
            )
        return result

    async def _write_folder(self) -> int:
        """Update the files, unless a remote is used instead; pending proposals in a file stay there."""
        if await self.remote() is not None:
            return 0
        known = await self._store.read(shared_table.known)
        content = await asyncio.to_thread(shared_folder.read_folder, self._root, known)
        both = merge(content.memories, known)
        ours = [both[id] for id in known if shared_file.find_secret(known[id]) is None]
        return await asyncio.to_thread(shared_folder.write_folder, self._root, content, ours)

    async def _sync_remote(self, named: str, *, pull: bool) -> SyncResult:
        url, protocols = await asyncio.to_thread(resolve_remote, named, self._root)
        remote, result = MemoryRemote(self._state / GIT_FOLDER, url, protocols), SyncResult(named)
        opening = asyncio.create_task(asyncio.to_thread(remote.open))
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(lambda _: remote.close())
            raise
        try:
            for attempt in range(MAX_TRIES):
                if await self._try_sync(remote, result, pull=pull):
                    return result
                await asyncio.sleep(random.uniform(0, 0.2 * (attempt + 1)))  # another clone was faster
        finally:
            remote.close()
        raise MazuError(
            Kind.BUSY,
            f"{named} changed {MAX_TRIES} times while memories were sent.",
            "Everything is kept here; sync again.",
        )

    async def _try_sync(self, remote: MemoryRemote, result: SyncResult, *, pull: bool) -> bool:
        """Fetch, merge, push; False if another clone has pushed meanwhile."""
        by = await self.author()
        commit, files = await _in_thread(remote, remote.fetch)
        await self._store.write(lambda rows: _keep_setting(rows, "remote", result.place))
        content = await asyncio.to_thread(shared_folder.read_files, files)
        merged = await self._store.write(lambda rows: _exchange(rows, content.memories, by, result))
        result.problems = content.problems + result.problems
        changes = await asyncio.to_thread(_file_changes, content, merged)
        for name in [name for name, data in changes.items() if data and len(data) > shared_file.MAX_BYTES]:
            result.refused.append(NotShared(name, "its history has grown too large"))
            del changes[name]
        if pull or not changes:
            return True
        if not await _in_thread(remote, lambda: remote.push(commit, changes, by)):
            return False
        result.sent = sum(data is not None for data in changes.values())
        return True


async def _in_thread(remote: MemoryRemote, work: Callable[[], T]) -> T:
    """Run blocking work in a thread; a cancellation also ends its git processes."""
    try:
        return await asyncio.to_thread(work)
    except asyncio.CancelledError:
        remote.stop.set()
        raise


def _share(rows: EntryTable, numbers: Sequence[int], by: str) -> tuple[list[Memory], list[NotShared]]:
    refused, shared = [], []
    for n in numbers:
        entry = rows.entry(n)
        if (why := _reason_against(entry)) is not None:
            refused.append(NotShared(identifier("project", n), why))
            continue
        shared_table.share(rows, entry, new_id(), by)
        shared.append(rows.memory(n))
    return shared, refused


def _reason_against(entry: MemoryEntry) -> str | None:
    if entry.kind != "memory":
        return f"it is a {entry.kind}; only memories are shared"
    if "shared" in (entry.details or {}):
        return "it is shared already"
    if entry.state == "superseded":
        return "it is superseded"
    texts = (
        entry.title,
        entry.body,
        *entry.tags,
        entry.origin or "",
        *(f"{a.path}#{a.symbol}" for a in entry.anchors),
    )
    return "it holds what looks like a secret" if any(map(shared_file.has_secret, texts)) else None


def _unshare(rows: EntryTable, n: int, by: str) -> Memory:
    entry = rows.entry(n)
    row = _shared_row(rows, n)
    if row is None:
        raise MazuError(
            Kind.CONFLICT,
            f"{identifier('project', n)} is not shared.",
            "`mazu-ls memory list` says which are.",
        )
    shared_table.unshare(rows, entry, row, by)
    return rows.memory(n)


def _stop_sharing(rows: EntryTable, id: str) -> None:
    """Nobody got it: as if it had not been shared."""
    entry = rows.entry(number(id, "project"))
    if (row := shared_table.find(rows, entry.n or 0)) is not None:
        shared_table.stop_sharing(rows, entry, row)


def _shared_row(rows: EntryTable, n: int) -> shared_table.SharedRow | None:
    rows.entry(n)
    return shared_table.find(rows, n)


def _note_edits(rows: EntryTable, by: str) -> list[NotShared]:
    shared_table.note_edits(rows, by)
    return _with_secrets(rows)


def _with_secrets(rows: EntryTable) -> list[NotShared]:
    return [
        NotShared(
            id,
            f"`{found}` holds what looks like a secret; `mazu-ls memory update {id}` changes it, then it is sent",
        )
        for row in shared_table.load(rows).values()
        if (found := shared_file.find_secret(shared_file.without_old_secrets(row.memory))) is not None
        for id in [identifier("project", row.n or 0)]
    ]


def _exchange(rows: EntryTable, theirs: SharedMemories, by: str, result: SyncResult) -> SharedMemories:
    """Record local edits, adopt what was received, and return everything that may be sent."""
    shared_table.note_edits(rows, by)
    ours = shared_table.known(rows)
    news = len(find_news(ours, theirs))
    merged = merge(ours, theirs)
    done = shared_table.apply(rows, merged)
    result.received += max(news, len(done.created) + len(done.changed))  # more after a rollback
    result.removed += len(done.removed)
    conflicts = name_conflicts(rows, (*done.changed, *done.created))
    result.hint = "\n".join(filter(None, (result.hint, *conflicts)))
    result.refused, result.problems = _with_secrets(rows), done.problems
    return {id: one for id, one in merged.items() if shared_file.find_secret(one) is None}


def _file_changes(content: shared_folder.FolderContent, memories: SharedMemories) -> dict[str, bytes | None]:
    """Return the files to write so that the remote holds what is known here; unreadable ones are left alone."""
    changes: dict[str, bytes | None] = {}
    for id, memory in memories.items():
        name, there = shared_file.file_name(memory), content.names.get(id, [])
        if name not in content.unreadable and (there != [name] or content.memories[id] != memory):
            changes[name] = shared_file.write(memory).encode()
            changes |= {other: None for other in there if other != name}
    return changes


def _setting(rows: EntryTable, name: str) -> str | None:
    found = select(rows.db, "SELECT value FROM memory_shared_setting WHERE name = ?", (name,))
    return found[0][0] if found else None


def _keep_setting(rows: EntryTable, name: str, value: str | None) -> None:
    if value is None:
        rows.db.execute("DELETE FROM memory_shared_setting WHERE name = ?", (name,))
    else:
        rows.db.execute("INSERT OR REPLACE INTO memory_shared_setting VALUES (?, ?)", (name, value))


def _identity(root: Path) -> str | None:
    repository = user_repository.find(root)
    return gitcmd.user_identity(repository.common_dir / "config" if repository else None)
