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


def test_an_undo_after_an_import_says_what_the_import_did_not_bring(script: Script):
    (script.root / ".gitignore").write_text("*.log\n")
    (script.root / "a.log").write_text("old\n")
    script.model_says({"calls": [write("a.log", "new\n"), write("a.txt", "new\n")]}, {"text": "Done."})
    assert script("run", "write them")[0] == 0
    assert script("state", "export", "../backup.zip")[0] == 0
    status, out, err = script("state", "import", "../backup.zip", "--replace")
    assert status == 0, out + err
    for preview in (["--preview"], []):
        status, out, err = script("undo", *preview)
        assert "a.log" in out + err and "the import of the state did not bring it" in out + err, out + err
        assert "no checkpoint holds this file" not in out + err
    assert (script.root / "a.log").read_text() == "new\n" and not (script.root / "a.txt").exists()
    status, out, err = script("state", "export", "../second.zip")
    assert status == 0 and "not in it" not in out, out + err
