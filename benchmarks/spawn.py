"""From spawning the server to its answer to `initialize`, beside a bare pygls server in the same run.

    python benchmarks/spawn.py [RUNS]

Prints CPU (user and system of the process), wall time and peak RSS, medians, and the ratio to the bare server.
Exits with 1 where ours costs more than 1.25 times the bare server's CPU or more than 60 MiB.
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

LIMIT_RATIO, LIMIT_MIB = 1.25, 60
BARE = """
from pygls.lsp.server import LanguageServer
LanguageServer("bare", "1").start_io()
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


def measure(command: list[str], folder: str) -> Cost:
    """Spawn, initialize, read what the process has used by then, kill."""
    params = {"processId": os.getpid(), "rootUri": Path(folder).as_uri(), "capabilities": CAPABILITIES}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode()
    env = {**os.environ, "MAZU_HOME": f"{folder}/home", "MAZU_STATE_HOME": f"{folder}/state"}
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, cwd=folder
    ) as process:
        assert process.stdin and process.stdout
        process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        process.stdin.flush()
        assert b"Content-Length" in process.stdout.readline()
        wall = time.perf_counter() - begin
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.kill()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return Cost(cpu * 1000, wall * 1000, peak / 1024)


def main() -> int:
    """Measure both, one after the other, so that a busy machine is busy for both."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    commands = {"bare pygls": [sys.executable, "-c", BARE], "mazu-ls": [sys.executable, "-m", "mazu_ls"]}
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs + 1):
            for name, command in commands.items():
                cost = measure(command, folder)
                if number:  # the first one warms the caches
                    costs[name].append(cost)
    medians: dict[str, Any] = {
        name: Cost(*(statistics.median(column) for column in zip(*found, strict=True)))
        for name, found in costs.items()
    }
    print(f"{'':12}{'CPU ms':>10}{'wall ms':>10}{'RSS MiB':>10}   (medians of {runs})")
    for name, cost in medians.items():
        print(f"{name:12}{cost.cpu:10.0f}{cost.wall:10.0f}{cost.rss:10.1f}")
    ratio = medians["mazu-ls"].cpu / medians["bare pygls"].cpu
    fits = ratio <= LIMIT_RATIO and medians["mazu-ls"].rss <= LIMIT_MIB
    print(
        f"CPU ratio {ratio:.2f} (at most {LIMIT_RATIO}), RSS {medians['mazu-ls'].rss:.1f} MiB (at most {LIMIT_MIB})"
    )
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
