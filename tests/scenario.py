"""A story in one string, what must come of it in another.

Sections of a story, each headed `-- name --`:
    <path>                      a file on disk before the story begins
    buffer <path>               the same file, open in the editor with this unsaved text
    settings                    TOML
    answers                     one per line, in the order of the questions: allow_once, allow_session or allow_always with
                                the beginning of what is allowed (`allow_once edit_file: app.py`), deny [note]; empty: no
                                answer in time. A question without its answer fails the story.
    user [kind]                 the user speaks (kind: chat, run); "Go." where a story has none
    attach <path>               is attached to the next message
    model says | thinks | calls <tool> | faults <fault>     the next reply of the model; several in a row that belong
                                to one reply follow each other with `and calls <tool>`
    user types <path>           before the next turn, the user changes an open file
    restart                     mazu-ls is stopped and started again
    end                         the session is ended
Of the outcome, lines `tool:`, `assistant:` and `stop:` must all be there, in order; lines of another kind (`asked:`,
`checkpoint:`, `memory:`, `detail:`, `error:`, `retry:`, `said:`) and files only where the expectation names that kind or file. A line that
ends in `…` need only begin so.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import textwrap
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.prompt import Attachment
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.journal import journal
from mazu_ls.models.retry import RetryPolicy
from mazu_ls.workspace import Workspace
from tests.plain_host import PlainHost

ALWAYS = ("tool", "assistant", "stop")
PATIENCE = RetryPolicy(retries=2, base=0.01, cap=0.02, longest_wait=5.0, first=60.0, idle=60.0)
SILENCE_SECONDS = 1.0
"""How long a story waits for the next piece where one of its answers falls silent: nowhere else is a slow machine to look like silence."""
SECTION = re.compile(r"^-- (.+?) --$")


@dataclass
class Story:
    """A parsed story: the world, the replies, and what happens in order."""

    files: dict[str, str] = field(default_factory=dict)
    buffers: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=lambda: {"context": {"map_tokens": 0}})
    answers: list[str] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)
    steps: list[tuple[str, str, str]] = field(default_factory=list)


def sections(text: str) -> list[tuple[str, str]]:
    """The headed sections of a string, indentation taken away."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in textwrap.dedent(text).strip("\n").splitlines():
        if match := SECTION.match(line.strip()):
            found.append((match[1], []))
        else:
            found[-1][1].append(line)
    return [(name, "\n".join(lines) + "\n" if lines else "") for name, lines in found]


def parse(text: str) -> Story:
    """Read a story."""
    story = Story()
    for name, body in sections(text)[1:]:
        verb, _, rest = name.partition(" ")
        match verb:
            case "buffer":
                story.buffers[rest] = body
            case "settings":
                story.settings |= tomllib.loads(body)
            case "answers":
                story.answers = [line.strip() for line in body.splitlines()]
            case "model":
                story.replies.append(_reply(rest, body))
            case "and":
                story.replies[-1].setdefault("calls", []).extend(_reply(rest, body).get("calls", []))
            case "user" | "attach" | "restart" | "end" | "role":
                story.steps.append((verb, rest, body))
            case _:
                story.files[name] = body
    if not any(step[0] == "user" and not step[1].startswith("types") for step in story.steps):
        story.steps.append(("user", "", "Go.\n"))
    return story


def _reply(what: str, body: str) -> dict[str, Any]:
    verb, _, rest = what.partition(" ")
    match verb:
        case "says":
            return {"text": body.rstrip("\n")}
        case "thinks":
            return {"thinking": body.rstrip("\n")}
        case "calls":
            return {"calls": [{"name": rest, "arguments": arguments(body)}]}
        case "faults":
            return {"fault": rest, "text": body.rstrip("\n")}
        case "replies":
            return msgspec.json.decode(body)
    raise ValueError(f"a model cannot {what!r}")


def arguments(body: str) -> dict[str, Any]:
    """`key: value` lines; a value is JSON after `key=`, and `key: |` is followed by indented lines."""
    found: dict[str, Any] = {}
    key = ""
    for line in body.splitlines():
        if key and (line.startswith("  ") or not line.strip()):
            found[key] += line[2:] + "\n"
            continue
        key = ""
        if match := re.match(r"^(\w+): ?(.*)$", line):
            if match[2] == "|":
                key = match[1]
                found[key] = ""
            else:
                found[match[1]] = match[2]
        elif match := re.match(r"^(\w+)=(.*)$", line):
            found[match[1]] = msgspec.json.decode(match[2])
    return found


