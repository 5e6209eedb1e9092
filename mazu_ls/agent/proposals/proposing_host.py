"""The host as tools see it when edits are proposed: the agent reads its proposed text, and no file changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.agent.turn.delegating_host import DelegatingHost
from mazu_ls.agent.turn.reviewed_host import unified_diff
from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Buffer
from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text
from mazu_ls.tools.base import ToolOutput

if TYPE_CHECKING:
    from mazu_ls.agent.proposals.proposals import Proposals
    from mazu_ls.agent.turn.running_turn import RunningTurn
    from mazu_ls.host import Host
    from mazu_ls.tools.context import ToolContext


@dataclass
class ProposingHost(DelegatingHost):
    """Turns edits into proposals: all of them if `always`, else those that the editor refuses at this moment.

    With `always`, and for a file that an editor refused before, the agent reads the text as proposed, so that it builds
    on its own edits; `host` does everything else.
    """

    proposals: Proposals
    turn: ToolContext
    always: bool
    before_effect: Callable[[], Awaitable[None]]
    """Takes the baseline checkpoint of the turn: a proposal may be accepted by an edit of the editor's, which must be
    undoable."""
    diffs: dict[Path, str] = field(default_factory=dict)
    overlaid: set[Path] = field(default_factory=set)
    unfit: int = 0

    def note_for_model(self, output: ToolOutput) -> ToolOutput:
        """Correct a tool's output: proposed is not applied."""
        if self.diffs:
            names = ", ".join(map(self._name, self.diffs))
            warnings = [line for line in output.text.split("\n") if line.startswith("warning: ")]
            note = (
                f"proposed, not applied: {names}. The user accepts or rejects each hunk; you will be notified. Until "
                "then read_file and grep show you the text as proposed, while commands and tests run on the file as it was."
            )
            return replace(output, text="\n".join([note, *warnings]))
        if self.overlaid and output.ok:
            names = ", ".join(sorted(map(self._name, self.overlaid)))
            note = f"[{names}: shown with edits that are proposed and not accepted yet]"
            if self.unfit:
                note += f"\n[{self.unfit} proposed hunks are not shown: the text they would change is gone]"
            return replace(output, text=f"{output.text}\n{note}")
        return output

    async def read(self, path: Path) -> str:
        """Return the text as proposed. Raises FileNotFoundError."""
        if not self._overlays(path):
            return await self.host.read(path)
        text, unfit = self.proposals.proposed_text(self._name(path), await self._real(path))
        if text is None:
            raise FileNotFoundError(2, "it is proposed to delete this file", str(path))
        self.overlaid.add(path)
        self.unfit += unfit
        return text

    async def edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Propose the edit, or make it and propose what the editor refuses."""
        if self.always or self._overlays(path):
            await self._propose(path, before, after)
            return
        try:
            await self.host.edit(path, before, after)
        except MazuError as error:
            refused = error.kind is Kind.CONFLICT and after is not None and await self._real(path) == before
            if not self.proposals.late or not refused:
                raise
            await self._propose(path, before, after)

    async def _propose(self, path: Path, before: str | None, after: str | None) -> None:
        name, real = self._name(path), await self._real(path)
        if self.proposals.proposed_text(name, real)[0] != before:
            raise MazuError(
                Kind.CONFLICT, f"{name} was changed in the meantime.", "Read it again and redo the edit."
            )
        await self.before_effect()
        self.diffs[path] = unified_diff(name, before, after)
        await self.proposals.propose(name, real, after, self.turn.session_id, self.turn.turn_id)

    async def buffers(self) -> Sequence[Buffer]:
        """Return every open document, with proposed texts as if they were open, too."""
        found = list(await self.host.buffers())
        for name in self.proposals.paths if self.always or self.proposals.late else ():
            path = self.turn.workspace.resolve(name)
            text, _ = self.proposals.proposed_text(name, await self._real(path))
            if text is not None:
                found = [buffer for buffer in found if buffer.path != path]
                found.append(Buffer("", path, 0, "", text, dirty=True))
        return found

    async def _real(self, path: Path) -> str | None:
        try:
            return await self.host.read(path)
        except FileNotFoundError:
            return None

    def _overlays(self, path: Path) -> bool:
        return (self.always or self.proposals.late) and bool(self.proposals.for_path(self._name(path)))

    def _name(self, path: Path) -> str:
        return self.turn.workspace.relative(path)


def make_proposing_host(run: RunningTurn, host: Host) -> ProposingHost | None:
    """Return the host for one call of a turn; None if there is no memory.db to keep proposals in."""
    proposals = run.session.project.proposals
    if proposals is None:
        return None
    return ProposingHost(host, proposals, run.turn, is_propose_mode(run), run.steps.ensure_baseline)


def is_propose_mode(run: RunningTurn) -> bool:
    """Return whether the user wants every edit as a proposal; then no edit is asked about, and no mode applies one."""
    return run.turn.config.edits.apply == "propose" and run.session.project.proposals is not None


async def inject_user_decisions(run: RunningTurn) -> None:
    """Append the user's decisions since the last report to the conversation."""
    proposals = run.session.project.proposals
    if proposals is None or run.asked.kind == "edit":
        return
    shown = proposals.late or is_propose_mode(run)  # so that proposals of other windows show in what is read
    if run.meter.usage.steps and not shown and not proposals.has_proposed(run.session.id):
        return
    if verdicts := await proposals.pending_decisions(run.session.id):
        await run.steps.wait_recorded()
        run.record(journal.UserSaid(Message("user", (Text(verdicts.note),)), ""))
        await proposals.mark_reported(verdicts.ids)


async def has_pending_rejection(run: RunningTurn) -> bool:
    """Return whether the user rejected something that the model should know before the turn ends."""
    proposals = run.session.project.proposals
    return (
        proposals is not None
        and run.asked.kind != "edit"
        and await proposals.pending_rejections(run.session.id)
    )
