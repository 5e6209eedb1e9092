"""Virtual documents: what can be read but is no file. Under the scheme `mazu:` where the editor asks for their content,
else as files below `.mazu/view/`.

    mazu:/session/<id>.md            the transcript of a session
    mazu:/checkpoint/<id>.diff       what changed since a checkpoint, or with ?against=<id> until another
    mazu:/checkpoint/<id>/file/<path> one file as it stood at a checkpoint
    mazu:/memory/<id>.md             one memory, page, trait or summary; mazu:/memory/all.md all of them
    mazu:/call/<session>.<call>.diff what one tool call changed
    mazu:/next-call/<session>.json   what the model would be sent next, byte for byte
"""

from __future__ import annotations

import asyncio
import logging
import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server import uris
from mazu_ls.server.chat import markdown
from mazu_ls.server.chat.safe_markdown import make_safe
from mazu_ls.server.documents import mazu_files
from mazu_ls.server.features import feature
from mazu_ls.server.rpc import lsp_types
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.workspace.lazy_pattern import lazy_pattern
from mazu_ls.workspace.visible_text import make_tool_name, plural

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.session.journal_views import TurnRecord
    from mazu_ls.journal.journal import Event
    from mazu_ls.server.documents.documents import OpenDocument
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
SCHEME = "mazu"
NAME = lazy_pattern(
    r"^/(?P<kind>session|checkpoint|memory|call|next-call)/(?P<id>[A-Za-z0-9_]+|(?<=call/)\w+\.[\w-]+)\.(?P<suffix>md|diff|json)$"
)
FILE = lazy_pattern(r"^/checkpoint/(?P<id>cp_\d+)/file/(?P<path>[^/\0]+(?:/[^/\0]+)*)$")
SUFFIXES = {"session": "md", "checkpoint": "diff", "memory": "md", "call": "diff", "next-call": "json"}
IDS = lazy_pattern(r"\b(?:(?P<checkpoint>cp_\d{6,})|(?P<memory>[mg]_\d{6,}))\b")
CALL = lazy_pattern(r"\[diff\]\((?P<uri>mazu:/call/[\w.-]+\.diff)\)")
"""Matches the link to a call's diff in a chat document."""
CHANGED_BY = {
    "sessions": ("session", "next-call"),
    "checkpoints": ("checkpoint",),
    "memory": ("memory", "next-call"),
}
ASK_SECONDS = 10.0


@feature("workspace/textDocumentContent", lsp_types.UriParams)
async def text_document_content(server: ServerState, params: lsp_types.UriParams) -> dict[str, str]:
    """Return the text of a `mazu:` document. The editor is asked to reload it when it changes."""
    text = await content(server, params.uri)
    server.served.add(params.uri)
    return {"text": text}


@feature("documentLink/resolve", lsp_types.DocumentLink)
async def resolve_link(server: ServerState, params: lsp_types.DocumentLink) -> dict[str, Any]:
    """Resolve a followed link for an editor that needs a file behind it."""
    target = params.target or await place(server, str(params.data))
    return {"range": params.range, "target": target}


def declared(server: ServerState) -> bool:
    """Return whether the editor asks for the content of `mazu:` documents."""
    return isinstance(server.editor and server.editor.profile.declares("workspace.textDocumentContent"), dict)


def links(server: ServerState, document: OpenDocument) -> list[dict[str, Any]]:
    """Return the checkpoints, memories and call diffs that a text names. Without `mazu:` support the file is written when a link is
    followed."""
    named = [(match, match["uri"]) for match in CALL.finditer(document.text)]
    for match in IDS.finditer(document.text):
        kind = match.lastgroup or ""
        uri = f"{SCHEME}:/{kind}/{match[0]}.{SUFFIXES[kind]}"
        named.append((match, uri))
    found: list[dict[str, Any]] = []
    for match, uri in named:
        span = lsp_types.LspRange(document.position_at(match.start()), document.position_at(match.end()))
        found.append({"range": span, "target": uri} if declared(server) else {"range": span, "data": uri})
    return found


