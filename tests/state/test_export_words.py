"""An export says what it leaves out."""

from tests.terminal.test_scripts import Script, script
from tests.terminal.test_unheld_edits import write

__all__ = ["script"]  # a fixture


def test_an_export_names_content_that_no_checkpoint_holds(script: Script):
    (script.root / ".gitignore").write_text("*.log\n")
    (script.root / "a.log").write_text("old\n")
    calls = [write("a.log", "new\n"), write("a.txt", "new\n")]
    script.model_says({"calls": calls}, {"text": "Done."})
    assert script("run", "write them")[0] == 0
    status, out, err = script("state", "export", "../backup.zip")
    assert status == 0 and "not in it: the earlier content of 1 file " in out, out + err


def test_an_export_with_nothing_left_out_says_nothing(script: Script):
    script.model_says({"calls": [write("a.txt", "new\n")]}, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    status, out, err = script("state", "export", "../backup.zip")
    assert status == 0 and "not in it" not in out, out + err
