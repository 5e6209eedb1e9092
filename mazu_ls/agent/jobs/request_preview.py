"""Exactly what a model would be sent next: for users who want to see the agent's context."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from mazu_ls.agent.turn import context_blocks, prompt
from mazu_ls.agent.turn.turn import Prompt, TurnRun
from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text

if TYPE_CHECKING:
    from mazu_ls.agent.session.session import Session


async def preview_next_request(session: Session, asked: Prompt | None = None) -> dict[str, Any]:
    """Return the JSON body that the provider would get if the user now sent `asked`; without it, the conversation as it
    is.

    Nothing is recorded or sent. A compaction that would happen first is not carried out. Raises MazuError if no model
    is available, and for a `!command`, which is sent to no model.
    """
    given = asked or Prompt("")
    model = await session.prepare_turn(given)
    if model is None:
        raise MazuError(
            Kind.UNSUPPORTED, "A `!` command is not sent to a model.", "Write a message without `!`."
        )
    run = TurnRun(session, given, session.context(""), model, session.mode or session.project.mode)
    blocks, _ = await context_blocks.build_context_blocks(session, given, model)
    conversation = deepcopy(session.conversation)
    if asked:
        parts = prompt.user_parts(asked.text, asked.attachments, blocks)
        said = journal.UserSaid(Message("user", parts), asked.text)
        conversation.apply(journal.Event(0, 0, "", None, said))
        proposals = session.project.proposals
        if proposals and (verdicts := await proposals.pending_decisions(session.id)):
            heard = journal.UserSaid(Message("user", (Text(verdicts.note),)), "")
            conversation.apply(journal.Event(0, 0, "", None, heard))
    return model.body(await run.request(conversation.messages_to_send()))
