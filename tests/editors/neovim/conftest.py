"""Fixtures for the stories that are told in a real Neovim."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from neovim_bed import Bed, obtain

from mazu_ls.demo.model_server import ModelServer

APP = """\
def total(a, b):
    return a - b


def double(a):
    return a * 2
"""


@pytest.fixture(scope="session")
def nvim() -> Path:
    if os.environ.get("MAZU_SKIP_EDITORS") == "1":
        pytest.skip("MAZU_SKIP_EDITORS=1")
    return obtain()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository with one file that has a bug."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text(APP)
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "start"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


@pytest.fixture
async def bed(nvim: Path, project: Path, tmp_path: Path) -> AsyncIterator[Bed]:
    home = tmp_path / "home"
    home.mkdir()
    async with ModelServer() as model:
        yield Bed(nvim, project, home, model)
