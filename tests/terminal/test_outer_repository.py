"""A project in a folder that the repository around it ignores, such as one below a home folder that is a repository."""

import subprocess

import pytest

from mazu_ls.tools.shell import sandbox
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture


@pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="commands run unasked in bubblewrap alone")
def test_what_a_command_removes_there_comes_back_or_cannot_be_removed(script: Script):
    around = script.root.parent
    subprocess.run(["git", "init", "-q", str(around)], check=True)
    (around / ".gitignore").write_text("*.dat\n*\n")
    for name in ("gone.txt", "kept.dat"):
        (script.root / name).write_text("mine\n")
    script.model_says(
        {"calls": [{"name": "run_shell", "arguments": {"command": "rm -f gone.txt kept.dat"}}]},
        {"text": "Done."},
    )
    project = ("--folder", str(script.root))
    status, _, err = script("run", "tidy", "--allow-shell", *project)
    assert status == 0, err
    assert not (script.root / "gone.txt").exists()
    assert (script.root / "kept.dat").exists(), "no checkpoint holds it"
    status, out, err = script("undo", *project)
    assert (status, (script.root / "gone.txt").exists()) == (0, True), out + err
