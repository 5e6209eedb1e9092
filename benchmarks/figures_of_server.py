"""What figures.py measures at real processes: rounds, memory, and what is spent until the first model request."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tool_round
from spawn import CAPABILITIES, send, wait_answer

MODEL = {"anthropic": "anthropic:claude-sonnet-5-5", "openai": "openai:gpt-5.2"}
TERMINAL_CHAT = (sys.executable, "-m", "mazu_ls", "chat", "hello")
BARE_ASK = """
import asyncio, anthropic
async def ask():
    async with anthropic.AsyncAnthropic(max_retries=0) as client:
        await client.messages.create(model='m', max_tokens=9, messages=[{'role': 'user', 'content': 'hello'}])
asyncio.run(ask())
"""
BARE_REQUEST = (sys.executable, "-c", BARE_ASK)
BARE_TURN = {
    "anthropic": "import anthropic\n"
    "client = anthropic.Anthropic()\n"
    "client.messages.create(model='claude-sonnet-5-5', max_tokens=99, messages=[{'role': 'user', 'content': 'hello'}])\n",
    "openai": "import openai\n"
    "client = openai.OpenAI()\n"
    "client.chat.completions.create(model='gpt-5.2', messages=[{'role': 'user', 'content': 'hello'}])\n",
}
SHOW_PEAK = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmRSS')][0])\n"
BARE_LOOP = """
import anthropic, json, sys
from pathlib import Path
client = anthropic.Anthropic(max_retries=0)
tools = [{"name": "write_file", "description": "write", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}]
messages = [{"role": "user", "content": "Go."}]
while True:
    answer = client.messages.create(model="m", max_tokens=1000, messages=messages, tools=tools)
    content = [one.model_dump(exclude_none=True) for one in answer.content]
    messages.append({"role": "assistant", "content": content})
    calls = [one for one in content if one["type"] == "tool_use"]
    if not calls:
        break
    for call in calls:
        Path(sys.argv[1], call["input"]["path"]).write_text(call["input"]["content"])
    messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": c["id"], "content": "written"} for c in calls]})
    if len(messages) == 3:
        import resource
        used = resource.getrusage(resource.RUSAGE_SELF)
        before = used.ru_utime + used.ru_stime
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime - before)
"""


def environment(folder: Path, url: str, sdk: str = "anthropic") -> dict[str, str]:
    own = ("MAZU_", "ANTHROPIC_", "OPENAI_", "PYTHONDONTWRITEBYTECODE")  # bytecode is there where people are
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {
        **kept, "HOME": str(folder), "MAZU_HOME": str(folder / "home"), "MAZU_STATE_HOME": str(folder / "state"), "MAZU_MODEL": MODEL[sdk],
        "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test-key", "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "test-key",
    }  # fmt: skip


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found, below = [pid], 0
    while below < len(found):
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{found[below]}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        below += 1
    return found


def cpu_of(pid: int) -> float:
    """Milliseconds that a process, its living and its ended children used."""
    total = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(fields[at]) for at in (11, 12, 13, 14))
    return 1000 * total / os.sysconf("SC_CLK_TCK")


def rss_of(pid: int) -> float:
    """MiB that a process and its children hold."""
    total = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            if found := re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text()):
                total += int(found[1])
    return total / 1024


@contextlib.contextmanager
def server(folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A server behind an editor that has `folder / "project"` open."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mazu_ls", "--stdio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
    )
    try:
        params = {
            "processId": os.getpid(), "rootUri": (folder / "project").as_uri(), "capabilities": CAPABILITIES,
            "initializationOptions": {"mazu": {"permissions": {"mode": "auto"}, "context": {"map_tokens": 1000}}},
        }  # fmt: skip
        send(
            process,
            {"id": 1, "method": "initialize", "params": params},
            {"method": "initialized", "params": {}},
        )
        yield process
    finally:
        process.kill()
        process.wait()


def ask(process: subprocess.Popen[bytes], number: int, command: str, arguments: dict[str, Any]) -> None:
    """A command, without waiting for its answer."""
    params = {"command": command, "arguments": [arguments]}
    send(process, {"id": number, "method": "workspace/executeCommand", "params": params})


def project(folder: Path, files: int = 10) -> Path:
    root = folder / "project"
    for number in range(files):
        path = root / f"d{number // 1000:03d}" / f"f{number}.py"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True)
        path.write_text(f"def function_{number}(value):\n    return value + {number}\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def server_round(rounds: int) -> float:
    """CPU milliseconds of one write round with its checkpoint through the LSP server; the first turn warms it."""
    folder = tool_round.new_folder()
    project(folder)
    replies = [*tool_round.script(3, True), *tool_round.script(rounds, True)]
    with tool_round.model(replies, folder) as url, server(folder, environment(folder, url)) as process:
        ask(process, 2, "mazu.run", {"task": "Warm up.", "wait": True})
        wait_answer(process, 2)
        before = cpu_of(process.pid)
        ask(process, 3, "mazu.run", {"task": "Go.", "maxSteps": rounds + 5, "wait": True})
        wait_answer(process, 3)
        return (cpu_of(process.pid) - before) / rounds


def bare_round(rounds: int) -> float:
    """The same with the synchronous SDK and nothing else, in milliseconds."""
    folder = tool_round.new_folder()
    root = project(folder)
    with tool_round.model(tool_round.script(rounds + 1, True), folder) as url:
        done = subprocess.run(
            [sys.executable, "-c", BARE_LOOP, str(root)],
            env=environment(folder, url),
            capture_output=True,
            text=True,
            check=True,
        )
    return 1000 * float(done.stdout) / rounds


def resident_after_turn(sdk: str) -> float:
    """MiB of the server after its first turn."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        project(folder)
        with (
            tool_round.model([{"text": "Hello."}], folder) as url,
            server(folder, environment(folder, url, sdk)) as process,
        ):
            ask(process, 2, "mazu.chat", {"message": "hello", "wait": True})
            wait_answer(process, 2)
            found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
            assert found
            return int(found[1]) / 1024


