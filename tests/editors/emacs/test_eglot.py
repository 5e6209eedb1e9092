"""The main job in a real Emacs, with nothing but eglot."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from emacs_bed import Bed, obtain

from mazu_ls.demo.model_server import ModelServer, Reply

pytestmark = pytest.mark.editor

APP = """\
def total(a, b):
    return a - b


def double(a):
    return a * 2
"""


@pytest.fixture(scope="session")
def emacs() -> Path:
    if os.environ.get("MAZU_SKIP_EDITORS") == "1":
        pytest.skip("MAZU_SKIP_EDITORS=1")
    return obtain()


@pytest.fixture
async def bed(emacs: Path, project: Path, tmp_path: Path) -> AsyncIterator[Bed]:
    home = tmp_path / "home"
    home.mkdir()
    async with ModelServer() as model:
        yield Bed(emacs, project, home, model)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text(APP)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


async def test_the_main_job(bed: Bed):
    fix = {"path": "app.py", "old": "return a - b", "new": "return a + b"}
    bed.model.script.replies += [
        Reply(text='```python\ndef double(a):\n    """Twice the number."""\n    return a * 2\n```'),
        Reply(when="It subtracts", text="I see.", calls=[{"name": "edit_file", "arguments": fix}]),
        Reply(text="It adds now."),
    ]
    await bed.tell("main_job")