def link_of(session_id: str, call_id: str) -> str:
    """Return a Markdown link to what a call changed; "" for a call whose id no address can hold."""
    uri = f"{SCHEME}:/call/{session_id}.{call_id}.diff"
    return f"[diff]({uri})" if CALL.fullmatch(f"[diff]({uri})") else ""


async def place(server: ServerState, uri: str) -> str:
    """Return where the document can be read: `uri` itself, or that of a file with its current text."""
    if declared(server):
        return uri
    text = await content(server, uri)
    project = await server.wait_opened()
    return uris.from_path(await asyncio.to_thread(_written, project, urlsplit(uri), text))


async def show(server: ServerState, uri: str) -> str:
    """Show a document; return where it is. Raises MazuError if it does not exist."""
    if declared(server):
        await content(server, uri)
    target = await place(server, uri)
    if server.editor is None:
        return target
    try:
        answer = await server.editor.link.ask(
            "window/showDocument", {"uri": target, "takeFocus": True}, ASK_SECONDS
        )
    except (ClientError, TimeoutError) as error:
        logger.info("%s could not be shown: %s", target, error)
        answer = None
    if not (isinstance(answer, dict) and answer.get("success") is True):
        await server.host.say("info", f"Mazu: see {uris.to_path(target) or target}")
    return target


async def changed(server: ServerState, *what: str) -> None:
    """Ask the editor to reload the virtual documents of these kinds."""
    if server.editor is None:
        return
    kinds = {kind for one in what for kind in CHANGED_BY.get(one, ())}
    for uri in [uri for uri in server.served if urlsplit(uri).path.split("/")[1] in kinds]:
        try:
            await server.editor.link.ask("workspace/textDocumentContent/refresh", {"uri": uri}, ASK_SECONDS)
        except (ClientError, TimeoutError) as error:
            server.served.discard(uri)
            logger.info("The editor did not read %s again: %s", uri, error)


def attach(server: ServerState, project: Project) -> None:
    """The project is open: its virtual documents are reloaded at the end of each turn."""
    from mazu_ls.journal import journal

    def on_event(session_id: str, event: Event) -> None:
        if server.served and isinstance(event.body, journal.TurnEnded):
            server.jobs.spawn(changed(server, "sessions", "checkpoints", "memory"))

    project.subscribe(on_event)


async def content(server: ServerState, uri: str) -> str:
    """Return the text of a document. Raises InvalidArguments for an invalid address, MazuError(not_found)."""
    parts = urlsplit(uri)
    if parts.scheme == SCHEME and (file := FILE.match(unquote(parts.path))) and _stays_below(file["path"]):
        return await _file(await server.wait_opened(), file["id"], file["path"])
    name = NAME.match(unquote(parts.path))
    if parts.scheme != SCHEME or name is None or SUFFIXES[name["kind"]] != name["suffix"]:
        raise InvalidArguments(f"`uri`: {uri[:200]!r} is not a document of mazu-ls", "uri")
    project = await server.wait_opened()
    if name["kind"] == "checkpoint":
        against = parse_qs(parts.query).get("against", ["now"])[0]
        return await _changes(project, name["id"], against)
    readers: dict[str, Callable[[ServerState, Project, str], Awaitable[str]]] = {
        "session": _transcript,
        "memory": _memory,
        "call": _call,
        "next-call": _next_call,
    }
    return await readers[name["kind"]](server, project, name["id"])


async def _transcript(server: ServerState, project: Project, session_id: str) -> str:
    return await transcript_text(project, session_id)


async def transcript_text(project: Project, session_id: str) -> str:
    """Return a conversation as Markdown. Raises MazuError(not_found)."""
    from mazu_ls.agent.session.journal_views import transcript

    events = await project.sessions.events(session_id)
    info = await project.sessions.info(session_id)
    turns = [_turn(turn) for turn in transcript(session_id, events)]
    turns_had = plural(info.turns, "turn")
    head = f"# {info.name or session_id}\n\n{session_id}, begun {info.created_at}, {turns_had}\n"
    return "\n".join([head, *turns])


