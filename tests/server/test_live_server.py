"""One project, one live server: other processes of the user ask it, and nothing that a tool call started can."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mazu_ls import __version__
from mazu_ls.platform import peer_credentials
from mazu_ls.platform.child_mark import MARK
from mazu_ls.server.rpc.live import listener, peers
from mazu_ls.server.rpc.live.peers import refusal_reason
from mazu_ls.state import live_socket
from mazu_ls.terminal.clients.background_server import start_background_server
from mazu_ls.terminal.clients.live_server import run_with_server
from mazu_ls.terminal.verbs import grammar
from mazu_ls.tools.mcp import guard
from mazu_ls.tools.shell import landlock, resource_limits
from mazu_ls.tools.shell.sandbox import probe, wrap_in_sandbox

GUARD = str(Path(guard.__file__))
PATIENCE = 60.0
pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")


class EditorProcess:
    """A server behind an editor that says what it is told to, and reads everything."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.env, self.folder = env, folder
        self.socket = live_socket.socket_path(folder, env)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mazu_ls", "--stdio"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean_environment(env),
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()
        self.send(
            id=1, method="initialize",
            params={
                "processId": os.getpid(), "clientInfo": {"name": "Editor"}, "capabilities": {},
                "workspaceFolders": [{"uri": folder.as_uri(), "name": "p"}],
            },
        )  # fmt: skip
        self.send(method="initialized", params={})

    def _read(self) -> None:
        assert self.process.stdout
        with contextlib.suppress(OSError, ValueError):
            while os.read(self.process.stdout.fileno(), 65536):
                pass

    def send(self, **message: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(framed(message))
        self.process.stdin.flush()

    def listens(self) -> EditorProcess:
        wait_until(self.socket.exists)
        return self

    def connect(self) -> Conversation:
        """As a client of this process, which is no descendant of the server."""
        connection = live_socket.connect(self.socket, PATIENCE)
        assert connection is not None
        return Conversation(connection, self)

    def end(self) -> None:
        assert self.process.stdin
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)


class Conversation:
    """One connection, read message by message."""

    def __init__(self, connection: socket.socket, server: EditorProcess) -> None:
        self.connection = connection
        self._input = connection.makefile("rb")
        self._server = server

    def ask(self, method: str, params: Any = None, number: int = 1) -> dict[str, Any]:
        self.connection.sendall(framed({"id": number, "method": method, "params": params}))
        return self.answer()

    def begin(self, **other: Any) -> dict[str, Any]:
        env = self._server.env
        live = {
            "version": __version__, "home": env["MAZU_HOME"], "folders": [str(self._server.folder)], **other
        }  # fmt: skip
        return self.ask("initialize", {"initializationOptions": {"live": live}})

    def command(self, name: str, arguments: Any) -> dict[str, Any]:
        return self.ask("workspace/executeCommand", {"command": name, "arguments": [arguments]}, 2)

    def answer(self) -> dict[str, Any]:
        """The next message. Raises EOFError where the server closed the connection."""
        try:
            header = self._input.readline()
            if not header:
                raise EOFError
            assert self._input.readline() == b"\r\n"
            return json.loads(self._input.read(int(header.split(b":")[1])))
        except ConnectionError as error:
            raise EOFError from error

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self._input.close()
        self.connection.close()


