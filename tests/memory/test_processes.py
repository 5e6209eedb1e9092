"""Several servers on one project, killed at any moment: what was acknowledged is there."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mazu_ls.config.config import MemorySettings
from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory.memories import Memories
from mazu_ls.state.store import connect

WRITER = """
import asyncio, sys
from pathlib import Path
from mazu_ls.config.config import MemorySettings
from mazu_ls.memory.memories import Memories
from mazu_ls.state.store import connect

async def main(folder, name, count):
    memories = await Memories.open(Path(folder, "memory.db"), Path(folder, "global.db"), MemorySettings())
    for n in range(count):
        made = await memories.remember(f"{name} notes item {n}", f"said by {name}")
        print(made.memory.id, made.memory.title, sep="\\t", flush=True)
        if n % 5 == 4:
            await memories.recall(f"item {n}")
    await memories.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def writer(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def opened(folder: Path) -> Memories:
    return await Memories.open(folder / "memory.db", folder / "global.db", MemorySettings())


def acknowledged(output: str) -> dict[str, str]:
    """Whole lines only: the last may have been cut by the kill."""
    lines = output[: output.rfind("\n") + 1].splitlines()
    return dict(line.split("\t") for line in lines)


async def test_three_processes_write_at_once_and_nothing_is_lost(tmp_path: Path):
    names = ("heron", "otter", "lynx")
    running = [writer(tmp_path, name, 25) for name in names]
    said: dict[str, str] = {}
    for process in running:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        found = acknowledged(output)
        assert not said.keys() & found.keys()
        said |= found
    memories = await opened(tmp_path)
    stored, total = await memories.list(limit=1000)
    assert total == 75
    assert {m.id: m.title for m in stored} == said
    assert len(await memories.recall("otter", limit=100)) == 25
    await memories.close()


@pytest.mark.parametrize("seed", range(3))
async def test_what_was_acknowledged_survives_being_killed(tmp_path: Path, seed: int):
    process = writer(tmp_path, "heron", 100_000)
    assert process.stdout
    first = process.stdout.readline()
    await asyncio.sleep(random.Random(seed).uniform(0.02, 0.2))
    os.kill(process.pid, signal.SIGKILL)
    said = acknowledged(first + process.stdout.read())
    process.wait()
    memories = await opened(tmp_path)
    for id, title in said.items():
        assert (await memories.get(id)).title == title
    for shelf in memories.shelves:
        check = await shelf.read(lambda rows: rows.db.execute("PRAGMA quick_check").fetchall())
        assert check == [("ok",)]
    last = list(said.values())[-1]
    assert (await memories.recall(last))[0].title == last
    assert (await memories.remember("After the crash")).outcome == "created"
    await memories.close()


@pytest.mark.parametrize("damage", ["header", "middle", "short", "text"])
async def test_a_damaged_database_is_set_aside_and_memory_works(tmp_path: Path, damage: str):
    memories = await opened(tmp_path)
    for subject in ["apple", "bridge", "canyon", "desert", "engine", "forest", "glacier", "harbour"]:
        await memories.remember(f"About {subject}", "words " * 200)
    await memories.close()
    database = tmp_path / "memory.db"
    data = bytearray(database.read_bytes())
    match damage:
        case "header":
            data[:100] = os.urandom(100)
        case "middle":
            data[len(data) // 4 : len(data) * 3 // 4] = os.urandom(len(data) * 3 // 4 - len(data) // 4)
        case "short":
            data = data[: len(data) // 2]
        case "text":
            data = bytearray(b"not a database at all\n" * 100)
    database.write_bytes(data)
    import mazu_ls.state.store

    mazu_ls.state.store._checked.clear()
    again = await opened(tmp_path)
    assert [path.name.startswith("memory.db.damaged-") for path in again.damaged] == [True]
    assert again.damaged[0].read_bytes() == data
    assert (await again.remember("A new start")).outcome == "created"
    await again.close()


async def test_damage_that_is_met_in_use_is_said_and_mended_at_the_next_start(tmp_path: Path):
    memories = await opened(tmp_path)
    for n in range(400):
        await memories.traits.set(f"t{n}", "words " * 300, scope="project")
    await memories.close()
    database = tmp_path / "memory.db"
    data = bytearray(database.read_bytes())
    data[len(data) // 5 :] = os.urandom(len(data) - len(data) // 5)
    database.write_bytes(data)
    memories = await opened(tmp_path)
    if not memories.damaged:
        with pytest.raises(MazuError) as said:
            await memories.traits.list("project")
        assert said.value.kind is Kind.STORAGE
        assert "Restart" in said.value.hint
    await memories.close()
    memories = await opened(tmp_path)
    assert len(memories.damaged) == 1
    await memories.close()


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path):
    memories = await opened(tmp_path)
    await memories.shelves.common.writer.write(
        lambda db: db.execute("UPDATE schema_version SET version = 99") and None
    )
    await memories.close()
    with pytest.raises(MazuError, match="newer mazu-ls"):
        await opened(tmp_path)
    assert not list(tmp_path.glob("*.damaged-*"))


def test_many_open_a_new_project_at_the_same_moment(tmp_path: Path):
    """Each turns the new file into WAL mode, and SQLite does not wait for a lock it is asked to upgrade."""
    together = threading.Barrier(8)

    def opened_at_once(path: Path) -> None:
        together.wait()
        connect(path, []).close()

    with ThreadPoolExecutor(8) as threads:
        for number in range(40):
            path = tmp_path / f"{number}.db"
            list(threads.map(opened_at_once, [path] * 8))
