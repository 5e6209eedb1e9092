"""The project that kill_harness.py works on: its two states, the second server, the user who saves all along."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from pathlib import Path

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.state.store import connect
from tests.checkpoints.bed import Notes, State, files, open_engine

IN_PLACE, BY_RENAME = "shared/in_place.txt", "shared/by_rename.txt"
PARTS = (Notes("memory"), Notes("conversation"))


class Project:
    """Two states, A and B, of one project, each with a pinned checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.root, self.state = folder / "project", folder / "state"
        self.log = folder / "saves"
        self.states: dict[str, State] = {}
        self.ids: dict[str, str] = {}

    async def opened(self) -> Checkpoints:
        return await open_engine([self.root], self.state, PARTS)

    def put(self, letter: str) -> None:
        """Write state A or B, with files that only one of them has."""
        for number in range(8):
            file = self.root / f"src/m{number % 3}/f{number}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{letter} {number}\n" * 50)
            file.chmod(0o755 if (number + (letter == "A")) % 2 else 0o644)
        only, other = ("a_only", "b_only") if letter == "A" else ("b_only", "a_only")
        shutil.rmtree(self.root / other, ignore_errors=True)
        (self.root / only / "deep").mkdir(parents=True, exist_ok=True)
        for number in range(4):
            (self.root / only / "deep" / f"{number}.txt").write_text(letter)
        link = self.root / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(f"target-{letter}")
        for shared in (IN_PLACE, BY_RENAME):
            (self.root / shared).parent.mkdir(exist_ok=True)
            (self.root / shared).write_text(f"checkpoint {letter}\n")

    async def set_up(self) -> None:
        self.root.mkdir(parents=True)
        engine = await self.opened()
        for letter in "AB":
            command = await engine.begin_command("s", ())  # the two states are the agent's work
            self.put(letter)
            await engine.end_command(command, ())
            db = engine._store.connection
            PARTS[0].put(db, "letter", letter)
            PARTS[1].put(db, "head", letter)
            PARTS[0].put(db, f"only-{letter}", letter)
            PARTS[0].put(db, f"only-{'B' if letter == 'A' else 'A'}", None)
            checkpoint = await engine.take(kind="manual", label=letter)
            await engine.pin(checkpoint.id)
            self.ids[letter], self.states[letter] = checkpoint.id, self.agents_files()
        await engine.close()

    def agents_files(self) -> State:
        """All files but the two that the user saves all along."""
        return files(self.root, ["shared"])

    def letters(self) -> str:
        """The state that everything is in; more than one letter, or none, is a mixed state."""
        now = self.agents_files()
        db = connect(self.store().parents[1] / "memory.db", [])
        notes, head = PARTS[0].all(db), PARTS[1].all(db)
        db.close()
        found = {letter for letter, held in self.states.items() if held == now} or {"?"}
        found |= {head.get("head", "-"), notes.get("letter", "-")}
        found |= {name.removeprefix("only-") for name in notes if name.startswith("only-")}
        return "".join(sorted(found))

    def store(self) -> Path:
        return next(self.state.glob("projects/*/checkpoints/store.git"))


def user(project: Project) -> None:
    """Saves for ever; before each save, notes whether the last one was still there: then nobody else displaced it."""
    last: dict[str, str] = {}
    with project.log.open("a", buffering=1) as log:
        for number in range(1, 10**9):
            path = IN_PLACE if number % 2 else BY_RENAME
            file = project.root / path
            text = f"user {number}\n"
            try:
                if last.get(path) is not None:
                    log.write(f"{'kept' if file.read_text() == last[path] else 'gone'} {last[path]}")
                if path == IN_PLACE:
                    with file.open("r+") as opened:
                        time.sleep(random.random() * 0.002)
                        opened.truncate()
                        opened.write(text)
                else:
                    draft = file.with_name(".draft.mazu-user~")
                    draft.write_text(text)
                    draft.replace(file)
            except FileNotFoundError:
                last.pop(path, None)
                continue
            last[path] = text
            log.write(f"saved {text}")
            # Mostly busy, sometimes pausing: only a pause lets a rollback replace what was saved.
            time.sleep(random.random() * random.choice([0.002, 0.02, 0.1, 0.4]))


async def second_server(project: Project) -> None:
    """Another editor on the same project: it takes checkpoints, looks at previews and prunes."""
    engine = await project.opened()
    while True:
        what = random.random()
        if what < 0.15:
            await engine.plan(project.ids[random.choice("AB")])
        elif what < 0.25:
            await engine.prune(keep=20)
        touched = None if what < 0.4 else [project.root / IN_PLACE]
        await engine.take(kind="step", touched=touched)
        await asyncio.sleep(0.05 + random.random() * 0.1)
