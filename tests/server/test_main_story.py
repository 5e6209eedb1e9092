"""The main story in a real server process: a chat turn that edits, undone, restarted, killed in mid-turn, gone on with."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.server.documents.documents import OpenDocument
from tests.server.client import NO_ANSWER, Client, eventually
from tests.server.test_chat_redraw import open_chat, saving
from tests.server.test_turns import ALL, edit_call


@asynccontextmanager
async def process(env: dict[str, str], folder: Path, offered: Any = None) -> AsyncIterator[Client]:
    """A client of a real server process, which is killed at the end if it still lives; `offered` answers the offer to continue."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mazu_ls", env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdin and child.stdout
    client = Client(child.stdin.write)
    client.process = child

    out = child.stdout

    async def read() -> None:
        while data := await out.read(1 << 16):
            client.deliver(data)

    reading = asyncio.create_task(read())
    client.allow("edit_file: app.py")
    allowed = client.answers["mazu/permission/request"]
    client.answers |= {
        "mazu/permission/request": lambda params: (
            offered(params) if offered and params["tool"] == "mazu.resume" else allowed(params)
        ),
        "workspace/applyEdit": client.apply_edit,
        "window/workDoneProgress/create": lambda params: None,
        "window/showDocument": lambda params: {"success": True},
    }
    try:
        await client.initialize(folder, **ALL)
        yield client
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
        reading.cancel()
    client.check_questions()


SLOW = 120
"""Seconds: a real process imports its model's SDK, on a machine that does other things too."""


async def shown(chat: OpenDocument, text: str) -> None:
    async def check() -> bool:
        return text in chat.text

    await eventually(check, within=SLOW)


async def gone(chat: OpenDocument, text: str) -> None:
    async def check() -> bool:
        return text not in chat.text

    await eventually(check, within=SLOW)


async def say(client: Client, chat: OpenDocument, message: str, until: str) -> None:
    """Write a message and send it; wait until the reply stands there whole."""
    client.change(chat.uri, message, (len(chat.lines), 0))
    await client.command("mazu.chat", {"attachments": [{"uri": chat.uri}]}, within=SLOW)
    await shown(chat, until)


async def leave(client: Client) -> None:
    """Shut down as an editor does."""
    await client.ask("shutdown")
    client.notify("exit")
    await client.process.wait()


def story(*extra: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"text": "I will. ", "calls": [edit_call("app.py", "x = 1", "x = 2")]},
        {"text": "It is two."},
        *extra,
    ]


