"""An MCP server does not start again, unasked, from files of the project that somebody put in the place of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.config.config import McpServer
from mazu_ls.config.mcp_places import NamedPlaces
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.tools.mcp.start_state import StartState
from mazu_ls.tools.shell import sandbox
from tests.server.client import Client, eventually

pytest.importorskip("mcp")
STUB = Path(__file__).parents[1] / "tools" / "mcp_stub.py"
PYTHON = os.path.realpath(sys.executable)
SERVER = f"""import os, runpy, sys, threading, time
def end():
    while not os.path.exists("{{stop}}"):
        time.sleep(0.05)
    os._exit(1)
threading.Thread(target=end, daemon=True).start()
sys.argv[:] = ["stub", "works", "state"]
runpy.run_path({str(STUB)!r})
"""
REPLACE = """
put() { (echo "open('$HOME/evil', 'a').write('$1 ')"; cat lib/srv.py) > "$2"; }
put link new && mv new link/srv.py
mv folderlink was && mkdir folderlink && put folderlink folderlink/srv.py
printf '#!/bin/sh\\necho venv >> "$HOME/evil"\\n' > new && chmod +x new && mv new .venv/bin/python
mkdir later && put missing later/srv.py
put folder package/__main__.py
put directory moved/srv.py || echo it is held
"""


def made_project(tmp_path: Path) -> Path:
    """Return a project with seven servers, each started from files of the project in another way."""
    folder = tmp_path / "project"
    for name in ("lib", "link", ".venv/bin", "package", "moved"):
        (folder / name).mkdir(parents=True)
    for name in ("lib/srv.py", "package/__main__.py", "moved/srv.py"):
        (folder / name).write_text(SERVER.format(stop=tmp_path / "stop"))
    (folder / "link" / "srv.py").symlink_to("../lib/srv.py")
    (folder / "folderlink").symlink_to("lib")
    (folder / ".venv" / "bin" / "python").symlink_to(PYTHON)
    (folder / ".gitignore").write_text(".venv/\n")
    (folder / "start.sh").write_text("true\n")
    (folder / "do.sh").write_text(REPLACE)
    subprocess.run("git init -q; git add -A", shell=True, cwd=folder, check=True)
    entries: dict[str, tuple[str, list[str]]] = {
        "link": (PYTHON, ["link/srv.py"]),
        "folderlink": (PYTHON, ["folderlink/srv.py"]),
        "venv": (".venv/bin/python", ["lib/srv.py"]),
        "missing": (PYTHON, ["later/srv.py"]),
        "folder": (PYTHON, ["package"]),
        "directory": ("sh", ["-c", f"cd moved && exec {PYTHON} srv.py"]),
        "environment": ("bash", ["-c", f"exec {PYTHON} lib/srv.py"]),
    }
    lines = ['[permissions]\nmode = "auto"\n']
    for name, (command, args) in entries.items():
        lines.append(f'[[mcp_servers]]\nname = "{name}"\ncommand = "{command}"\nargs = {json.dumps(args)}\n')
    lines.append('env = { BASH_ENV = "./start.sh" }\n')
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text("".join(lines))
    return folder


@contextlib.asynccontextmanager
async def opened(
    folder: Path, replies: list[Any], agree: list[str], asked: list[str]
) -> AsyncIterator[Client]:
    """A process of mazu-ls whose user agrees to the start of the named servers."""
    home = folder.parent

    def answer(params: Any) -> Any:
        asked.append(params["message"])
        return (
            params["actions"][0] if any(f" server {name} " in params["message"] for name in agree) else None
        )

    async with ModelServer(replies) as model:
        env = {
            **os.environ, "HOME": str(home), "MAZU_HOME": str(home / "home"), "MAZU_STATE_HOME": str(home / "state"),
            "ANTHROPIC_API_KEY": "test-key", "ANTHROPIC_BASE_URL": model.url,
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mazu_ls",
            "--stdio",
            cwd=folder,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdin and process.stdout
        client, out = Client(process.stdin.write), process.stdout

        async def read() -> None:
            while data := await out.read(1 << 16):
                client.deliver(data)

        reading = asyncio.create_task(read())
        client.answers["window/showMessageRequest"] = answer
        try:
            await client.initialize(folder, window={"showMessage": {"messageActionItem": {}}})
            yield client
        finally:
            process.stdin.close()
            await asyncio.wait_for(process.wait(), 60)
            reading.cancel()


async def states(client: Client) -> dict[str, tuple[str, str]]:
    servers = (await client.command("mazu.status"))["mcpServers"]
    return {one["name"]: (one["state"], one["detail"]) for one in servers}


async def in_states(client: Client, expected: dict[str, str]) -> bool:
    return {name: state for name, (state, _) in (await states(client)).items()} == expected


@pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")
async def test_a_server_whose_files_were_replaced_waits_for_the_user(tmp_path: Path) -> None:
    folder = made_project(tmp_path)
    names = ["link", "folderlink", "venv", "missing", "folder", "directory", "environment"]
    waiting = dict.fromkeys(names, "not_agreed")
    asked: list[str] = []
    replies = [
        {"calls": [{"name": "run_shell", "arguments": {"command": "sh do.sh"}}]},
        {"text": "Done."},
    ]
    async with opened(folder, replies, [], asked) as client:
        started = {**dict.fromkeys(names, "connected"), "missing": "failed"}
        assert await eventually(lambda: in_states(client, started)), await states(client)
        assert asked == []
        await client.command("mazu.chat", {"message": "go", "wait": True})
        assert (folder / "later" / "srv.py").exists()
        assert "evil" not in (folder / "moved" / "srv.py").read_text()
        evil = f"open('{tmp_path}/evil', 'a').write('directory ')\n"
        (folder / "moved" / "srv.py").write_text(evil + (folder / "moved" / "srv.py").read_text())
        (folder / "start.sh").write_text('echo environment >> "$HOME/evil"\n')
        (tmp_path / "stop").touch()
        assert await eventually(lambda: in_states(client, waiting)), await states(client)
        details = {name: detail for name, (_, detail) in (await states(client)).items()}
        assert "files of the project that changed: link/srv.py; see" in details["link"]
        assert ".venv/bin/python" in details["venv"]
        assert "start.sh" in details["environment"]
        title = "The MCP server link is started from files of the project that changed: link/srv.py. May it start?"
        assert any(title in one for one in asked), asked
        assert any(".venv/bin/python" in one and "New or changed:" in one for one in asked), asked
        assert any("\nfolderlink/srv.py" in one and "folderlink -> " not in one for one in asked), asked
        assert not (tmp_path / "evil").exists()
    (tmp_path / "stop").unlink()
    async with opened(folder, [], ["link", "missing"], asked) as client:
        assert await eventually(
            lambda: in_states(client, {**waiting, "link": "connected", "missing": "connected"})
        )
        assert sorted((tmp_path / "evil").read_text().split()) == ["link", "missing"]
    asked.clear()
    async with opened(folder, [], [], asked) as client:
        agreed = {**waiting, "link": "connected", "missing": "connected"}
        assert await eventually(lambda: in_states(client, agreed))
        (item,) = (
            one for one in (await client.command("mazu.trust.list"))["items"] if one["id"] == "mcp:folder"
        )
        assert item["state"] == "changed"
        assert item["files"] and all(Path(one).is_relative_to(folder) for one in item["files"])
        await client.command("mazu.trust.agree", {"id": item["id"], "hash": item["hash"]})
        assert await eventually(lambda: in_states(client, {**agreed, "folder": "connected"}))
    assert not any(" server link " in one or " server missing " in one for one in asked)


@pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")
async def test_no_server_starts_while_a_command_could_swap_its_file(tmp_path: Path) -> None:
    """The file that is looked at is then another one than the file that is started, again and again."""
    folder = tmp_path / "project"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "srv.py").write_text(SERVER.format(stop=tmp_path / "stop"))
    (folder / "srv.py").symlink_to("lib/srv.py")
    (tmp_path / "home").mkdir()
    entry = f'[[mcp_servers]]\nname = "swapped"\ncommand = "{PYTHON}"\nargs = ["srv.py"]\n'
    (tmp_path / "home" / "config.toml").write_text(f'[permissions]\nmode = "auto"\n{entry}')
    evil = "(echo \"open('$HOME/evil', 'a').write('x')\"; cat lib/srv.py) > e.py; ln -s lib/srv.py s"
    swap = (
        f"{evil}; while true; do cp -P s n; mv n srv.py; sleep .01; cp e.py n; mv n srv.py; sleep .01; done"
    )
    (folder / "do.sh").write_text(swap)
    replies = [
        {"calls": [{"name": "run_shell", "arguments": {"command": "sh do.sh", "background": True}}]},
        {"text": "It runs."},
        {"calls": [{"name": "shell_stop", "arguments": {"id": "sh1"}}]},
        {"text": "Done."},
    ]
    async with opened(folder, replies, [], []) as client:
        assert await eventually(lambda: in_states(client, {"swapped": "connected"}))
        went = await client.command("mazu.chat", {"message": "go", "wait": True})
        (tmp_path / "stop").touch()

        async def is_held() -> bool:
            return "commands that nobody approved" in (await states(client))["swapped"][1]

        assert await eventually(is_held, 20), await states(client)
        (tmp_path / "stop").unlink()
        more = {"message": "stop it", "wait": True, "sessionId": went["sessionId"]}
        await client.command("mazu.chat", more)
        left = "connected" if (folder / "srv.py").is_symlink() else "not_agreed"
        assert await eventually(lambda: in_states(client, {"swapped": left}), 20), await states(client)
        assert not (tmp_path / "evil").exists()


async def test_what_a_server_works_on_may_change_but_not_what_starts_it(tmp_path: Path) -> None:
    """The folders that a server is given, what it keeps there, and the settings of other programs are no program of it."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    for name in ("main.py", "package.json", "src/a.py", "src/index.ts", "memory.json"):
        (folder / name).write_text("{}")
    (tmp_path / "srv.py").write_text(SERVER.format(stop=tmp_path / "stop"))
    (folder / "Makefile").write_text(f"mcp:\n\t@exec {PYTHON} {tmp_path}/srv.py\n")
    python = f'command = "{PYTHON}"\nargs = ["{tmp_path}/srv.py", "--root", "src", ".", "--cache", "cache"]\n'
    entries = [
        f'name = "works"\n{python}env = {{ MEMORY = "./memory.json" }}\n',
        'name = "make"\ncommand = "make"\nargs = ["mcp"]\n',
    ]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text("".join(f"[[mcp_servers]]\n{one}" for one in entries))
    asked: list[str] = []
    async with opened(folder, [], [], asked) as client:
        assert await eventually(lambda: in_states(client, {"works": "connected", "make": "connected"}))
        for name in ("main.py", "package.json", "src/a.py", "src/index.ts", "memory.json", "Makefile"):
            with (folder / name).open("a") as file:
                file.write("\n")
        (folder / "cache").mkdir()
        (folder / "cache" / "c.bin").write_text("c")
        (tmp_path / "stop").touch()
        assert await eventually(lambda: in_states(client, {"works": "reconnecting", "make": "not_agreed"}))
        (tmp_path / "stop").unlink()
        assert await eventually(lambda: in_states(client, {"works": "connected", "make": "not_agreed"}))
        assert ["Makefile. May it start?" in one for one in asked] == [True]


