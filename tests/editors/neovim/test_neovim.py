"""The real server in a real Neovim: each test is one story in `stories/`, told by headless Neovim."""

import pytest
from neovim_bed import Bed

from mazu_ls.demo.model_server import Reply

pytestmark = pytest.mark.editor

FIX = {"path": "app.py", "old": "return a - b", "new": "return a + b"}


def says(bed: Bed, *replies: Reply) -> None:
    """What the model will say, in this order."""
    bed.model.script.replies.extend(replies)


async def test_the_main_job(bed: Bed):
    says(
        bed,
        Reply(when="total subtracts", text="I see.", calls=[{"name": "edit_file", "arguments": FIX}]),
        Reply(text="It adds now."),
        Reply(text='def double(a):\n    """Twice the number."""\n    return a * 2\n'),
    )
    await bed.tell("main_job")