async def test_edit_undo_restart_undo_kill_continue_undo(env: dict[str, str], folder: Path):
    app = folder / "app.py"
    app.write_text("x = 1\n")
    replies = [
        *story(),
        {"calls": [edit_call("app.py", "x = 1", "x = 3")]},
        {"text": "word " * 400, "chunk": 5, "delay": 0.05},
        {"text": "It was done already."},
    ]
    async with ModelServer(replies) as model:
        env = {**env, "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with process(env, folder) as client:
            saving(client)
            chat = await open_chat(client, folder)
            await say(client, chat, "Make it two", "*1 file changed +1 -1")
            undone = await client.command("mazu.undo", {}, within=SLOW)
            assert undone["applied"] and app.read_text() == "x = 1\n"
            await gone(chat, "It is two.")
            redone = await client.command("mazu.rollback", {"id": undone["safety"]["id"]}, within=SLOW)
            assert redone["applied"] and app.read_text() == "x = 2\n"
            await shown(chat, "It is two.")
            session = (await client.command("mazu.session.list"))["current"]
            await leave(client)
        async with process(env, folder) as client:
            chat = await open_chat(client, folder, session)
            assert "It is two." in chat.text
            undone = await client.command("mazu.undo", {"sessionId": session}, within=SLOW)
            assert undone["applied"] and app.read_text() == "x = 1\n", undone
            await gone(chat, "It is two.")
            client.change(chat.uri, "Make it three", (len(chat.lines), 0))
            await client.command("mazu.chat", {"attachments": [{"uri": chat.uri}]}, within=SLOW)
            await shown(chat, "word word")
            client.process.send_signal(signal.SIGKILL)
            await client.process.wait()
            stale = chat.text
        asked: list[Any] = []

        def choose(params: Any) -> Any:
            asked.append(params)
            return {"optionId": "continue"}

        async with process(env, folder, offered=choose) as client:
            chat = client.open(chat.uri, stale, "markdown")
            await shown(chat, "It was done already.")
            assert (
                "Make it three" in chat.text and "word word" in chat.text and "*1 turn undone*" in chat.text
            )
            assert [question["title"] for question in asked] == [
                "“Make it three” was interrupted when mazu-ls ended."
            ]
            assert app.read_text() == "x = 3\n"
            for _ in range(2):  # the turn that went on changed nothing; the one before it did
                undone = await client.command("mazu.undo", {"sessionId": session}, within=SLOW)
                assert undone["applied"], undone
            assert app.read_text() == "x = 1\n"
            await leave(client)


@pytest.mark.parametrize("end", ["shutdown", "stdin", "sigterm", "sigkill"])
async def test_a_run_is_offered_again_however_the_server_ended(env: dict[str, str], folder: Path, end: str):
    (folder / "app.py").write_text("x = 1\n")
    slow = {"text": "word " * 400, "chunk": 5, "delay": 0.05}
    async with ModelServer([story()[0], slow, {"text": "All is done."}]) as model:
        env = {**env, "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with process(env, folder) as client:
            limits = {"task": "Make it two", "maxCost": 0.5, "maxSteps": 7, "maxTokens": 90000}
            started = await client.command("mazu.run", limits, within=SLOW)
            await client.until(
                lambda m: m.get("params", {}).get("update", {}).get("text", "").startswith("word"),
                within=SLOW,
            )
            if end == "shutdown":
                await leave(client)
            elif end == "stdin":
                client.process.stdin.close()
            else:
                client.process.send_signal(signal.SIGTERM if end == "sigterm" else signal.SIGKILL)
            await client.process.wait()
        offers: list[Any] = []
        later = asyncio.Event()

        async def choose(params: Any) -> Any:
            offers.append(params)
            await later.wait()
            return {"optionId": "continue"}

        async with process(env, folder, offered=choose) as client:
            await client.command("mazu.session.show", {"sessionId": started["sessionId"]}, within=SLOW)
            await eventually(lambda: _is(offers), within=SLOW)
            later.set()
            await client.until(
                lambda m: m.get("params", {}).get("update", {}).get("reply") == "All is done.", within=SLOW
            )
            await leave(client)
        async with process(env, folder, offered=lambda params: NO_ANSWER) as client:
            await client.command("mazu.session.list", within=SLOW)
            await client.command("mazu.checkpoint.list", within=SLOW)
            assert client.notes("mazu/permission/request") == []
        (path,) = Path(env["MAZU_STATE_HOME"]).rglob("s_*.jsonl")
        from mazu_ls.journal import journal

        starts = [e.body for e in journal.read(path) if isinstance(e.body, journal.TurnStarted)]
        limits = starts[1].limits
        assert starts[0].limits == limits and limits is not None and limits.cost == 0.5
        assert [one.allow_shell for one in starts] == [False, False]


async def _is(value: Any) -> bool:
    return bool(value)


async def test_a_message_that_was_acknowledged_survives_a_kill_at_once(env: dict[str, str], folder: Path):
    async with ModelServer([{"text": "slow", "delay": 30}]) as model:
        env = {**env, "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with process(env, folder) as client:
            started = await client.command("mazu.chat", {"message": "Do not lose this"}, within=SLOW)
            client.process.kill()
            await client.process.wait()
        async with process(env, folder, offered=lambda params: {"optionId": "leave"}) as client:
            offer = await client.until(lambda m: m.get("method") == "mazu/permission/request", within=SLOW)
            assert "Do not lose this" in offer["params"]["title"]
            page = await client.command("mazu.session.events", {"sessionId": started["sessionId"]})
            said = [e["update"]["text"] for e in page["events"] if e["update"]["kind"] == "user"]
            assert said == ["Do not lose this"]


async def test_the_server_ends_with_the_process_of_its_client(env: dict[str, str]):
    editor = await asyncio.create_subprocess_exec("sleep", "600")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mazu_ls", env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdin and child.stdout
    client = Client(child.stdin.write)
    client.raw(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {"processId": editor.pid, "capabilities": {}},
        }
    )
    await child.stdout.readline()
    editor.kill()
    await editor.wait()
    assert await asyncio.wait_for(child.wait(), 60) == 1
