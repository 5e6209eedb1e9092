"""Names and messages of a project's git in what an undo says."""

import re
import subprocess

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # fixtures
BRANCH = "main;touch${IFS}made"


def test_an_undo_tells_no_command_that_a_branch_completes_and_a_message_hides_nothing(script: Script):
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=Me", "-c", "user.email=me@example.org")
        subprocess.run(["git", *who, *arguments], cwd=script.root, check=True, capture_output=True)

    (script.root / "message").write_text("x\x1b[2J\x1b]52;c;aWQ=\x07 \u202eevil" + "long " * 100)
    git("init", "-qb", BRANCH)
    git("add", ".")
    git("commit", "-qm", "one")
    git("branch", "other")
    parts = (
        "git switch -q other",
        "git -c user.name=A -c user.email=a@b.c commit -q --allow-empty -F message",
    )
    line = " && ".join(parts)
    script.model_says({"calls": [{"name": "run_shell", "arguments": {"command": line}}]}, {"text": "Done."})
    for part in parts:
        assert script("permissions", "allow", "run_shell", part)[0] == 0
    status, out, err = script("run", "do it")
    assert (status, "\u2713" in err) == (0, True), out + err
    (kept,) = (one for one in script("undo", "--preview")[1].splitlines() if "keep:" in one)
    assert "an undo never writes to your git" in kept and "long" in kept and len(kept) < 400, kept
    assert re.findall("`(.*?)`", kept) == ["git reflog"], kept
    assert not set(kept) & set("\x1b\x07\u202e")
