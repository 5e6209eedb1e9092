"""CPU time of terminal commands, alone and answered by the server of an editor, beside a bare interpreter and a bare prompt_toolkit prompt in the same run.

Usage: python benchmarks/terminal_start.py [ROUNDS]
Figures are CPU milliseconds (user and system, children included), the smallest of the rounds.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.server.test_live_server import serving
from tests.terminal.terminal import Terminal, project

COMMANDS = {
    "--version": 60, "--help": 60, "recall port": 250, "status": 250, "checkpoint list": 250, "checkpoint take": 250,
}  # fmt: skip
ANSWERED = {"recall port": 60, "status": 60, "checkpoint list": 60, "checkpoint take": 60}
CHAT_GOAL = 100


def cpu(command: list[str], root: Path, env: dict[str, str]) -> float:
    """CPU milliseconds of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, cwd=root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def cpu_so_far(pid: int) -> float:
    """CPU milliseconds of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def prompt_shown(root: Path, *command: str) -> float:
    """CPU milliseconds until a prompt is drawn in a pseudo-terminal."""
    terminal = await Terminal(root).start(*command)
    while not any(line.startswith(">") for line in terminal.screen.display):  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    spent = cpu_so_far(terminal.process.pid)
    await terminal.kill()
    return spent


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        root = project(Path(folder))
        env = {
            **os.environ,
            "HOME": folder,
            "MAZU_HOME": f"{folder}/home",
            "MAZU_STATE_HOME": f"{folder}/state",
        }
        mazu = [sys.executable, "-m", "mazu_ls"]
        cpu([*mazu, "remember", "The port is 8080"], root, env)
        bare = min(cpu([sys.executable, "-c", "pass"], root, env) for _ in range(rounds))
        print(f"{'bare interpreter':<24} {bare:6.0f} ms")
        for words, goal in COMMANDS.items():
            spent = min(cpu([*mazu, *words.split()], root, env) for _ in range(rounds))
            print(f"{words:<24} {spent:6.0f} ms   goal {goal}")
        with serving({name: env[name] for name in ("HOME", "MAZU_HOME", "MAZU_STATE_HOME")}, root):
            for words, goal in ANSWERED.items():
                spent = min(cpu([*mazu, *words.split()], root, env) for _ in range(rounds))
                print(f"{words + ' (live)':<24} {spent:6.0f} ms   goal {goal}")
        shown = min(asyncio.run(prompt_shown(root)) for _ in range(rounds))
        imported = min(
            cpu([sys.executable, "-c", "from prompt_toolkit import PromptSession"], root, env)
            for _ in range(rounds)
        )
        print(f"{'import of prompt_toolkit':<24} {imported:6.0f} ms")
        print(f"{'chat prompt':<24} {shown:6.0f} ms   goal {CHAT_GOAL}")


if __name__ == "__main__":
    main()
