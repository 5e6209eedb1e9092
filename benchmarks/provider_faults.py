"""Whether a conversation survives every fault of a model service, and whether the user is given a sentence each time.

    python benchmarks/provider_faults.py [--wire anthropic|chat|responses] [--every 1] [--seed N] [--list]

A real HTTP server answers with one fault after another (`fault_answers.py`: statuses, headers, redirects, broken HTTP, bodies that are
no answer, streams cut, doubled, reordered and damaged at every event, every field of every event of a wrong type), a real
project sends a message through the real SDK, and the next message must be answered, with a history that the strict service
takes. For each fault: is the session usable, did the user get words (an answer, or a sentence that says what happened, with a hint
where it is an error), was it anything but an internal error, and how many requests were made. `--every N` takes a share of the faults. Exit
status 1: one was not survived.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.fault_answers import WIRES, ProviderFault, faults_of
from mazu_ls.agent.project.project import Project
from mazu_ls.agent.turn.types import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.demo.model_server.http import HttpRequest, reset
from mazu_ls.errors import Kind
from mazu_ls.journal import journal
from mazu_ls.models.retry import RetryPolicy
from mazu_ls.workspace import Workspace
from tests.plain_host import PlainHost

MODELS = {
    "anthropic": "anthropic:claude-haiku-4-5",
    "chat": "openai:gpt-4.1",
    "responses": "openai:gpt-6.1-sol",
}
PATIENCE = RetryPolicy(retries=1, base=0.01, cap=0.02, longest_wait=1.0, first=0.8, idle=0.5, connect=5.0)
GOOD = "All is well."
OF_ONE_SESSION = 40
"""So many faults, one after another, in the same conversation."""
MOST_SECONDS = 20.0
STALL_SECONDS = 2.0


class FaultyServer(ModelServer):
    """The strict scripted server, which sends the steps of `fault` in place of an answer."""

    def __init__(self) -> None:
        super().__init__([{"text": GOOD, "repeat": True}])
        self.fault: ProviderFault | None = None
        self.struck = 0

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fault is not None and self.fault.address:  # a TLS greeting is no request
            self.struck += 1
            await reader.read(1)
            await self._send(self.fault, writer)
            writer.close()
            return
        await super()._connected(reader, writer)

    async def _answer(
        self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        fault = self.fault
        if fault is None or not request.path.endswith(("/messages", "/completions", "/responses")):
            await super()._answer(request, reader, writer)
            return
        self.struck += 1
        if not fault.lasting:
            self.fault = None
        request.last = True
        await self._send(fault, writer)

    async def _send(self, fault: ProviderFault, writer: asyncio.StreamWriter) -> None:
        for step in fault.steps:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, float):
                await asyncio.sleep(step)
            elif step == "stall":
                await asyncio.sleep(STALL_SECONDS)
            else:
                reset(writer)
                return


class Watch:
    """What the user sees of one turn."""

    def __init__(self) -> None:
        self.words = ""
        self.ended: journal.TurnEnded | None = None

    def hear(self, body: Any) -> None:
        """Take one event of the session."""
        if isinstance(body, journal.ModelSaid):
            self.words += body.message.text.strip()
        elif isinstance(body, journal.TurnEnded):
            self.ended = body

    def complaint(self) -> str:
        """What is missing for the user, or nothing."""
        if self.ended is None:
            return "the turn did not end"
        error = self.ended.error
        if error and error["kind"] == Kind.INTERNAL.value:
            return f"internal: {error['message']}"
        if error and not (error["message"].strip() and error["hint"].strip()):
            return f"an error without words or a hint: {error}"
        if not (error or self.ended.detail.strip() or self.words):
            return f"no words ({self.ended.stop_reason})"
        return ""


async def try_fault(project: Project, server: FaultyServer, fault: ProviderFault, watch: Watch) -> str:
    """One turn with the fault, one without; what was wrong, or nothing."""
    session = await project.sessions.get()
    server.fault, server.struck = fault, 0
    watch.__init__()
    asked = Prompt("Please do it.", model="tls:scripted" if fault.address else None)
    async with asyncio.timeout(MOST_SECONDS):
        await session.prompt(asked)
    complaint = watch.complaint()
    server.fault = None
    watch.__init__()
    async with asyncio.timeout(MOST_SECONDS):
        await session.prompt(Prompt("Are you there?"))
    if watch.ended is None or watch.ended.stop_reason != "end_turn" or GOOD not in watch.words:
        return f"UNUSABLE: {watch.ended}; {complaint}"
    return complaint


async def run_wire(wire: str, faults: list[ProviderFault], show: bool) -> Counter[str]:
    """All faults of a wire format; the counts."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "project"
        root.mkdir()
        (root / "app.py").write_text("print(1)\n")
        async with FaultyServer() as server:
            env = {
                "HOME": place, "PATH": "/usr/bin:/bin", "MAZU_HOME": f"{place}/home", "MAZU_STATE_HOME": f"{place}/state", "MAZU_MODEL": MODELS[wire],
                "ANTHROPIC_API_KEY": "test-key", "OPENAI_API_KEY": "test-key", "ANTHROPIC_BASE_URL": server.url, "OPENAI_BASE_URL": f"{server.url}/v1",
            }  # fmt: skip
            settings: dict[str, Any] = {
                "context": {"map_tokens": 0},
                "models": {
                    "tls": {"base_url": server.url.replace("http", "https") + "/v1", "model": "scripted"}
                },
            }
            watch = Watch()
            project = await Project.open(
                [root], PlainHost(Workspace([root])), settings=settings, env=env, patience=PATIENCE
            )
            project.subscribe(lambda session, event: watch.hear(event.body))
            for number, fault in enumerate(faults):
                if number % OF_ONE_SESSION == 0:
                    await project.sessions.new()
                try:
                    wrong = await try_fault(project, server, fault, watch)
                except Exception as error:  # noqa: BLE001 - printed, and the rest is tried
                    wrong = f"UNUSABLE: {error!r}"
                    await project.sessions.new()
                counts["tried"] += 1
                counts["usable"] += not wrong.startswith("UNUSABLE")
                counts["with words"] += not wrong
                counts["most requests"] = max(counts["most requests"], server.struck)
                if wrong or show:
                    print(f"{wire}: {fault.name} ({server.struck} requests): {wrong or 'right'}", flush=True)
            await project.close()
    return counts


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--wire", choices=sorted(WIRES), action="append")
    options.add_argument("--every", type=int, default=1, help="take one of so many faults")
    options.add_argument("--only", default="", help="faults whose name holds these words")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--list", action="store_true", help="print each fault")
    given = options.parse_args()
    logging.disable(logging.CRITICAL)
    wrong = 0
    for wire in given.wire or sorted(WIRES):
        faults = [fault for fault in faults_of(wire) if given.only in fault.name]
        random.Random(given.seed).shuffle(faults)
        start = time.process_time()
        counts = asyncio.run(run_wire(wire, faults[:: given.every], given.list))
        wrong += counts["tried"] - counts["with words"]
        print(
            f"{wire}: {counts['tried']} faults, {counts['usable']} usable afterwards, {counts['with words']} with a sentence for the user, "
            f"at most {counts['most requests']} requests for one, {time.process_time() - start:.0f} s CPU",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
