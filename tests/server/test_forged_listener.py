"""Who listens in a server's place is a tool call's process: it is sent nothing, by no terminal and by no editor's server."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.errors import MazuError
from mazu_ls.host import Choice, Question
from mazu_ls.platform import peer_credentials
from mazu_ls.server.client.ask_user import OpenQuestion
from mazu_ls.server.client.connected_clients import ConnectedClient
from mazu_ls.server.rpc.live import peer_editor, peers, questions
from mazu_ls.server.rpc.live.remote_error import NotServed
from mazu_ls.state import live_socket
from tests.server.test_live_server import GUARD, EditorProcess, environment_in, typed, wait_until

pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")

LISTENER = """
import fcntl, os, socket, sys
place, log = sys.argv[1:]
lock = os.open(place[:-5] + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(lock, fcntl.LOCK_EX)
os.chdir(os.path.dirname(place))
listener = socket.socket(socket.AF_UNIX)
listener.bind(os.path.basename(place))
listener.listen(8)
with open(log, "a", buffering=1) as said:
    said.write("listening\\n")
    while True:
        connection, _ = listener.accept()
        said.write(f"received {connection.recv(65536)!r}\\n")
        connection.close()
"""


def test_a_tool_calls_process_that_listens_is_sent_nothing(tmp_path: Path):
    """It has the limits of an MCP server, a cleared environment, and the lock that no editor held yet."""
    folder, log = tmp_path / "project", tmp_path / "log"
    folder.mkdir()
    env = environment_in(tmp_path)
    place = live_socket.socket_path(folder, env)
    for private in (place.parent.parent, place.parent):
        private.mkdir(mode=0o700)
    life, held = os.pipe()
    guard = [sys.executable, "-I", "-S", GUARD, str(life), str(2**40), "500", "--"]
    forged = ["env", "-i", sys.executable, "-c", LISTENER, str(place), str(log)]
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen([*guard, *forged], pass_fds=[life], stdin=subprocess.DEVNULL)
        )
        os.close(life)
        stack.callback(os.close, held)  # then the guard ends what it started
        wait_until(lambda: log.exists() and "listening" in log.read_text())
        assert process.poll() is None

        editor = EditorProcess(env, folder)
        stack.callback(editor.kill)
        wait_until(lambda: len(received(log)) == 1)
        for number, words in enumerate((["status", "--json"], ["rollback"], ["chat", "hello"]), start=2):
            done = typed(editor, *words)
            assert "is not used: it has the limits of a tool call" in done.stderr
            wait_until(lambda number=number: len(received(log)) >= number)
            if words[0] == "status":
                assert json.loads(done.stdout)["clients"] == [], "the terminal works by itself"
        assert set(received(log)) == {"received b''"}


def received(log: Path) -> list[str]:
    return log.read_text().splitlines()[1:]


class AnsweringLink:
    """What another editor's server answers to every question."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    async def ask(self, method: str, params: Any) -> Any:
        self.asked.append(params)
        return self.answer


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        ({"optionId": "once"}, True),
        ({"optionId": "no"}, True),
        ({"optionId": "session"}, False),
        ({"optionId": "always"}, False),
        ({"optionId": "once", "arguments": {"command": "echo another"}}, False),
    ],
)
async def test_another_editor_gives_no_standing_grant_and_changes_no_call(
    answer: dict[str, Any], counts: bool
):
    choices = (
        Choice("once", "Allow", "allow_once"),
        Choice("session", "Allow in this session", "allow_session"),
        Choice("always", "Always allow", "allow_always"),
        Choice("no", "Deny", "deny"),
    )
    asked = OpenQuestion(Question("s", "c", "run_shell", "Run `make`?", "", choices, editable=("command",)))
    link: Any = AnsweringLink(answer)
    await peer_editor.put_question(link, asked, questions.question_for_peer(asked.question), "Vim (pid 1)")
    assert asked.answered.done() is counts
    assert not counts or asked.answered.result().answered_in == "Vim (pid 1)"
    if link.asked:
        assert [one["id"] for one in link.asked[0]["options"]] == ["once", "no"]
        assert "editable" not in link.asked[0]


async def test_no_turn_is_had_at_another_editor_that_calls_another_model():
    nobody: Any = None
    peer = peer_editor.PeerEditor(
        nobody, nobody, nobody, ConnectedClient("editor", "Vim", 1, 0.0), same_model=False
    )
    with pytest.raises(NotServed):
        await peer.execute("mazu.chat", {"sessionId": "s_1", "message": "hello"})
    with pytest.raises(MazuError, match="MAZU_MODEL differs"):
        await peer.serve("mazu.run", {"sessionId": "s_1", "task": "hello"})
    same = peer_editor.PeerEditor(
        nobody, nobody, nobody, ConnectedClient("editor", "Vim", 1, 0.0), same_model=True
    )
    with pytest.raises(MazuError, match="opened in one's own editor"):
        await same.serve("mazu.chat", {"sessionId": "s_1"})


@pytest.mark.parametrize(
    ("reason", "used"), [("", True), (peers.SANDBOXED, True), ("it has the limits of a tool call", False)]
)
def test_an_editor_of_a_sandboxed_package_is_used_and_a_forged_one_is_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, used: bool
):
    monkeypatch.setattr(peers, "refusal_reason", lambda pid, uid: reason)
    monkeypatch.setattr(peers, "_warned", set[int]())
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s.sock")
        listener.listen()
        for _ in range(2):
            connection = peers.connect_to_server(tmp_path / "s.sock", 40, said.append)
            assert (connection is not None) is used
            if connection is not None:
                connection.close()
    assert len(said) == (0 if used else 1)
