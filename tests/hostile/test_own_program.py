"""mazu-ls in the project's own virtual environment: what nobody approved does not rewrite the program that guards the sandbox."""

from __future__ import annotations

import asyncio
import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

import mazu_ls
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


async def test_a_command_and_an_edit_leave_it_as_it_is(tmp_path: Path, folder: Path):
    (own,) = folder.glob(".venv/lib/python*/site-packages/mazu_ls/__init__.py")
    inside = own.relative_to(folder)
    before = own.read_bytes()
    lines = [f"echo 'evil' >> {inside}", "mv .venv other", f"rm -r {inside.parent}", "echo fine > out.txt"]
    replies = [{"calls": [{"name": "run_shell", "arguments": {"command": one}}]} for one in lines]
    edit = {"path": str(inside), "content": "evil\n"}
    replies += [{"calls": [{"name": "write_file", "arguments": edit}]}, {"text": "Done."}]
    async with ModelServer(replies) as model:
        env = {
            **os.environ, "HOME": str(tmp_path), "MAZU_HOME": str(tmp_path / "home"), "MAZU_STATE_HOME": str(tmp_path / "state"),
            "ANTHROPIC_API_KEY": "test-key", "ANTHROPIC_BASE_URL": model.url,
        }  # fmt: skip
        ran = await asyncio.create_subprocess_exec(
            folder / ".venv" / "bin" / "python", "-m", "mazu_ls", "run", "go", "--allow-shell",
            cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said = (await ran.communicate())[0].decode()
    assert own.read_bytes() == before, said
    assert (folder / "out.txt").read_text() == "fine\n", said
    assert "mazu-ls itself runs from there" in said
