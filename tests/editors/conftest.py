"""What every editor is tested with: a project with a bug, a home of its own, a scripted model."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer

APP = """\
def total(a, b):
    return a - b


def double(a):
    return a * 2
"""


@pytest.fixture(scope="session")
def editors_wanted() -> None:
    """Ends the test that asks for it where the editors are left out."""
    if os.environ.get("MAZU_SKIP_EDITORS") == "1":
        pytest.skip("MAZU_SKIP_EDITORS=1")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository with one file."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text(APP)
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "start"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    """A model that says what the test adds to its script."""
    async with ModelServer() as server:
        yield server
