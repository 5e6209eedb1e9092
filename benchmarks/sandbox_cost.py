"""What the sandbox costs: `true` through run_shell, held and not held; and the memory that 50 MB of output cost.

    python benchmarks/sandbox_cost.py [RUNS=40]

The baseline is the same call with shell.sandbox = "off", taking turns with the others.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from mazu_ls.config.config import Config, ShellSettings
from mazu_ls.tools.context import ShellState, ToolContext
from mazu_ls.tools.shell import landlock, sandbox
from mazu_ls.tools.shell.sandbox import Sandbox
from mazu_ls.tools.shell.shell import run_shell
from mazu_ls.workspace import Workspace

FLOOD = "head -c 50000000 /dev/zero | tr '\\0' x"


async def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        found = sandbox.probe()
        print(f"in force here: {found.kind} ({found.why})")
        kinds = [
            "off",
            *(["bubblewrap"] if found.kind == "bubblewrap" else []),
            *(["landlock"] if landlock.abi() else []),
        ]
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(runs):
            for kind in kinds:
                times[kind].append(await one(root, kind))
        base = statistics.median(times["off"])
        for kind in kinds:
            middle = statistics.median(times[kind])
            print(
                f"true, {kind:10} {middle * 1000:6.1f} ms median   {(middle - base) * 1000:+6.1f} ms over unsandboxed"
            )
        before = peak()
        output = await run_shell.call({"command": FLOOD}, turn(root, "auto"))
        print(
            f"50 MB of output: peak RSS +{(peak() - before) / 1024:.1f} MiB, {len(output.text)} characters to the model"
        )


async def one(root: Path, kind: str) -> float:
    real = sandbox.probe
    if kind == "landlock":
        sandbox.probe = cast(Any, lambda: Sandbox("landlock", ""))
    started = time.perf_counter()
    await run_shell.call({"command": "true"}, turn(root, "off" if kind == "off" else "auto"))
    sandbox.probe = real
    return time.perf_counter() - started


def turn(root: Path, setting: Any) -> ToolContext:
    return ToolContext(
        session_id="s", turn_id="t", host=cast(Any, None), workspace=Workspace([root]), memories=None,
        config=Config(shell=ShellSettings(sandbox=setting)), shell=ShellState(root), seen={}, changed=set(), emit=lambda _: None,
        remembered=lambda *_: None, env=os.environ,
    )  # fmt: skip


def peak() -> int:
    """KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    asyncio.run(main())
