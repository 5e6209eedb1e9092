"""In CI and containers the identity of commits is in the environment, and nowhere else."""

import os
import subprocess

import pytest

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]
COMMIT = {"calls": [{"name": "run_shell", "arguments": {"command": "git add -A && git commit -q -m one"}}]}


@pytest.mark.parametrize("known", [True, False])
def test_an_approved_commit_has_the_identity_of_the_environment(script: Script, known: bool):
    where = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q", "."], cwd=script.root, env=where, check=True)
    subprocess.run(["git", "config", "user.useConfigOnly", "true"], cwd=script.root, env=where, check=True)
    if known:
        script.env |= {"GIT_AUTHOR_NAME": "Ci", "GIT_AUTHOR_EMAIL": "ci@example.org"}
        script.env |= {"GIT_COMMITTER_NAME": "Ci", "GIT_COMMITTER_EMAIL": "ci@example.org"}
    assert script("permissions", "allow", "run_shell", "git *")[0] == 0
    script.model_says(COMMIT, {"text": "Done."})
    _, out, err = script("run", "commit", "--json")
    log = subprocess.run(
        ["git", "log", "--format=%an <%ae>"], cwd=script.root, env=where, check=False, capture_output=True
    )
    assert log.stdout.decode() == ("Ci <ci@example.org>\n" if known else ""), out + err
