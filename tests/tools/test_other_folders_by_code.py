"""Code given to an interpreter that goes to another folder and removes what is there: the policy does not see it, the sandbox holds it.

What is lost is held by a checkpoint, or is not of the project.
"""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mazu_ls.tools.shell import sandbox
from mazu_ls.tools.shell.shell import run_shell

HELD = {"proj/app.py", "proj/.gitignore", "proj/new.txt", "proj/sub/a.py"}
LINES = {
    "perl": """perl -e 'chdir(q(..)); unlink glob "*"; unlink glob ".*"'""",
    "perl, all": """perl -MFile::Path -e 'chdir(q(..)); File::Path::remove_tree(glob("*"), glob(".[a-z]*"))'""",
    "python3": """python3 -c 'import os, shutil
os.chdir(os.pardir)
for name in os.listdir("."):
    try:
        shutil.rmtree(name, True) if os.path.isdir(name) else os.remove(name)
    except OSError:
        pass'""",
    "awk": """awk 'BEGIN { d = ".."; system("cd " d " && find . -mindepth 1 -del" "ete") }'""",
    "node": """node -e 'process.chdir(".."); const fs = require("fs");
for (const name of fs.readdirSync(".")) try { fs.rmSync(name, {recursive: true, force: true}) } catch {}'""",
    "ruby": """ruby -e 'require "fileutils"; Dir.chdir(".."); FileUtils.rm_rf(Dir.entries(".") - %w[. ..])'""",
    "home": """python3 -c 'import os, shutil
os.chdir(os.environ["HOME"])
for name in os.listdir("."): shutil.rmtree(name, True)'""",
}


@pytest.fixture
def repository(project):
    if sandbox.probe().kind != "bubblewrap":
        pytest.skip("bubblewrap does not work here")
    files = {
        "app.py": "x = 1\n",
        "sub/a.py": "y\n",
        ".gitignore": "data.db\n.env\nnotes/\n",
        "new.txt": "n\n",
    }
    project.write(
        {**files, "data.db": "rows", ".env": "KEY=1", "notes/day.md": "mine\n", "sub/data.db": "more"}
    )
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(project.root)]
    for words in (["init", "-q"], ["add", "app.py", "sub/a.py", ".gitignore"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    (project.home / "own.txt").write_text("mine\n")
    (project.root.parent / "neighbour").mkdir()
    (project.root.parent / "neighbour/file").write_text("theirs\n")
    return project


def all_of(folder: Path) -> dict[str, bytes]:
    found = (Path(top) / name for top, _, names in os.walk(folder) for name in names)
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("below", ["", "sub"])
async def test_what_no_checkpoint_holds_stays(repository, name: str, below: str) -> None:
    if name != "home" and shutil.which(name.partition(",")[0]) is None:
        pytest.skip("it is not installed")
    project = repository
    project.turn = replace(project.turn, attended=False)
    project.turn.shell.cwd = project.root / below
    before = all_of(project.root.parent)
    await project.call(run_shell, command=LINES[name])
    after = all_of(project.root.parent)
    lost = {file for file in before if before[file] != after.get(file) and "/state/" not in file}
    assert lost <= HELD
    if below and name != "home":
        assert lost, "it does what it is here for"
