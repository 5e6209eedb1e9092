"""Where no usual place takes a temporary file, as in a container with a read-only root, none is made in the project."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mazu_ls.state import temporary_folder
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture


@pytest.mark.skipif(not shutil.which("bwrap"), reason="needs bubblewrap for a read-only file system")
def test_a_turn_in_a_read_only_container_leaves_nothing_in_the_project(script: Script):
    write = {"name": "write_file", "arguments": {"path": "new.txt", "content": "new\n"}}
    look = {"name": "run_shell", "arguments": {"command": "ls -A > seen.txt"}}
    script.model_says({"calls": [write]}, {"calls": [look]}, {"text": "Done."})
    own = [str(script.root), *(script.env[name] for name in ("MAZU_HOME", "MAZU_STATE_HOME"))]
    for place in own:
        Path(place).mkdir(exist_ok=True)
    shut = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    shut += [word for place in own for word in ("--bind", place, place)]
    if subprocess.run([*shut, "true"], capture_output=True, check=False).returncode:
        pytest.skip("bubblewrap does not work here")
    settings = Path(script.env["MAZU_HOME"], "config.toml")
    settings.write_text(
        '[shell]\nsandbox = "off"\n[[permissions.rules]]\ntool = "run_shell"\nverdict = "allow"\n'
    )
    before = sorted(script.root.iterdir())

    def command(*words: str) -> str:
        argv = [*shut, sys.executable, "-m", "mazu_ls", *words]
        done = subprocess.run(
            argv, cwd=script.root, env=script.env, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    command("run", "write it")
    assert "mazu-" not in (script.root / "seen.txt").read_text()
    assert "keep:" not in command("undo")
    left = [path for path in script.root.iterdir() if not path.name.startswith(".mazu-staging-")]
    assert sorted(left) == before, "what was swapped out rests, the state is another file system here"


def test_the_place_that_the_user_named_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    env = {"MAZU_STATE_HOME": str(tmp_path.parent / "state")}
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with monkeypatch.context() as named:
        named.setenv("TMPDIR", os.curdir)
        temporary_folder.keep_out_of_project(env)
        assert tempfile.gettempdir() == str(tmp_path)
    temporary_folder.keep_out_of_project(env)
    assert tempfile.gettempdir() == str(tmp_path.parent / "state" / "tmp")
