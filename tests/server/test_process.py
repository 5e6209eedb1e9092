"""The real process: how it starts, what it writes where, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.server.rpc.handshake import process_lives
from tests.own_sleep import own_seconds
from tests.server.client import Client, RpcFailure, eventually

HEAVY = (
    "anthropic", "openai", "apsw", "git", "numpy", "rich", "mcp", "tree_sitter", "rank_bm25", "rapidfuzz", "httpx2",
    "prompt_toolkit", "mazu_ls.agent", "mazu_ls.memory", "mazu_ls.checkpoints", "mazu_ls.models", "mazu_ls.state.store",
    "pygls", "lsprotocol", "asyncio",
)  # fmt: skip


@contextmanager
def spawned(
    env: dict[str, str], *arguments: str, folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m mazu_ls`, killed at the end if it still lives."""
    with subprocess.Popen(
        [sys.executable, *(arguments or ("-m", "mazu_ls"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **env}, cwd=folder,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def send(process: subprocess.Popen[bytes], *messages: Any) -> None:
    assert process.stdin
    for message in messages:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    process.stdin.flush()


INITIALIZE = {"id": 1, "method": "initialize", "params": {"processId": None, "capabilities": {}}}


def test_exit_after_shutdown_is_0_and_without_is_1(env: dict[str, str]):
    with spawned(env) as process:
        send(process, INITIALIZE, {"id": 2, "method": "shutdown"}, {"method": "exit"})
        assert process.wait(120) == 0
    with spawned(env) as process:
        send(process, INITIALIZE, {"method": "exit"})
        assert process.wait(120) == 1
    with spawned(env) as process:
        send(process, {"method": "exit"})
        assert process.wait(120) == 1


@pytest.mark.parametrize("shut_down", [False, True])
def test_the_end_of_input_ends_the_process_within_two_seconds(env: dict[str, str], shut_down: bool):
    with spawned(env) as process:
        send(process, INITIALIZE, {"method": "initialized", "params": {}})
        send(process, {"id": 3, "method": "no/such"})  # answered once everything is imported
        answers(process, 2)
        if shut_down:
            send(process, {"id": 2, "method": "shutdown"})
        assert process.stdin
        process.stdin.close()
        assert process.wait(120) == (0 if shut_down else 1)


def test_a_terminated_server_ends_in_good_order(env: dict[str, str]):
    with spawned(env) as process:
        send(process, INITIALIZE)
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 1


def test_nothing_heavy_is_imported_before_the_answer_to_initialize(env: dict[str, str]):
    script = (
        "import sys, mazu_ls.server.rpc.handshake as out, mazu_ls.__main__ as entry\n"
        "frame = out.frame\n"
        "def first(body):\n"
        "    out.frame = frame\n"
        "    print('IMPORTED', *sys.modules, file=sys.stderr, flush=True)\n"
        "    return frame(body)\n"
        "out.frame = first\n"
        "sys.argv = ['mazu-ls']\n"
        "entry.main()\n"
    )
    with spawned(env, "-c", script) as process:
        send(process, INITIALIZE)
        assert process.stderr
        imported = process.stderr.readline().decode().split()
        assert imported[0] == "IMPORTED"
        assert "mazu_ls.server.rpc.capabilities" in imported
        assert [name for name in imported if name.startswith(HEAVY)] == []


def answers(process: subprocess.Popen[bytes], count: int) -> list[dict[str, Any]]:
    """So many messages of the server, without what it tells the log."""
    found: list[dict[str, Any]] = []
    assert process.stdout
    while len(found) < count:
        length = int(process.stdout.readline().split(b":")[1])
        process.stdout.readline()
        message = json.loads(process.stdout.read(length))
        if "id" in message:
            found.append(message)
    return found


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_initialize_is_answered_once_however_the_input_is_cut(env: dict[str, str], size: int):
    messages = (
        INITIALIZE,
        {"method": "initialized", "params": {}},
        {"id": 2, "method": "no/such"},
        INITIALIZE,
    )
    bodies = [json.dumps({"jsonrpc": "2.0", **message}).encode() for message in messages]
    data = b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies)
    with spawned(env) as process:
        assert process.stdin
        for start in range(0, len(data), size):
            process.stdin.write(data[start : start + size])
            process.stdin.flush()
        first, unknown, again = answers(process, 3)
        assert first["id"] == 1
        assert first["result"]["serverInfo"]["name"] == "mazu-ls"
        assert unknown["id"] == 2
        assert "no/such" in unknown["error"]["message"]
        assert "initialized already" in again["error"]["message"]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"id": 1, "method": "initialize", "params": {"capabilities": 1}}, "capabilities"),
        ({"id": 1, "method": "initialize"}, "params"),
        ({"id": 1, "method": "mazu.status"}, "came before initialize"),
        ({"id": None, "method": "initialize", "params": {"capabilities": {}}}, "an id"),
    ],
)
def test_what_is_no_proper_initialize_is_answered_as_such_and_the_next_one_counts(
    env: dict[str, str], message: dict[str, Any], said: str
):
    with spawned(env) as process:
        send(process, message, {**INITIALIZE, "id": 5})
        wrong, right = answers(process, 2)
        assert said in wrong["error"]["message"]
        assert right["id"] == 5
        assert "capabilities" in right["result"]


