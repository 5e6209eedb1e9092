"""Real source trees: edits by the agent's tools, sed over 200 files, rm, chmod, and the rollback of all; every byte compared.

    python benchmarks/real_trees.py [--trees NAME ...] [--edits 25] [--seed 1] [--cache FOLDER]

The trees come through `pip download`, `npm pack` and, where source packages are configured, `apt-get source`, from whatever
index the environment names; one that cannot be had is said and left out. What the agent's turns leave is compared with a
copy on which the same was done without it; after the rollback all bytes and modes must be those before the first turn.
Exit status 0 means that at least one tree was had and that nothing differed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.session.undo import checkpoint_before_turn
from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.workspace.file_names import show_name
from tests.scenario import PATIENCE, Story, World

TREES = (
    "pip:django", "pip:requests", "pip:flask", "pip:sympy", "pip:pygments", "pip:docutils", "pip:babel", "pip:sqlalchemy",
    "npm:lodash", "npm:express", "npm:react-dom", "npm:vue", "npm:moment", "npm:webpack", "apt:sed",
)  # fmt: skip
FETCH_SECONDS = 300
MOST_BYTES = 400_000
"""Of a file that is edited: a larger one is compared, but not changed."""
SEDDED, REMOVED, CHMODDED = 200, 20, 10
STAGING = ".mazu-staging-"
Snapshot = dict[str, tuple[int, bytes]]


@dataclass
class Outcome:
    """What became of one tree."""

    name: str
    files: int = 0
    megabytes: float = 0.0
    edits: int = 0
    seconds: float = 0.0
    rollback: float = 0.0
    wrong: list[str] = field(default_factory=list)


def fetch(tree: str, cache: Path) -> Path | None:
    """The unpacked tree; None where it cannot be had."""
    kind, _, name = tree.partition(":")
    folder = cache / f"{kind}-{name}"
    if folder.is_dir():
        return folder
    command = {
        "pip": [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            name,
        ],
        "npm": ["npm", "pack", "--silent", name],
        "apt": ["apt-get", "source", "--quiet", "--download-only", name],
    }[kind]
    with tempfile.TemporaryDirectory() as place:
        try:
            subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=FETCH_SECONDS)
            archives = [
                path
                for path in Path(place).iterdir()
                if ".tar" in path.name or path.suffix in (".whl", ".tgz")
            ]
            unpack(max(archives, key=lambda path: path.stat().st_size), folder)
        except (OSError, ValueError, subprocess.SubprocessError, tarfile.TarError):
            shutil.rmtree(folder, ignore_errors=True)
            return None
    return folder


def unpack(archive: Path, folder: Path) -> None:
    """Put the files of a wheel or a source package into a folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
    else:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")


