"""What a compaction cuts is not lost: 100 facts of a long conversation, asked for through `memory_search` after it was compacted.

    python benchmarks/compaction.py [--show]

The conversation has 150 turns with long outputs of commands and of files, and 100 facts among them: a command with its exit
code, a failing test, a decision and an open question for each of 25 parts of a program, so that each part is mentioned in
four ways. It is written to a journal as a session writes it; the model of the next turn is scripted: it summarises in one
sentence and then asks for each fact in other words than it was said. Beside it, as the baseline: how many of the facts the
model still sees without asking, in the messages that it is sent.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from pathlib import Path

from recall_speed import corpus
from turn_memory import model

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.session.session import Session
from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text, ToolCall, Usage
from mazu_ls.terminal.host import TerminalHost
from mazu_ls.terminal.surfaces.plain_surface import PlainSurface

PARTS = (
    "invoice importer", "login page", "search index", "payment webhook", "mail queue", "image resizer", "audit export",
    "tax calculator", "session store", "rate limiter", "feature toggles", "address parser", "backup job", "price cache", "user merger",
    "report scheduler", "chat gateway", "license check", "map renderer", "coupon engine", "stock counter", "schema validator",
    "upload proxy", "notification hub", "currency converter",
)  # fmt: skip
CHOICES = (
    "a B-tree", "Redis streams", "SQLite", "protobuf", "a ring buffer", "Lua scripts", "WebP", "cursor paging", "UUIDv7", "gzip",
    "a bloom filter", "long polling", "bcrypt", "a trie", "S3 Glacier", "memcached", "soft deletes", "cron", "MQTT", "an allow list",
    "vector tiles", "a rules table", "optimistic locking", "JSON Schema", "chunked transfer",
)  # fmt: skip
BATCH = 20


def facts() -> list[tuple[str, str, str, str]]:
    """Kind, how it stands in the conversation (a shell command and its end, or a text), question, what the answer holds."""
    found = []
    for n, (part, choice) in enumerate(zip(PARTS, CHOICES, strict=True)):
        name, code = part.replace(" ", "_"), 2 + 3 * n
        found += [
            ("command", f"make deploy-{name}\nexit code {code}", f"which exit code did deploying the {part} end with", f"exit code {code}"),
            ("test", f"pytest tests/{name}\nFAILED tests/{name}/test_core.py::test_{name}_case_{n} - AssertionError",
             f"what was the failing test of the {part}", f"test_{name}_case_{n}"),
            ("decision", f"Decided: the {part} uses {choice}, because the alternatives were too slow.", f"what did we decide for the {part}",
             f"uses {choice}"),
            ("question", f"Still open: who may switch off the {part} in production, team {chr(65 + n)} or the operators?",
             f"open questions about the {part}", f"team {chr(65 + n)} or the operators"),
        ]  # fmt: skip
    return found


class LongConversation:
    """Writes turns into a session's journal as the session itself does."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._draw = random.Random(7)
        self._words, _ = corpus()
        self._calls = 0

    def chatter(self, count: int) -> str:
        at = self._draw.randrange(len(self._words) - count)
        return " ".join(self._words[at : at + count])

    def write(self, planted: list[tuple[str, str, str, str]], turns: int) -> None:
        left = list(planted)
        for turn in range(turns):
            here = [left.pop() for _ in range(round(len(left) / (turns - turn)))] if left else []
            self._turn(f"t_{turn:06d}", here)
        assert not left

    def _turn(self, id: str, planted: list[tuple[str, str, str, str]]) -> None:
        put = self._session.append
        put(journal.TurnStarted("chat", "small"), id)
        asked = f"Now look at {self.chatter(12)}"
        put(journal.UserSaid(Message("user", (Text(asked),)), asked), id)
        self._call(id, f"grep -rn {self.chatter(2)}", self.chatter(150), 0)
        text = self.chatter(60)
        for kind, fact, _, _ in planted:
            if kind in ("command", "test"):
                command, _, output = fact.partition("\n")
                code = int(output.split()[-1]) if kind == "command" else 1
                said = output if kind == "test" else ""
                self._call(id, command, f"{self.chatter(120)}\n{said}\n{self.chatter(20)}", code)
            else:
                text += f" {fact} {self.chatter(30)}"
        put(journal.ModelSaid(Message("assistant", (Text(text),)), "end_turn", Usage()), id)
        put(journal.TurnEnded("end_turn", text, Usage()), id)

    def _call(self, turn: str, command: str, output: str, code: int) -> None:
        put = self._session.append
        self._calls += 1
        id, arguments = f"call_{self._calls}", {"command": command}
        put(journal.ModelSaid(Message("assistant", (ToolCall(id, "run_shell", arguments),)), "tool_use", Usage()), turn)  # fmt: skip
        put(journal.CallStarted(id, "run_shell", command, arguments), turn)
        put(journal.CallDecided(id, "allow", "", "policy"), turn)
        put(journal.CallEnded(id, code == 0, f"exit code {code}", f"{output}\nexit code {code}"), turn)