async def _call(server: ServerState, project: Project, name: str) -> str:
    """Return the diff of one tool call."""
    from mazu_ls.journal import journal

    session_id, _, call_id = name.partition(".")
    for event in await project.sessions.events(session_id):
        body = event.body
        if isinstance(body, journal.CallEnded) and body.call_id == call_id and body.diff is not None:
            return body.diff.rstrip("\n") + "\n"
    raise MazuError(
        Kind.NOT_FOUND, f"No call {call_id} changed a file in this conversation.", "See mazu.audit."
    )


def _turn(turn: TurnRecord) -> str:
    calls = [
        f"- `{make_tool_name(call.tool)}`: {markdown.escape(' '.join(call.outcome.split()))} ({call.verdict} by {call.decided_by})"
        for call in turn.calls
    ]
    stop = "" if turn.stop_reason == "end_turn" else turn.stop_reason
    notes = [note for note in (turn.at, turn.model, stop, *turn.checkpoints) if note]
    said = [
        f"## You\n\n{markdown.quoted(turn.user.strip())}",
        "## Mazu",
        *(["\n".join(calls)] if calls else []),
        markdown.quoted(make_safe(turn.reply.strip())),
    ]
    return "\n\n".join([*(part for part in said if part), f"*{', '.join(notes)}*"]) + "\n"


async def _changes(project: Project, checkpoint: str, against: str) -> str:
    if project.checkpoints is None:
        raise project.no_checkpoints or MazuError(
            Kind.STORAGE, "Checkpoints are not open.", "See mazu.status."
        )
    buffers = await project.host.buffers() if against == "now" else ()
    found = await project.checkpoints.diff(checkpoint, against, (), buffers)
    head = f"From {checkpoint} to {against}: {plural(len(found.files), 'file')}\n"
    cut = "\n(the rest is too long to be shown)\n" if found.truncated else ""
    return f"{head}\n{found.patch}{cut}"


async def _file(project: Project, checkpoint: str, path: str) -> str:
    if project.checkpoints is None:
        raise project.no_checkpoints or MazuError(
            Kind.STORAGE, "Checkpoints are not open.", "See mazu.status."
        )
    text, binary, exists = await project.checkpoints.file_text(checkpoint, path)
    if text is None:
        why = "is no text" if binary else "was no file" if not exists else "cannot be shown"
        raise MazuError(Kind.NOT_FOUND, f"{path} {why} at {checkpoint}.", "See mazu.checkpoint.diff.")
    return text


def _stays_below(path: str) -> bool:
    """Return whether a path of an address stays below the place it is put at."""
    return not {".", ".."} & set(path.split("/"))


async def _memory(server: ServerState, project: Project, memory_id: str) -> str:
    if project.memories is None:
        raise project.no_memory or MazuError(Kind.STORAGE, "Memory is not open.", "See mazu.status.")
    if memory_id != "all":
        return await project.memories.markdown(memory_id)
    with tempfile.TemporaryDirectory(dir=project.state) as folder:
        target = Path(folder) / "all.md"
        await project.memories.export(target)
        return await asyncio.to_thread(target.read_text, "utf-8")


async def _next_call(server: ServerState, project: Project, session_id: str) -> str:
    """Return the next call, with the draft of the session's chat document if that is open."""
    import msgspec

    from mazu_ls.agent.jobs.request_preview import preview_next_request
    from mazu_ls.agent.turn.turn import Prompt
    from mazu_ls.server.chat.attachments import mentioned

    current = project.sessions.current
    session = await project.sessions.get(session_id)
    project.sessions.current = current
    documents = server.editor.documents if server.editor else ()
    message = next(
        (
            markdown.pending_message(document.text)
            for document in documents
            if markdown.is_chat(document.path) and markdown.session_of(document.text) == session_id
        ),
        "",
    )
    asked = Prompt(message, await mentioned(server, message)) if message else None
    return msgspec.json.encode(await preview_next_request(session, asked)).decode()


def _written(project: Project, parts: Any, text: str) -> Path:
    """Write the text atomically to a file whose name is the document's path."""
    root = mazu_files.folder_of(project, "view")
    name = unquote(parts.path).lstrip("/")
    if against := parse_qs(parts.query).get("against"):
        name = name.replace(".diff", f"-{re.sub(r'[^A-Za-z0-9_]', '', against[0])}.diff")
    return mazu_files.write(root, name, text.encode("utf-8", "surrogatepass"))
