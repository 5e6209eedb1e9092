"""Any sequence of edits, checkpoints and rollbacks gives back exactly the bytes and modes of the chosen checkpoint."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.checkpoints.models import Checkpoint
from mazu_ls.host import Buffer
from tests.checkpoints.bed import Notes, State, files, git, open_engine

PARTS = [b"a", b"B", b"-x", b"n\nl", b"q\xff", "\u00fc".encode(), b"sp ce", b"x.log"]
names = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map(b"/".join)
contents = st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"a\r\nb\n", b"$Id$\n", b"x" * 3000]))
LIMIT = 2000


class Checkpointing(RuleBasedStateMachine):
    """`x.log` is ignored, and files over LIMIT bytes are skipped: neither may ever be touched."""

    taken = Bundle("taken")

    @initialize(with_git=st.booleans())
    def set_up(self, with_git: bool) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "project"
        (self.root / ".mazu").mkdir(parents=True)
        if with_git:
            git(self.root, "init", "-q")
        self.part = Notes()
        self.loop = asyncio.new_event_loop()
        self.engine: Checkpoints = self.wait(
            open_engine([self.root], self.folder / "state", [self.part], max_untracked_file_bytes=LIMIT)
        )
        self.write(b".gitignore", b"*.log\n", 0o644)
        self.left: dict[str, Any] = {}
        self.states: dict[str, tuple[State, dict[str, str]]] = {}

    def wait(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def write(self, name: bytes, data: bytes, mode: int) -> None:
        path = self.root / os.fsdecode(name)
        for parent in reversed(path.relative_to(self.root).parents):
            place = self.root / parent
            if place.is_symlink() or place.is_file():
                place.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True) if path.is_symlink() or data.startswith(b"x") else None
        path.write_bytes(data)
        path.chmod(mode)

    @rule(name=names, data=contents, mode=st.sampled_from([0o644, 0o755, 0o600, 0o444]))
    def edit(self, name: bytes, data: bytes, mode: int) -> None:
        self.write(name, data, mode)

    @rule(name=names, goal=st.sampled_from(["nowhere", "a", "..", "/"]))
    def link(self, name: bytes, goal: str) -> None:
        self.write(name, b"x", 0o644)
        path = self.root / os.fsdecode(name)
        path.unlink()
        path.symlink_to(goal)

    @rule(name=names)
    def delete(self, name: bytes) -> None:
        path = self.root / os.fsdecode(name)
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)

    @rule(old=names, new=names)
    def rename(self, old: bytes, new: bytes) -> None:
        source, target = self.root / os.fsdecode(old), self.root / os.fsdecode(new)
        if (
            source.exists()
            and not os.path.lexists(target)
            and target.parent.is_dir()
            and source not in target.parents
        ):
            source.rename(target)

    @rule(name=names, mode=st.sampled_from([0o644, 0o755, 0o600]))
    def change_mode(self, name: bytes, mode: int) -> None:
        path = self.root / os.fsdecode(name)
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)

    @rule(
        name=st.sampled_from("pqr"),
        text=st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=5)),
    )
    def remember(self, name: str, text: str | None) -> None:
        self.part.put(self.engine._store.connection, name, None if text is None else text.replace("\0", ""))

    @rule(target=taken, typed=st.one_of(st.none(), st.text(max_size=5)))
    def take(self, typed: str | None) -> Checkpoint:
        buffers = [] if typed is None else [Buffer("untitled:1", None, 1, "text", typed, True)]
        checkpoint = self.wait(self.engine.take(kind="manual", buffers=buffers))
        self.states[checkpoint.id] = (self.held(), self.part.all(self.engine._store.connection))
        return checkpoint

    @rule(target=taken, name=names, data=contents)
    def take_what_is_known(self, name: bytes, data: bytes) -> Checkpoint:
        """Only this file changes between two checkpoints, and the engine is told so."""
        self.take(None)
        self.write(name, data, 0o644)
        paths = [self.root / path for path in {*files(self.root), *self.states[max(self.states)][0]}]
        checkpoint = self.wait(self.engine.take(kind="step", touched=paths))
        self.states[checkpoint.id] = (self.held(), self.part.all(self.engine._store.connection))
        return checkpoint

    @rule(checkpoint=taken)
    def roll_back(self, checkpoint: Checkpoint) -> None:
        before, notes = files(self.root), self.part.all(self.engine._store.connection)
        report = self.wait(self.wait(self.engine.plan(checkpoint.id)).apply("overwrite"))
        assert report.applied
        kept = {path.path for path in (*report.plan.keep, *report.problems)}
        assert all("is in its place" in problem.reason for problem in report.problems)
        now, (then, learned) = files(self.root), self.states[checkpoint.id]
        assert self.part.all(self.engine._store.connection) == learned
        for path, held in then.items():
            assert now.get(path) == held or shown(path) in kept, path
        for path, held in now.items():
            untouched = self.left_alone(path, held) and before.get(path) == held
            assert path in then or untouched or shown(path) in kept, path
        aside = {one.path for one in report.plan.set_aside}
        for path, held in before.items():
            if self.left_alone(path, held) and shown(path) not in aside:
                assert now.get(path) == held, f"{path} was never held, and was touched"
        if not report.problems:
            undone = self.wait(self.wait(self.engine.plan(report.safety.id)).apply("overwrite"))
            again = files(self.root)
            assert undone.problems or {p: h for p, h in again.items() if not self.left_alone(p, h)} == {
                p: h for p, h in before.items() if not self.left_alone(p, h)
            }
            assert self.part.all(self.engine._store.connection) == notes
            assert (
                not aside
                or undone.problems
                or {p: before[p] for p in before if shown(p) in aside}.items() <= again.items()
            )

    def left_alone(self, path: str, held: tuple[int, bytes]) -> bool:
        """Ignored, or too large."""
        return any(part.endswith(".log") for part in path.split("/")) or len(held[1]) > LIMIT

    def held(self) -> State:
        return {path: held for path, held in files(self.root).items() if not self.left_alone(path, held)}

    @invariant()
    def nothing_of_ours_is_left_in_the_project(self) -> None:
        assert not [p for p in self.root.rglob("*") if p.name.startswith("draft-") and ".mazu" not in p.parts]

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.wait(self.engine.close())
            self.loop.close()
            shutil.rmtree(self.folder)


def shown(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


TestCheckpointing = Checkpointing.TestCase
TestCheckpointing.settings = settings(
    max_examples=50,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
    phases=(
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ),  # shrinking would take longer than reading the story
)
