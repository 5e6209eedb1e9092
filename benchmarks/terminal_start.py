"""CPU time of terminal commands, alone and answered by the server of an editor, beside a bare interpreter, a bare prompt_toolkit
prompt and a bare SDK program in the same run.

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
ASK_GOAL = 1.2
"""Times the CPU of a program that does the same with nothing but the SDK, until its first token."""
MODEL = "claude-haiku-4-5"
BARE_ASK = f"""
import asyncio, os
from anthropic import AsyncAnthropic

async def ask():
    said = [{{"role": "user", "content": "why?"}}]
    async with AsyncAnthropic() as client, client.messages.stream(model="{MODEL}", max_tokens=1000, messages=said) as stream:
        async for text in stream.text_stream:
            print(text, flush=True)
            os._exit(0)

asyncio.run(ask())
"""


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


def ask_cpu(root: Path, env: dict[str, str], rounds: int) -> tuple[float, float]:
    """CPU milliseconds of a question with the bare SDK up to its first token, and of `mazu-ls ask` as a whole."""
    script = root.parent / "script.json"
    script.write_text('[{"text": "Because.", "repeat": true}]')
    command = [sys.executable, "-m", "mazu_ls.demo.model_server", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        env = {
            **env,
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "test-key",
            "MAZU_MODEL": f"anthropic:{MODEL}",
        }
        bare, ours = [], []
        for _ in range(rounds):  # in turn, so that what else the machine does meets both
            bare.append(cpu([sys.executable, "-c", BARE_ASK], root, env))
            ours.append(cpu([sys.executable, "-m", "mazu_ls", "ask", "why?"], root, env))
        server.kill()
    return min(bare), min(ours)


async def prompt_shown(root: Path, *command: str) -> tuple[float, float]:
    """CPU milliseconds until a prompt is there in a pseudo-terminal, and until what was typed at once is drawn in it."""
    terminal = await Terminal(root).start(*command)
    while not any(line.startswith(">") for line in terminal.screen.display):  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    shown = cpu_so_far(terminal.process.pid)
    terminal.types("hello")
    while not any(line.startswith("> hello") for line in terminal.screen.display):  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    drawn = cpu_so_far(terminal.process.pid)
    await terminal.kill()
    return shown, drawn


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        root = project(Path(folder))
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env = {
            **kept,
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
        bare_ask, ask = ask_cpu(root, env, rounds)
        print(f"{'ask, bare SDK':<24} {bare_ask:6.0f} ms")
        print(f"{'ask':<24} {ask:6.0f} ms   {ask / bare_ask:.2f} times   goal {ASK_GOAL} times")
        shown, drawn = map(min, zip(*(asyncio.run(prompt_shown(root)) for _ in range(rounds)), strict=True))
        imported = min(
            cpu([sys.executable, "-c", "from prompt_toolkit import PromptSession"], root, env)
            for _ in range(rounds)
        )
        print(f"{'import of prompt_toolkit':<24} {imported:6.0f} ms")
        print(f"{'chat prompt':<24} {shown:6.0f} ms   goal {CHAT_GOAL}")
        print(f"{'first keys drawn':<24} {drawn:6.0f} ms")


if __name__ == "__main__":
    main()
