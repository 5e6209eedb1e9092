"""What the user put in the place of a file that an undo brings back."""

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture


def test_a_folder_with_a_file_of_mine_in_the_place_of_a_file_is_asked_about_and_goes_if_told(script: Script):
    note, deep = script.root / "note.txt", script.root / "deep" / "one.txt"
    deep.parent.mkdir()
    for path in (note, deep):
        path.write_text("keep\n")
    lines = ["rm note.txt", "mkdir note.txt", "touch note.txt/in", "rm -r deep"]
    calls = [{"name": "run_shell", "arguments": {"command": line}} for line in lines]
    script.model_says({"calls": calls}, {"text": "Done."})
    for line in lines:
        assert script("permissions", "allow", "run_shell", line)[0] == 0
    status, out, err = script("run", "do it")
    assert status == 0, out + err
    mine = note / "mine"
    mine.write_text("mine\n")
    deep.parent.write_text("mine, too\n")
    status, out, err = script("undo", "--preview")
    assert "conflict: note.txt (you put something else in its place: note.txt/mine)" in out, out + err
    assert "conflict: deep/one.txt (you put something else in its place: deep)" in out, out + err
    status, out, err = script("undo", "--keep-conversation")
    assert (status, "problem" in out, mine.read_text()) == (4, False, "mine\n"), out + err
    status, out, err = script("undo", "--on-conflict", "overwrite")
    assert (status, "verified by hash" in out) == (0, True), out + err
    assert (note.read_text(), deep.read_text()) == ("keep\n", "keep\n")
    assert script("redo")[0] == 0
    assert (mine.read_text(), deep.parent.read_text()) == ("mine\n", "mine, too\n")
