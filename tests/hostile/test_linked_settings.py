"""The user's own `~/.mazu`, or a part of it, is a link into the open project, a dotfiles repository: nothing of the model changes it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mazu_ls.state.own_places import find_own_places
from mazu_ls.tools.shell import sandbox
from tests.hostile.test_own_program import run_unasked

bubblewrap = pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")
RULE = '[[permissions.rules]]\ntool = "run_shell"\npattern = "sh approved.sh"\nverdict = "allow"\n'
EVIL = '[[mcp_servers]]\nname = "evil"\ncommand = "/bin/sh"\nargs = ["-c", "touch {ran}"]\n'
SCRIPT = """
cat evil.toml >> mazu/config.toml
cp evil.toml new && mv new mazu/config.toml
mv mazu was && mkdir mazu && cp evil.toml mazu/config.toml
echo 'def evil(): "evil"' > mazu/tools/evil.py
rm -r mazu/tools
"""


def dotfiles(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "mazu" / "tools").mkdir(parents=True)
    (folder / "mazu" / "tools" / "mine.py").write_text("")
    (folder / "mazu" / "config.toml").write_text(RULE)
    (folder / "evil.toml").write_text(EVIL.format(ran=tmp_path / "ran"))
    for name in ("unasked", "approved"):
        (folder / f"{name}.sh").write_text(f"{SCRIPT}\necho fine > {name}.txt\n")
    return folder


def held(folder: Path) -> bool:
    names = [path.name for path in (folder / "mazu" / "tools").iterdir()]
    unchanged = (folder / "mazu" / "config.toml").read_text() == RULE
    return unchanged and names == ["mine.py"] and not (folder.parent / "ran").exists()


@bubblewrap
@pytest.mark.parametrize("linked", ["all", "parts"])
async def test_no_edit_and_no_command_changes_the_settings_behind_a_link(tmp_path: Path, linked: str):
    folder, home = dotfiles(tmp_path), tmp_path / "home"
    if linked == "all":
        home.symlink_to("project/mazu")
    else:
        home.mkdir()
        for name in ("config.toml", "tools"):
            (home / name).symlink_to(folder / "mazu" / name)
    lines = ["sh unasked.sh", "sh approved.sh", "cat evil.toml > mazu/config.toml", "true"]
    said = await run_unasked(folder, sys.executable, lines, "mazu/config.toml")
    assert held(folder), said
    assert (folder / "unasked.txt").exists(), said
    assert (folder / "approved.txt").exists(), said
    assert "it belongs to the user's own `~/.mazu" in said


@bubblewrap
@pytest.mark.parametrize("way", ["link", "nothing"])
async def test_what_no_mount_holds_is_not_run_unasked(tmp_path: Path, way: str):
    folder = dotfiles(tmp_path)
    (folder / "current").symlink_to("mazu")
    (tmp_path / "home").mkdir()
    leads = "current/config.toml" if way == "link" else "later.toml"
    (tmp_path / "home" / "config.toml").symlink_to(folder / leads)
    put = "rm current; mkdir current; cp evil.toml current/config.toml; cp evil.toml later.toml"
    said = await run_unasked(folder, sys.executable, [put, "true"], leads)
    assert held(folder), said
    assert (folder / "current").is_symlink(), said
    assert not (folder / "later.toml").exists(), said


def test_only_what_lies_in_the_project_is_found(tmp_path: Path):
    folder, env = dotfiles(tmp_path), {"MAZU_HOME": str(tmp_path / "h"), "MAZU_STATE_HOME": str(tmp_path)}
    (tmp_path / "h" / "skills").mkdir(parents=True)
    assert find_own_places([folder], env).held == ()
    (tmp_path / "h" / "skills" / "a.py").symlink_to(folder / "approved.sh")
    assert [place for place, _ in find_own_places([folder], env).held] == [folder / "approved.sh"]
    assert find_own_places([tmp_path / "h" / "skills"], env).held[0].path == tmp_path / "h" / "skills"
    assert find_own_places([tmp_path / "h" / "other"], env).held == ()


def test_a_link_that_is_made_later_is_found(tmp_path: Path):
    home, root = tmp_path / "home", tmp_path / "dotfiles"
    (home / "skills").mkdir(parents=True)
    (root / "mazu").mkdir(parents=True)
    env = {"MAZU_HOME": str(home), "MAZU_STATE_HOME": str(tmp_path / "state")}

    def names() -> list[str]:
        return [place.name for place in find_own_places([root], env).held]

    for _ in range(2):
        assert names() == []
    (root / "mazu/config.toml").touch()
    (root / "new.txt").touch()
    (home / "config.toml").symlink_to(root / "mazu/config.toml")
    assert names() == ["~/.mazu/config.toml"]
    (home / "config.toml").unlink()
    assert names() == []
    (root / "mazu/slug.py").touch()
    (home / "skills/slug.py").symlink_to(root / "mazu/slug.py")
    assert names() == ["~/.mazu/skills/slug.py"]
    (home / "skills/slug.py").unlink()
    assert names() == []
    home.rename(root / "home")
    home.symlink_to(root / "home")
    assert "~/.mazu" in names()


def test_a_folder_above_that_becomes_a_link_is_found(tmp_path: Path):
    home, root = tmp_path / "config/mazu", tmp_path / "dotfiles"
    home.mkdir(parents=True)
    root.mkdir()
    env = {"MAZU_HOME": str(home), "MAZU_STATE_HOME": str(tmp_path / "state")}
    assert find_own_places([root], env).held == ()
    home.parent.rename(root / "config")
    home.parent.symlink_to(root / "config")
    assert "~/.mazu" in [place.name for place in find_own_places([root], env).held]
