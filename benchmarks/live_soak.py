"""Two clients on one live server: many turns, writes and undos at once; with --kills the server is killed in the midst of it.

    python benchmarks/live_soak.py [--turns 1000] [--kills 0] [--seed 1]

Every request must get exactly one answer, and whatever was answered must be there afterwards, also after a SIGKILL: memories, turns, and the
text of every file, which is one that somebody wrote. Prints the memory of the server along the way, beside that after the first turns.
Exit status 0: nothing was lost, nothing was answered twice or not at all.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.server.test_live_server import Conversation, EditorProcess, pid_of_answer, wait_until

FILES = 8
MODEL = "anthropic:claude-sonnet-5-5"


def script(turns: int) -> list[dict[str, Any]]:
    """Every other answer writes a file. Whichever client gets it, a turn ends with the next text."""
    replies: list[dict[str, Any]] = []
    for number in range(turns):
        call = {"path": f"f{number % FILES}.txt", "content": f"written {number}\n"}
        replies += [{"calls": [{"name": "write_file", "arguments": call}]}, {"text": f"Done {number}."}]
    return replies


@contextlib.contextmanager
def model(folder: Path, replies: list[dict[str, Any]]) -> Iterator[str]:
    (folder / "script.json").write_text(json.dumps(replies))
    command = [sys.executable, "-m", "mazu_ls.demo.model_server", str(folder / "script.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


class Tally:
    """What was asked and what came of it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked = self.answered = self.broken = self.failed = 0
        self.turns: dict[str, list[str]] = {}
        self.memories: set[str] = set()
        self.problems: list[str] = []


