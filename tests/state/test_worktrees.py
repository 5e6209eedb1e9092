"""A linked worktree says where the memory of the main one is; a project that only claims to be one learns nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mazu_ls.state.worktrees import main_worktree
from tests.terminal.test_scripts import Script, script  # noqa: F401

GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")


@pytest.fixture
def linked(script: Script) -> Path:  # noqa: F811
    """A linked worktree of the script's project."""
    if not (script.root / ".git").exists():
        subprocess.run([*GIT, "init", "-q"], cwd=script.root, check=True)
    subprocess.run([*GIT, "commit", "-q", "--allow-empty", "-m", "first"], cwd=script.root, check=True)
    linked = script.root.parent / "linked tree"
    subprocess.run([*GIT, "worktree", "add", "-q", "-b", "other", str(linked)], cwd=script.root, check=True)
    return linked


def test_a_linked_worktree_says_where_the_memory_is_and_how_to_have_it(script: Script, linked: Path):  # noqa: F811
    assert main_worktree(linked, script.env) is None  # nothing is remembered there yet
    script("remember", "Amounts are whole cents")
    said = script("recall", "cents", cwd=linked)[1]
    assert "no memories found" in said
    assert f"This is a linked worktree of {script.root}, which has a memory of its own." in said
    assert f"a linked worktree of {script.root}" in script("status", cwd=linked)[1]
    script("memory", "export", "all.md", "--folder", str(script.root), cwd=linked)
    script("memory", "import", "all.md", cwd=linked)
    said = script("recall", "cents", cwd=linked)[1]
    assert "Amounts are whole cents" in said and "linked worktree" not in said
    assert "linked worktree" not in script("recall", "zebra", cwd=script.root)[1]


def test_a_project_that_only_claims_to_be_a_worktree_learns_nothing(script: Script, linked: Path):  # noqa: F811
    script("remember", "Amounts are whole cents")
    assert main_worktree(linked, script.env) == script.root.resolve()
    foreign = script.root.parent / "foreign"
    foreign.mkdir()
    (foreign / ".git").write_text((linked / ".git").read_text())  # that git folder names another work tree
    assert main_worktree(foreign, script.env) is None
    made = (
        foreign / "x" / ".git" / "worktrees" / "y"
    )  # a git folder of its own that says the common one is the other's
    made.mkdir(parents=True)
    (foreign / ".git").write_text(f"gitdir: {made}\n")
    (made / "gitdir").write_text(f"{foreign}/.git\n")
    (made / "commondir").write_text(f"{script.root}/.git\n")
    assert main_worktree(foreign, script.env) is None
    (made / "commondir").write_text("../..\n")  # consistent, and a project that mazu-ls does not know
    assert main_worktree(foreign, script.env) is None
