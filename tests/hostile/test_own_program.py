"""What runs outside of the sandbox and is in the project, mazu-ls in its virtual environment and MCP servers: nobody rewrites it unasked."""

from __future__ import annotations

import asyncio
import os
import shutil
import site
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mazu_ls
from mazu_ls.config.config import McpServer
from mazu_ls.config.mcp_files import mcp_files
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.tools.shell import sandbox

pytestmark = pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with mazu-ls in its `.venv`."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / ".gitignore").write_text(".venv/\n")
    made = f"git init -q && {sys.executable} -m venv --without-pip .venv"
    subprocess.run(made, shell=True, cwd=folder, check=True)
    (packages,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    shutil.copytree(
        Path(mazu_ls.__file__).parent, packages / "mazu_ls", ignore=shutil.ignore_patterns("__pycache__")
    )
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    return folder


async def test_a_command_and_an_edit_leave_it_as_it_is(folder: Path):
    (own,) = folder.glob(".venv/lib/python*/site-packages/mazu_ls/__init__.py")
    inside = own.relative_to(folder)
    before = own.read_bytes()
    lines = [f"echo 'evil' >> {inside}", "mv .venv other", f"rm -r {inside.parent}", "echo fine > out.txt"]
    said = await run_unasked(folder, str(folder / ".venv" / "bin" / "python"), lines, str(inside))
    assert own.read_bytes() == before, said
    assert (folder / "out.txt").read_text() == "fine\n", said
    assert "mazu-ls itself runs from there" in said


async def test_the_script_of_an_mcp_server_stays_as_it_is(tmp_path: Path):
    folder = tmp_path / "project"
    (folder / "tools").mkdir(parents=True)
    server = folder / "tools" / "server.py"
    server.write_text("raise SystemExit\n")
    (tmp_path / "home").mkdir()
    entry = '[[mcp_servers]]\nname = "own"\ncommand = "python3"\nargs = ["-u", "tools/server.py"]\n'
    (tmp_path / "home" / "config.toml").write_text(entry)
    lines = ["sed -i 1ievil tools/server.py", "mv tools other && mkdir tools && echo evil > tools/server.py"]
    lines += ["rm tools/server.py", "echo fine > tools/other.py"]
    said = await run_unasked(folder, sys.executable, lines, "tools/server.py")
    assert server.read_text() == "raise SystemExit\n", said
    assert (folder / "tools" / "other.py").read_text() == "fine\n", said
    assert "an MCP server is started from it" in said


async def run_unasked(folder: Path, python: str, lines: list[str], edited: str) -> str:
    """Return what `mazu-ls run` prints whose model runs these command lines and then overwrites a file."""
    replies: list[dict[str, Any]] = [
        {"calls": [{"name": "run_shell", "arguments": {"command": one}}]} for one in lines
    ]
    edit = {"path": edited, "content": "evil\n"}
    replies += [{"calls": [{"name": "write_file", "arguments": edit}]}, {"text": "Done."}]
    home = folder.parent
    async with ModelServer(replies) as model:
        env = {
            **os.environ, "HOME": str(home), "MAZU_HOME": str(home / "home"), "MAZU_STATE_HOME": str(home / "state"),
            "ANTHROPIC_API_KEY": "test-key", "ANTHROPIC_BASE_URL": model.url,
        }  # fmt: skip
        ran = await asyncio.create_subprocess_exec(
            python, "-m", "mazu_ls", "run", "go", "--allow-shell",
            cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return (await ran.communicate())[0].decode()


def test_words_that_are_no_paths_name_no_file(tmp_path: Path):
    (tmp_path / "server.py").write_text("")
    words = ("x" * 300, "a/" + "y" * 300, "no\0name", "", "/etc/passwd", "--script=server.py", ".")
    entry = McpServer("own", "node", words)
    assert mcp_files([entry], [tmp_path]) == {tmp_path / "server.py"}
