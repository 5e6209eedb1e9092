"""What is typed in a terminal while an editor has the project open is done by the editor's server, and seen in both.

Server and tests are one process here, so that the terminal descends from the server, which is refused: see test_live_server.py.
That alone is put aside.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls import __version__
from mazu_ls.platform import peer_credentials
from mazu_ls.server.rpc.live import peers
from mazu_ls.server.rpc.live.peers import has_terminal
from mazu_ls.state import live_socket
from tests.server.client import NO_ANSWER, Client
from tests.server.test_turns import ALL, agent, edit_call
from tests.terminal.terminal import CTRL_C, Terminal

PATIENCE = 90.0
pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")
EDIT = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}, {"text": "Two it is."}]


@asynccontextmanager
async def open_editor(
    env: dict[str, str], folder: Path, replies: Sequence[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    monkeypatch.setattr(peers, "refusal_reason", lambda pid, uid: "")
    (folder / "app.py").write_text("x = 1\n")
    async with agent(env, folder, replies, allow=["edit_file: app.py"], **ALL) as editor:
        await editor.command("mazu.status")
        async with asyncio.timeout(PATIENCE):
            while not live_socket.socket_path(folder, env).exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        yield editor


async def typed(env: dict[str, str], folder: Path, *words: str, text: str = "") -> tuple[int, str, str]:
    """What a script gets: nobody is there to be asked, and the process has no key, so that no model is called by it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAZU_", "ANTHROPIC_", "OPENAI_"))
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mazu_ls", *words, cwd=folder, env={**kept, **env, "PATH": os.environ["PATH"]}, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate(text.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def kinds(editor: Client, session_id: str) -> list[str]:
    """The kinds of the updates that the editor got of a session."""
    found = [one for one in editor.notes("mazu/session/update") if one["sessionId"] == session_id]
    assert [one["seq"] for one in found] == [*range(1, len(found) + 1)]
    return [one["update"]["kind"] for one in found]


