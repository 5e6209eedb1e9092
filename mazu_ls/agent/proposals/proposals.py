"""Proposals: edits of the agent that wait, hunk by hunk, for the user to accept them; kept in memory.db until then.

A proposal is not code: no checkpoint holds it, and a rollback of code leaves it open (as stale if its text is gone). But it belongs
to its turn: when that leaves the conversation, its open hunks are withdrawn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.agent.proposals import proposal_store as table
from mazu_ls.agent.proposals.hunks import (
    Hunk,
    HunkLocator,
    HunkStatus,
    apply_hunks,
    locate_hunk,
    match_sequentially,
    rebase_hunks,
    split_into_hunks,
)
from mazu_ls.agent.proposals.proposal_store import LocatedHunk, ProposedHunk
from mazu_ls.agent.proposals.proposal_undo import AcceptHistory, lines_before
from mazu_ls.agent.session.ids import new_id
from mazu_ls.state.store import Store
from mazu_ls.workspace.text import split_lines
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
T = TypeVar("T")
SHOWN_LINES = 12
"""Maximum number of lines of a rejected hunk that the model is shown."""


class AcceptedText(Struct, frozen=True):
    """A file in which hunks of these sessions were found accepted: its text before and now, None for no file. The ids are those of
    the first hunk."""

    path: str
    before: str | None
    after: str | None
    sessions: frozenset[str]
    session_id: str
    turn_id: str

    @classmethod
    def from_hunks(
        cls, path: str, before: Sequence[str], lines: Sequence[str], taken: Sequence[LocatedHunk]
    ) -> AcceptedText:
        """Build it from the file's lines before and now."""
        kinds = {one.proposed.hunk.kind for one in taken}
        earlier = None if "create" in kinds else "".join(before)
        if "delete" in kinds:
            earlier = "".join(taken[0].proposed.hunk.old)
        later = None if "delete" in kinds else "".join(lines)
        sessions, first = frozenset(one.proposed.session_id for one in taken), taken[0].proposed
        return cls(path, earlier, later, sessions, first.session_id, first.turn_id)


class PendingDecisions(Struct, frozen=True):
    """The user's decisions that the model does not know yet: a note for it, and the ids of the hunks."""

    note: str
    ids: tuple[str, ...]


