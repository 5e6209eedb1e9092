"""The main job in a real Emacs, with nothing but eglot."""

import os
import subprocess
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


async def test_the_main_job(emacs: Path, tmp_path: Path):
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    (project / "app.py").write_text(APP)
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    fix = {"path": "app.py", "old": "return a - b", "new": "return a + b"}
    script = [
        Reply(text='```python\ndef double(a):\n    """Twice the number."""\n    return a * 2\n```'),
        Reply(when="It subtracts", text="I see.", calls=[{"name": "edit_file", "arguments": fix}]),
        Reply(text="It adds now."),
    ]
    async with ModelServer(script) as model:
        await Bed(emacs, project, home, model).tell("main_job")
