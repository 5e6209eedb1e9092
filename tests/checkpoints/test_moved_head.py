"""The user pulls, rebases or switches branches while a command of the agent runs: that is the user's work, and undo leaves it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.checkpoints.models import Checkpoint
from mazu_ls.checkpoints.restore.keep_reasons import BOTH, GITS_WORK
from tests.checkpoints.bed import Bed, bed, git

EARLIER = "2026-01-02T03:04:05+0000"


def lines(**changed: str) -> str:
    """Forty numbered lines, some of them with a word after the number: `at5="agent"`."""
    words = {int(name.removeprefix("at")): word for name, word in changed.items()}
    return "".join(f"{n} {words[n]}\n" if n in words else f"{n}\n" for n in range(1, 41))


@pytest.fixture
async def project(tmp_path: Path) -> AsyncIterator[Bed]:
    """A repository on a branch, behind `main`: there line 1 of a.txt is another, old.txt is gone and new.txt is there."""
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for name in ("a.txt", "clean.txt", "old.txt", "mixed.txt"):
        (root / name).write_text(lines())
    git(root, "add", ".")
    git(root, "commit", "-qm", "start")
    git(root, "branch", "work")
    for name in ("a.txt", "clean.txt", "mixed.txt"):
        (root / name).write_text(lines(at1="main"))
    (root / "old.txt").unlink()
    (root / "new.txt").write_text("new\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "on main", made=EARLIER)
    git(root, "checkout", "-q", "work")
    async with bed(tmp_path, root=root) as opened:
        yield opened


async def turn(project: Bed, during: Callable[[], Any], *, runs_git: bool = False) -> Checkpoint:
    """A turn of the agent: an edit of line 5 of a.txt, then a command that writes log.txt; `during` it the user does something."""
    first = await project.take(kind="baseline", session_id="s")
    await project.agent_writes("a.txt", lines(at5="agent"))
    await project.take(kind="step", session_id="s")
    number = await project.engine.begin_command("s", (), runs_git=runs_git)
    project.write("log.txt", "agent\n")
    during()
    await project.engine.end_command(number, ())
    return first


async def undo(project: Bed, first: Checkpoint, on_conflict: Any = "merge") -> dict[str, str]:
    """Undo it, before and after a checkpoint holds it alike; what was kept or is in conflict, and why."""
    plans = []
    for _ in range(2):
        planned = await project.engine.plan(first.id, session="s", own=True, on_conflict=on_conflict)
        plans.append(planned.preview().plan)
        await project.take(kind="step", session_id="s")
    assert plans[0] == plans[1]
    done = await (await project.engine.plan(first.id, session="s", own=True)).apply(on_conflict)
    assert done.applied and done.verified and done.plan == plans[0], done
    return {one.path: one.reason for one in (*done.plan.keep, *done.plan.conflicts)}


async def test_a_rebase_with_a_stash_is_the_users(project: Bed):
    def rebase() -> None:
        for words in (["stash"], ["rebase", "-q", "main"], ["stash", "pop"]):
            project.git(*words)

    first = await turn(project, rebase)
    assert project.read("a.txt") == lines(at1="main", at5="agent")
    kept = await undo(project, first)
    assert project.read("a.txt") == lines(at1="main")
    assert kept == {
        "clean.txt": GITS_WORK,
        "mixed.txt": GITS_WORK,
        "old.txt": GITS_WORK,
        "new.txt": GITS_WORK,
    }
    assert (project.read("old.txt"), project.read("new.txt"), project.read("log.txt")) == (
        None,
        "new\n",
        None,
    )
    assert project.git("status", "--porcelain") == ""


@pytest.mark.parametrize("words", ["switch -q -m main", "merge -q --autostash main", "reset -q --hard main"])
async def test_so_is_a_branch_switch_a_merge_and_a_reset(project: Bed, words: str):
    first = await turn(project, lambda: project.git(*words.split()))
    kept = await undo(project, first)
    assert kept.pop("a.txt", None) in (None, GITS_WORK)
    assert project.read("a.txt") == lines(at1="main")
    assert set(kept) == {"clean.txt", "mixed.txt", "old.txt", "new.txt"} and set(kept.values()) == {GITS_WORK}
    assert project.git("status", "--porcelain") == ""


async def test_a_file_that_the_command_changed_too_is_asked_about(project: Bed):
    def both() -> None:
        for words in (["stash"], ["checkout", "-q", "main"], ["stash", "pop"]):
            project.git(*words)
        project.write("mixed.txt", lines(at1="main", at30="agent"))
        project.write("clean.txt", lines(at1="main", at30="agent"))

    first = await turn(project, both)
    kept = await undo(project, first)
    assert kept.pop("mixed.txt") == BOTH and kept.pop("clean.txt") == BOTH
    assert project.read("mixed.txt") == lines(at1="main", at30="agent"), "nothing is taken away unasked"
    assert set(kept.values()) == {GITS_WORK}


async def test_a_commit_of_the_users_changes_nothing(project: Bed):
    def commit() -> None:
        project.git("commit", "-qam", "with the agent's edit")

    first = await turn(project, commit)
    assert await undo(project, first) == {}
    assert project.read("a.txt") == lines() and project.read("log.txt") is None


async def test_a_commit_that_was_made_meanwhile_may_be_of_a_script_and_is_asked_about(project: Bed):
    def script() -> None:
        project.write("clean.txt", lines(at9="script"))
        project.git("commit", "-qam", "by a script of the command, or a rebase of the user's")

    first = await turn(project, script)
    assert await undo(project, first) == {"clean.txt": BOTH}
    assert project.read("a.txt") == lines() and project.read("clean.txt") == lines(at9="script")


async def test_beside_a_command_that_runs_git_nothing_is_certain(project: Bed):
    first = await project.take(kind="baseline", session_id="s")
    one = await project.engine.begin_command("s", ())
    other = await project.engine.begin_command("s", (), runs_git=True)
    project.git("switch", "-q", "main")
    await project.engine.end_command(other, ())
    await project.engine.end_command(one, ())
    assert GITS_WORK not in (await undo(project, first)).values()


async def test_what_a_git_command_of_the_agent_did_is_the_agents(project: Bed):
    first = await turn(project, lambda: project.git("switch", "-q", "-m", "main"), runs_git=True)
    assert await undo(project, first) == {}
    assert project.read("a.txt") == project.read("clean.txt") == lines()
    assert (project.read("old.txt"), project.read("new.txt")) == (lines(), None)


async def test_a_checkpoint_in_the_middle_of_the_command_divides_it(project: Bed):
    first = await project.take(kind="baseline", session_id="s")
    number = await project.engine.begin_command("s", ())
    project.write("log.txt", "agent\n")
    await project.take(label="mine")
    project.git("switch", "-q", "main")
    await project.take(label="mine again")
    project.write("clean.txt", lines(at1="main", at2="agent"))
    await project.engine.end_command(number, ())
    kept = await undo(project, first)
    assert kept == {"a.txt": GITS_WORK, "mixed.txt": GITS_WORK, "old.txt": GITS_WORK, "new.txt": GITS_WORK}
    assert project.read("clean.txt") == lines(at1="main"), "what each did there is known"


async def test_a_package_of_a_repository_and_odd_names(tmp_path: Path):
    top = tmp_path / "top"
    package = top / "packages" / "ä b"
    package.mkdir(parents=True)
    git(top, "init", "-q", "-b", "main")
    names = ["ü ö.txt", "-x", "line\nbreak", 'quote"']
    for name in names:
        (package / name).write_text("1\n")
    (top / "outside.txt").write_text("1\n")
    git(top, "add", ".")
    git(top, "commit", "-qm", "start")
    git(top, "checkout", "-qb", "other")
    for path in (*(package / name for name in names), top / "outside.txt"):
        path.write_text("2\n")
    git(top, "commit", "-qam", "two", made=EARLIER)
    git(top, "checkout", "-q", "main")
    async with bed(tmp_path, root=package) as project:
        first = await project.take(kind="baseline", session_id="s")
        number = await project.engine.begin_command("s", ())
        git(top, "checkout", "-q", "other")
        await project.engine.end_command(number, ())
        kept = await undo(project, first)
        assert {path for path, reason in kept.items() if reason == GITS_WORK} == {"ü ö.txt", "-x", 'quote"'}
        assert list(kept.values()).count(BOTH) == 1, "git cannot be asked for a name with a line break"


async def test_a_file_that_the_move_did_not_touch_is_not_gits_work(project: Bed):
    """The command puts the committed text over work that nobody committed, while the user commits another file."""
    project.write("clean.txt", lines(at9="a day's work"))

    def commit() -> None:
        project.write("clean.txt", lines())
        project.write("mixed.txt", lines(at2="user"))
        project.git("commit", "-qm", "by the user", "mixed.txt")

    first = await turn(project, commit)
    await undo(project, first)
    assert project.read("clean.txt") == lines(at9="a day's work")
