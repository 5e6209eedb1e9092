"""Two servers on one project, of editors or of conversations in terminals: the later one is connected to the first by the live socket.

Each has its own documents, settings, mode and open sessions. They share what happens: every update and every change of a view is
relayed, a question is asked in both editors, and the server that has a session open carries out commands about it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from mazu_ls.agent.session.sessions import keeps_current
from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.host import MAX_LABEL_CHARS
from mazu_ls.server import commands
from mazu_ls.server.client.ask_user import OpenQuestion, relayed_from
from mazu_ls.server.client.question_view import question_view
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.server.rpc.live.holder import is_held
from mazu_ls.server.rpc.live.last_session import session_meant
from mazu_ls.server.rpc.live.questions import question_for_peer, question_from_wire, reply_to_wire
from mazu_ls.server.rpc.live.remote_error import NotServed, error_raised
from mazu_ls.server.rpc.live.served import OF_SESSIONS, TALKING
from mazu_ls.workspace.visible_text import make_line

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.host import Question
    from mazu_ls.server.client.connected_clients import ConnectedClient
    from mazu_ls.server.rpc.live.link import LiveLink
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
ASK_SECONDS = 24 * 3600.0
"""The notification that nobody waits for an answer any more, from the server that asked."""
TERMINAL = "Terminal"
"""The name of a conversation in a terminal, where editors have theirs."""
HIGHEST_SEQ = 2**53 - 1
"""The highest integer that clients in JavaScript and Lua can represent exactly."""


class PeerEditor:
    """The other server, at either end of the connection. `attach` starts sharing, `detach` ends it."""

    def __init__(
        self,
        server: ServerState,
        project: Project,
        link: LiveLink,
        client: ConnectedClient,
        *,
        same_model: bool,
    ) -> None:
        """`client`: who it is, for lists and questions. `same_model`: MAZU_MODEL is the same there, so that turns may run there."""
        self._server = server
        self._project = project
        self._link = link
        self._client = client
        self._same_model = same_model
        self._questions: set[asyncio.Task[None]] = set()
        self._stop_following = lambda: None

    @property
    def place(self) -> str:
        """Who it is, in a sentence."""
        return self._client.place

    def attach(self) -> None:
        """Start relaying in both directions; the log of both editors records it, with the process id from the kernel."""
        logger.log(
            logging.WARNING if self._server.editor else logging.INFO,
            "%s now shares this project: it can answer what is asked here, once or no.",
            self._client.place,
        )
        self._server.clients.append(self._client)
        self._server.peers.append(self)
        self._stop_following = self._server.updates.add_follower(self._link)
        self._server.questions.add_asker(self._offer_question)
        for session in self._project.sessions.opened():
            if session.running:
                self._server.updates.announce(session.id, session.state, self._link)
        for asked in self._server.questions.waiting:  # what is being asked already
            if (task := self._offer_question(asked)) is not None:
                asked.elsewhere.append(task)

    def detach(self) -> None:
        """The other one is gone: it is asked nothing any more."""
        self._stop_following()
        self._server.updates.end_elsewhere(self._link)
        self._server.clients.remove(self._client)
        self._server.peers.remove(self)
        self._server.questions.remove_asker(self._offer_question)
        for task in self._questions:
            task.cancel()
        self._server.notify_changed("permissions")  # its conversations are nobody's, or another one's

    def note(self, method: str, params: Any) -> None:
        """Handle a notification of the other server."""
        if not isinstance(params, dict):
            return
        if method == "mazu/session/update" and self._may_come_from_there(params):
            self._server.updates.relay_update(params, self._link)
        elif method == "mazu/changed":
            what = params.get("what")
            names = [name for name in what if isinstance(name, str)] if isinstance(what, list) else []
            self._server.notify_changed(*names, sender=self._link)

    def _may_come_from_there(self, params: dict[str, Any]) -> bool:
        """Return whether an update is about a session without a turn of this server, with a number that all clients can represent."""
        session_id, number = params.get("sessionId"), params.get("seq")
        if not isinstance(session_id, str) or type(number) is not int or not 0 < number <= HIGHEST_SEQ:
            return False
        session = self._project.sessions.find(session_id)
        return session is None or not session.running

    async def execute(self, command: str, arguments: dict[str, Any]) -> Any:
        """Have a command about a session carried out there. Raises NotServed if it is not open there, or MAZU_MODEL differs."""
        if (command in TALKING and not self._same_model) or _opens_a_document(command, arguments):
            raise NotServed
        try:
            return await self._link.ask(
                "workspace/executeCommand", {"command": command, "arguments": [arguments]}
            )
        except ClientError as error:
            raise error_raised(error, command) from error

    async def ask(self, method: str, params: dict[str, Any], seconds: float) -> Any:
        """Send a request of the socket itself. Raises ClientError and TimeoutError."""
        return await self._link.ask(method, params, seconds)

    async def serve(self, command: str, arguments: dict[str, Any]) -> Any:
        """Do the same for the other server. Raises MazuError(unsupported) if the session is not open here either, or has another
        MAZU_MODEL."""
        if command in TALKING and not self._same_model:
            raise MazuError(Kind.UNSUPPORTED, "MAZU_MODEL differs from the server's.", "Ask without it.")
        if _opens_a_document(command, arguments):
            raise MazuError(Kind.UNSUPPORTED, "Without a message a chat is opened in one's own editor.")
        keeps_current.set(True)
        session_id = await session_meant(self._project, command, arguments)
        if command in OF_SESSIONS and self._project.sessions.find(str(session_id)) is None:
            try:
                return await execute_elsewhere(self._server, command, arguments, besides=self)
            except NotServed as error:
                raise MazuError(Kind.UNSUPPORTED, "That session is not open here.") from error
        return await commands.execute(self._server, command, [arguments], by=self._client.place)

    async def answer(self, params: Any) -> dict[str, Any]:
        """Ask here what is asked there, until it is answered in either editor.

        It names its editor, and is shown after the questions that wait here already.
        """
        relayed_from.set(self)
        try:
            question = question_from_wire(params)
        except (LookupError, TypeError, AttributeError) as error:
            raise InvalidArguments(f"that is no question ({type(error).__name__})") from error
        document = question.document
        question = replace(
            question,
            title=f"{make_line(self._client.name, MAX_LABEL_CHARS) or 'Another editor'}: {question.title}",
            document=document if document is not None and self._server.workspace.contains(document) else None,
        )
        await self._wait_for_own_questions()
        return reply_to_wire(await self._server.host.ask(question, ASK_SECONDS))

    async def _wait_for_own_questions(self) -> None:
        while own := [one for one in self._server.questions.waiting if self._is_own(one.question)]:
            await asyncio.wait([one.verdict for one in own])

    def _is_own(self, question: Question) -> bool:
        return not question.session_id or self._project.sessions.find(question.session_id) is not None

    def _offer_question(self, asked: OpenQuestion) -> asyncio.Task[None] | None:
        if (
            relayed_from.get() is self or not asked.question.session_id
        ):  # without a session each server asks its own user
            return None
        offered = question_for_peer(asked.question)
        if all(choice.kind == "deny" for choice in offered.choices):
            return None
        task = asyncio.create_task(put_question(self._link, asked, offered, self._client.place))
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)
        return task


def own_name(server: ServerState) -> str:
    """How this server is called by the others on its project: as its editor."""
    if server.editor is None:
        return TERMINAL
    return next((client.name for client in server.clients if client.kind == "editor"), "")


def _opens_a_document(command: str, arguments: dict[str, Any]) -> bool:
    return command == "mazu.chat" and not isinstance(arguments.get("message"), str)


async def put_question(link: LiveLink, asked: OpenQuestion, offered: Question, place: str) -> None:
    """Ask the client at `place` what is `offered` until it answers, or somebody else did: then the request is cancelled."""
    params = msgspec.to_builtins(question_view(offered))
    request = asyncio.ensure_future(link.ask("mazu/permission/request", params))
    try:
        await asyncio.wait({request, asked.verdict}, return_when=asyncio.FIRST_COMPLETED)
        if request.done():
            asked.answer_with(request.result(), offered, place)
    except (ClientError, InvalidArguments) as error:
        logger.info("A question was not answered by another process: %s", error)
    finally:
        request.cancel()


async def execute_shared(
    server: ServerState, command: str, arguments: list[Any] | None, token: Any = None
) -> Any:
    """Run a command of this server's editor where the session that it names is open."""
    if server.peers and command in OF_SESSIONS and arguments and isinstance(arguments[0], dict):
        try:
            return await execute_elsewhere(server, command, arguments[0])
        except NotServed:
            pass
    return await commands.execute(server, command, arguments, token)


async def execute_elsewhere(
    server: ServerState, command: str, arguments: dict[str, Any], besides: object = None
) -> Any:
    """Have a command carried out by the server that has its session open. Raises NotServed if it is not open elsewhere."""
    project = server.project
    session_id = await session_meant(project, command, arguments) if project is not None else None
    if project is None or session_id is None or project.sessions.find(session_id) is not None:
        raise NotServed
    if not await asyncio.to_thread(is_held, project, session_id):
        raise NotServed
    for peer in list(server.peers):
        if peer is not besides:
            try:
                return await peer.execute(command, arguments)
            except NotServed:
                continue
    raise NotServed
