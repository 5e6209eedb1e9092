"""Background jobs that continue after their command was answered: one task each, with progress that can be cancelled."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from mazu_ls.agent.background_tasks import BackgroundTasks
from mazu_ls.errors import InvalidArguments, MazuError
from mazu_ls.host import Host
from mazu_ls.server.client.editor import ConnectedEditor
from mazu_ls.server.errors import internal
from mazu_ls.server.rpc.accepted_requests import AcceptedRequests, Token
from mazu_ls.server.rpc.client_requests import ClientError

logger = logging.getLogger(__name__)
CREATE_SECONDS = 5.0
_numbers = itertools.count(1)


class BackgroundJob:
    """One background job. `report` shows a line, and optionally a percentage.

    `sentence` ends the progress if the work does not fail.
    """

    def __init__(
        self, title: str, token: Token | None, editor: ConnectedEditor | None, name: str | None
    ) -> None:
        """`token`: the client's, None if one is to be created. `name`: for `stop`."""
        self.title = title
        self.name = name
        self.token = token
        self.task: asyncio.Task[Any] | None = None
        self.sentence = "done"
        self._editor = editor
        self._shown = False
        self._last = ""

    async def begin(self) -> None:
        """Show the progress. Without a token from the client one is created, if the client supports that."""
        if self._editor is None or (self.token is None and not self._editor.profile.progress):
            return
        if self.token is None:
            self.token = f"mazu-job-{next(_numbers)}"
            try:
                create = {"token": self.token}
                await self._editor.link.ask("window/workDoneProgress/create", create, CREATE_SECONDS)
            except (ClientError, TimeoutError) as error:
                logger.info("No progress is shown for %s: %s", self.title, error)
                return
        self._shown = True
        self._send({"kind": "begin", "title": f"Mazu: {self.title}", "cancellable": True})

    def report(self, message: str, percentage: int | None = None) -> None:
        """Show the state of the work; the same line is not sent twice."""
        if not self._shown or message == self._last:
            return
        self._last = message
        value: dict[str, Any] = {"kind": "report", "message": message, "cancellable": True}
        self._send(value if percentage is None else {**value, "percentage": percentage})

    def end(self, message: str) -> None:
        """End the progress with a last sentence."""
        if self._shown:
            self._shown = False
            self._send({"kind": "end", "message": message})

    def _send(self, value: dict[str, Any]) -> None:
        assert self._editor is not None
        self._editor.link.notify("$/progress", {"token": self.token, "value": value})


class BackgroundJobs:
    """All background jobs of one server."""

    def __init__(self, host: Host, editor: ConnectedEditor | None) -> None:
        self._host = host
        self._editor = editor
        self.accepted = AcceptedRequests()
        self._running: set[BackgroundJob] = set()
        self._short = BackgroundTasks("background work")

    @property
    def titles(self) -> list[str]:
        """Return the titles of running jobs."""
        return [job.title for job in self._running]

    async def answer(
        self,
        title: str,
        work: Callable[[BackgroundJob], Awaitable[Any]],
        *,
        wait: bool,
        token: Token | None,
        started: Any,
        then: Callable[[Any], Awaitable[None]],
        name: str | None = None,
        begun: asyncio.Event | None = None,
    ) -> Any:
        """Start `work`. With `wait`, return its result (cancelling the caller cancels it); otherwise return `started`
        as soon as `begun` is set.

        Work that fails before that raises here. `name` is for work that is no turn of a session, which has its own
        stop. If nobody waits `then` gets the result, and the user is told of a failure.
        """
        # A client's token is only valid until its request is answered.
        lasting = wait or self._editor is None or not self._editor.profile.progress
        job = BackgroundJob(title, token if lasting else None, self._editor, name)
        job.task = asyncio.get_running_loop().create_task(self._run(job, work), name=title)
        self._running.add(job)
        job.task.add_done_callback(lambda task: self._running.discard(job))
        if wait:
            return await job.task
        if begun is not None and not await _has_begun(job.task, begun):
            return await job.task
        self.spawn(self._announce(job, then))
        return started

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something short in the background; a failure is logged."""
        self._short.spawn(work)

    async def _announce(self, job: BackgroundJob, then: Callable[[Any], Awaitable[None]]) -> None:
        assert job.task is not None
        await asyncio.wait([job.task])
        if job.task.cancelled():
            return
        if not (error := job.task.exception()):
            await then(job.task.result())
            return
        if isinstance(error, MazuError):
            text = f"{error.message} {error.hint}".strip()
        elif isinstance(error, InvalidArguments):
            text = str(error)
        else:
            logger.error("%s failed", job.title, exc_info=error)
            failure = internal(error, job.title)
            text = f"{failure.message} {failure.hint}"
        await self._host.say("error", f"Mazu: {text}")

    def cancel(self, token: Token) -> None:
        """The user pressed cancel on the progress with this token."""
        self.accepted.cancel_token(token)
        for job in self._running:
            if job.token == token and job.task:
                job.task.cancel()

    def stop(self, name: str | None) -> bool:
        """Stop the work of this name, or all that has one; return whether there was any."""
        found = [job for job in self._running if job.name is not None and name in (None, job.name)]
        for job in found:
            if job.task:
                job.task.cancel()
        return bool(found)

    async def wait_idle(self) -> None:
        """Wait until the running work has ended."""
        if tasks := [job.task for job in self._running if job.task]:
            await asyncio.wait(tasks)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Cancel everything and wait until it has stopped."""
        tasks = [job.task for job in self._running if job.task]
        for task in tasks:
            task.cancel()
        await self._short.close()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, job: BackgroundJob, work: Callable[[BackgroundJob], Awaitable[Any]]) -> Any:
        showing = asyncio.get_running_loop().create_task(job.begin())
        end = "failed"
        try:
            if self.accepted.begin_job() and (task := asyncio.current_task()):
                # takes effect at the first await of `work`, as if the user had stopped it there
                task.cancel()
            result = await work(job)
            end = job.sentence
        except asyncio.CancelledError:
            end = "stopped"
            raise
        else:
            return result
        finally:
            if not showing.done():
                showing.cancel()
            job.end(end)


async def _has_begun(task: asyncio.Task[Any], begun: asyncio.Event) -> bool:
    """Wait until `begun` is set; return False if the task failed before. Cancelling the caller cancels the task."""
    waiting = asyncio.ensure_future(begun.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        waiting.cancel()
    return begun.is_set() or (not task.cancelled() and task.exception() is None)