async def test_a_turn_from_a_terminal_works_on_the_editors_buffers_and_is_undone_from_there(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_editor(env, folder, EDIT, monkeypatch) as editor:
        own = (await editor.command("mazu.session.new"))["id"]
        editor.open((folder / "app.py").as_uri(), "x = 1  # not saved\n")
        code, out, _ = await typed(env, folder, "chat", "make it two", "--json")
        result = json.loads(out)
        assert (code, result["reply"], result["stopReason"]) == (0, "Two it is.", "end_turn")
        session = result["sessionId"]
        assert editor.documents[(folder / "app.py").as_uri()].text == "x = 2  # not saved\n"
        assert (folder / "app.py").read_text() == "x = 1\n"
        assert {"turn", "question", "tool_result", "reply"} <= {*kinds(editor, session)}
        assert editor.notes("mazu/permission/request")[0]["sessionId"] == session
        # The editor's own conversation is the one that it means, and nobody holds either of them from the others.
        assert (await editor.command("mazu.session.list"))["current"] == own != session
        code, out, _ = await typed(env, folder, "session", "rename", "Two", "--session", session)
        assert code == 0
        assert (await editor.command("mazu.session.show", {"sessionId": session}))["name"] == "Two"
        code, out, _ = await typed(env, folder, "undo", "--json")
        assert (code, json.loads(out)["applied"]) == (0, True)
        assert editor.documents[(folder / "app.py").as_uri()].text == "x = 1  # not saved\n"
        code, out, _ = await typed(env, folder, "redo", "--json", "--session", session)
        assert (code, json.loads(out)["applied"]) == (0, True)
        assert editor.documents[(folder / "app.py").as_uri()].text == "x = 2  # not saved\n"


async def test_memories_and_checkpoints_are_kept_by_the_server_and_the_editor_hears_of_it(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_editor(env, folder, [], monkeypatch) as editor:
        editor.received.clear()
        code, out, _ = await typed(env, folder, "remember", "The port is 8080", "--json")
        id = json.loads(out)["memory"]["id"]
        assert code == 0
        await editor.until(
            lambda one: one.get("method") == "mazu/changed" and "memory" in one["params"]["what"]
        )
        taken = json.loads((await typed(env, folder, "checkpoint", "take", "here", "--json"))[1])["id"]
        assert json.loads((await typed(env, folder, "checkpoint", "pin", taken, "--json"))[1])["pinned"]
        assert (await typed(env, folder, "memory", "forget", id))[0] == 0
        assert (await editor.command("mazu.memory.list"))["total"] == 0
        for words in (
            ("memory", "forget", "m_none"),
            ("session", "rename", "x", "--session", "s_none"),
            ("redo",),
            ("undo",),
        ):
            code, out, err = await typed(env, folder, *words, "--json")
            assert (code, json.loads(out)["error"]["kind"]) == (1, "not_found"), err
            assert err.startswith("mazu-ls: ") and "Traceback" not in err
        # What the user forgot stays so, unless all of it is wanted as it was.
        assert (await typed(env, folder, "rollback", "here", "--on-conflict", "overwrite"))[0] == 0
        assert (await editor.command("mazu.memory.list"))["total"] == 1


async def test_a_message_from_a_pipe_is_not_lost_where_no_server_has_this_project(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_editor(env, folder, [{"text": "Heard."}], monkeypatch) as editor:
        other = folder.parent / "other"
        other.mkdir()
        keys = {"ANTHROPIC_BASE_URL": editor.model.url, "ANTHROPIC_API_KEY": "test-key"}
        code, out, err = await typed({**env, **keys}, other, "chat", text="from a pipe")
        assert (code, out) == (0, "Heard.\n"), err
        assert "from a pipe" in str(editor.model.bodies[-1]["messages"][0])


@pytest.mark.parametrize("where", ["terminal", "editor"])
async def test_whoever_answers_first_counts(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
):
    async with open_editor(env, folder, EDIT, monkeypatch) as editor:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def decide(params: Any) -> Any:
            return await answer

        editor.answers["mazu/permission/request"] = decide
        own = {name: env[name] for name in ("MAZU_HOME", "MAZU_STATE_HOME", "HOME")}
        terminal = await Terminal(folder, ANTHROPIC_API_KEY="", TERM="dumb", **own).start(
            "chat", "make it two"
        )
        try:
            await terminal.sees("app.py", "[y/")
            seen = Path(
                f"/proc/{terminal.process.pid}/environ"
            ).read_bytes()  # what a command of the agent could read
            assert b"HOME=" in seen and b"sk-ant-" not in seen
            await editor.until(lambda one: one.get("method") == "mazu/permission/request")
            if where == "editor":
                code, out, _ = await typed(env, folder, "rollback", "--only", "memory", "--json")
                assert (code, json.loads(out)["error"]["kind"]) == (1, "busy"), "a turn runs in the editor"
                answer.set_result({"optionId": "allow_once"})
                await terminal.sees("It was decided elsewhere.")
            else:
                await terminal.answers("y\n")
                resolved = await editor.until(lambda one: one.get("method") == "mazu/permission/resolved")
                assert (resolved["params"]["verdict"], resolved["params"]["by"]) == ("allow", "user")
            await terminal.sees("Two it is.")
            assert await terminal.ends() == 0
            assert (folder / "app.py").read_text() == "x = 2\n"
        finally:
            await terminal.kill()
            if not answer.done():
                answer.set_result(NO_ANSWER)


async def test_ctrl_c_in_the_terminal_stops_the_turn_and_so_does_its_end(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    replies = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}] * 2
    async with open_editor(env, folder, replies, monkeypatch) as editor:
        never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def decide(params: Any) -> Any:
            return await never

        editor.answers["mazu/permission/request"] = decide
        own = {name: env[name] for name in ("MAZU_HOME", "MAZU_STATE_HOME", "HOME")}
        for ending in ("ctrl-c", "kill"):
            editor.received.clear()
            terminal = await Terminal(folder, ANTHROPIC_API_KEY="", TERM="dumb", **own).start(
                "chat", "make it two"
            )
            await terminal.sees("[y/")
            if ending == "ctrl-c":
                terminal.types(CTRL_C)
                assert await terminal.ends() == 130
            else:
                await terminal.kill()
            done = await editor.until(
                lambda one: (one.get("params") or {}).get("update", {}).get("state") == "done"
            )
            assert done["params"]["update"]["stopReason"] == "cancelled"
        assert (folder / "app.py").read_text() == "x = 1\n"
        assert [one["kind"] for one in (await editor.command("mazu.status"))["clients"]] == ["editor"]
        never.set_result(NO_ANSWER)


ASKER = """
import json, socket, sys
live = {"version": sys.argv[2], "home": sys.argv[3], "folders": [sys.argv[4]], "model": None, "updates": True, "interactive": True}
def framed(**message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body
one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
one.settimeout(90)
one.connect(sys.argv[1])
one.sendall(framed(id=1, method="initialize", params={"initializationOptions": {"live": live}}))
command = {"command": "mazu.chat", "arguments": [{"message": "make it two", "wait": True}]}
one.sendall(framed(id=2, method="workspace/executeCommand", params=command))
lines = one.makefile("rb")
while True:
    length = int(lines.readline().split(b":")[1])
    lines.readline()
    message = json.loads(lines.read(length))
    print(message.get("method") or message.get("id"), flush=True)
    if message.get("id") == 2:
        print(message["result"]["stopReason"])
        break
"""


async def test_a_process_without_a_terminal_is_asked_nothing(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_editor(env, folder, EDIT, monkeypatch) as editor:
        editor.answers["mazu/permission/request"] = lambda params: {"optionId": "deny"}
        address = live_socket.socket_path(folder, env)
        link = Path("/tmp") / f"mazu-turns-{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(address.parent)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ASKER, str(link / address.name), __version__, env["MAZU_HOME"], str(folder), stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        assert not has_terminal(process.pid)
        async with asyncio.timeout(PATIENCE):
            said = (await process.communicate())[0].decode().split()
        link.unlink()
        assert said[-2:] == ["2", "end_turn"]
        assert "mazu/session/update" in said and "mazu/permission/request" not in said
        assert (folder / "app.py").read_text() == "x = 1\n"


async def test_no_terminal_takes_a_running_turn_back(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_editor(env, folder, EDIT, monkeypatch) as editor:
        assert (await typed(env, folder, "checkpoint", "take", "start"))[0] == 0
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def decide(params: Any) -> Any:
            return await answer

        editor.answers["mazu/permission/request"] = decide
        turn = asyncio.create_task(editor.command("mazu.chat", {"message": "make it two", "wait": True}))
        await editor.until(lambda one: one.get("method") == "mazu/permission/request")
        for words in (("undo",), ("undo", "--preview"), ("rollback", "start"), ("redo",)):
            code, out, err = await typed(env, folder, *words)
            assert (code, out) == (1, ""), (words, err)
            assert "A turn is running" in err and "Stop it there" in err, words
        assert not turn.done()
        answer.set_result({"optionId": "allow_once"})
        assert (await turn)["stopReason"] == "end_turn"
        assert (folder / "app.py").read_text() == "x = 2\n"
        # Now both the preview and the deed are done there, without the name of a session.
        code, out, err = await typed(env, folder, "undo", "--preview", "--json")
        assert (code, json.loads(out)["plan"]["write"]) == (0, ["app.py"]), err
        code, out, err = await typed(env, folder, "undo", "--json")
        assert (code, json.loads(out)["plan"]["write"]) == (0, ["app.py"]), err
        code, out, err = await typed(env, folder, "redo")
        assert code == 0 and "To undo this: mazu-ls rollback cp_" in out, err