def snapshot(root: Path) -> Snapshot:
    """Mode and bytes of every file; what a rollback swapped out a moment ago and has yet to remove is none of the tree."""
    return {
        str(path.relative_to(root)): (path.stat().st_mode, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink() and STAGING not in str(path)
    }


def difference(wanted: Snapshot, found: Snapshot) -> list[str]:
    """The files in which two trees differ."""
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def plan_edits(files: Snapshot, count: int, chance: random.Random) -> list[tuple[str, bytes, bytes]]:
    """Lines that occur once in their file, and what they are to become. A text editor on bytes does the same."""
    found: list[tuple[str, bytes, bytes]] = []
    names = [name for name, (_, data) in files.items() if 0 < len(data) <= MOST_BYTES and b"\0" not in data]
    chance.shuffle(names)
    for name in names:
        data = files[name][1]
        lines = [line.strip(b"\r\n") for line in data.split(b"\n")]
        usable = [
            line
            for line in lines
            if 12 <= len(line) <= 300 and line.isascii() and line.decode().isprintable()
        ]
        chance.shuffle(usable)
        line = next((line for line in usable if data.count(line) == 1), None)
        if line is not None and not name.endswith(".ipynb"):
            found.append((name, line, line + chance.choice((b" ", b" edited", b"\t#", b"'"))))
        if len(found) == count:
            break
    return found


def shell_command(files: Snapshot, chance: random.Random) -> str:
    """sed over many files, rm and chmod of others."""
    names = [name for name, (_, data) in files.items() if b"\0" not in data]
    chance.shuffle(names)
    parts = names[:SEDDED], names[SEDDED : SEDDED + REMOVED], names[SEDDED + REMOVED :][:CHMODDED]
    verbs = "sed -i s/the/THE/", "rm", "chmod 755"
    lines = [f"{verb} -- {shlex.join(part)}" for verb, part in zip(verbs, parts, strict=True) if part]
    return " && ".join(lines)


async def one_tree(name: str, source: Path, base: Path, edits: int, chance: random.Random) -> Outcome:
    """Play the turns on a copy of a tree."""
    outcome = Outcome(name)
    before = snapshot(source)
    outcome.files, outcome.megabytes = len(before), sum(len(data) for _, data in before.values()) / 2**20
    planned = plan_edits(before, edits, chance)
    command = shell_command(before, chance)
    calls: list[dict[str, Any]] = [
        {
            "name": "edit_file",
            "arguments": {"path": show_name(path), "old": old.decode(), "new": new.decode()},
        }
        for path, old, new in planned
    ]
    shell = {"name": "run_shell", "arguments": {"command": command}}
    replies = [{"calls": calls}, {"text": "Done."}, {"calls": [shell]}, {"text": "Done."}]
    answers = [f"allow_once {call['name']}" for call in [*calls, shell]]
    world = World(Story(replies=replies, answers=answers), base)
    shutil.rmtree(world.root)
    shutil.copytree(source, world.root, symlinks=True)
    beside = base / "beside"
    shutil.copytree(source, beside, symlinks=True)
    async with ModelServer(replies) as server:
        world.env["ANTHROPIC_BASE_URL"] = server.url
        settings = {"context": {"map_tokens": 0}}
        project = await Project.open(
            [world.root], world.host, settings=settings, env=world.env, patience=PATIENCE
        )
        try:
            await play(project, world, beside, planned, command=command, outcome=outcome)
            outcome.wrong += [
                f"after the rollback: {path}" for path in difference(before, snapshot(world.root))
            ]
        finally:
            await project.close()
    return outcome


async def play(
    project: Project,
    world: World,
    beside: Path,
    planned: list[tuple[str, bytes, bytes]],
    *,
    command: str,
    outcome: Outcome,
) -> None:
    """Both turns, each compared with the same done beside it, and the rollback of both."""
    session = await project.sessions.get()
    limits = Limits.from_settings(project.config.limits)
    began = time.perf_counter()
    await session.prompt(Prompt("Edit.", limits=limits))
    first, _ = await checkpoint_before_turn(project, session)
    for path, old, new in planned:
        target = beside / path
        target.write_bytes(target.read_bytes().replace(old, new))
    wrong = difference(snapshot(beside), snapshot(world.root))
    outcome.edits = len(planned)
    outcome.wrong += [f"after the edits: {path}" for path in wrong]
    await session.prompt(Prompt("Run.", limits=limits))
    await asyncio.to_thread(
        subprocess.run, ["bash", "-c", command], cwd=beside, check=False, capture_output=True
    )
    outcome.wrong += [
        f"after the command: {path}" for path in difference(snapshot(beside), snapshot(world.root))
    ]
    outcome.seconds = time.perf_counter() - began
    began = time.perf_counter()
    assert project.checkpoints is not None
    plan = await project.checkpoints.plan(first)
    report = await plan.apply("overwrite", lambda buffer, text: asyncio.sleep(0, True))
    outcome.rollback = time.perf_counter() - began
    if not report.verified:
        outcome.wrong.append("the rollback is not verified")


def main() -> int:
    """Print one line for each tree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trees", nargs="*", default=list(TREES))
    parser.add_argument("--edits", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or Path(folder) / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        print(f"{'tree':16} {'files':>6} {'MB':>6} {'edits':>6} {'turns s':>8} {'rollback s':>10}  wrong")
        for number, tree in enumerate(options.trees):
            source = fetch(tree, cache)
            if source is None:
                print(f"{tree:16} cannot be had here")
                continue
            base = Path(folder) / f"tree{number}"
            base.mkdir()
            chance = random.Random(f"{options.seed} {tree}")
            one = asyncio.run(one_tree(tree, source, base, options.edits, chance))
            outcomes.append(one)
            print(
                f"{tree:16} {one.files:6} {one.megabytes:6.1f} {one.edits:6} {one.seconds:8.1f} {one.rollback:10.1f}  {len(one.wrong)}"
            )
            for wrong in one.wrong[:10]:
                print(f"    {wrong}")
            shutil.rmtree(base, ignore_errors=True)
    edits, wrong = sum(one.edits for one in outcomes), sum(len(one.wrong) for one in outcomes)
    print(f"{len(outcomes)} trees, {edits} edits, {wrong} files that are not what they should be")
    return int(not outcomes or wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