def framed(message: dict[str, Any]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def clean_environment(env: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAZU_")}
    cache = {name: os.environ[name] for name in ("MAZU_CACHE_HOME",) if name in os.environ}
    return {**kept, **cache, **env, "PATH": os.environ["PATH"]}


def wait_until(check: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE
    while not (found := check()):
        assert time.monotonic() < until, "it did not come in time"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def serving(env: dict[str, str], folder: Path) -> Iterator[EditorProcess]:
    server = EditorProcess(env, folder)
    try:
        yield server.listens()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


def environment_in(place: Path) -> dict[str, str]:
    return {
        "MAZU_HOME": str(place / "home"), "MAZU_STATE_HOME": str(place / "state"), "HOME": str(place / "user")
    }  # fmt: skip


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[EditorProcess]:
    """One server for the tests that leave it as it was."""
    folder = place / "project"
    folder.mkdir()
    with serving(environment_in(place), folder) as running:
        yield running


def typed(server: Any, *words: str) -> subprocess.CompletedProcess[str]:
    """What a person at a terminal in the project gets."""
    return subprocess.run(
        [sys.executable, "-m", "mazu_ls", *words],
        cwd=server.folder, env=clean_environment(server.env), capture_output=True, text=True, timeout=PATIENCE, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_the_terminal_is_answered_by_the_server_of_the_editor(server: EditorProcess):
    status = json.loads(typed(server, "status", "--json").stdout)
    assert status["pid"] == server.process.pid
    assert [(one["kind"], one["name"]) for one in status["clients"]] == [
        ("editor", "Editor"), ("terminal", f"mazu-ls {__version__}"),
    ]  # fmt: skip
    assert status["clients"][0]["pid"] == os.getpid()
    assert status["project"]["folders"] == [str(server.folder)]
    assert f"the server of Editor (pid {server.process.pid})" in typed(server, "status").stdout


@pytest.mark.parametrize(
    "words", ["status", "recall port", "remember Ports", "checkpoint take", "checkpoint list", "memory list", "session list", "usage", "audit",
              "rollback --preview"]
)  # fmt: skip
def test_a_command_for_which_the_server_is_asked_imports_nothing_heavy(server: EditorProcess, words: str):
    script = (
        "import sys\n"
        "import mazu_ls.__main__ as entry\n"
        f"sys.argv = ['mazu-ls', *{words.split()!r}]\n"
        "entry.main()\n"
        "heavy = 'asyncio msgspec pygls lsprotocol anthropic openai apsw rich mazu_ls.agent mazu_ls.memory mazu_ls.workspace.workspace'\n"
        "print('IMPORTED', [name for name in heavy.split() if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=server.folder, env=clean_environment(server.env), capture_output=True, text=True, check=False,
        timeout=PATIENCE,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "IMPORTED []", done.stdout


def test_a_checkpoint_from_the_terminal_holds_what_is_unsaved_in_the_editor(place: Path):
    folder = place / "unsaved"
    folder.mkdir()
    (folder / "a.py").write_text("saved\n")
    with serving(environment_in(place), folder) as server:
        item = {
            "uri": (folder / "a.py").as_uri(),
            "languageId": "python",
            "version": 1,
            "text": "not saved\n",
        }
        server.send(method="textDocument/didOpen", params={"textDocument": item})
        taken = json.loads(typed(server, "checkpoint", "take", "from the terminal", "--json").stdout)
        assert taken["label"] == "from the terminal"
        assert typed(server, "checkpoint", "file", taken["id"], "a.py").stdout.strip() == "not saved"
        named = {
            name: [
                typed(server, *words.split(), *last).stdout
                for words, *last in (
                    ("checkpoint diff", name),
                    ("compare", name),
                    ("rollback --preview", name),
                )
            ]
            for name in (taken["id"], taken["label"])
        }
        assert named[taken["id"]] == named[taken["label"]], "a label stands for its id"
        assert named[taken["id"]][:2] == ["nothing differs\n"] * 2, "from what the editor shows"
        live = {words: typed(server, *words.split()) for words in SAME}
        server.end()
        assert not server.socket.exists()
        alone = {words: typed(server, *words.split()) for words in SAME}
    assert {w: (d.returncode, d.stdout, d.stderr) for w, d in live.items()} == {
        w: (d.returncode, d.stdout, d.stderr) for w, d in alone.items()
    }


SAME = ("checkpoint list", "checkpoint list --json", "recall port", "memory list", "session list", "usage --json", "undo --preview",
        "checkpoint diff nonsense", "audit", "wiki show nothing")  # fmt: skip
"""What is printed is the same, whoever answers."""

NOT_SERVED = [
    ("mazu.permissions.mode", {"mode": "bypass"}), ("mazu.permissions.set", {"rule": {"tool": "run_shell", "verdict": "allow"}}),
    ("mazu.permissions.answer", {"optionId": "allow_once"}), ("mazu.permissions.revoke", {"id": "x"}), ("mazu.trust.agree", {"id": "x", "hash": "x"}),
    ("mazu.trust.revoke", {"id": "x"}), ("mazu.chat", {}), ("mazu.chat", {"message": None}), ("mazu.cancel", {}), ("mazu.cancel", {"sessionId": None}),
    ("mazu.undo", {"preview": True}), ("mazu.undo", {"preview": True, "sessionId": None}), ("mazu.undo", {"preview": True, "sessionId": "unknown"}),
    ("mazu.models.set", {"model": "x"}), ("mazu.role.set", {"uri": "file:///x"}), ("mazu.skills.run", {"name": "x"}), ("mazu.skills.save", {"source": "x"}),
    ("mazu.edit", {}), ("mazu.council", {"question": "x"}), ("mazu.state.import", {"uri": "file:///x"}), ("mazu.memory.import", {"uri": "file:///x"}),
    ("mazu.actions.undo", {}), ("mazu.view", {}), ("mazu.no.such", {}),
]  # fmt: skip


def test_no_mode_rule_trust_or_answer_comes_from_another_process(server: EditorProcess):
    with server.connect() as client:
        assert "result" in client.begin()
        for name, arguments in NOT_SERVED:
            answer = client.command(name, arguments)
            assert answer["id"] == 2
            assert answer["error"]["data"]["kind"] == "unsupported", name
        for arguments in (None, [], "x", 7):
            assert "error" in client.command("mazu.recall", arguments)
        assert client.ask("shutdown") == {"jsonrpc": "2.0", "id": 1, "result": None}
        assert client.ask("textDocument/hover", {})["error"]["code"] == -32601
        assert client.command("mazu.permissions.list", {})["error"]["data"]["kind"] == "unsupported"
        assert client.command("mazu.status", {})["result"]["mode"] == "ask"


def test_only_who_means_the_same_project_is_answered(server: EditorProcess, tmp_path: Path):
    others = (
        {"version": "0.0.1"},
        {"home": str(tmp_path)},
        {"folders": [str(tmp_path)]},
        {"folders": []},
        {"more": 1},
    )
    for other in others:
        with server.connect() as client:
            assert "error" in client.begin(**other), other
            assert client.command("mazu.status", {})["error"]["code"] == -32002
    with server.connect() as client:
        client.begin(model="some:model")
        assert client.command("mazu.status", {})["error"]["data"]["kind"] == "unsupported"
        assert "result" in client.command("mazu.memory.list", {})


def test_one_bad_peer_ends_itself_alone(server: EditorProcess):
    with server.connect() as good:
        good.begin()
        good.command("mazu.status", {})
        opened = descriptors(server)
        for data in (
            b"GET / HTTP/1.1\r\n\r\n", b"Content-Length: 3\r\n\r\n[1]", b"Content-Length: 2\r\n\r\n{}", b"\0" * 200_000,
            b"Content-Length: 99999999999\r\n\r\n", b"Content-Length: 1000\r\n\r\nhalf", b"Content-Length: 200000000\r\n\r\n" + b"x" * 5_000_000,
        ):  # fmt: skip
            with server.connect() as bad:
                with contextlib.suppress(OSError):
                    bad.connection.sendall(data)
                    bad.connection.shutdown(socket.SHUT_WR)
                with contextlib.suppress(EOFError):
                    while True:
                        assert "error" in bad.answer()
            good.command("mazu.status", {})  # who says nothing for long is closed
        for _ in range(40):  # who leaves in the middle of a command
            with server.connect() as bad:
                bad.connection.sendall(framed({"id": 1, "method": "initialize", "params": {}}) * 3)
            good.command("mazu.status", {})
        assert good.command("mazu.status", {})["result"]["pid"] == server.process.pid
    wait_until(lambda: descriptors(server) < opened + 10)  # 47 came and went


def test_a_client_that_reads_nothing_keeps_no_project_from_opening_again(place: Path):
    folder, added = place / "unread", place / "added"
    folder.mkdir()
    added.mkdir()
    with serving(environment_in(place), folder) as server, server.connect() as client:
        client.begin()
        ask = {"method": "workspace/executeCommand", "params": {"command": "mazu.status", "arguments": []}}
        client.connection.sendall(b"".join(framed({"id": number, **ask}) for number in range(1500)))
        event = {"added": [{"uri": added.as_uri(), "name": "added"}], "removed": []}
        server.send(method="workspace/didChangeWorkspaceFolders", params={"event": event})
        both = [str(folder), str(added)]
        wait_until(lambda: pid_of_answer(server, folders=both) == server.process.pid)


@pytest.mark.parametrize("is_over", [False, True])
async def test_a_connection_is_closed_though_the_client_has_not_read_all(
    monkeypatch: pytest.MonkeyPatch, is_over: bool
):
    monkeypatch.setattr(listener, "FLUSH_SECONDS", 0.1)
    here, there = socket.socketpair()
    with there:
        _, writer = await asyncio.open_connection(sock=here)
        writer.write(b"x" * 8_000_000)
        async with asyncio.timeout(PATIENCE):
            await listener._close_connection(writer, is_over)  # pyright: ignore[reportPrivateUsage]
            while here.fileno() >= 0:  # noqa: ASYNC110 - the transport says nothing of it
                await asyncio.sleep(0.01)
            with contextlib.suppress(ConnectionError):
                await asyncio.to_thread(read_all, there)


def read_all(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def put_frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


BAD_ANSWERS = (
    b"", b"\r\n\r\n", b"X: y\r\n" * 2000, b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", b"Content-Length: 999999999999\r\n\r\n",
    put_frame(b"[1]"), put_frame(b"5"), put_frame(b"no JSON"), put_frame(b"\xff"), put_frame(b"[" * 100_000), put_frame(b'{"id":1,"result":5}'),
    put_frame(b'{"id":1,"result":null}'), put_frame(b'{"id":7,"result":{}}'),
    put_frame(b'{"id":1,"result":{}}') + put_frame(b'{"id":2,"result":"PRINTED"}'),
    put_frame(b'{"id":1,"result":{}}') + put_frame(b'{"id":2,"result":{}}'),
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(BAD_ANSWERS)))
def test_what_is_no_answer_is_as_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
):
    monkeypatch.setattr(peers, "refusal_reason", lambda pid, uid: "")
    env = environment_in(tmp_path)
    bound = live_socket.bind(live_socket.socket_path(tmp_path, env))
    assert bound is not None
    bound.listener.setblocking(True)

    def say() -> None:
        connection, _ = bound.listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(BAD_ANSWERS[number])
            connection.shutdown(socket.SHUT_WR)
            read_all(connection)

    speaker = threading.Thread(target=say, daemon=True)
    speaker.start()
    monkeypatch.chdir(tmp_path)
    given = grammar.parser("status").parse_args(["status"])
    assert run_with_server(given, env) is None
    assert capsys.readouterr().out == ""
    speaker.join(PATIENCE)
    bound.close()


def test_a_result_that_cannot_be_shown_is_a_sentence_and_the_log_says_why(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(peers, "refusal_reason", lambda pid, uid: "")
    env = environment_in(tmp_path)
    bound = live_socket.bind(live_socket.socket_path(tmp_path, env))
    assert bound is not None
    bound.listener.setblocking(True)
    hello = {"capabilities": {"executeCommandProvider": {"commands": ["mazu.undo"]}}}

    def say() -> None:
        connection, _ = bound.listener.accept()
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as received:
            while line := received.readline():
                length = int(line.split(b":")[1])
                while received.readline().strip():
                    pass
                asked = json.loads(received.read(length))
                result = hello if asked["method"] == "initialize" else {"plan": {}}
                answer = {"jsonrpc": "2.0", "id": asked.get("id"), "result": result}
                connection.sendall(put_frame(json.dumps(answer).encode()))

    speaker = threading.Thread(target=say, daemon=True)
    speaker.start()
    monkeypatch.chdir(tmp_path)
    given = grammar.parser("undo").parse_args(["undo"])
    assert run_with_server(given, env) == 1
    assert "answered with what cannot be shown" in capsys.readouterr().err
    assert "KeyError" in caplog.text and "draw_rollback" in caplog.text
    speaker.join(PATIENCE)
    bound.close()


def test_a_command_does_not_wait_for_a_conversation_that_is_suspended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(peers, "refusal_reason", lambda pid, uid: "")
    monkeypatch.setattr(peers, "_warned", set[int]())
    env = environment_in(tmp_path)
    editor = EditorProcess(env, tmp_path).listens()
    monkeypatch.chdir(tmp_path)
    given = grammar.parser("status").parse_args(["status"])
    editor.process.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: peers.is_suspended(editor.process.pid))
        for _ in range(2):
            assert run_with_server(given, env) is None
        said = capsys.readouterr()
        assert said.err.count("is suspended") == 1 and "`fg` continues it" in said.err and said.out == ""
        key = {
            **clean_environment(env),
            "ANTHROPIC_API_KEY": "sk-ant-test",
        }  # it starts itself once more without it
        done = subprocess.run(
            [sys.executable, "-m", "mazu_ls", "undo"], cwd=tmp_path, env=key, capture_output=True, text=True, check=False, timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.stderr.count("is suspended") == 1, done.stderr
    finally:
        editor.process.send_signal(signal.SIGCONT)
    wait_until(lambda: not peers.is_suspended(editor.process.pid))
    assert run_with_server(given, env) == 0
    editor.process.kill()
    editor.process.wait(PATIENCE)


def test_a_live_folder_that_others_reach_is_refused(tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "state").mkdir(mode=0o700)
    live = tmp_path / "state" / "live"
    live.symlink_to(elsewhere)
    with pytest.raises(PermissionError):
        live_socket.bind(live / "a.sock")
    live.unlink()
    live.mkdir()
    live.chmod(0o770)
    with pytest.raises(PermissionError):
        live_socket.bind(live / "a.sock")
    live.chmod(0o700)
    bound = live_socket.bind(live / "a.sock")
    assert bound is not None
    live.chmod(0o770)
    assert live_socket.connect(live / "a.sock", PATIENCE) is None
    bound.close()


def test_requests_that_come_at_once_are_each_answered_in_their_order(server: EditorProcess):
    with server.connect() as client:
        client.begin()
        ask = {"method": "workspace/executeCommand", "params": {"command": "mazu.status", "arguments": []}}
        client.connection.sendall(b"".join(framed({"id": number, **ask}) for number in range(10, 30)))
        assert [client.answer()["id"] for _ in range(20)] == list(range(10, 30))


def descriptors(server: EditorProcess) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_a_socket_left_behind_by_a_killed_server_is_replaced(place: Path):
    folder = place / "killed"
    folder.mkdir()
    with serving(environment_in(place), folder) as first:
        first.kill()
        assert first.socket.exists()
        alone = json.loads(typed(first, "status", "--json").stdout)
        assert alone["clients"] == []
        with serving(environment_in(place), folder) as second:
            wait_until(lambda: pid_of_answer(second) == second.process.pid)
            assert json.loads(typed(second, "status", "--json").stdout)["pid"] == second.process.pid
            third = EditorProcess(environment_in(place), folder)
            try:
                wait_until(lambda: editors_of(second) == {os.getpid(), third.process.pid})
                second.end()  # its editor leaves: the other one's server takes over
                wait_until(lambda: pid_of_answer(third) == third.process.pid)
            finally:
                third.kill()


def editors_of(server: EditorProcess) -> set[int]:
    """Pids of the editors that are connected; of one with a server of its own that server's."""
    with server.connect() as client:
        if "error" in client.begin():
            return set()
        clients = client.command("mazu.status", {})["result"]["clients"]
        return {one["pid"] for one in clients if one["kind"] == "editor"}


def pid_of_answer(server: EditorProcess, **other: Any) -> int | None:
    connection = live_socket.connect(server.socket, PATIENCE)
    if connection is None:
        return None
    with Conversation(connection, server) as client:
        try:
            if "error" in client.begin(**other):
                return None
            return client.command("mazu.status", {})["result"]["pid"]
        except (EOFError, OSError):
            return None


def test_the_socket_is_this_users_alone(server: EditorProcess):
    assert server.socket.stat().st_mode & 0o7777 == 0o600
    assert server.socket.parent.stat().st_mode & 0o7777 == 0o700
    assert refusal_reason(os.getpid(), os.getuid() + 1) == "it is another user's"


TRY = """
import json, socket, sys
body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"initializationOptions": {"live": json.loads(sys.argv[2])}}}).encode()
try:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    one.settimeout(60)
    one.connect(sys.argv[1])
    one.sendall(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
    print("served" if one.recv(1) else "closed")
except ConnectionError:
    print("closed")
except OSError as error:
    print("none", type(error).__name__)
"""


def attempt(server: EditorProcess) -> list[str]:
    live = {"version": __version__, "home": server.env["MAZU_HOME"], "folders": [str(server.folder)]}
    address = str(server.socket)
    if len(address) > live_socket.LONGEST_ADDRESS:
        link = Path("/tmp") / f"mazu-live-{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(server.socket.parent)
        address = str(link / server.socket.name)
    return [sys.executable, "-c", TRY, address, json.dumps(live)]


def run_plainly(argv: list[str] | tuple[str, ...], **more: Any) -> str:
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL, **more
    )
    return done.stdout.strip() or done.stderr


def test_who_is_no_tool_call_is_served(server: EditorProcess):
    assert run_plainly(attempt(server)) == "served"


@pytest.mark.parametrize("network", [False, True])
def test_a_command_in_bubblewrap_finds_no_socket(server: EditorProcess, tmp_path: Path, network: bool):
    if probe().kind != "bubblewrap":
        pytest.skip("no bubblewrap here")
    held = wrap_in_sandbox(
        attempt(server), roots=[server.folder], env={**os.environ, **server.env}, setting="auto", network=network, scratch=tmp_path
    )  # fmt: skip
    assert run_plainly(held.argv).startswith("none")


@pytest.mark.parametrize("network", [False, True])
def test_a_command_under_landlock_is_not_served(server: EditorProcess, tmp_path: Path, network: bool):
    if not landlock.abi():
        pytest.skip("no Landlock here")
    hidden = [Path(server.env["MAZU_STATE_HOME"])]
    argv = landlock.command(attempt(server), [server.folder, tmp_path], hidden, network=network)
    assert run_plainly(argv) in ("closed", "none PermissionError")


def test_a_command_outside_of_a_sandbox_is_not_served_even_on_its_own(server: EditorProcess, tmp_path: Path):
    held = wrap_in_sandbox(
        attempt(server), roots=[server.folder], env=dict(os.environ), setting="off", network=True, scratch=tmp_path
    )  # fmt: skip
    assert run_plainly(held.argv, env={"PATH": os.environ["PATH"]}) == "closed"
    # Two forks, a session of its own and no environment: it has another parent, and the limits all the same.
    left = f'{{ setsid "$@" > {tmp_path}/said & }}; until [ -s {tmp_path}/said ]; do sleep 0.05; done'  # then it ends with it
    held = wrap_in_sandbox(
        ("bash", "-c", left, "bash", "env", "-i", *attempt(server)), roots=[server.folder], env=dict(os.environ), setting="off", network=True,
        scratch=tmp_path,
    )  # fmt: skip
    run_plainly(held.argv)
    wait_until(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text())
    assert (tmp_path / "said").read_text().strip() == "closed"


def test_what_an_mcp_server_leaves_behind_is_not_served(server: EditorProcess, tmp_path: Path):
    """It kills its guard, is nobody's child and has no environment: the limit of its CPU time is left."""
    said = tmp_path / "said"
    alone = (
        'kill -9 $1; while grep -q "PPid:.$1$" /proc/$$/status; do sleep 0.05; done; shift; exec env -i "$@"'
    )
    script = f'setsid bash -c "$0" bash "$PPID" "$@" > {said} & sleep 600'
    life, held = os.pipe()
    guard = [sys.executable, "-I", "-S", GUARD, str(life), str(2**40), "500", "--"]
    with subprocess.Popen(
        [*guard, "bash", "-c", script, alone, *attempt(server)], pass_fds=[life], stdin=subprocess.DEVNULL
    ):
        os.close(life)
        wait_until(lambda: said.exists() and said.read_text())
    os.close(held)
    assert said.read_text().strip() == "closed"


def test_who_may_not_speak_is_told_apart_by_what_it_cannot_change():
    with sleeping("true") as server, sleeping("true") as stranger:
        assert refusal_reason(stranger, os.getuid(), server) == ""
        with sleeping(resource_limits.shell_limits(own_users=False)) as limited:
            assert refusal_reason(limited, os.getuid(), server) == "it has the limits of a tool call"
        with sleeping("true", {"MAZU_CHILD": "x"}) as marked:
            assert refusal_reason(marked, os.getuid(), server) == "it was started by a tool call"
        assert refusal_reason(server, os.getuid(), server) == "it was started by this process"
        assert refusal_reason(stranger, os.getuid(), os.getpid()) == "it was started by this process"
        assert refusal_reason(stranger, os.getuid() + 1, server) == "it is another user's"
        assert refusal_reason(0, os.getuid(), server) == "its process cannot be seen from here"
    assert refusal_reason(stranger, os.getuid(), server).startswith("nothing can be learned of it")


def test_a_connection_that_outlives_its_process_is_not_taken_for_the_next_one_of_that_number(tmp_path: Path):
    bound = live_socket.bind(live_socket.socket_path(tmp_path, environment_in(tmp_path)))
    assert bound is not None
    bound.listener.setblocking(True)
    if (child := os.fork()) == 0:
        left = live_socket.connect(bound.path, PATIENCE)
        if left is not None and os.fork() == 0:
            left.recv(1)  # until the other end closes
        os._exit(0)
    connection, _ = bound.listener.accept()
    os.waitpid(child, 0)
    with connection:
        assert peer_credentials.peer_credentials(connection)[0] == child
        try:
            os.close(connection.getsockopt(socket.SOL_SOCKET, peer_credentials.SO_PEERPIDFD))
        except OSError as error:
            if error.errno != errno.ESRCH:
                pytest.skip("needs SO_PEERPIDFD (Linux 6.5)")
        assert peer_credentials.has_peer_ended(connection)
    bound.close()


@contextlib.contextmanager
def sleeping(first: str, env: dict[str, str] | None = None) -> Iterator[int]:
    """A process that did `first` and waits; its pid."""
    script = f"{first}; echo ready; read -r _; true"
    with subprocess.Popen(
        ["bash", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"], **(env or {})}
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE)


def test_a_command_leaves_a_server_running_for_the_next_ones_if_that_is_set(place: Path):
    folder = place / "kept"
    folder.mkdir()
    env = environment_in(place / "keeping")
    assert not start_background_server((folder,), 10, clean_environment(env))  # nothing to serve yet
    with contextlib.ExitStack() as ended:
        editor = SimpleNamespace(env=env, folder=folder, socket=live_socket.socket_path(folder, env))
        assert typed(editor, "remember", "The port is 8080").returncode == 0
        assert not editor.socket.exists(), "the default leaves nothing running"
        assert typed(editor, "config", "set", "terminal.keep_server_minutes", "10").returncode == 0
        assert typed(editor, "remember", "Ports are even").returncode == 0
        kept = wait_until(lambda: background_pid(editor))
        ended.callback(kill_if_there, kept)
        assert "Ports are even" in typed(editor, "recall", "ports").stdout
        assert not start_background_server((folder,), 10, {**clean_environment(env), MARK: "1"})
        with serving(env, folder) as opened:
            wait_until(lambda: pid_of_answer(opened) == opened.process.pid)  # it gave way and ended
            wait_until(lambda: not Path(f"/proc/{kept}").exists())


def background_pid(server: Any) -> int | None:
    status = json.loads(typed(server, "status", "--json").stdout)
    return (
        status["pid"]
        if any("in the background" in one["name"] for one in status.get("clients", ()))
        else None
    )


def kill_if_there(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