def bare_resident(sdk: str) -> float:
    """MiB of a program that makes one call with the SDK."""
    with tempfile.TemporaryDirectory() as place, tool_round.model([{"text": "Hello."}], Path(place)) as url:
        done = subprocess.run(
            [sys.executable, "-c", BARE_TURN[sdk] + SHOW_PEAK],
            env=environment(Path(place), url, sdk),
            capture_output=True,
            text=True,
            check=True,
        )
    return int(done.stdout) / 1024


def until_request(command: tuple[str, ...] | None, files: int = 10) -> tuple[float, float, float]:
    """Wall and CPU milliseconds from spawning `command` (None: the server, and a chat in it) to the first model request, and MiB then."""
    with tempfile.TemporaryDirectory() as place, socket.socket() as listener:
        folder = Path(place)
        root = project(folder, files)
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        listener.settimeout(300)
        env = environment(folder, f"http://127.0.0.1:{listener.getsockname()[1]}")
        began = time.perf_counter()
        with contextlib.ExitStack() as stack:
            if command is None:
                process = stack.enter_context(server(folder, env))
                wait_answer(process, 1)
                ask(process, 2, "mazu.chat", {"message": "hello", "wait": True})
            else:
                process = subprocess.Popen(
                    command,
                    cwd=root,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                stack.callback(process.wait)
                stack.callback(process.kill)
            while True:
                connection, _ = listener.accept()
                stack.callback(connection.close)
                if connection.recv(64).startswith(b"POST"):
                    break
            return (time.perf_counter() - began) * 1000, cpu_of(process.pid), rss_of(process.pid)


def first_turn_of_big_project(files: int) -> tuple[float, float]:
    """CPU milliseconds from spawning the server to the first model request, and MiB with children then."""
    _, cpu, rss = until_request(None, files)
    return cpu, rss
