"""Records what 200 steps write to the disk, cuts that at every sync and between, and opens what a power failure could have left.

    python benchmarks/power_cut.py [--steps 200] [--images 600] [--seed 1]

Needs strace. Each step records an edit, writes a file durably and takes a checkpoint, as a turn does; each fourth previews a rollback before. An image of the disk holds, of what
was written before the cut, (a) only what was synced, (b) that and any part of the rest, or (c) all of it, as after a SIGKILL. Of what was
acknowledged before the cut every checkpoint must be listed and every object of it readable; `git fsck` must find the store sound.
Exit status 0: nothing was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.workspace import Workspace
from mazu_ls.workspace.disk import edit_text
from tests.checkpoints.bed import Notes, open_engine

FILES = 30
CALLS = "openat,open,creat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,link,linkat,ftruncate,mkdir"
PARTS = (Notes("memory"), Notes("conversation"))


class Op(NamedTuple):
    """One system call that changes the disk: `kind` write, cut, make, move, remove, sync or mark."""

    kind: str
    path: str
    data: bytes | str = b""
    at: int = 0


async def record(place: Path, steps: int) -> None:
    """The process that is recorded. Lines of `marks` say what was acknowledged."""
    root = place / "project"
    marks = os.open(place / "marks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    engine = await open_engine([root], place / "state", PARTS)
    await engine.take(kind="manual")
    taken = await engine.take(kind="manual")
    await engine.upkeep.idle()
    print("ready", flush=True)
    sys.stdin.readline()
    workspace, texts = Workspace([root]), {f"f{n}.txt": f"line {n}\n" * 20 for n in range(FILES)}
    os.write(marks, b"begin\n")
    for number in range(steps):
        name = f"f{number * 7 % FILES}.txt" if number % 5 else f"new{number}.txt"
        before, after = texts.get(name), f"step {number}\n" * 20
        path = root / name
        await engine.record_edit("s", path, before, after)
        edit_text(workspace, path, before, after)
        texts[name] = after
        if number % 4 == 0:  # stores objects on which the next checkpoint relies
            await engine.plan(taken.id)
        taken = await engine.take(kind="step", session_id="s", turn_id="t", touched=[path])
        os.write(marks, f"{taken.id} {name} {number}\n".encode())
    os.write(marks, b"end\n")
    os._exit(0)


def recorded(place: Path, steps: int, base: Path) -> list[Op]:
    """Run the steps under strace; `base` gets a copy of the disk as it was when they began."""
    command = ["strace", "-ff", "-y", "-xx", "-s", "9999999", "-ttt", "-e", f"trace={CALLS}", "-o", str(place / "trace" / "t"),
               sys.executable, __file__, "--record", str(place), "--steps", str(steps)]  # fmt: skip
    (place / "trace").mkdir()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "ready\n"
        shutil.copytree(place / "state", base / "state", symlinks=True)
        shutil.copytree(place / "project", base / "project", symlinks=True)
        process.stdin.write("\n")
        process.stdin.flush()
    lines = [line for file in (place / "trace").iterdir() for line in file.read_text().splitlines()]
    lines.sort(key=lambda line: float(line.partition(" ")[0]))
    ops = [op for line in lines if (op := parsed(line.partition(" ")[2], str(place))) is not None]
    start = next(at for at, op in enumerate(ops) if op.kind == "mark" and op.data == b"begin\n")
    return ops[start:]


def parsed(line: str, place: str) -> Op | None:
    """The operation of a line of strace, if it concerns the folder."""
    match = re.match(r"(\w+)\((.*)\)\s+= (-?\d+)", line)
    if match is None or match[3].startswith("-"):
        return None
    call, arguments, result = match[1], match[2], int(match[3])
    texts = [
        bytes.fromhex(found.replace("\\x", "")) for found in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', arguments)
    ]
    held = [
        bytes.fromhex(found.replace("\\x", "")).decode()
        for found in re.findall(r"<((?:\\x[0-9a-f]{2})+)>", arguments)
    ]

    def path(number: int) -> str:
        text, folder = os.fsdecode(texts[number]), held[min(number, len(held) - 1)] if held else ""
        return os.path.normpath(os.path.join(folder, text))  # noqa: PTH118

    if call in ("write", "pwrite64"):
        if not held or not held[0].startswith(place):
            return None
        if held[0] == f"{place}/marks":
            return Op("mark", "", texts[0])
        offset = int(arguments.rpartition(",")[2]) if call == "pwrite64" else -1
        return Op("write", held[0], texts[0][:result], offset)
    if call in ("fsync", "fdatasync", "ftruncate"):
        kind = "cut" if call == "ftruncate" else "sync"
        return (
            Op(kind, held[0], at=int(arguments.rpartition(",")[2]) if kind == "cut" else 0)
            if held[0].startswith(place)
            else None
        )
    if not texts or not (name := path(0)).startswith(place):
        return None
    if call in ("openat", "open", "creat"):
        if "O_TRUNC" in arguments:
            return Op("make", name, "empty")
        return (
            Op("make", name, "append" if "O_APPEND" in arguments else "")
            if "O_CREAT" in arguments
            else Op("open", name)
        )
    if call.startswith(("rename", "link")):
        return Op("move" if call.startswith("rename") else "link", name, path(1))
    return Op({"mkdir": "folder"}.get(call, "remove"), name)


class Disk:
    """Names and contents: those that are synced, and what was written since."""

    def __init__(self, base: Path, place: Path) -> None:
        self.names: dict[str, int] = {}
        self.synced_names: dict[str, int] = {}
        self.now: dict[int, bytes] = {}
        self.synced: dict[int, bytes] = {}
        self.waiting: list[tuple[str, dict[str, int | None]]] = []
        self.ends: dict[str, int] = {}
        for top in ("project", "state"):
            for file in (base / top).rglob("*"):
                if file.is_file() and not file.name.endswith("-shm"):
                    self._add(str(place / file.relative_to(base)), file.read_bytes())
        self.synced_names, self.synced = dict(self.names), dict(self.now)

    def _add(self, path: str, data: bytes) -> None:
        self.names[path] = len(self.now)
        self.now[len(self.now)] = data

    def _name(self, folder: str, changes: dict[str, int | None]) -> None:
        for path, file in changes.items():
            if file is None:
                self.names.pop(path, None)
            else:
                self.names[path] = file
        self.waiting.append((folder, changes))

    def apply(self, op: Op) -> None:
        folder = os.path.dirname(op.path)  # noqa: PTH120
        file = self.names.get(op.path)
        if op.kind in {"open", "make"}:
            self.ends[op.path] = len(self.now[file]) if file is not None and op.data == "append" else 0
        if op.kind == "make":
            if file is None:
                self._add(op.path, b"")
                self._name(folder, {op.path: self.names[op.path]})
            elif op.data == "empty":
                self.now[file] = b""
        elif op.kind == "write" and file is not None and isinstance(op.data, bytes):
            at = self.ends.get(op.path, len(self.now[file])) if op.at < 0 else op.at
            data = op.data
            held = self.now[file].ljust(at, b"\0")
            self.now[file] = held[:at] + data + held[at + len(data) :]
            if op.at < 0:
                self.ends[op.path] = at + len(data)
        elif op.kind == "cut" and file is not None:
            self.now[file] = self.now[file][: op.at].ljust(op.at, b"\0")
        elif op.kind in ("move", "link") and file is not None and isinstance(op.data, str):
            self._name(folder, {op.data: file, **({op.path: None} if op.kind == "move" else {})})
        elif op.kind == "remove":
            self._name(folder, {op.path: None})
        elif op.kind == "sync":
            if file is not None:
                self.synced[file] = self.now[file]
            mine = [changes for at, changes in self.waiting if at == op.path]
            for changes in mine:
                _rename(self.synced_names, changes)
            self.waiting = [one for one in self.waiting if one[0] != op.path]

    def image(self, kind: str, chance: random.Random) -> dict[str, bytes]:
        """What a power failure may leave: `kind` synced, some or all."""
        if kind == "all":
            return {path: self.now[file] for path, file in self.names.items()}
        names = dict(self.synced_names)
        if kind == "some":  # a journal of the file system keeps the order of names, not of contents
            for _, changes in self.waiting[: chance.randint(0, len(self.waiting))]:
                _rename(names, changes)
        return {path: self._content(file, kind, chance) for path, file in names.items()}

    def _content(self, file: int, kind: str, chance: random.Random) -> bytes:
        old, new = self.synced.get(file, b""), self.now[file]
        if kind == "synced" or old == new:
            return old
        pages = range(0, max(len(old), len(new)), 4096)
        mixed = b"".join(
            (new if chance.random() < 0.5 else old.ljust(len(new), b"\0"))[at : at + 4096] for at in pages
        )
        return mixed[: chance.choice((len(old), len(new)))]


def _rename(names: dict[str, int], changes: dict[str, int | None]) -> None:
    for path, file in changes.items():
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


async def check(place: Path, image: dict[str, bytes], acknowledged: list[tuple[str, str, bytes]]) -> str:
    """Put an image in place and open it; return what is wrong."""
    for top in ("project", "state"):
        shutil.rmtree(place / top)
    for path, data in image.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)
    boot = next(place.glob("state/**/store.git/boot"), None)
    if boot is not None:
        boot.write_text("an earlier one")
    engine = await open_engine([place / "project"], place / "state", PARTS)
    try:
        return await wrong(engine, acknowledged)
    finally:
        await engine.close()


async def wrong(engine: Checkpoints, acknowledged: list[tuple[str, str, bytes]]) -> str:
    listed = {one.id: one for one in (await engine.list(-1))[0]}
    store = engine._project.repository
    for id, name, text in acknowledged:
        if id not in listed:
            return f"{id} is not listed"
        entry = store.trees.at(bytes.fromhex(listed[id].tree), b"code/" + name.encode())
        if entry is None or store.read(entry.oid) != text:
            return f"{id} holds another {name}"
    status, out = store.run_unchecked(
        "fsck", "--full", "--no-dangling", *(one.commit for one in listed.values())
    )
    return "" if status == 0 else f"fsck {status}: {out.decode(errors='replace')[:300]}"


def cuts(ops: list[Op], images: int, chance: random.Random) -> Iterator[int]:
    """Places right before and after syncs, and between."""
    syncs = [at for at, op in enumerate(ops) if op.kind == "sync"]
    places = sorted({*syncs, *(at + 1 for at in syncs), *(chance.randrange(len(ops)) for _ in syncs)})
    yield from sorted(chance.sample(places, min(images, len(places))))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.record:
        asyncio.run(record(given.record, given.steps))
    chance, failed = random.Random(given.seed), 0
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as copy:
        place, base = Path(folder).resolve(), Path(copy)
        (place / "project").mkdir()
        for number in range(FILES):
            (place / "project" / f"f{number}.txt").write_text(f"line {number}\n" * 20)
        ops = recorded(place, given.steps, base)
        disk, acknowledged, at, tried = Disk(base, place), list[tuple[str, str, bytes]](), 0, 0
        for cut in cuts(ops, given.images, chance):
            for op in ops[at:cut]:
                disk.apply(op)
                if op.kind == "mark" and isinstance(op.data, bytes) and op.data.startswith(b"cp_"):
                    id, name, number = op.data.decode().split()
                    acknowledged.append((id, name, f"step {number}\n".encode() * 20))
            at = cut
            kind = chance.choice(("synced", "some", "some", "all"))
            found = asyncio.run(check(place, disk.image(kind, chance), acknowledged))
            tried += 1
            if found:
                failed += 1
                print(
                    f"cut before operation {cut} ({ops[min(cut, len(ops) - 1)][:2]}), {kind}: {found}",
                    flush=True,
                )
    syncs = sum(op.kind == "sync" for op in ops)
    print(
        f"{given.steps} steps, {len(ops)} operations, {syncs / given.steps:.2f} syncs a step; {tried} images opened, {failed} with a loss"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
