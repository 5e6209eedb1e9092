"""A conversation on the inline screen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mazu_ls.agent.background_tasks import BackgroundTasks
from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.terminal.chat import slash_commands
from mazu_ls.terminal.chat.chat_session import ChatSession
from mazu_ls.terminal.chat.shared_events import subscribe_reverted, subscribe_shared
from mazu_ls.terminal.chat.slash_commands import LEAVE
from mazu_ls.terminal.exit_status import FAILED
from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.live_surface import LiveSurface
from mazu_ls.terminal.screen.transcript import replay, user_line
from mazu_ls.terminal.wording import error_text, failure_text

if TYPE_CHECKING:
    import argparse

    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost
    from mazu_ls.terminal.screen.screen import Screen

EXCERPT = 40
"""Maximum number of events of a resumed conversation that are drawn again, back to the start of a turn."""


class LiveChat:
    """Sends what is typed, one turn after the other; what is typed meanwhile waits in a visible queue."""

    def __init__(
        self, server: ServerState, host: TerminalHost, screen: Screen, given: argparse.Namespace
    ) -> None:
        self.server = server
        self.screen = screen
        self.given = given
        self.surface = LiveSurface(screen)
        self.chat = ChatSession(server, host, given)
        host.surface = self.surface
        screen.on_submit = self._submit
        screen.on_stop = self._stop
        screen.on_cycle_mode = self._cycle_mode
        screen.status = self._status
        screen.parting = self._parting
        screen.on_leave = self._warn_of_leaving
        self._mode = ""
        self._wake = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._tasks = BackgroundTasks("the chat")
        if screen.queued:  # typed while the project was being opened
            self._wake.set()

    async def run(self) -> int:
        """Run until the user leaves; return the exit status of the conversation."""
        try:
            await self._open()
        except (MazuError, InvalidArguments) as error:
            self.surface.say("error", error_text(str(error), getattr(error, "hint", "")))
            return FAILED
        if message := " ".join(getattr(self.given, "message", None) or []):
            self._submit(message)
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self.screen.queued:
                if not slash_commands.is_command(self.screen.queued[0]):
                    if self._runs_elsewhere():
                        await self.chat.wait_free()  # meanwhile it can be taken back
                    if not self.screen.queued:
                        break
                text = self.screen.queued.pop(0)
                if text in LEAVE:
                    self.screen.leave()
                    continue
                self._sending = asyncio.create_task(self._one(text))
                await asyncio.wait([self._sending])
                if self._sending.cancelled():
                    self.screen.set_activity(None)
                    self.surface.say("info", "Stopped.")

    async def _open(self) -> None:
        from mazu_ls.terminal.chat.opening import open_conversation, subscribe_mode

        opened = await open_conversation(self.chat, self.given)
        project = await self.server.wait_opened()
        subscribe_shared(self.server, project, lambda: self.chat.session_id, self._show)
        subscribe_reverted(self.server, lambda: self.chat.session_id, self._say_reverted)
        subscribe_mode(self.chat, self._tasks, self._say_mode)
        self.chat.on_switched = self._switched
        await self._switched(opened)

    async def _switched(self, opened: dict[str, Any] | None) -> None:
        """Draw the end of the conversation that was opened, None for a new one, and the lines about it."""
        from mazu_ls.terminal.chat.opening import opening_lines

        project = await self.server.wait_opened()
        self._mode = await self.chat.mode()
        self.surface.session_id, self.surface.view = self.chat.session_id, None
        if opened is not None and self.chat.session_id:
            events = await project.sessions.events(self.chat.session_id)
            replay(events[-EXCERPT:], self.surface.new_view, self._echo)
            self._take_part(runs=opened.get("state") in ("running", "waiting"))
        self.screen.say(*opening_lines(self.server, self.chat, opened, self._mode))
        self.screen.refresh()

    def _take_part(self, *, runs: bool) -> None:
        """A turn that runs in the conversation, begun elsewhere, is drawn from here on, and can be stopped."""
        if not runs:
            self.surface.view = None
            return
        view = self.surface.view
        if view is None or view.ended:
            view = self.surface.new_view()
        self.screen.set_activity(view.activity)

    def _show(self, session_id: str, event: journal.Event) -> None:
        """Draw an event, and what was said in a turn that somebody else began in this conversation."""
        self.surface.show_event(session_id, event)
        if session_id != self.chat.session_id or self._is_sending():
            return
        if isinstance(event.body, journal.UserSaid) and event.body.shown:
            self._echo(event.body.shown)
        if isinstance(event.body, journal.TurnEnded):
            self.chat.share = self.surface.share(self.chat.share)
            self._tasks.spawn(self.chat.count_cost()).add_done_callback(lambda _: self.screen.refresh())

    def _say_reverted(self, text: str, by: str) -> None:
        if self.chat.shared_with is None or not self._is_sending():
            self.surface.say("info", f"At {by or self.chat.shared_with}: {text}")

    def _say_mode(self, mode: str) -> None:
        self._mode = mode
        self.surface.say("info", f"The mode is now {mode}.")
        self.screen.refresh()

    def _submit(self, text: str) -> None:
        if text in LEAVE:
            self.screen.leave()
            return
        self.screen.queued.append(text)
        if self.screen.activity is None and not slash_commands.is_command(text):
            self.screen.set_activity(lambda: "starting")  # from here on it can be stopped
        self._wake.set()
        self.screen.refresh()

    def _is_sending(self) -> bool:
        return self._sending is not None and not self._sending.done()

    async def _one(self, text: str) -> None:
        self._echo(text)
        try:
            if slash_commands.is_command(text):
                await self._slash(text)
            else:
                if self.screen.activity is None:
                    self.screen.set_activity(lambda: "starting")
                await self._turn(text)
            await self.chat.check_mode()  # who had the conversation open may be gone
            self._mode = self.chat.mode_shown
        except Exception as error:  # noqa: BLE001 - becomes a line of the conversation
            self.surface.say("error", failure_text(error, "The turn"))
            if isinstance(error, MazuError) and error.kind is Kind.BUSY:  # it was not sent
                self.screen.write("\n".join(filter(None, (text, self.screen.buffer.text))))
            elif self.surface.view is not None and not self.chat.turn_runs:  # it did not begin
                self.surface.view = None
        finally:
            following = next(iter(self.screen.queued), "/")
            # otherwise something runs from here on, and can be stopped
            if slash_commands.is_command(following):
                self.screen.set_activity(None)

    async def _slash(self, text: str) -> None:
        from mazu_ls.terminal.screen.markdown_stream import render_markdown

        said = await slash_commands.reply_to(self.chat, text)
        self.chat.share = self.surface.share(self.chat.share)
        if said:
            width = max(20, self.screen.size[1])
            self.screen.emit(
                render_markdown(styled.clean_prose(said), width, colours=self.screen.colours) + "\n"
            )

    async def _turn(self, text: str) -> None:
        if not text.startswith("!") and self.chat.shared_with is None:  # the key may be another process's
            project = await self.server.wait_current()
            model = await project.model(self.chat.model)
            self.chat.model, self.surface.context_window = model.name, model.spec.context_window
        self.surface.session_id = await self.chat.begin()
        await self.chat.wait_free()
        self.screen.set_activity(self.surface.new_view().activity)
        result = await self.chat.send(text)
        view = self.surface.view
        self.chat.share = self.surface.share(self.chat.share)
        if result["stopReason"] == "error" and not (view and view.ended):
            self.surface.say("error", error_text(result["error"]["message"], result["error"]["hint"]))

    def _echo(self, text: str) -> None:
        self.screen.emit("\n" + user_line(text, colours=self.screen.colours))

    def _stop(self) -> bool:
        """Stop the turn; queued messages go back to the input line."""
        if self._sending is not None and self._is_sending():
            self.screen.give_back(runs=True)
            self._tasks.spawn(self._stopped(self._sending))
            return True
        runs_elsewhere = self._runs_elsewhere()
        gave_back = self.screen.give_back(runs=runs_elsewhere)
        if runs_elsewhere:
            self._tasks.spawn(self.chat.stop())
        return gave_back or runs_elsewhere

    def _runs_elsewhere(self) -> bool:
        """Whether a turn runs that was begun at another door of this conversation."""
        return not self._is_sending() and self.chat.turn_runs

    async def _stopped(self, sending: asyncio.Task[None]) -> None:
        await self.chat.stop()
        await asyncio.wait([sending], timeout=0.5)
        if not sending.done():
            sending.cancel()

    def _cycle_mode(self) -> None:
        self._tasks.spawn(self._cycled())

    async def _cycled(self) -> None:
        try:
            self._mode = await self.chat.cycle_mode()
        except MazuError as error:
            self.surface.say("info", error_text(error.message, error.hint))
        self.screen.refresh()

    def _warn_of_leaving(self) -> str:
        if not self._runs_elsewhere() or self.chat.shared_with is not None:
            return ""
        return "A turn that was begun in another terminal or editor runs here and would be stopped. Leave once more to do that."

    def _parting(self) -> str:
        if self.chat.session_id is None:
            return ""
        return "The turn was stopped. `mazu-ls --continue` continues the conversation."

    def _status(self) -> str:
        if not self._mode:
            return "opening the project …"
        model = (self.chat.model or "").partition(":")[2] or self.chat.model or "no model"
        return styled.join([self._mode, model, self.chat.share, self.chat.spent, "/help"])
