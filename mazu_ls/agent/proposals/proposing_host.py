"""The host as a tool sees it where edits are proposed: what is proposed is what the agent reads, and no file changes."""

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
    """Turns edits into proposals, all of them where `always`, else those that the editor refuses at this moment.

    With `always`, and for a file that an editor refused before, the agent reads the text as proposed, so that it goes
    on from its own edits; `host` does everything else.
    """

    proposals: Proposals
    turn: ToolContext
    always: bool
    before_effect: Callable[[], Awaitable[None]]
    """Takes the checkpoint that undoing the turn goes back to: what is proposed may be accepted by an edit of the editor's."""
    diffs: dict[Path, str] = field(default_factory=dict)
    overlaid: set[Path] = field(default_factory=set)
    unfit: int = 0

    def note_for_model(self, output: ToolOutput) -> ToolOutput:
        """What a tool says, put right: proposed is not applied."""
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
        """The text as proposed. Raises FileNotFoundError."""
        if not self._overlays(path):
            return await self.host.read(path)
        text, unfit = self.proposals.proposed_text(self._name(path), await self._real(path))
        if text is None:
            raise FileNotFoundError(2, "it is proposed to delete this file", str(path))
        self.overlaid.add(path)
        self.unfit += unfit
        return text

    async def edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Propose, or edit and propose what the editor refuses."""
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
        """Every open document, and what is proposed as if it were one."""
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
    """The host for one call of a turn; None where there is no memory.db to keep proposals in."""
    proposals = run.session.project.proposals
    if proposals is None:
        return None
    return ProposingHost(host, proposals, run.turn, is_propose_mode(run), run.steps.ensure_baseline)


def is_propose_mode(run: RunningTurn) -> bool:
    """Whether the user wants every edit as a proposal; then nobody is asked before it, and no mode applies it."""
    return run.turn.config.edits.apply == "propose" and run.session.project.proposals is not None


async def inject_user_decisions(run: RunningTurn) -> None:
    """Tell the model what the user decided since it was last told."""
    proposals = run.session.project.proposals
    if proposals is None or run.asked.kind == "edit":
        return
    shown = proposals.late or is_propose_mode(run)  # then proposals of other windows show in what is read
    if run.meter.usage.steps and not shown and not proposals.has_proposed(run.session.id):
        return
    if verdicts := await proposals.pending_decisions(run.session.id):
        run.record(journal.UserSaid(Message("user", (Text(verdicts.note),)), ""))
        await proposals.mark_reported(verdicts.ids)


async def has_pending_rejection(run: RunningTurn) -> bool:
    """Whether the user rejected something that the model should hear of before the turn ends."""
    proposals = run.session.project.proposals
    return (
        proposals is not None
        and run.asked.kind != "edit"
        and await proposals.pending_rejections(run.session.id)
    )
