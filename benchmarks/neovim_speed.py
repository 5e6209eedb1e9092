"""What the Neovim plugin costs, in a real terminal: loading, 5,000 updates with their redraws, and which windows are drawn.

    python benchmarks/neovim_speed.py            the figures of this machine
    MAZU_E2E_NVIM=/path/to/nvim python ...       with another Neovim

Only the plugin is measured: the server is a table inside Neovim. `smallest` is a module that returns an empty table, loaded in
the same run.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES, COLUMNS = 36, 120
TYPED = 100
SECONDS = 120


def main() -> int:
    """Run Neovim once and print what it measured."""
    sys.path.insert(0, str(ROOT / "tests" / "editors" / "neovim"))
    from neovim_bed import obtain

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        figures = _measured(obtain(), Path(scratch))
    print(
        f"require('mazu')            {figures['require_ms']:.3f} ms (smallest module {figures['smallest_ms']:.3f} ms)"
    )
    print(f"plugin/mazu.lua            {figures['plugin_ms']:.3f} ms")
    print(
        f"5,000 updates with redraws {figures['updates_ms']:.0f} ms, processor {figures['updates_cpu_ms']:.0f} ms,"
        f" {figures['lines']} lines, the panel drawn {figures['panel_redraws_while_streaming']} times"
    )
    print(f"the code's window drawn meanwhile  {figures['code_redraws_while_streaming']} times")
    print(
        f"{figures['typed']} keys typed in the code    its window drawn {figures['code_redraws_while_typing']} times,"
        f" the panel {figures['panel_redraws_while_typing']} times"
    )
    return 0


def _measured(nvim: Path, scratch: Path) -> dict[str, float]:
    answer = scratch / "figures.json"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "MAZU_FIGURES": str(answer),
        "MAZU_SCRATCH": str(scratch / "rtp"),
    }
    for name in ("CONFIG", "STATE", "DATA", "CACHE"):
        environment[f"XDG_{name}_HOME"] = str(scratch / name.lower())
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    plugin = f"set runtimepath^={ROOT / 'editors' / 'neovim'}"
    script = f"luafile {ROOT / 'benchmarks' / 'neovim_speed.lua'}"
    command = [nvim, "--clean", "--cmd", plugin, "-c", script]
    process = subprocess.Popen(
        command,
        cwd=scratch,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    threading.Thread(target=_drain, args=(ours,), daemon=True).start()
    try:
        _wait(Path(f"{answer}.ready"), process)
        os.write(ours, b"i")
        for _ in range(TYPED):
            os.write(ours, b"x")
            time.sleep(0.01)
        os.write(ours, b"\x1b")
        _wait(answer, process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the screen and the editor behind it are two processes
        process.wait()
    return json.loads(answer.read_text())


def _wait(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while not path.exists() or (path.suffix == ".json" and not path.read_text().strip()):
        if time.monotonic() > deadline or process.poll() not in (None, 0):
            raise SystemExit(f"Neovim did not come to {path.name}; it ended with {process.poll()}")
        time.sleep(0.02)


def _drain(terminal: int) -> None:
    """Read what is drawn, so that Neovim never waits for its terminal."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass  # Linux says EIO when the other end is closed


if __name__ == "__main__":
    sys.exit(main())
