"""The main job in a real Emacs, with nothing but eglot."""

from pathlib import Path

import pytest
from emacs_bed import Bed, obtain

from mazu_ls.demo.model_server import ModelServer, ScriptedReply

pytestmark = pytest.mark.editor


@pytest.fixture(scope="session")
def emacs(editors_wanted: None) -> Path:
    return obtain()


@pytest.fixture
def bed(emacs: Path, project: Path, home: Path, model: ModelServer) -> Bed:
    return Bed(emacs, project, home, model)


async def test_the_main_job(bed: Bed):
    fix = {"path": "app.py", "old": "return a - b", "new": "return a + b"}
    bed.model.script.replies += [
        ScriptedReply(text='```python\ndef double(a):\n    """Twice the number."""\n    return a * 2\n```'),
        ScriptedReply(when="It subtracts", text="I see.", calls=[{"name": "edit_file", "arguments": fix}]),
        ScriptedReply(text=f"It adds now. {'And so on. ' * 40}The very end.", chunk=12, delay=0.03),
    ]
    await bed.tell("main_job")
