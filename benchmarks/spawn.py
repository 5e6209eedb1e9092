"""From spawning the server to its answers to `initialize` and to a first command, beside a bare pygls server in the same run.

    python benchmarks/spawn.py [RUNS]

Prints CPU (user and system of the process), wall time and peak RSS, medians, and the ratio to the bare server.
Exits with 1 where `initialize` costs more than 0.6 times the bare server's CPU, or the server then takes more than 60 MiB.
The command is the cheapest of each: what it takes to be able to answer at all.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

LIMIT_RATIO, LIMIT_MIB = 0.6, 60
STAGES = ("initialize", "command")
BARE = """
from pygls.lsp.server import LanguageServer
server = LanguageServer("bare", "1")
@server.command("mazu.models.list")
def models(*arguments):
    return {}
server.start_io()
"""
CAPABILITIES = {
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create", "rename", "delete"]},
        "configuration": True,
        "workspaceFolders": True,
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    },
    "textDocument": {
        "synchronization": {"didSave": True, "willSave": True},
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "refactor"]}}
        },
        "hover": {"contentFormat": ["markdown", "plaintext"]},
    },
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    "general": {"positionEncodings": ["utf-8", "utf-16"]},
}


class Cost(NamedTuple):
    """Milliseconds and MiB."""

    cpu: float
    wall: float
    rss: float


def measure(command: list[str], folder: str) -> tuple[Cost, Cost]:
    """Spawn, initialize, then a command; what the process had used by each answer; kill."""
    params = {"processId": os.getpid(), "rootUri": Path(folder).as_uri(), "capabilities": CAPABILITIES}
    asked = {"command": "mazu.models.list", "arguments": []}
    messages = (
        {"id": 1, "method": "initialize", "params": params},
        {"method": "initialized", "params": {}},
        {"id": 2, "method": "workspace/executeCommand", "params": asked},
    )
    env = {**os.environ, "MAZU_HOME": f"{folder}/home", "MAZU_STATE_HOME": f"{folder}/state"}
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, cwd=folder
    ) as process:
        assert process.stdin and process.stdout
        send(process, messages[0])
        wait_answer(process, 1)
        first = cost_of(process.pid, begin)
        send(process, *messages[1:])
        wait_answer(process, 2)
        second = cost_of(process.pid, begin)
        process.kill()
    return first, second


def send(process: subprocess.Popen[bytes], *messages: dict[str, Any]) -> None:
    """Write messages to the server."""
    assert process.stdin
    for message in messages:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    process.stdin.flush()


def wait_answer(process: subprocess.Popen[bytes], message_id: int) -> None:
    """Read up to the answer to this request; the server's own requests are left open."""
    assert process.stdout
    while True:
        length = 0
        while (line := process.stdout.readline().strip()) != b"":
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        message = json.loads(process.stdout.read(length))
        if message.get("id") == message_id and "method" not in message:
            assert "result" in message, message
            return


def cost_of(pid: int, begin: float) -> Cost:
    """What a process has used so far."""
    wall = time.perf_counter() - begin
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return Cost(cpu * 1000, wall * 1000, peak / 1024)


def main() -> int:
    """Measure both, one after the other, so that a busy machine is busy for both."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    commands = {"bare pygls": [sys.executable, "-c", BARE], "mazu-ls": [sys.executable, "-m", "mazu_ls"]}
    costs: dict[str, list[Cost]] = {f"{name} {stage}": [] for stage in STAGES for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs + 1):
            for name, command in commands.items():
                for stage, cost in zip(STAGES, measure(command, folder), strict=True):
                    if number:  # the first one warms the caches
                        costs[f"{name} {stage}"].append(cost)
    medians: dict[str, Any] = {
        name: Cost(*(statistics.median(column) for column in zip(*found, strict=True)))
        for name, found in costs.items()
    }
    print(f"{'':24}{'CPU ms':>10}{'wall ms':>10}{'RSS MiB':>10}   (medians of {runs})")
    for name, cost in medians.items():
        print(f"{name:24}{cost.cpu:10.0f}{cost.wall:10.0f}{cost.rss:10.1f}")
    ratios = [medians[f"mazu-ls {stage}"].cpu / medians[f"bare pygls {stage}"].cpu for stage in STAGES]
    rss = medians["mazu-ls initialize"].rss
    print(
        f"CPU ratio to initialize {ratios[0]:.2f} (at most {LIMIT_RATIO}), to a command {ratios[1]:.2f}; "
        f"RSS at initialize {rss:.1f} MiB (at most {LIMIT_MIB})"
    )
    fits = ratios[0] <= LIMIT_RATIO and rss <= LIMIT_MIB
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
