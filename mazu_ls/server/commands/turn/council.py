"""mazu.council: several models answer the same question, a lead compares and recommends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.server.chat.attachments import attached
from mazu_ls.server.commands import command
from mazu_ls.server.commands.memory.memories import opened_memories
from mazu_ls.server.commands.turn.turn_jobs import selection
from mazu_ls.server.documents import mazu_files
from mazu_ls.server.wire import turns as wire
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.server.jobs import BackgroundJob, Token
    from mazu_ls.server.state import ServerState

TITLE = 120


async def _on_selection(server: ServerState) -> wire.CouncilParams:
    """Without arguments: the selected text is the question."""
    return wire.CouncilParams(question=selection(server, "question"))


@command("mazu.council", natural=_on_selection, progress=True)
async def council(
    server: ServerState, params: wire.CouncilParams, token: Token | None
) -> wire.StartedResult | wire.CouncilResult:
    """Ask the council. If nobody waits, its answer is opened, and can be remembered as a decision."""
    from mazu_ls.agent.jobs import council as agent
    from mazu_ls.agent.session.session import new_id

    project = await server.wait_opened()
    places = await attached(server, params.attachments, params.question)

    job_id = new_id("c")

    async def work(job: BackgroundJob) -> wire.CouncilResult:
        states: dict[str, str] = {}

        def report(model: str, state: str) -> None:
            states[model] = state
            job.report(" · ".join(f"{name}: {what}" for name, what in states.items()))

        verdict = await agent.council(
            project,
            params.question,
            members=params.models,
            lead=params.lead,
            attachments=places,
            report=report,
        )
        server.notify_changed("usage")
        return encoded(verdict)

    return await server.jobs.answer(
        "asking the council",
        work,
        wait=params.wait,
        token=token,
        started=wire.StartedResult(job_id, job_id),
        name=job_id,
        then=lambda result: _show(server, result),
    )


def encoded(verdict: Any) -> wire.CouncilResult:
    """Return a council's result for the wire."""
    return wire.CouncilResult(
        verdict.question,
        [
            wire.CouncilAnswer(a.model, a.reply, a.usage, wire.ErrorView.from_error(a.error))
            for a in verdict.answers
        ],
        verdict.lead,
        verdict.synthesis,
        verdict.dissent,
        verdict.usage,
        wire.ErrorView.from_error(verdict.error),
    )


async def _show(server: ServerState, result: wire.CouncilResult) -> None:
    await mazu_files.show_text(server, "council.md", as_markdown(result))
    if not result.synthesis:
        return
    if await server.pick("Remember what the council recommends as a decision?", ("Remember", "Not now")) == 0:
        memories = await opened_memories(server)
        title = next(line.strip("# ") for line in split_lines(result.question, ends=False) if line.strip())[
            :TITLE
        ]
        body = result.synthesis + (f"\n\nDissent: {result.dissent}" if result.dissent else "")
        await memories.remember(title, body, category="decision", source="user")
        server.notify_changed("memory")


def as_markdown(result: wire.CouncilResult) -> str:
    """Render the result: the recommendation first, then the dissent, then the members' answers."""
    parts = [f"# {result.question.strip()}"]
    if result.synthesis:
        parts += [f"## Recommendation ({result.lead})", result.synthesis]
    if result.error:
        parts += [f"*No recommendation: {result.error.message} {result.error.hint}*"]
    if result.dissent:
        parts += ["## Dissent", result.dissent]
    for answer in result.answers:
        said = f"*failed: {answer.error.message} {answer.error.hint}*" if answer.error else answer.reply
        parts += [f"## {answer.model}", said]
    return "\n\n".join(parts) + "\n"
