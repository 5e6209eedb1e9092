"""A council: several models answer the same question independently and read-only; a lead compares and recommends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.agent.jobs.ask import call_once, without_words
from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.prompt import Attachment, user_parts
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Choice, Question
from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text, Usage, escape_closing_tag, estimate_tokens
from mazu_ls.models import model as models
from mazu_ls.models.pricing import call_cost
from mazu_ls.redact import redact
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project

MEMBER_STEPS = 8
ANSWER_TOKENS = 1_500
"""Assumed length of an answer, in tokens, for the price estimate."""

LEAD = """\
You lead a council. Several models answered the same question, each without seeing the others. Compare their answers:
where they agree, where they differ and who gives the better reasons. Then recommend one course of action.
Judge reasons, not the number of votes. End with a section headed exactly `## Dissent` that keeps every position you did
not follow, with its best argument and whose it is; write "None." there if all agree."""
DISSENT = re.compile(r"^#+\s*dissent\b[^\n]*\n", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class MemberAnswer:
    """What one member answered, or why it did not."""

    model: str
    reply: str
    usage: Usage
    error: MazuError | None = None


@dataclass(frozen=True)
class CouncilOutcome:
    """The result of a council: `synthesis` is the lead's comparison and recommendation, `dissent` what it did not
    follow."""

    question: str
    answers: tuple[MemberAnswer, ...]
    lead: str
    synthesis: str
    dissent: str
    usage: Usage
    error: MazuError | None = None


async def council(
    project: Project,
    question: str,
    *,
    members: Sequence[str] = (),
    lead: str | None = None,
    attachments: Sequence[Attachment] = (),
    report: Callable[[str, str], None] = lambda model, state: None,
) -> CouncilOutcome:
    """Ask all members, then the lead. A member that fails is reported and the others continue; cancelling stops all.

    `report` is called with each member's state. Raises MazuError(config) with fewer than two members, the error of a named
    member that cannot be called, (budget) if the
    user declines the estimated price, and the lead's own error if no member answered.
    """
    names = list(dict.fromkeys(members or project.config.council.models))
    if len(names) < 2:
        raise MazuError(
            Kind.CONFIG,
            f"A council needs at least two models{f'; only {names[0]} was named' if names else ''}.",
            'Name two different ones, or set them: `mazu-ls config set council.models \'["claude-opus-5", "openai:gpt-6-sol"]\'`.',
        )
    for name in (
        members
    ):  # a name that cannot be called costs nothing; configured ones fail one by one, as a service does
        await project.model(name)
    head = await project.model(lead or project.config.council.lead)
    limits = replace(Limits.from_settings(project.config.limits), steps=MEMBER_STEPS)
    if await _agree_on_price(project, question, names, head, attachments):
        limits = replace(limits, cost=None)
    answers = await _gather(
        [_member(project, name, question, attachments, report=report, limits=limits) for name in names]
    )
    if not any(answer.reply for answer in answers):
        raise next(answer.error for answer in answers if answer.error)
    answered = [answer.model for answer in answers if answer.reply]
    spent = sum((answer.usage for answer in answers), Usage())
    if len(answered) == 1:
        alone = MazuError(
            Kind.MODEL,
            f"Only {answered[0]} answered: there is nothing to compare.",
            "Ask again, or other models.",
        )
        return CouncilOutcome(question, tuple(answers), head.name, "", "", spent, alone)
    known = spent.cost_usd or 0.0
    if limits.cost is not None and known >= limits.cost:
        over = f"The limit of ${limits.cost:g} is reached (${known:.4f} spent): {head.name} was not asked to compare."
        refused = MazuError(Kind.BUDGET, over, "Raise limits.max_cost_usd, or ask fewer or cheaper models.")
        return CouncilOutcome(question, tuple(answers), head.name, "", "", spent, refused)
    report(head.name, "compares")
    try:
        said = await call_once(project, head, _lead_request(question, answers), "council")
    except MazuError as error:
        return CouncilOutcome(question, tuple(answers), head.name, "", "", spent, error)
    synthesis, dissent = split_dissent(redact(said.message.text))
    empty = None if synthesis or dissent else without_words(head.name)
    return CouncilOutcome(question, tuple(answers), head.name, synthesis, dissent, spent + said.usage, empty)


def split_dissent(text: str) -> tuple[str, str]:
    """Split the lead's text into its recommendation and the dissent."""
    match = next(reversed(list(DISSENT.finditer(text))), None)
    if match is None:
        return text.strip(), ""
    return text[: match.start()].strip(), text[match.end() :].strip()


