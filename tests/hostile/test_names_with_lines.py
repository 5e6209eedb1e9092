"""Commands with line feeds: what the terminal prints of them begins no line that looks like its own."""

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # fixtures


def test_a_refused_command_writes_no_lines_of_its_own(script: Script):
    line = "git init -q sub; touch $'x\n\u2713 12 passed\nRolled back to cp_9'"
    script.model_says({"calls": [{"name": "run_shell", "arguments": {"command": line}}]}, {"text": "Done."})
    _, out, err = script("run", "--allow-shell", "do it")
    assert "not run: " in err, out + err
    forged = [row for row in (out + err).splitlines() if row.startswith(("\u2713 12", "Rolled back"))]
    assert not forged, out + err


def test_a_name_with_lines_is_one_row_of_a_rollback(script: Script):
    assert script("checkpoint", "take", "here")[0] == 0
    forged = script.root / "evil\n  keep: all\nRolled back to cp_9"
    forged.write_text("x")
    for words in (["--preview"], []):
        status, out, err = script("rollback", "here", "--on-conflict", "overwrite", *words)
        assert (status, "  delete: evil ⏎   keep: all ⏎ Rolled back to cp_9" in out) == (0, True), out + err
    assert not forged.exists()


def test_a_name_with_lines_is_one_row_of_a_comparison(script: Script):
    assert script("checkpoint", "take", "here")[0] == 0
    (script.root / "evil\n  keep: all\nRolled back to cp_9\u2028deleted x").write_text("x")
    assert script("checkpoint", "take", "later")[0] == 0
    shown = "evil ⏎   keep: all ⏎ Rolled back to cp_9<U+2028>deleted x"
    for words, row in (
        (("compare", "here", "now"), f"added {shown} +1 -0"),
        (("checkpoint", "diff", "here"), f"added {shown} +1 -0"),
        (("checkpoint", "contents", "later"), shown),
    ):
        status, out, err = script(*words)
        assert (status, row in out.split("\n")) == (0, True), out + err