class World:
    """A project in a temporary folder with a scripted model."""

    def __init__(self, story: Story, root: Path) -> None:
        self.story = story
        self.root = root / "project"
        self.env = {
            "HOME": str(root), "PATH": "/usr/local/bin:/usr/bin:/bin", "MAZU_HOME": str(root / "home"),
            "MAZU_STATE_HOME": str(root / "state"), "ANTHROPIC_API_KEY": "test-key", "OPENAI_API_KEY": "test-key",
        }  # fmt: skip
        self.lines: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[Any] = []
        for name, text in story.files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        self.root.mkdir(exist_ok=True)
        self.host = PlainHost(Workspace([self.root]), answers=list(story.answers))
        self.host.open = {self.root / name: text for name, text in story.buffers.items()}

    async def open(self) -> Project:
        """Open the project and write down what happens in it."""
        stalls = any(reply.get("fault") == "stall" for reply in self.story.replies)
        patience = replace(PATIENCE, idle=SILENCE_SECONDS) if stalls else PATIENCE
        project = await Project.open(
            [self.root], self.host, settings=self.story.settings, env=self.env, patience=patience
        )
        project.subscribe(lambda session, event: self.heard(event.body))
        return project

    def heard(self, body: journal.Body) -> None:
        """Write down what happens."""
        match body:
            case journal.Delta(kind):
                self.lines.append(f"delta: {kind}")
            case journal.CallEnded(_, _, summary):
                self.lines.append(f"tool: {summary}")
            case journal.ModelSaid(message) if message.text:
                self.lines.append(f"assistant: {message.text}")
            case journal.CheckpointTaken(_, kind, label):
                self.lines.append(f"checkpoint: {kind} {label}")
            case journal.MemoryTouched(_, outcome, title):
                self.lines.append(f"memory: {outcome} {title}")
            case journal.Retrying(attempt):
                self.lines.append(f"retry: {attempt}")
            case journal.TurnEnded(stop, _, _, detail, error):
                self.lines += [f"stop: {stop}", *([f"detail: {detail}"] if detail else [])]
                self.lines += [f"error: {error['kind']}"] if error else []

    def file(self, name: str) -> str:
        """The text as the user sees it."""
        path = self.root / name
        if path in self.host.open:
            return self.host.open[path]
        return path.read_bytes().decode() if path.exists() else ""


async def play(story: Story, root: Path) -> World:
    """Let a story happen."""
    world = World(story, root)
    async with ModelServer(story.replies) as server:
        world.env |= {"ANTHROPIC_BASE_URL": server.url, "OPENAI_BASE_URL": f"{server.url}/v1"}
        world.env["OLLAMA_HOST"] = server.url
        project = await world.open()
        attached: list[Attachment] = []
        for verb, rest, body in story.steps:
            if verb == "restart":
                await project.close()
                project = await world.open()
            elif verb == "end":
                (await project.sessions.get()).append(journal.SessionEnded())
                project.sessions.current = None
                await project.extractions.wait_idle()
            elif verb == "role":
                project.set_role(body, write=True)
            elif verb == "attach":
                attached.append(Attachment(rest, world.file(rest)))
            elif rest.startswith("types "):
                world.host.open[world.root / rest.removeprefix("types ")] = body
            else:
                session = await project.sessions.get()
                kind = "run" if rest == "run" else "chat"
                limits = Limits.from_settings(project.config.limits)
                await session.prompt(Prompt(body.strip(), tuple(attached), None, limits, kind))
                attached = []
        world.lines += [f"asked: {question.title}" for question in world.host.asked]
        world.lines += [f"said: {text}" for _, text in world.host.said]
        world.bodies = server.bodies
        await project.close()
    return world


def _cut(line: str, wanted: list[str], n: int) -> str:
    """The line as far as the expectation goes."""
    head = wanted[n][:-1] if n < len(wanted) and wanted[n].endswith("…") else None
    return f"{head}…" if head is not None and line.startswith(head) else line


def check(story: str, expected: str) -> World:
    """Let the story happen and compare; returns the world for what a string cannot say."""
    with tempfile.TemporaryDirectory() as folder:
        world = asyncio.run(play(parse(story), Path(folder)))
        (_, wanted), *files = sections(expected)
        lines = [line for line in wanted.splitlines() if line.strip()]
        kinds = {*ALWAYS, *(line.partition(":")[0] for line in lines)}
        got = [line for line in world.lines if line.partition(":")[0] in kinds]
        assert [_cut(line, lines, n) for n, line in enumerate(got)] == lines
        for name, text in files:
            assert world.file(name) == text, f"{name} is {world.file(name)!r}"
    return world