async def _gather(members: Sequence[object]) -> list[MemberAnswer]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(member) for member in members]  # type: ignore[arg-type]
    return [task.result() for task in tasks]


async def _member(
    project: Project,
    name: str,
    question: str,
    attachments: Sequence[Attachment],
    *,
    report: Callable[[str, str], None],
    limits: Limits,
) -> MemberAnswer:
    report(name, "thinks")
    try:
        session = await project.sessions.new_background_session(f"council, {name}: {question}")
        session.mode = "plan"
        try:
            result = await session.prompt(Prompt(question, tuple(attachments), name, limits))
        finally:
            session.append(journal.SessionEnded())
    except MazuError as error:
        report(name, f"failed: {error.message}")
        return MemberAnswer(name, "", Usage(), error)
    error = result.error
    if error is None and not result.reply:
        error = MazuError(Kind.MODEL, f"{name} gave no answer ({result.stop_reason}).", "Ask it again.")
    report(name, f"failed: {error.message}" if error else "answered")
    return MemberAnswer(name, result.reply, result.usage, error)


def _lead_request(question: str, answers: Sequence[MemberAnswer]) -> models.ModelRequest:
    told = "\n\n".join(
        f'<answer model="{answer.model}">\n{escape_closing_tag(answer.reply, "answer")}\n</answer>'
        for answer in answers
        if answer.reply
    )
    return models.ModelRequest(
        messages=[Message("user", (Text(f"<question>\n{question}\n</question>\n\n{told}"),))], system=(LEAD,)
    )


async def _agree_on_price(
    project: Project,
    question: str,
    names: Sequence[str],
    head: models.Model,
    attachments: Sequence[Attachment],
) -> bool:
    """Ask the user first if the estimate is above `council.confirm_above_usd` or the money limit; return whether they agreed to it.

    Warns if no estimate is possible. Raises MazuError(budget) if they did not agree.
    """
    cost = await estimate_cost(project, question, names, head, attachments)
    settings = {
        "council.confirm_above_usd": project.config.council.confirm_above_usd,
        "limits.max_cost_usd": project.config.limits.max_cost_usd,
    }
    setting, ceiling = min(
        ((name, amount) for name, amount in settings.items() if amount is not None), key=lambda one: one[1]
    )
    if cost is None:
        await project.host.say(
            "info", "Mazu: what the council costs is not known: a model in it has no known price."
        )
    if cost is None or cost <= ceiling:
        return False
    choices = (Choice("allow_once", "Ask them", "allow_once"), Choice("deny", "Cancel", "deny"))
    price = f"{plural(len(names), 'model')} and a lead, about ${cost:.4f}; {setting} is ${ceiling:g}"
    question_ = Question("", "", "council", "Ask the council?", f"{price}.", choices)
    reply = await project.host.ask(question_, project.config.permissions.timeout_seconds)
    if reply.choice is None or reply.choice.kind == "deny":
        raise MazuError(
            Kind.BUDGET,
            f"The council was not asked: {price}.",
            "Ask fewer or cheaper models, or raise that setting.",
        )
    return True


async def estimate_cost(
    project: Project,
    question: str,
    names: Sequence[str],
    head: models.Model,
    attachments: Sequence[Attachment],
) -> float | None:
    """Estimate one round without tools, in US dollars; None if a member's price is not known."""
    parts = user_parts(question, attachments, ())
    asked = sum(estimate_tokens(part.text) for part in parts if isinstance(part, Text)) + 1_000
    total = call_cost.cost(head.spec, Usage(asked + ANSWER_TOKENS * len(names), ANSWER_TOKENS))
    for name in names:
        try:
            model = await project.model(name)
        except MazuError:
            continue
        cost = call_cost.cost(model.spec, Usage(asked, ANSWER_TOKENS))
        total = None if cost is None or total is None else total + cost
    return total
