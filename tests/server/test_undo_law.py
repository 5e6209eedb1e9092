"""The law of checkpoints over the wire: rolling back to any of them gives the bytes that stood on disk and in the buffer."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client, connected, eventually
from tests.server.test_session_events import View, whole
from tests.server.test_turns import agent
from tests.server.test_undo_stories import OPTED

FILES = ("a.txt", "b/c.txt", "open.txt")
WAYS = ("didSave", "watched", "unseen")
Operation = tuple[str, int, int]
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["turn", "join", "save", "save", "type", "take", "restart", "prune", "back", "undo", "redo", "fork"]
        ),
        st.integers(0, 2), st.integers(0, 2),
    ),
    min_size=3, max_size=12,
)  # fmt: skip


@dataclass
class State:
    """What stood somewhere at one moment."""

    files: dict[str, bytes]
    buffer: str


@dataclass
class World:
    """A project, the editor on it, and what each checkpoint must hold."""

    folder: Path
    client: Client
    session: str = ""
    texts: Any = field(default_factory=lambda: itertools.count(1))
    known: dict[str, State] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return (self.folder / "open.txt").as_uri()

    def state(self) -> State:
        found = {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not any(part.startswith(".mazu") for part in path.parts)
        }
        return State(found, self.client.documents[self.uri].text)

    def open(self, text: str) -> None:
        self.client.open(self.uri, text, "plaintext")

    async def turn(self, *_: int) -> None:
        before = self.state()
        result = await self.ask("mazu.chat", {**self.asked, "wait": True})
        assert result["stopReason"] == "end_turn", result
        self.session = result["sessionId"]
        self.took(result["checkpoints"], before)

    async def join(self, number: int, _: int) -> None:
        """A turn that somebody joins while it runs: what is read and what streams then are the whole of it."""
        before = self.state()
        self.session = (await self.ask("mazu.chat", self.asked))["sessionId"]
        view = View(self.client, self.session)
        await view.join(number + 1)
        end = await eventually(self.ended, 60)
        view.follow()
        final = await whole(self.client, self.session)
        assert (view.events, view.live) == (final.events, final.live)
        assert end["stopReason"] == "end_turn", end
        self.took(end["checkpoints"], before)

    @property
    def asked(self) -> dict[str, Any]:
        return {"message": "write"} | ({"sessionId": self.session} if self.session else {})

    async def ended(self) -> Any:
        """The last update of the session's turn, once it runs no more."""
        page = await self.ask("mazu.session.events", {"sessionId": self.session, "limit": 5000})
        return page["state"] == "idle" and page["events"][-1]["update"]

    def took(self, ids: Sequence[str], before: State) -> None:
        if ids:
            self.known[ids[0]], self.known[ids[-1]] = before, self.state()

    async def ask(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        return await self.client.command(command, arguments, within=60)

    async def save(self, number: int, way: int) -> None:
        name = FILES[number]
        path, text = self.folder / name, f"saved {next(self.texts)}\n"
        path.parent.mkdir(exist_ok=True)
        if name == "open.txt":
            text = self.client.documents[self.uri].text
        path.write_text(text)
        if WAYS[way] == "didSave" and name == "open.txt":
            self.client.notify("textDocument/didSave", {"textDocument": {"uri": self.uri}})
        elif WAYS[way] == "watched":
            changes = [{"uri": path.as_uri(), "type": 2}]
            self.client.notify("workspace/didChangeWatchedFiles", {"changes": changes})

    async def type(self, *_: int) -> None:
        self.client.change(self.uri, f"typed {next(self.texts)}\n")

    async def take(self, *_: int) -> None:
        before = self.state()
        self.known[(await self.ask("mazu.checkpoint"))["id"]] = before

    async def prune(self, number: int, _: int) -> None:
        await self.ask("mazu.checkpoint.prune", {"keep": number + 1})

    async def back(self, number: int, _: int) -> None:
        if kept := await self.kept():
            await self.check(kept[number % len(kept)])

    async def undo(self, number: int, _: int) -> None:
        shown = (await self.ask("mazu.session.show"))["turns"] if self.session else []
        if shown:
            answer = ("keep", "overwrite")[number % 2]
            asked = {"sessionId": self.session, "onConflict": answer}
            looked = await self.ask("mazu.undo", {**asked, "preview": True})
            done = await self.ask("mazu.undo", asked)
            assert done["applied"] and done["verified"], done
            for name in ("write", "delete", "keep", "conflicts", "users", "agents"):
                assert done["plan"][name] == looked["plan"][name], name
            assert set(done["plan"]["write"]).isdisjoint(one["path"] for one in done["plan"]["keep"])

    async def redo(self, number: int, other: int) -> None:
        """Redo after an undo gives back what stood there before it, and every turn of the conversation."""
        before, turns = self.state(), await self.turns(self.session)
        if turns:
            await self.undo(1 if other else number, 0)
            done = await self.ask("mazu.redo", {"sessionId": self.session})
            assert done["applied"] and done["verified"], done
            assert self.state() == before and await self.turns(self.session) == turns

    async def fork(self, *_: int) -> None:
        """Undo in a fork takes its conversation back and leaves the files and the original alone."""
        before, turns = self.state(), await self.turns(self.session)
        if turns:
            fork = (await self.ask("mazu.session.fork", {"sessionId": self.session}))["id"]
            assert await self.turns(fork) == turns
            done = await self.ask("mazu.undo", {"sessionId": fork})
            assert done["applied"] and done["verified"], done
            assert self.state() == before
            assert (await self.turns(fork), await self.turns(self.session)) == (turns - 1, turns)

    async def turns(self, session: str) -> int:
        if not session:
            return 0
        return len((await self.ask("mazu.session.show", {"sessionId": session}))["turns"])

    async def kept(self) -> list[str]:
        listed = await self.ask("mazu.checkpoint.list", {"limit": 500})
        return [one["id"] for one in reversed(listed["checkpoints"]) if one["id"] in self.known]

    async def check(self, id: str) -> None:
        done = await self.ask("mazu.rollback", {"id": id, "onConflict": "overwrite"})
        assert done["applied"] and done["verified"], done
        now, then = self.state(), self.known[id]
        assert now.files == then.files
        assert now.buffer == then.buffer


def replies(count: int) -> Sequence[dict[str, Any]]:
    """What a model says that writes one file in each turn."""
    found: list[dict[str, Any]] = []
    for number in range(count):
        arguments = {"path": FILES[number % 2], "content": f"the agent's {number}\n"}
        found += [{"calls": [{"name": "read_file", "arguments": {"path": FILES[number % 2]}}]}]
        found += [{"calls": [{"name": "write_file", "arguments": arguments}]}, {"text": "Done."}]
    return found


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(operations=OPERATIONS)
async def test_every_checkpoint_gives_back_what_stood_when_it_was_taken(
    operations: list[Operation], tmp_path_factory: pytest.TempPathFactory
):
    base = tmp_path_factory.mktemp("law")
    folder = base / "project"
    (folder / "b").mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text("first\n")
    turns = sum(what in ("turn", "join") for what, _, _ in operations)
    async with ModelServer(list(replies(turns))) as model:
        env = {
            "MAZU_HOME": str(base / "home"), "MAZU_STATE_HOME": str(base / "state"), "PATH": "/usr/bin:/bin",
            "HOME": str(base / "user"), "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key",
        }  # fmt: skip
        world: World | None = None
        lives = [
            list(life)
            for again, life in itertools.groupby(operations, lambda one: one[0] == "restart")
            if not again
        ]
        for life in lives:
            async with connected(env) as client:
                client.answers["workspace/applyEdit"] = client.apply_edit
                client.answers["client/registerCapability"] = lambda params: None
                client.allow("write_file: ")
                await client.initialize(folder, **OPTED)
                text = world.client.documents[world.uri].text if world else "first\n"
                known = (world.session, world.known, world.texts) if world else ("", {}, itertools.count(1))
                world = World(folder, client, known[0], known[2], known[1])
                world.open(text)
                for what, number, other in life:
                    await getattr(world, what)(number, other)
                if life is lives[-1]:
                    for id in await world.kept():
                        await world.check(id)


@pytest.mark.parametrize(
    "operations",
    [
        "turn save turn redo type redo fork undo redo",
        "save turn type take turn fork redo undo fork",
    ],
)
async def test_redo_gives_back_what_undo_took_and_a_fork_leaves_the_files_alone(
    env: dict[str, str], folder: Path, operations: str
):
    (folder / "b").mkdir()
    for name in FILES:
        (folder / name).write_text("first\n")
    async with agent(
        env, folder, replies(6), allow=["write_file: a.txt", "write_file: b/c.txt"], **OPTED
    ) as client:
        world = World(folder, client, (await client.command("mazu.session.new"))["id"])
        world.open("first\n")
        for number, what in enumerate(operations.split()):
            await getattr(world, what)(number % 3, (number + 1) % 2)
