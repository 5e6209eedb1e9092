"""Clones of a project that share memories through one bare repository, edited and synchronized in any order."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from mazu_ls.config.config import MemorySettings
from mazu_ls.errors import MazuError
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import Memory
from mazu_ls.memory.store.entries import digest
from mazu_ls.memory.team import shared_table
from mazu_ls.memory.team.shared_memory import FIELDS, SharedMemories, find_standing
from mazu_ls.memory.team.team_memory import TeamMemory


def run_git(
    *arguments: str, check: bool = True, input: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """What one git command did."""
    return subprocess.run(["git", *arguments], check=check, input=input, capture_output=True)


SUPERSEDES = 6
"""Where a row of `Clone.rows` says what it replaces."""
CATEGORIES = ("decision", "convention", "mistake", "fact")


class Clone:
    """One colleague's machine."""

    def __init__(self, memories: Memories, root: Path, name: str) -> None:
        assert memories.shelves.project is not None
        self.memories = memories
        self.store = memories.shelves.project
        self.team = TeamMemory(self.store, root, f"{name} <{name}@example.org>")
        self.name, self.root = name, root

    async def versions(self) -> SharedMemories:
        return await self.store.read(shared_table.known)

    async def rows(self) -> dict[str, tuple[object, ...]]:
        """What is remembered, by shared id. What only a memory that is not shared replaces here stands in the other clones; one that
        says what a shared one says replaces in its name."""
        found, _ = await self.memories.list(scope="project", limit=1000)
        shared = {m.id: m.shared for m in found}
        standing = find_standing(await self.versions())
        texts = {id: digest(one.value("title"), one.value("body")) for id, one in standing.memories.items()}
        own = {m.id: digest(m.title, m.body) for m in found if not m.shared}

        def state(m: Memory) -> tuple[str, str | None]:
            if m.superseded_by is None or shared.get(m.superseded_by):
                return m.state, shared.get(m.superseded_by or "")
            by = standing.superseded.get(m.shared or "")
            if by is not None and own.get(m.superseded_by) == texts.get(by):
                return m.state, by
            return "current", None

        return {
            m.shared or m.id: (
                m.title, m.body, m.category, m.tags, *state(m), shared.get(m.supersedes or ""), sorted((a.path, a.symbol) for a in m.anchors),
            )
            for m in found
        }  # fmt: skip


class CloneTeam:
    """Some clones and what was ever written in them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.remote = folder / "remote.git"
        self.clones: list[Clone] = []
        self.written: set[tuple[str, str, str]] = set()
        self.count = 0

    async def open(self, count: int) -> None:
        run_git("init", "-q", "--bare", str(self.remote))
        for n in range(count):
            root = self.folder / f"clone{n}"
            root.mkdir()
            (self.folder / f"state{n}").mkdir()
            settings = MemorySettings(semantic=False)
            memories = await Memories.open(
                self.folder / f"state{n}" / "memory.db", self.folder / f"global{n}.db", settings
            )
            self.clones.append(Clone(memories, root, f"colleague{n}"))

    async def close(self) -> None:
        for clone in self.clones:
            await clone.memories.close()

    async def sync(self, clone: Clone) -> None:
        await clone.team.sync(str(self.remote))
        for id, memory in (await clone.versions()).items():
            if memory.fields["title"][0].by.startswith(clone.name):
                self.written.add((id, "title", memory.value("title")))
            body = memory.fields.get("body")
            if body and body[0].by.startswith(clone.name):
                self.written.add((id, "body", body[0].value))

    async def edit(self, clone: Clone) -> None:
        """One random change by the user of that clone."""
        rng = self.random
        self.count += 1
        found, _ = await clone.memories.list(scope="project", limit=1000)
        shared = [m for m in found if m.shared and m.state != "superseded"]
        kind = rng.choice(
            ["share", "title", "body", "category", "tags", "supersede", "forget", "restore", "unshare"]
        )
        word = f"word{rng.randrange(10**9):09d}x{self.count}"
        try:
            if kind == "share" or not shared:
                made = await clone.memories.remember(
                    f"{word} holds for the {word}y", category=rng.choice(CATEGORIES)
                )
                await clone.team.share([made.memory.id])
                return
            one = rng.choice(shared)
            match kind:
                case "title" | "body":
                    await clone.memories.update(one.id, **{kind: f"{word} is {word}z"})
                case "category":
                    await clone.memories.update(one.id, category=rng.choice(CATEGORIES))
                case "tags":
                    await clone.memories.update(one.id, tags=[word])
                case "supersede":
                    await clone.memories.supersede(one.id, rng.choice(shared).id)
                case "forget":
                    await clone.memories.forget(one.id)
                case "restore":
                    await clone.memories.restore(f"m_{rng.randrange(1, len(found) + 5):06d}")
                case "unshare":
                    await clone.team.unshare([one.id])
        except (
            MazuError
        ):  # nothing to bring back, superseded already: the user is told, and nothing is changed
            return

    async def settle(self) -> None:
        """Everybody synchronizes until nobody has news."""
        for _ in range(2):
            for clone in self.clones:
                await self.sync(clone)

    async def disagreements(self) -> list[str]:
        """What the clones see differently, and what somebody wrote that is nowhere any more."""
        first = self.clones[0]
        versions, rows = await first.versions(), await first.rows()
        said: list[str] = []
        for clone in self.clones[1:]:
            if await clone.versions() != versions:
                said.append(f"{clone.name}: other versions")
            theirs, mine = _shared(await clone.rows()), _shared(rows)
            # What somebody says himself, without sharing it, is not said twice.
            own = {
                row[:2]
                for all in (rows, await clone.rows())
                for id, row in all.items()
                if id.startswith("m_")
            }
            unsaid = {id for all in (theirs, mine) for id, row in all.items() if row[:2] in own}
            theirs, mine = _without(theirs, unsaid), _without(mine, unsaid)
            said += [
                f"{clone.name}: {id}: {theirs.get(id)} instead of {mine.get(id)}"
                for id in theirs.keys() | mine.keys()
                if theirs.get(id) != mine.get(id)
            ]
        kept = {
            (id, name, str(version.value))
            for id, memory in versions.items()
            for name in FIELDS
            for version in memory.fields.get(name, ())
        }
        return said + [f"lost: {one}" for one in self.written - kept]


def _shared(rows: dict[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    return {id: row for id, row in rows.items() if id.startswith("t_")}


def _without(rows: dict[str, tuple[object, ...]], ids: set[str]) -> dict[str, tuple[object, ...]]:
    """The rows but those, which the others do not replace either: an own memory has its own chain."""
    return {
        id: tuple(None if at == SUPERSEDES and value in ids else value for at, value in enumerate(row))
        for id, row in rows.items()
        if id not in ids
    }