def test_the_words_of_an_entry_name_what_they_start(tmp_path: Path) -> None:
    files = [
        "plain/srv.py", "edir/srv.py", "g.js", "r.js", "i.mjs", "h.js", "sp ace/s.py", "a/b/c.py", "pack/mod.py",
        "js/index.js", ".venv/bin/tool", "docs/a.md", "unnamed.py", "__main__.py", "data.db", "cmd/main.go",
    ]  # fmt: skip
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    def named(command: str, *args: str, **env: str) -> set[str]:
        places = NamedPlaces(McpServer("m", command, args, env), [tmp_path], "/usr/bin")
        return {
            str(one.relative_to(tmp_path)) for one in (*places.existing, *places.entries) if one.is_file()
        }

    assert named("uv", "--directory", "edir", "run", "srv.py") == {"edir/srv.py"}
    assert named("node", "./g") == {"g.js"}
    assert named("node", "-rr.js", f"--import=file://{tmp_path}/i.mjs") == {"r.js", "i.mjs"}
    assert named("node", "-e", "1", NODE_OPTIONS="--require ./h.js") == {"h.js"}
    assert named("python3", "sp ace/s.py", str(tmp_path / "plain/srv.py")) == {"sp ace/s.py", "plain/srv.py"}
    assert named("sh", "-c", "cd a && cd b && python3 'c.py'") == {"a/b/c.py"}
    assert named("sh", "-c", "exec $PWD/plain/srv.py") == {"plain/srv.py"}
    assert named("python3", "-m", "pack.mod") == {"pack/mod.py"}
    assert named("tool", PATH=f"{tmp_path}/.venv/bin:/usr/bin") == {".venv/bin/tool"}
    assert named("python3", ".") == {"__main__.py"}
    assert named("sh", "-c", "exec node js") == {"js/index.js"}
    assert named("go", "run", "./cmd") == {"cmd/main.go"}
    assert named("any-server", "--root", "js", ".") == named("npx", "any-server", "./js") == set()
    with contextlib.chdir(tmp_path.parent):  # a relative word is read from where mazu-ls was started
        assert named("python3", f"{tmp_path.name}/plain/srv.py") == {"plain/srv.py"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOME", str(tmp_path))
        assert named("sh", "-c", "exec ~/plain/srv.py $HOME/g.js") == {"plain/srv.py", "g.js"}
    assert named("npx", "-y", "server-filesystem", ".", str(tmp_path)) == set()
    assert named("npx", "-y", "a-server", KEY="x" * 100_000, EMPTY="") == set()


def test_data_that_a_server_writes_itself_is_no_change_but_a_link_in_a_scripts_place_is(
    tmp_path: Path,
) -> None:
    (tmp_path / "data.db").write_text("")
    (tmp_path / "srv.py").symlink_to("note.txt")
    (tmp_path / "note.txt").write_text("a")
    look = StartState([tmp_path])
    assert look.read_place(tmp_path / "data.db") is None
    assert look.read_place(tmp_path / "gone.py") is None
    before = look.read_place(tmp_path / "srv.py")
    (tmp_path / "note.txt").write_text("b")
    assert before not in (None, look.read_place(tmp_path / "srv.py"))