def test_a_server_that_nobody_spoke_to_ends_in_good_order(env: dict[str, str]):
    for number in (signal.SIGTERM, signal.SIGINT):
        with spawned(env) as process:
            assert process.stderr
            wait_for_handler(process.pid, signal.SIGTERM)  # the last one that is set
            process.send_signal(number)
            assert process.wait(120) == 1
            assert process.stderr.read() == b""
    with spawned(env) as process:
        assert process.stdin
        process.stdin.close()
        assert process.wait(120) == 1


def wait_for_handler(pid: int, number: int) -> None:
    """Until the process handles this signal."""
    deadline = time.monotonic() + 120
    while True:
        caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
        assert caught
        if int(caught[1], 16) >> (number - 1) & 1:
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    "sent",
    [
        {"initializationOptions": {"a": 1, "a.b": 2}},
        {"initializationOptions": {"mazu": {"": 1, ".": 2, "limits": 3, "limits.max_steps": 4}}},
        {"workspaceFolders": [{"uri": "http://[x", "name": "x"}, {"uri": "file:///\u0000", "name": "y"}]},
        {"rootUri": "file://[/x"},
    ],
)
def test_odd_settings_and_folders_do_not_end_the_server(env: dict[str, str], sent: dict[str, Any]):
    with spawned(env) as process:
        send(
            process,
            {**INITIALIZE, "params": {**INITIALIZE["params"], **sent}},
            {"id": 2, "method": "no/such"},
        )
        first, second = answers(process, 2)
        assert "result" in first
        assert "no/such" in second["error"]["message"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("options", [("--tcp", "0"), ("--socket",)])
def test_a_server_that_waits_for_its_client_ends_when_told_to(
    env: dict[str, str], options: tuple[str, ...], number: int
):
    with spawned(env, "-m", "mazu_ls", *options) as process:
        assert process.stderr
        assert b"listening" in process.stderr.readline()
        process.send_signal(number)
        assert process.wait(120) == 1
    assert not list(Path(env["MAZU_STATE_HOME"]).glob("sockets/*"))


def test_stdout_is_the_protocol_and_nothing_else(env: dict[str, str]):
    """`print`, the C library's stdout and children's stdout all go to stderr; children read an empty stdin."""
    script = (
        "import os, subprocess, sys\n"
        "import mazu_ls.server.features.sync as sync, mazu_ls.__main__ as entry\n"
        "from mazu_ls.server import features\n"
        "from mazu_ls.server.rpc import lsp_types\n"
        "@features.feature('test/noise', lsp_types.RequestId)\n"
        "def noise(server, params):\n"
        "    print('printed'); os.write(1, b'written')\n"
        "    return subprocess.run(['sh', '-c', 'echo from a child; cat'], check=True).returncode\n"
        "sys.argv = ['mazu-ls']\n"
        "entry.main()\n"
    )
    with spawned(env, "-c", script) as process:
        send(process, INITIALIZE, {"id": 2, "method": "test/noise", "params": {"id": 1}})
        send(process, {"id": 3, "method": "shutdown"}, {"method": "exit"})
        out, err = process.communicate(timeout=120)
        for word in (b"printed", b"written", b"from a child"):
            assert word in err
            assert word not in out
        assert out.count(b"Content-Length") == out.count(b'"jsonrpc"')
        assert b'"id":2,"result":0' in out


def test_tcp_listens_on_this_machine_only_and_serves_one_client(env: dict[str, str]):
    with spawned(env, "-m", "mazu_ls", "--tcp", "0") as process:
        assert process.stderr
        line = process.stderr.readline().decode()
        host, port = line.split()[-1].split(":")
        assert host == "127.0.0.1"
        with socket.create_connection((host, int(port)), 10) as connection:
            token = json.loads(process.stderr.readline().decode().partition("= ")[2])
            params = {**INITIALIZE["params"], "initializationOptions": token}
            body = json.dumps({"jsonrpc": "2.0", **INITIALIZE, "params": params}).encode()
            connection.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            assert connection.recv(14) == b"Content-Length"
        assert process.wait(120) == 1


def test_a_port_that_is_taken_is_a_sentence(env: dict[str, str]):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with spawned(env, "-m", "mazu_ls", "--tcp", str(taken.getsockname()[1])) as process:
            _, err = process.communicate(timeout=120)
            assert process.returncode == 1
            assert b"Choose another port" in err
            assert b"Traceback" not in err


@asynccontextmanager
async def real_server(env: dict[str, str]) -> AsyncIterator[tuple[Client, asyncio.subprocess.Process]]:
    """Our client at the other end of a real process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mazu_ls",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **env},
    )  # fmt: skip
    assert process.stdin and process.stdout
    client = Client(process.stdin.write)

    async def pump(stdout: asyncio.StreamReader) -> None:
        while data := await stdout.read(65536):
            client.deliver(data)

    pumping = asyncio.create_task(pump(process.stdout))
    try:
        yield client, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await pumping
    client.check_questions()


async def test_at_the_limit_of_open_files_everything_says_so_and_heals(env: dict[str, str], folder: Path):
    async with ModelServer([]) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key", "PATH": os.environ["PATH"]}
        async with real_server({**env, **keys}) as (client, process):
            await client.initialize(folder)
            await client.command("mazu.status")
            before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
            for command in ("mazu.session.new", "mazu.session.list", "mazu.checkpoint", "mazu.usage"):
                with pytest.raises(RpcFailure) as refused:
                    await client.command(command)
                assert refused.value.data["kind"] == "storage"
                assert "Too many open files" in refused.value.message
                assert "ulimit -n" in refused.value.data["hint"]
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
            await client.command("mazu.session.new")
            assert (await client.command("mazu.checkpoint"))["complete"]


async def test_children_end_with_the_editor(env: dict[str, str], folder: Path):
    """A command that would run for a minute, and what it started in the background, are gone with the connection."""
    command = "sleep {} & sleep {}".format(*SLEEPS)
    replies = [{"calls": [{"name": "run_shell", "arguments": {"command": command}}]}]
    async with ModelServer(replies) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with real_server({**env, **keys, "PATH": os.environ["PATH"]}) as (client, process):
            client.allow(f"run_shell: {command}")
            await client.initialize(folder, experimental={"mazu": {"permissions": True}})
            await client.command("mazu.chat", {"message": "sleep"}, within=60)
            await eventually(both_sleep, 60)
            assert process.stdin
            process.stdin.close()
            assert await asyncio.wait_for(process.wait(), 60) == 1
            await eventually(none_sleeps, 60)


SLEEPS = (own_seconds(661), own_seconds(662))  # far longer than anybody waits here


async def none_sleeps() -> bool:
    return sleeping() == []


async def both_sleep() -> bool:
    return len(sleeping()) == 2


def sleeping() -> list[str]:
    """The processes of the test above that still run."""
    found: list[str] = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = place.read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:
            continue
        if line.removeprefix("sleep ") in SLEEPS:
            found.append(line)
    return found


async def test_a_large_document_comes_through_a_real_pipe(env: dict[str, str], folder: Path):
    path = folder / "large.txt"
    text = "a line of text, é and 👩\n" * 200_000
    async with real_server(env) as (client, process):
        await client.initialize(folder)
        client.open(path.as_uri(), text, "plaintext")
        client.change(path.as_uri(), "typed", (100_000, 3))
        span = {"start": {"line": 100_000, "character": 0}, "end": {"line": 100_000, "character": 0}}
        params = {"textDocument": {"uri": path.as_uri()}, "range": span, "context": {"diagnostics": []}}
        found = await client.ask("textDocument/codeAction", params, within=60)
        remember = next(action for action in found if action["title"].endswith("remember this"))
        assert remember["command"]["arguments"][0]["title"] == "a ltypedine of text, é and 👩"
        await client.ask("shutdown")
        client.notify("exit")
        assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_what_goes_wrong_is_in_the_log_file_and_in_the_editor_s_log(env: dict[str, str], folder: Path):
    gone = (folder / "gone").as_uri()
    async with real_server(env) as (client, _):
        params = {"processId": None, "capabilities": {}, "workspaceFolders": [{"uri": gone, "name": "gone"}]}
        await client.ask("initialize", params)
        client.notify("initialized", {})
        client.notify("textDocument/didChange", {"textDocument": {"uri": "file:///a"}, "contentChanges": []})
        shown = await client.until(lambda message: message.get("method") == "window/logMessage")
        assert "textDocument.version" in shown["params"]["message"]

        async def logged() -> bool:
            return (Path(env["MAZU_STATE_HOME"]) / "mazu-ls.log").exists()

        await eventually(logged)


def test_a_log_that_nobody_reads_stops_nothing():
    """Some editors start a server with a pipe for stderr and never read it: after 64 KiB a write would wait for ever."""
    script = (
        "import logging\nfrom mazu_ls.server.logs import log_to_stderr\nlog_to_stderr()\n"
        "for n in range(5000): logging.getLogger('mazu_ls').warning('number %d %s', n, 'x' * (n % 9000))\nprint('done')"
    )
    read, write = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=write, check=True, timeout=90
        )
        assert done.stdout == b"done\n"
        assert os.read(read, 65536).endswith(b"\n")  # lines are whole
    finally:
        os.close(read)
        os.close(write)


def test_an_editor_that_ended_and_that_nobody_waits_for_lives_no_more():
    with subprocess.Popen(["sleep", own_seconds(663)]) as editor:
        assert process_lives(editor.pid)
        editor.kill()
        os.waitid(os.P_PID, editor.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
        assert not process_lives(editor.pid)
    assert not process_lives(editor.pid)
