"""Turns of two conversations at the same time: each undo reverts what its own turn wrote."""

import json
import time

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture
WAIT = """from pathlib import Path
import time
Path("began").touch()
while not Path("go").exists():
    time.sleep(0.05)
Path("p1.txt").write_text("p1")
"""


def test_what_one_turn_writes_while_the_other_runs_a_command_is_undone_with_its_own(script: Script):
    write = {"name": "write_file", "arguments": {"path": "p2.txt", "text": "p2\n"}}
    command = {"name": "run_shell", "arguments": {"command": "python3 wait.py"}}
    script.model_says({"calls": [command]}, {"calls": [write]}, {"text": "Done."}, {"text": "Done."})
    (script.root / "wait.py").write_text(WAIT)
    assert script("permissions", "allow", "run_shell", "python3 wait.py")[0] == 0
    with script.start("run", "wait") as first:
        while not (script.root / "began").exists():
            assert first.poll() is None
            time.sleep(0.05)
        assert script("run", "write")[0] == 0
        (script.root / "go").touch()
        _, err = first.communicate(timeout=60)
    assert (first.returncode, "3 files changed" in err) == (0, True), err  # began, go, p1.txt
    listed = json.loads(script("session", "list", "--json")[1])["sessions"]
    ids = {one["name"]: one["id"] for one in listed}
    status, out, err = script("undo", "--session", ids["wait"])
    made, own = (script.root / name for name in ("p1.txt", "p2.txt"))
    assert (status, made.exists(), own.exists()) == (0, False, True), out + err
    status, out, err = script("undo", "--session", ids["write"])
    assert (status, own.exists()) == (0, False), out + err