async def measure(url: str, root: Path, planted: list[tuple[str, str, str, str]], *, show: bool) -> bool:
    env = {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test-key", "MAZU_HOME": str(root.parent / "home"),
           "MAZU_STATE_HOME": str(root.parent / "state")}  # fmt: skip
    small = {"provider": "anthropic", "model": "claude-scripted", "context_window": 150_000}
    settings = {"model": "small", "models": {"small": small}, "context": {"map_tokens": 0}}
    project = await Project.open(
        [root], TerminalHost([root], PlainSurface(quiet=True)), env=env, settings=settings
    )
    session = await project.sessions.new()
    LongConversation(session).write(planted, 150)
    await session.prompt(Prompt("Go on."))
    await session.prompt(Prompt("Tell me all that we know.", limits=Limits(steps=100)))
    events = session.events()
    (compacted,) = [at for at, event in enumerate(events) if isinstance(event.body, journal.Compacted)]
    seen = session.conversation.messages_to_send()
    visible = "\n".join(part.text for message in seen for part in message.parts if isinstance(part, Text))
    answers = {
        event.body.call_id: event.body.text
        for event in events[compacted:]
        if isinstance(event.body, journal.CallEnded)
    }
    asked = {
        event.body.call_id: event.body.arguments["query"]
        for event in events[compacted:]
        if isinstance(event.body, journal.CallStarted)
    }
    by_query = {asked[id]: text for id, text in answers.items()}
    await project.close()
    good = {kind: 0 for kind, *_ in planted}
    for kind, _, query, answer in planted:
        good[kind] += answer in by_query.get(query, "")
        if show and answer not in by_query.get(query, ""):
            print(f"  missing: {query} -> {answer}\n    {by_query.get(query, '')[:700]}")
    total = sum(good.values())
    print(
        f"still before the model after compaction: {sum(answer in visible for *_, answer in planted)} of {len(planted)}"
    )
    print(
        f"found through memory_search: {total} of {len(planted)} ({', '.join(f'{k} {n}' for k, n in good.items())}),"
        f" {sum(map(len, by_query.values())) // max(1, len(by_query))} characters an answer (at least 95)"
    )
    return total >= 95


def main() -> None:
    parser = argparse.ArgumentParser(description="Facts found after a compaction.")
    parser.add_argument("--show", action="store_true", help="name what is missing")
    options = parser.parse_args()
    planted = facts()
    random.Random(3).shuffle(planted)
    queries = [query for _, _, query, _ in planted]
    batches = [queries[at : at + BATCH] for at in range(0, len(queries), BATCH)]
    calls = [
        {"calls": [{"name": "memory_search", "arguments": {"query": query, "limit": 3}} for query in batch]}
        for batch in batches
    ]
    replies = [
        {"text": "Yes."},
        {"text": "## Topics\nWe worked on many parts of the program."},
        *calls,
        {"text": "Done."},
    ]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        with model(Path(folder), replies) as url:
            raise SystemExit(not asyncio.run(measure(url, root, planted, show=options.show)))


if __name__ == "__main__":
    main()
