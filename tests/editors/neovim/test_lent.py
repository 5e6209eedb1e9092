"""Neovim's other language servers, as the model hears them."""

import pytest
from neovim_bed import Bed

from mazu_ls.demo.model_server import ScriptedReply

pytestmark = pytest.mark.editor


async def test_another_server_judges_an_edit_and_is_asked(bed: Bed):
    edit = {"path": "app.py", "old": "return a - b", "new": "return a * b"}
    asked = {"path": "app.py", "symbol": "total"}
    bed.model.script.replies += [
        ScriptedReply(calls=[{"name": "edit_file", "arguments": edit}]),
        ScriptedReply(
            calls=[{"name": "references", "arguments": asked}, {"name": "diagnostics", "arguments": {}}]
        ),
        ScriptedReply(text="I see."),
    ]
    await bed.tell("lent")
    edited, answered = (str(body["messages"][-1]) for body in bed.model.bodies[1:3])
    assert "[new diagnostics of app.py, version" in edited
    assert "app.py:2:1: error: no multiplying (linter)" in edited
    assert "app.py:1:5: def total(a, b):" in answered
    assert "app.py:2:1: error: no multiplying (linter)" in answered
