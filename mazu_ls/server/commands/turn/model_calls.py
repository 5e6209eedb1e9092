"""mazu.models.call: the model for another agent of the editor, which runs its own tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments
from mazu_ls.messages import Message, Part, Text, ToolCall, ToolResult
from mazu_ls.server.commands import command
from mazu_ls.server.commands.turn.turn_jobs import selection
from mazu_ls.server.wire import models as wire

if TYPE_CHECKING:
    from mazu_ls.models.model import Chunk
    from mazu_ls.server.jobs import BackgroundJob, Token
    from mazu_ls.server.state import ServerState


async def _selected_message(server: ServerState) -> wire.ModelCallParams:
    """Without arguments: the selected text is the only message."""
    return wire.ModelCallParams((wire.CallerMessage("user", selection(server, "messages")),))


@command("mazu.models.call", natural=_selected_message, progress=True)
async def call(
    server: ServerState, params: wire.ModelCallParams, token: Token | None
) -> wire.ModelCallResult:
    """Make one call with exactly these messages and tools; nothing is run, nothing remembered, its cost is recorded."""
    from mazu_ls.agent.jobs.ask import call_once
    from mazu_ls.agent.session.ids import new_id
    from mazu_ls.models.model import ModelRequest, ToolSpec

    messages = [_message(number, one) for number, one in enumerate(params.messages)]
    if not messages or messages[-1].role != "user":
        raise InvalidArguments("`messages` has to end with a message of the user", "messages")
    tools = tuple(ToolSpec(tool.name, tool.description, tool.schema) for tool in params.tools)
    if params.force_tool is not None and params.force_tool not in {tool.name for tool in tools}:
        raise InvalidArguments(f"`forceTool` names {params.force_tool!r}, which is not offered", "forceTool")
    project = await server.wait_opened()
    model = await project.model(params.model)
    request = ModelRequest(messages=messages, tools=tools, force_tool=params.force_tool)
    job_id = new_id("q")
    on_chunk = _streaming(server, params.partial_result_token)

    async def work(job: BackgroundJob) -> wire.ModelCallResult:
        said = await call_once(project, model, request, "another agent", on_chunk)
        server.notify_changed("usage")
        parts = said.message.parts
        calls = [wire.MadeCall(p.id, p.name, p.arguments) for p in parts if isinstance(p, ToolCall)]
        return wire.ModelCallResult(said.message.text, calls, said.usage)

    async def nothing(result: wire.ModelCallResult) -> None:
        pass

    return await server.jobs.answer(
        "answering another agent", work, wait=True, token=token, started=None, name=job_id, then=nothing
    )


def _streaming(server: ServerState, token: str | None) -> Callable[[Chunk], None]:
    """Return what sends the text of each chunk to the editor; without a token it sends nothing."""
    from mazu_ls.models.model import AnswerRestarted, TextDelta

    def send(chunk: Chunk) -> None:
        if token is None or server.editor is None:
            return
        if isinstance(chunk, TextDelta | AnswerRestarted):
            value = {"text": chunk.text} if isinstance(chunk, TextDelta) else {"restart": True}
            server.editor.link.notify("$/progress", {"token": token, "value": value})

    return send


def _message(number: int, given: wire.CallerMessage) -> Message:
    """Return the message. Raises InvalidArguments if it is empty, or holds what its role cannot say."""
    wrong = given.calls if given.role == "user" else given.results
    if wrong:
        raise InvalidArguments(
            f"`messages[{number}]`: calls are the assistant's, results the user's", "messages"
        )
    parts: list[Part] = [ToolResult(one.call_id, one.text, one.ok) for one in given.results]
    if given.text:
        parts.append(Text(given.text))
    parts += [ToolCall(one.id, one.name, one.arguments) for one in given.calls]
    if not parts:
        raise InvalidArguments(f"`messages[{number}]` is empty", "messages")
    return Message(given.role, tuple(parts))
