"""The result is the last line of `--stream-json`, whatever is still to be said."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture
NOW = (
    "import sys\nfrom mazu_ls.agent.jobs import extraction\nimport mazu_ls.__main__ as program\n"
    "extraction.REST_SECONDS = 0.0\nsys.argv = ['mazu-ls', *sys.argv[1:]]\nprogram.main()"
)
"""A conversation is examined at once instead of ten minutes later."""
FOUND = {
    "memories": [{"title": "The port is 8080.", "category": "decision", "body": "Asked by the user."}],
    "summary": {"title": "Choosing the port", "text": "The port was chosen."},
}


@pytest.mark.parametrize(("found", "said"), [({}, "It is tried again later"), (FOUND, "remembered from")])
def test_what_an_earlier_conversation_leaves_is_said_on_stderr(
    script: Script, found: dict[str, Any], said: str
):
    script.model_says({"text": "8080."})
    assert script("chat", "Which port do we use, and why?")[0] == 0
    script.model_says(
        {"text": "Two."}, {"calls": [{"name": "save_memories", "arguments": found}], "repeat": True}
    )
    ended = subprocess.run(
        [sys.executable, "-c", NOW, "chat", "And now?", "--stream-json"],
        cwd=script.root, env=script.env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (ended.returncode, lines[-1]["type"]) == (0, "result"), ended
    assert lines[-1]["result"]["reply"] == "Two."
    assert said in ended.stderr
