"""A file that a command renames and rewrites in one step is still the file that a checkpoint holds; one of the user's is not."""

import pytest

from mazu_ls.platform.birth_time import birth_time
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # fixtures


def run_lines(script: Script, *lines: str) -> None:
    calls = [{"name": "run_shell", "arguments": {"command": line}} for line in lines]
    script.model_says(*({"calls": [call]} for call in calls), {"text": "Done."})
    for line in lines:
        assert script("permissions", "allow", "run_shell", line)[0] == 0
    status, out, err = script("run", "tidy up")
    assert status == 0, out + err


def test_a_held_file_under_another_name_is_the_agents_whatever_its_text(script: Script):
    root = script.root
    (root / ".gitignore").write_text("data/\n")
    for folder in ("data", "s", "old"):
        (root / folder).mkdir()
    for name in ("labels.csv", "more.csv"):
        (root / "data" / name).write_text("three weeks of work\n")
    held = {name: root / name for name in ("s/t.txt", "a.txt", "old/m.py", "old/n.py")}
    for name, path in held.items():
        path.write_text(f"{name}: in every checkpoint\n")
    if birth_time(bytes(root)) is None:
        pytest.skip("this file system does not say when a file was created")
    (root / "rewrite.sh").write_text(
        "printf 'quite another text, and longer than it was\\n' > s/t.txt; mv s/t.txt t2.txt\n"
        "ln a.txt hard.txt; echo appended >> hard.txt\n"
        "mv old new; printf 'z = 1\\n' > new/m.py\n"
        "mv data/labels.csv labels.csv; mv data/more.csv more.csv\n"
    )
    (root / "again.sh").write_text(
        "mv new/m.py again.py; printf 'class Third: ...\\n' > again.py\n"
        "mv more.csv most.csv; echo of the agent >> most.csv\n"
    )
    run_lines(script, "sh rewrite.sh", "sh again.sh")
    made = [root / name for name in ("t2.txt", "hard.txt", "new/m.py", "new/n.py", "again.py")]
    assert [path.exists() for path in made] == [True, True, False, True, True]
    assert (root / "labels.csv").exists() and (root / "most.csv").exists()
    status, out, err = script("undo")
    assert status == 0 and "verified" in out, out + err
    assert {name: path.read_text() for name, path in held.items()} == {
        name: f"{name}: in every checkpoint\n" for name in held
    }
    assert [path.exists() for path in made] == [False] * 5, out
    assert (root / "labels.csv").read_text() == "three weeks of work\n", out
    assert (root / "most.csv").read_text() == "three weeks of work\nof the agent\n", out
    assert out.count("it was moved here from where no checkpoint holds files") == 2, out
