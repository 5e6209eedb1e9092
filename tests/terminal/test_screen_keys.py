"""Keys on a screen without a terminal: what prompt_toolkit does at its own time is held still."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from mazu_ls.terminal.screen.screen import Screen
from tests.terminal.terminal import CTRL_C, ENTER, ESC, UP

PATIENCE = 60


class HeldCompleter(Completer):
    """Looks for completions until it is let go, and finds none."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.released = threading.Event()

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        self.asked.set()
        self.released.wait(PATIENCE)
        return ()


@asynccontextmanager
async def shown(completer: Completer) -> AsyncIterator[tuple[Screen, PipeInput]]:
    """A screen with a message line, until the block ends."""
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        screen = Screen(composer=True, completer=ThreadedCompleter(completer), colours=False)
        done = asyncio.Event()
        running = asyncio.create_task(screen.run(done.wait))
        try:
            yield screen, pipe
        finally:
            done.set()
            await running


async def happens(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, PATIENCE)


async def test_esc_stops_while_completions_are_looked_for() -> None:
    """The list of completions takes Esc, and there is none yet: it came too late for it on a busy machine."""
    completer, stopped = HeldCompleter(), threading.Event()
    async with shown(completer) as (screen, pipe):
        screen.on_stop = lambda: not stopped.set()
        pipe.send_text(f"go{ENTER}")
        await happens(completer.asked)
        pipe.send_text(ESC)
        await happens(stopped)
        completer.released.set()


async def test_what_waits_for_the_project_is_given_back_by_a_stop() -> None:
    completer = HeldCompleter()
    completer.released.set()
    async with shown(completer) as (screen, pipe):
        pipe.send_text(f"first{ENTER}")
        await until(lambda: screen.queued == ["first"])
        pipe.send_text(CTRL_C)
        await until(lambda: screen.buffer.text == "first")
        assert (screen.queued, screen.activity, screen.left.is_set()) == ([], None, False)


async def test_a_text_that_ctrl_c_clears_can_be_had_again() -> None:
    completer = HeldCompleter()
    completer.released.set()
    async with shown(completer) as (screen, pipe):
        pipe.send_text("a long text")
        await until(lambda: screen.buffer.text == "a long text")
        pipe.send_text(CTRL_C)
        await until(lambda: not screen.buffer.text)
        async with asyncio.timeout(PATIENCE):
            while screen.buffer.text != "a long text":  # its history is read again by the next drawing
                pipe.send_text(UP)
                await asyncio.sleep(0.05)


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not met():  # noqa: ASYNC110 - an application tells nobody
            await asyncio.sleep(0.01)