class SoakClient(threading.Thread):
    """One process at the socket, as far as the server can see: it asks one thing after the other."""

    def __init__(
        self, name: str, server: EditorProcess, tally: Tally, turns: int, chance: random.Random
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.server, self.tally, self.turns, self.chance = server, tally, turns, chance
        self.stop = threading.Event()

    def run(self) -> None:
        number = 0
        with contextlib.suppress(EOFError, OSError, AssertionError), self.server.connect() as client:
            client.connection.settimeout(600)
            client.begin(model=MODEL)
            session = self.ask(client, 2, "mazu.session.new", {})["id"]
            for turn in range(self.turns):
                number = 10 * turn + 10
                if self.stop.is_set():
                    return
                done = self.ask(
                    client,
                    number,
                    "mazu.chat",
                    {"message": f"turn {turn}", "sessionId": session, "wait": True},
                )
                if done.get("turnId"):
                    with self.tally.lock:
                        self.tally.turns.setdefault(session, []).append(done["turnId"])
                self.more(client, number, turn, session)

    def more(self, client: Conversation, number: int, turn: int, session: str) -> None:
        if turn % 3 == 0:
            title = f"{self.name} remembers {turn} in {session}"
            found = self.ask(client, number + 1, "mazu.remember", {"title": title})
            if "memory" in found:
                with self.tally.lock:
                    self.tally.memories.add(found["memory"]["id"])
        if turn % 7 == 0:
            self.ask(client, number + 2, "mazu.checkpoint", {"label": f"{self.name} {turn}"})
        if turn % 11 == 10 and self.chance.random() < 0.5:
            undone = self.ask(
                client, number + 3, "mazu.undo", {"sessionId": session, "onConflict": "keep", "memory": False}
            )
            if undone.get("applied"):
                with self.tally.lock:
                    self.tally.turns[session].clear()  # what was undone is no longer shown

    def ask(
        self, client: Conversation, number: int, command: str, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        """The result, or {} for an error. Raises EOFError where the server was killed."""
        with self.tally.lock:
            self.tally.asked += 1
        try:
            answer = client.ask(
                "workspace/executeCommand", {"command": command, "arguments": [arguments]}, number
            )
        except (EOFError, OSError):
            with self.tally.lock:
                self.tally.broken += 1
            raise
        with self.tally.lock:
            self.tally.answered += 1
            if answer.get("id") != number:
                self.tally.problems.append(f"{command} {number} was answered as {answer.get('id')}")
            if "error" in answer:
                self.tally.failed += 1
        return answer.get("result") or {}


def started(env: dict[str, str], folder: Path) -> EditorProcess:
    """A server that answers; the one before it may have left its socket."""
    server = EditorProcess(env, folder)
    wait_until(lambda: pid_of_answer(server, model=MODEL) == server.process.pid)
    return server


def resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def check(server: EditorProcess, folder: Path, tally: Tally) -> None:
    """Whatever was answered is there."""
    with server.connect() as client:
        client.connection.settimeout(600)
        client.begin(model=MODEL)
        listed = client.command("mazu.memory.list", {"limit": 100_000})["result"]["memories"]
        lost = tally.memories - {one["id"] for one in listed}
        if lost:
            tally.problems.append(f"memories lost: {sorted(lost)[:5]}")
        for session in tally.turns:
            path = next(Path(server.env["MAZU_STATE_HOME"]).rglob(f"{session}.jsonl"))
            text = path.read_text()
            missing = [turn for turn in tally.turns[session] if turn not in text]
            if missing:
                tally.problems.append(f"turns lost: {missing[:5]}")
    for path in folder.glob("f*.txt"):
        text = path.read_text()
        if not text.startswith("written ") or text.count("\n") != 1:
            tally.problems.append(f"{path.name} is mixed: {text!r}")


def soak(place: Path, turns: int, kills: int, seed: int) -> int:
    folder, tally, chance = place / "project", Tally(), random.Random(seed)
    folder.mkdir()
    (place / "home").mkdir()
    (place / "home" / "config.toml").write_text(
        '[permissions]\nmode = "auto"\n[context]\nwindow_turns = 20\n'
    )
    with model(place, script(4 * turns + 1000)) as url:
        env = {
            "MAZU_HOME": str(place / "home"), "MAZU_STATE_HOME": str(place / "state"), "HOME": str(place / "user"),
            "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test-key", "MAZU_MODEL": MODEL,
        }  # fmt: skip
        first = grown = 0.0
        for life in range(kills + 1):
            server = started(env, folder)
            clients = [SoakClient(name, server, tally, turns // 2, chance) for name in ("one", "two")]
            for client in clients:
                client.start()
            if life < kills:
                enough = tally.answered + chance.randint(3, 30)
                wait_until(
                    lambda enough=enough, clients=clients: (
                        tally.answered >= enough or not any(one.is_alive() for one in clients)
                    )
                )
                time.sleep(chance.random() / 5)
                server.kill()
                for client in clients:
                    client.join(60)
                server = started(env, folder)
                check(server, folder, tally)
                server.kill()
                print(
                    f"kill {life + 1}: {tally.answered} answered, {tally.broken} cut off, {len(tally.problems)} problems",
                    flush=True,
                )
                continue
            while any(client.is_alive() for client in clients):
                done = sum(map(len, tally.turns.values()))
                if not first and tally.answered >= 60:
                    first = resident(server.process.pid)
                print(
                    f"{done:5} turns shown, {tally.answered} answers, {resident(server.process.pid):.0f} MiB",
                    flush=True,
                )
                for client in clients:
                    client.join(10)
            grown = resident(server.process.pid) - first
            check(server, folder, tally)
            server.end()
    if tally.asked != tally.answered + tally.broken:
        tally.problems.append(f"{tally.asked} asked, {tally.answered} answered, {tally.broken} cut off")
    print(
        f"{tally.asked} requests of two clients: {tally.answered} answered once ({tally.failed} with an error), {tally.broken} cut off by {kills} kills; "
        f"{len(tally.memories)} memories kept; grown by {grown:.0f} MiB since the first turns ({first:.0f} MiB)"
    )
    print("\n".join(tally.problems) or "0 lost, 0 mixed, 0 unanswered")
    return 1 if tally.problems else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        return soak(Path(place), given.turns, given.kills, given.seed)


if __name__ == "__main__":
    sys.exit(main())
