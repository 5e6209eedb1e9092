"""The last line of a turn does not pass a part of what it changed for all of it."""

import json

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]
EDIT = {"calls": [{"name": "write_file", "arguments": {"path": "one.txt", "content": "1\n"}}]}
MANY = {"calls": [{"name": "run_shell", "arguments": {"command": "for i in $(seq 501); do echo $i > made-$i.txt; done"}}]}  # fmt: skip


def test_more_than_can_be_counted_is_said(script: Script):
    script.model_says(EDIT, MANY, {"text": "Done."}, EDIT, MANY, {"text": "Done."})
    status, _, err = script("run", "write many", "--allow-shell")
    assert status == 0, err
    assert "1 file changed +1 -0 · what its commands changed was not counted" in err
    assert script("undo")[0] == 0
    assert json.loads(script("run", "write many", "--allow-shell", "--json")[1])["uncounted"] is True
