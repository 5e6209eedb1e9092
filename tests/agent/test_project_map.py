"""The map of the project: what it shows, that it fits, that it follows the files, and what cannot harm it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

import msgspec
import pytest

from mazu_ls.agent.project_map.client import ProjectMap, map_token_budget
from mazu_ls.agent.project_map.ipc import MapRequest, command, write_frame
from mazu_ls.agent.project_map.pool import ParserPool
from mazu_ls.agent.project_map.process import LESS_IMPORTANT
from mazu_ls.messages import estimate_tokens
from mazu_ls.workspace import Workspace

FILES = {
    "bank/book.py": """
        from bank.money import Money, parse_amount

        class Book:
            def open_account(self, owner: str) -> Money:
                return parse_amount("0")

            def close_account(self, owner): ...
        """,
    "bank/money.py": """
        class Money:
            def add_cents(self, cents: int) -> "Money": ...

        def parse_amount(text: str) -> Money:
            def digits_only(): ...
            return Money()

        def never_used(): ...
        """,
    "tests/test_book.py": """
        from bank.book import Book
        from bank.money import Money, parse_amount

        def test_opening():
            assert Book().open_account("ada").add_cents(1) == parse_amount("0.01")
        """,
    "web/app.ts": """
        import { render } from './view';
        export class Book { }
        export function start() { render(new Book()); }
        """,
    "web/view.ts": "export function render(what: unknown): void {}\n",
    "README.md": "# Money\n",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(dedent(text).lstrip())


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    write(folder, FILES)
    git(folder, "init", "-q")
    return folder


@pytest.fixture
async def project(root: Path, tmp_path: Path) -> AsyncIterator[ProjectMap]:
    held = ProjectMap(Workspace([root]), tmp_path / "state")
    yield held
    await held.close()


async def test_definitions_in_the_order_of_files(project: ProjectMap):
    assert await project.render(400) == dedent("""
        bank/book.py
          class Book
            def open_account(self, owner: str) -> Money
            def close_account(self, owner)
        bank/money.py
          class Money
            def add_cents(self, cents: int) -> "Money"
          def parse_amount(text: str) -> Money
          def never_used()
        tests/test_book.py
          def test_opening()
        web/app.ts
          class Book
          function start()
        web/view.ts
          function render(what: unknown): void""").lstrip("\n")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")
async def test_no_process_of_the_map_is_started_with_a_key(
    project: ProjectMap, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-the-user")
    monkeypatch.setenv("PLAIN_SETTING", "kept")
    await project.refresh()
    started = [
        (process.name, (process / "environ").read_bytes())
        for process in sorted(Path("/proc").glob("[0-9]*"))
        if str(project._cache.parent.parent).encode() in _command_line(process)
    ]
    assert len(started) == 2
    assert all(b"PLAIN_SETTING=kept" in environ for _, environ in started)
    assert [pid for pid, environ in started if b"key-of-the-user" in environ] == []


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:  # ended meanwhile
        return b""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
async def test_its_process_starts_no_threads_for_matrices(project: ProjectMap):
    assert await project.render(1000)
    assert project._process is not None
    assert len(list(Path(f"/proc/{project._process.pid}/task").iterdir())) == 1


async def test_what_is_used_most_stays_when_there_is_little_room(project: ProjectMap):
    shown = await project.render(32)
    assert "bank/money.py\n  def parse_amount(text: str) -> Money" in shown
    assert "Book" not in shown


async def test_the_files_in_focus_decide_what_else_is_shown(project: ProjectMap):
    assert "view.ts" not in await project.render(32, ["bank/book.py"])
    assert "function render" in await project.render(32, ["web/app.ts", "no/such/file", "../outside"])


@pytest.mark.parametrize("budget", [0, 1, 31, 32, 33, 50, 75, 100, 150])
async def test_it_fits_the_budget(project: ProjectMap, budget: int):
    assert estimate_tokens(await project.render(budget)) <= budget


async def test_only_what_changed_is_read_again(project: ProjectMap, root: Path):
    before = await project.render(400)
    assert (await project.refresh()).parsed == 0
    (root / "web/view.ts").write_text("export function paint(): void {}\n")
    assert (await project.refresh()).parsed == 1
    assert await project.render(400) == before.replace("render(what: unknown)", "paint()")


async def test_a_file_that_only_we_know_to_have_changed(project: ProjectMap, root: Path):
    view = root / "web/view.ts"
    await project.refresh()
    stamp = view.stat()
    view.write_bytes(view.read_bytes().replace(b"render", b"redraw"))
    os.utime(view, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    project.note_changed(view)
    assert "redraw" in await project.render(400)


async def test_files_that_come_go_and_are_ignored(project: ProjectMap, root: Path):
    await project.refresh()
    (root / "bank/book.py").unlink()
    write(root, {"new.go": "func Fresh() {}", "build/out.py": "def built(): ...", ".gitignore": "build/"})
    shown = await project.render(400)
    assert "func Fresh()" in shown
    assert "open_account" not in shown
    assert "built" not in shown


async def test_without_git_the_ignore_files_are_read_all_the_same(tmp_path: Path):
    write(tmp_path / "p", {"a.py": "def kept(): ...", "out/b.py": "def built(): ...", ".gitignore": "out/"})
    project = ProjectMap(Workspace([tmp_path / "p"]), tmp_path / "state")
    assert await project.render(100) == "a.py\n  def kept()"
    await project.close()


async def test_a_repository_inside_and_several_folders(tmp_path: Path):
    write(tmp_path / "one", {"a.py": "def outer(): ...", "lib/b.py": "def inner(): ..."})
    write(tmp_path / "two", {"c.py": "def second(): ..."})
    git(tmp_path / "one" / "lib", "init", "-q")
    git(tmp_path / "one", "init", "-q")
    project = ProjectMap(Workspace([tmp_path / "one", tmp_path / "two"]), tmp_path / "state")
    shown = await project.render(100)
    assert shown == "one/a.py\n  def outer()\none/lib/b.py\n  def inner()\ntwo/c.py\n  def second()"
    await project.close()


async def test_what_must_not_be_shown_is_not(tmp_path: Path):
    key = "sk-ant-api03-" + "Ab1" * 30
    outside = tmp_path / "outside.py"
    outside.write_text("def elsewhere(): ...")
    root = tmp_path / "p"
    write(
        root, {"a.py": f'API_KEY = "{key}"', "min.js": "function q(){};" * 3000, "bin.py": "def f(): ...\0"}
    )
    write(root, {"odd\nname.py": "def odd(): ...", "huge.py": "def huge(): ...\n" * 80_000})
    (root / "link.py").symlink_to(outside)
    project = ProjectMap(Workspace([root]), tmp_path / "state")
    shown = await project.render(400)
    assert shown.startswith("a.py\n  API_KEY = ")
    assert key not in shown
    assert shown.count("\n") == 1
    await project.close()


async def test_it_is_kept_between_runs(project: ProjectMap, root: Path, tmp_path: Path):
    before = await project.render(400)
    await project.close()
    again = ProjectMap(Workspace([root]), tmp_path / "state")
    assert (await again.refresh()).parsed == 0
    assert await again.render(400) == before
    await again.close()
    (tmp_path / "state" / "map.db").write_bytes(b"no database" * 1000)
    damaged = ProjectMap(Workspace([root]), tmp_path / "state")
    assert await damaged.render(400) == before
    await damaged.close()


async def test_what_is_kept_between_runs_holds_no_keys(project: ProjectMap, root: Path, tmp_path: Path):
    key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    write(root, {"keys.py": f'def connect(token="{key}"):\n    ...\n\n\nTOKEN = "{key}"\n'})
    shown = await project.render(2000)
    await project.close()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").glob("map.db*"))
    assert "connect(" in shown
    assert b"connect(" in kept
    assert key not in shown
    assert key.encode() not in kept


async def test_two_editors_on_one_project(project: ProjectMap, root: Path, tmp_path: Path):
    other = ProjectMap(Workspace([root]), tmp_path / "state")
    first, second = await asyncio.gather(project.render(400), other.render(400))
    assert first == second != ""
    await other.close()


async def test_a_turn_that_does_not_wait(project: ProjectMap):
    assert await project.render(400, patience=0) == ""
    assert "class Book" in await project.render(400)


async def test_its_process_ends_when_idle_and_when_killed_and_is_started_again(root: Path, tmp_path: Path):
    project = ProjectMap(Workspace([root]), tmp_path / "state", idle_seconds=0.05)
    before = await project.render(400)
    worker = children()
    assert len(worker) == 1
    async with asyncio.timeout(60):
        while children():  # noqa: ASYNC110 - processes tell nobody that they end
            await asyncio.sleep(0.02)
    assert await project.render(400) == before
    await project.close()

    project = ProjectMap(Workspace([root]), tmp_path / "state")
    await project.refresh()
    os.kill(children()[0], 9)
    assert await project.render(400) == ""
    assert await project.render(400) == before
    await project.close()
    assert children() == []


async def test_its_process_leaves_the_processor_to_turns_and_is_not_started_after_closing(
    project: ProjectMap,
):
    import psutil

    assert await project.render(400)
    (worker,) = children()
    assert psutil.Process(worker).nice() == min(19, os.nice(0) + LESS_IMPORTANT)
    await project.close()
    assert await project.render(400) == ""
    assert children() == []


async def test_its_first_process_waits_for_the_first_answer_of_the_turn(project: ProjectMap):
    answer_begun = asyncio.Event()
    drawing = asyncio.create_task(project.render(400, start_after=answer_begun))
    await asyncio.sleep(0.3)
    assert children() == []
    answer_begun.set()
    drawn = await drawing
    assert "class Book" in drawn
    assert await project.render(400, start_after=asyncio.Event()) == drawn  # its process is there


async def test_a_map_that_is_off_waits_for_nothing(project: ProjectMap):
    async with asyncio.timeout(1):
        assert await project.render(0, start_after=asyncio.Event()) == ""


def children() -> list[int]:
    import psutil

    processes = psutil.Process().children()
    return [
        p.pid
        for p in processes
        if p.status() != psutil.STATUS_ZOMBIE and "project_map.process" in " ".join(p.cmdline())
    ]


async def test_a_project_cannot_put_its_modules_in_our_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\n"
    write(tmp_path / "p", {"msgspec.py": trap, "mazu_ls/__init__.py": trap, "a.py": "def kept(): ..."})
    monkeypatch.chdir(tmp_path / "p")
    project = ProjectMap(Workspace([tmp_path / "p"]), tmp_path / "state")
    assert "def kept()" in await project.render(100)
    await project.close()
    assert not (tmp_path / "sprung").exists()


def test_a_reader_that_was_killed_costs_nothing(root: Path):
    import psutil

    readers = ParserPool([root])
    path = os.fsencode(root / "web/view.ts")
    (first,) = readers.read([path])
    (reader,) = (p for p in psutil.Process().children() if "project_map.parse" in " ".join(p.cmdline()))
    reader.kill()
    (second,) = readers.read([path])
    assert second == first
    assert second[0].names
    readers.close()


def test_small_models_get_no_map():
    assert map_token_budget(8_000, 1000) == 0
    assert map_token_budget(16_000, 1000) == 800
    assert map_token_budget(200_000, 1000) == 1000
    assert map_token_budget(None, 1000) == 1000


@pytest.mark.parametrize("module", ["parse", "process"])
def test_a_process_that_nobody_listens_to_any_more_ends_quietly(module: str, root: Path, tmp_path: Path):
    frame = msgspec.msgpack.encode([b"a.py"] if module == "parse" else MapRequest("refresh"))
    cache = [] if module == "parse" else [str(tmp_path / "map.db")]
    with subprocess.Popen(
        command(module, *cache, str(root)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout and process.stderr
        process.stdout.close()
        write_frame(cast(Any, process.stdin), frame)
        write_frame(cast(Any, process.stdin), frame)
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(40) == 0


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="no /proc")
async def test_a_git_that_is_busy_with_an_ignore_rule_ends_with_the_map(root: Path, tmp_path: Path):
    (root / ".gitignore").write_text("*a" * 12 + "*b\n")
    (root / ("a" * 150 + ".py")).write_text("")
    project = ProjectMap(Workspace([root]), tmp_path / "state")
    asked = asyncio.create_task(project.refresh())
    async with asyncio.timeout(60):
        while not git_processes_in(root):  # noqa: ASYNC110 - seen from outside
            await asyncio.sleep(0.05)
    await project.close()
    assert asked.cancelled() or asked.exception() is not None
    async with asyncio.timeout(40):
        while git_processes_in(root):  # noqa: ASYNC110 - seen from outside
            await asyncio.sleep(0.05)


def git_processes_in(folder: Path) -> list[Path]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder) and b"ls-files" in _command_line(process):
                found.append(process)
        except OSError:  # ended meanwhile, or not ours
            continue
    return found