class Proposals:
    """The open proposals of a project, at most one per file. Reading them costs nothing; several processes may share them.

    `late` is set for an editor that may refuse edits: what it refuses becomes a proposal.
    """

    def __init__(self, store: Store) -> None:
        self.late = False
        self.taken: Callable[[AcceptedText], None] | None = None
        """Called with a file in which hunks were found accepted."""
        self._store = store
        self._open: dict[str, list[ProposedHunk]] = {}
        self._undecided: list[tuple[str, str]] = []
        self._reopened: list[ProposedHunk] = []
        self._accepted = AcceptHistory()
        self._unrecorded: list[AcceptedText] = []
        self._stale: set[str] = set()
        self._listeners: list[Callable[[str], None]] = []
        self._version = -1
        self._proposers: set[str] = set()
        self._writing = asyncio.Lock()

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the path of each file whose proposal changed."""
        self._listeners.append(listener)

    def for_path(self, path: str) -> Sequence[ProposedHunk]:
        """Return the open hunks of a file, in order of their place."""
        return tuple(self._open.get(path, ()))

    @property
    def has_unwritten_decisions(self) -> bool:
        """Whether acceptances, or an undo of one, were observed that `flush` has yet to write."""
        return bool(self._undecided or self._reopened)

    @property
    def is_tracked(self) -> bool:
        """Whether a change of a document could open or close anything."""
        return bool(self._open or self._accepted)

    @property
    def paths(self) -> list[str]:
        """The files with open hunks."""
        return sorted(self._open)

    async def refresh(self) -> None:
        """Read what another process wrote."""
        await self._read_anew(lambda db: None)

    async def _read_anew(self, besides: Callable[[apsw.Connection], T]) -> T:
        """Write what was observed, read what another process wrote, and read something `besides`."""
        await self.flush()
        async with self._writing:
            changed, found = await self._store.read(
                lambda db: (table.changed(db, self._version), besides(db))
            )
            paths = self._take_over(*changed)
        for path in paths:
            self._notify(path)
        return found

    def _take_over(self, version: int, rows: list[ProposedHunk] | None) -> list[str]:
        """Adopt the rows of another process; return the files whose proposal changed."""
        if rows is None:
            return []
        self._version = version
        self._proposers |= {row.session_id for row in rows}
        known = {one.id: one for hunks in self._open.values() for one in hunks}
        before, self._open = self._open, {}
        for row in rows:
            one = known.get(row.id, row)
            one = one if (one.number, one.hunk.base) == (row.number, row.hunk.base) else row
            self._open.setdefault(one.path, []).append(one)
        for hunks in self._open.values():
            hunks.sort(key=lambda one: (one.hunk.line, one.number))
        return [
            path for path in before.keys() | self._open.keys() if before.get(path) != self._open.get(path)
        ]

    async def propose(
        self, path: str, before: str | None, after: str | None, session_id: str, turn_id: str
    ) -> list[ProposedHunk]:
        """Propose that a file's text `before` becomes `after`, instead of what was open for it. None: no file.

        A hunk that was proposed before keeps its id and its session.
        """
        old = self._open.get(path, [])
        hunks = split_into_hunks(before, after)
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        known = {(one.hunk.kind, one.hunk.old, one.hunk.new): one for one in old}
        new: list[ProposedHunk] = []
        for number, hunk in enumerate(hunks, 1):
            fresh = ProposedHunk(new_id("h"), path, number, len(hunks), session_id, turn_id, now, hunk)
            same = known.pop((hunk.kind, hunk.old, hunk.new), None)
            new.append(replace(same, number=number, of=len(hunks), hunk=hunk) if same else fresh)
        gone = [one.id for one in old if one.id not in {kept.id for kept in new}]

        def write(db: apsw.Connection) -> None:
            table.delete(db, gone)
            for one in new:
                table.put(db, one)

        async with self._writing:
            self._proposers.add(session_id)
            await self._store.write(write)
            self._set(path, new)
        self._notify(path)
        return new

    def sync_document(
        self, path: str, lines: Sequence[str] | None, *, typing: bool = False
    ) -> list[LocatedHunk]:
        """Locate each open hunk of a file in its current lines. Closes those that were accepted, and opens them again when the file
        is what it was before.

        Hunks that moved are located from their new place next time. `flush` writes what was closed. While the user is `typing`, stale
        hunks are not searched for.
        """
        self._reopen(path, lines)
        seen = self._locate(path, lines, self._stale if typing else set())
        if not typing:
            self._stale -= {one.proposed.id for one in seen}
        self._stale |= {one.proposed.id for one in seen if one.standing.fate == "stale"}
        return self._taken_over(path, lines or (), seen)

    def _locate(
        self, path: str, lines: Sequence[str] | None, stale: Collection[str] = ()
    ) -> list[LocatedHunk]:
        found = self._open.get(path, [])
        others = sum(abs(len(one.hunk.new) - len(one.hunk.old)) for one in found)
        search = HunkLocator(lines) if lines is not None else None
        fresh = [one for one in found if one.hunk.kind == "edit" and one.id not in self._stale]
        together = match_sequentially([one.hunk for one in fresh], lines) if lines is not None else None
        known = {one.id: at for one, at in zip(fresh, together or (), strict=False)}
        known |= {one.id: HunkStatus("stale", one.hunk.line) for one in found if one.id in stale}
        return [LocatedHunk(one, known.get(one.id) or locate_hunk(one.hunk, search, others)) for one in found]

    def _taken_over(self, path: str, lines: Sequence[str], seen: list[LocatedHunk]) -> list[LocatedHunk]:
        accepted = [one.proposed.id for one in seen if one.standing.fate == "accepted"]
        there = sorted(
            (one for one in seen if one.standing.fate == "open" and one.proposed.hunk.kind == "edit"),
            key=lambda one: one.standing.line,
        )
        stops = [0, *(one.standing.line + len(one.proposed.hunk.old) for one in there)]
        starts = [*(one.standing.line for one in there), len(lines)]
        kept = {one.proposed.id: one for one in seen if one.proposed.id not in accepted}
        for n, one in enumerate(there):
            hunk = rebase_hunks(one.proposed.hunk, one.standing.line, lines, (stops[n], starts[n + 1]))
            kept[one.proposed.id] = LocatedHunk(replace(one.proposed, hunk=hunk), one.standing)
        self._set(path, [one.proposed for one in kept.values()])
        self._undecided += [(one, "accepted") for one in accepted]
        if accepted:
            taken = [one for one in seen if one.standing.fate == "accepted"]
            found = AcceptedText.from_hunks(path, self._accepted.add(path, lines, taken), lines, taken)
            if self.taken:
                self._unrecorded = [*self._unrecorded, found]
                self.taken(found)
            self._notify(path)
        return list(kept.values())

    def recorded(self, accepted: AcceptedText) -> None:
        """What `taken` was called with is recorded as the sessions' edit."""
        self._unrecorded = [one for one in self._unrecorded if one is not accepted]

    def accepted_between(self, path: str, before: str | None, after: str | None) -> list[AcceptedText]:
        """Return what was accepted in a file and is not recorded yet; among it what two texts of it show, None for no file. May be called
        on any thread."""
        found = [one for one in self._unrecorded if one.path == path]
        lines = None if after is None else split_lines(after)
        seen = self._locate(path, lines)
        if taken := [one for one in seen if one.standing.fate == "accepted"]:
            found.append(AcceptedText.from_hunks(path, lines_before(lines or (), taken), lines or (), taken))
        elif before is None and not after and [one.proposed.hunk.kind for one in seen] == ["create"]:
            found.append(AcceptedText.from_hunks(path, (), (), seen))  # created, the text is to follow
        return found

    def _reopen(self, path: str, lines: Sequence[str] | None) -> None:
        again = self._accepted.take_undone(path, lines)
        if not again:
            return
        ids = {one.id for one in again}
        self._undecided = [(one, state) for one, state in self._undecided if one not in ids]
        self._reopened += again
        kept = [one for one in self._open.get(path, []) if one.id not in ids]
        self._set(path, sorted([*kept, *again], key=lambda one: (one.hunk.line, one.number)))
        self._notify(path)

    async def flush(self) -> None:
        """Write the acceptances that were observed, and those that were undone."""
        async with self._writing:
            seen, self._undecided = self._undecided, []
            again, self._reopened = self._reopened, []
            if seen or again:
                await self._store.write(lambda db: table.save_open_hunks(db, seen, again))

    def proposed_text(self, path: str, text: str | None) -> tuple[str | None, int]:
        """Return the text with every open hunk that can be located (None if there would be no file), and how many cannot."""
        seen = self._locate(path, None if text is None else split_lines(text))
        return apply_hunks(text, locate_open_hunks(seen)), sum(one.standing.fate == "stale" for one in seen)

    async def reject(self, ids: Collection[str], note: str = "") -> list[ProposedHunk]:
        """Close these hunks; the model gets to know it, with the user's note. Return those that were open."""
        found = [one for hunks in self._open.values() for one in hunks if one.id in ids]
        async with self._writing:
            await self._store.write(
                lambda db: table.record_decision(db, [(one.id, "rejected") for one in found], note)
            )
            for path in {one.path for one in found}:
                self._set(path, [one for one in self._open[path] if one.id not in ids])
        for path in sorted({one.path for one in found}):
            self._notify(path)
        return found

    def has_proposed(self, session_id: str) -> bool:
        """Return whether this session proposed anything that was open while this process ran; otherwise no decision can follow."""
        return session_id in self._proposers

    async def pending_decisions(self, session_id: str) -> PendingDecisions | None:
        """Return what the user, here or in another process, decided on this session's proposals and its model does not know.

        None if there is nothing.
        """
        rows = await self._read_anew(lambda db: table.load_decisions(db, session_id))
        if not rows:
            return None
        said = [_sentence(one, state, note) for one, state, note in rows]
        note = "The user decided on edits that you proposed:\n" + "\n".join(said)
        return PendingDecisions(f"<proposals>\n{note}\n</proposals>", tuple(one.id for one, _, _ in rows))

    async def pending_rejections(self, session_id: str) -> bool:
        """Return whether a rejection is to be reported to the model."""
        await self.flush()
        return any(
            state == "rejected"
            for _, state, _ in await self._store.read(lambda db: table.load_decisions(db, session_id))
        )

    async def mark_reported(self, ids: Iterable[str]) -> None:
        """The model knows these decisions; delete them."""
        await self._store.write(lambda db: table.delete(db, list(ids)))

    async def keep_turns(self, session_id: str, turns: Collection[str]) -> None:
        """Withdraw the open hunks of turns that are no longer part of a session's conversation, and open those again whose turn is part
        of it once more, after a redo; not in a file for which something else is proposed now."""
        gone = [
            one
            for hunks in self._open.values()
            for one in hunks
            if one.session_id == session_id and one.turn_id not in turns
        ]
        async with self._writing:
            withdrawn = await self._store.read(lambda db: table.load_withdrawn(db, session_id))
            back = [one for one in withdrawn if one.turn_id in turns and one.path not in self._open]
            if not (gone or back):
                return
            ids = {one.id for one in gone}
            await self._store.write(lambda db: table.withdraw(db, list(ids), [one.id for one in back]))
            for path in {one.path for one in gone}:
                self._set(path, [one for one in self._open[path] if one.id not in ids])
            for path in {one.path for one in back}:
                again = (one for one in back if one.path == path)
                self._set(path, sorted(again, key=lambda one: (one.hunk.line, one.number)))
        for path in sorted({one.path for one in (*gone, *back)}):
            self._notify(path)

    async def renamed(self, old: str, new: str) -> None:
        """A file or folder was renamed: move its proposal along; what was proposed for a file that it replaced is gone."""
        found = [
            replace(one, path=new + one.path.removeprefix(old))
            for path in self.paths
            if path == old or path.startswith(f"{old}/")
            for one in self.for_path(path)
        ]
        if not found:
            return
        moved = {one.path for one in found}
        replaced = [one.id for path in moved for one in self.for_path(path)]

        def write(db: apsw.Connection) -> None:
            table.delete(db, replaced)
            for one in found:
                table.put(db, one)

        async with self._writing:
            await self._store.write(write)
            for path in [path for path in self.paths if path == old or path.startswith(f"{old}/")]:
                self._set(path, [])
                self._notify(path)
            for path in moved:
                self._set(path, [one for one in found if one.path == path])
                self._notify(path)

    def _set(self, path: str, hunks: list[ProposedHunk]) -> None:
        if hunks:
            self._open[path] = hunks
        else:
            self._open.pop(path, None)

    def _notify(self, path: str) -> None:
        for listener in self._listeners:
            listener(path)


def locate_open_hunks(seen: Iterable[LocatedHunk]) -> list[Hunk]:
    """Return the hunks that were located, each at its current line."""
    return [replace(one.proposed.hunk, line=one.standing.line) for one in seen if one.standing.fate == "open"]


def _sentence(one: ProposedHunk, state: str, note: str) -> str:
    why = f": {note}" if note else ""
    if state == "accepted":
        return f"- accepted {one.name}"
    lines = split_lines(one.hunk.diff, ends=False)
    rest = [f"... {plural(len(lines) - SHOWN_LINES, 'more line')}"] if len(lines) > SHOWN_LINES else []
    shown = "\n".join(f"  {line}" for line in [*lines[:SHOWN_LINES], *rest])
    return f"- the user rejected {one.name}{why}\n{shown}".rstrip()
