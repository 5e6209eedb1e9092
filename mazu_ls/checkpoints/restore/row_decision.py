"""Decides which memories a rollback reverts, keeps or asks about: as for files, only the agent's changes go without a question."""

from __future__ import annotations

from msgspec import Struct, field

from mazu_ls.checkpoints.attribution.owners import Owner
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.objects import BLOB, TreeEntry, object_id
from mazu_ls.checkpoints.models import MemoryCounts, PathReason, PlanFiles
from mazu_ls.checkpoints.restore.conflicts import RollbackDecision
from mazu_ls.checkpoints.restore.keep_reasons import BOTH, KEPT, ONLY_ANOTHERS, SAID_TOO
from mazu_ls.checkpoints.restore_selection import RestoreSelection
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, file_bytes
from mazu_ls.checkpoints.snapshot_part import OwnedPart

_ENTRY = "you changed this memory on top of the agent's change"
_KEPT_ENTRY = "left as it is: your change of this memory cannot be separated from the agent's"
_REASONS = {BOTH: _ENTRY, KEPT: _KEPT_ENTRY}


class RowDecision(Struct):
    """`stay`: the rows that stay as they are, by file name below the part without suffix. `merged`: the contents of rows that
    become what neither checkpoint holds, by place. `restored`: all rows that change, with their new file.
    """

    stay: set[str] = field(default_factory=set)
    merged: dict[bytes, bytes] = field(default_factory=dict)
    restored: dict[bytes, TreeEntry | None] = field(default_factory=dict)

    def leaves(self, file_name: str) -> bool:
        """Return whether a file below the part stays as it is."""
        return file_name.rpartition(".")[0] in self.stay


def decide_rows(
    project: CheckpointContext,
    decision: RollbackDecision,
    views: tuple[BufferView, BufferView],
    selection: RestoreSelection,
    plan: PlanFiles,
) -> RowDecision:
    """Decide about each memory that differs between the present and the target (`views`), and enter it in the plan."""
    found, counts = RowDecision(), [0, 0, 0]
    part = next((part for part in project.parts if part.name == "memory"), None)
    owned = part if isinstance(part, OwnedPart) else None
    folders = (project.trees.folder(view.tree, b"memory") for view in views)
    for name, (was, now) in sorted(project.changed_memories(*folders).items()):
        if not selection.names_memory(name):
            continue
        place = f"memory/{name}.json".encode("utf-8", "surrogateescape")
        if not decision.concerns(place):
            found.stay.add(name)
            continue
        restored = now
        owner: Owner = decision.row_owner(place, views[0]) if owned else "agent"
        if owned and owner != "agent":
            row = _Row(project, owned, decision, place, (was, now))
            owner = row.owner(owner)
            result = row.decide(owner, plan)
            if result is None:
                found.stay.add(name)
                continue
            if isinstance(result, bytes):
                found.merged[place] = result
                restored = TreeEntry(b"100644", object_id(BLOB, result))
        found.restored[place] = restored
        plan.automatic_memories += decision.is_automatic(place)
        counts[0 if was is None else 2 if restored is None else 1] += 1
    plan.memories = MemoryCounts(*counts)
    return found


class _Row(Struct, frozen=True):
    """One memory that the user changed, alone or not. `ends`: its files now and at the target."""

    project: CheckpointContext
    part: OwnedPart
    decision: RollbackDecision
    place: bytes
    ends: tuple[TreeEntry | None, TreeEntry | None]

    def owner(self, owner: Owner) -> Owner:
        """Return the owner; a memory created by the agent that the user only archived or superseded is the agent's."""
        if owner != "both" or self.ends[1] is not None:
            return owner
        for interval in self.decision.users_intervals(self.place):
            was, now = self._read(interval.before), self._read(interval.after)
            if was is None or now is None or not self.part.sets_aside(was, now):
                return owner
        return "agent"

    def decide(self, owner: Owner, plan: PlanFiles) -> bytes | bool | None:
        """Return True to revert it, bytes to write a merge instead, or None to keep it; the plan then says why."""
        if owner == "agent":
            return True
        data = self._data()
        if owner == "user" and self.part.is_team_work(data) and self.decision.choice != "overwrite":
            return None
        if not self.decision.takes_all(owner) and self.decision.reason(owner, self.place) == ONLY_ANOTHERS:
            return None  # what another conversation learned meanwhile is nothing the user has to hear of
        shown = self.part.describe(self.place.partition(b"/")[2].decode("utf-8", "replace"), data)
        plan.users.append(shown)
        plan.own_memories.append(shown)
        if self.decision.takes_all(owner):
            return True
        if owner == "both" and self.ends[1] is None and self._is_confirmed():
            plan.keep.append(PathReason(shown, SAID_TOO))
            return None
        result = None
        if owner == "both" and self.decision.merges:
            result = self.decision.row_without_agent(self.place, self._read, self.part.merge)
        if result is not None and result != data:
            return result
        reason = self.decision.reason(owner if result is None else "user", self.place)
        listed = plan.conflicts if reason == BOTH else plan.keep
        listed.append(PathReason(shown, _REASONS.get(reason, reason)))
        return None

    def _is_confirmed(self) -> bool:
        """Return whether all that the user did to a memory of the agent's is to say the same."""
        changes = [
            (self._read(it.before), self._read(it.after)) for it in self.decision.users_intervals(self.place)
        ]
        return all(was and now and self.part.confirms(was, now) for was, now in changes)

    def _data(self) -> bytes:
        """Return its content now, else that at the target."""
        entry = self.ends[0] or self.ends[1]
        assert entry is not None
        return self.project.repository.read(entry.oid)

    def _read(self, view: BufferView) -> bytes | None:
        return file_bytes(self.project, view.tree, self.place)
