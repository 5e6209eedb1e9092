"""What an approved command writes to its own /tmp and home is not lost: `mv data.db /tmp/` in a sandbox whose /tmp ends with it."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mazu_ls.state import left_files
from mazu_ls.state.paths import state_home
from mazu_ls.tools.shell import landlock, sandbox
from mazu_ls.tools.shell.sandbox import Sandbox
from mazu_ls.tools.shell.shell import run_shell


@pytest.fixture
def approved(project):
    if sandbox.probe().kind != "bubblewrap":
        pytest.skip("bubblewrap does not work here")
    project.turn = replace(project.turn, attended=True)
    return project


def kept(project) -> Path:
    """The folder of what commands left."""
    return state_home(project.turn.env) / "left-by-commands"


async def test_a_file_moved_out_of_the_project_is_kept_and_named(approved) -> None:
    (approved.root / "data.db").write_bytes(b"rows")
    output = await approved.call(run_shell, command="mv data.db /tmp/ && echo x > /var/tmp/n.txt")
    [folder] = kept(approved).iterdir()
    assert (folder / "tmp/data.db").read_bytes() == b"rows"
    assert (folder / "var-tmp/n.txt").read_text() == "x\n"
    assert f"data.db (in /tmp), n.txt (in /var/tmp); kept for 7 days in {folder}" in output.text
    assert [str(folder) in text for level, text in approved.host.said if level == "warning"] == [True]


async def test_what_goes_to_the_home_is_kept_but_not_its_caches(approved) -> None:
    command = "mkdir -p ~/backup ~/.npm && echo a > ~/backup/a.txt && echo b > ~/.npm/b && cat ~/backup/a.txt"
    output = await approved.call(run_shell, command=command)
    assert output.text.startswith("a\n")
    assert "backup (in the home)" in output.text
    assert ".npm" not in output.text


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "mkdir /tmp/empty && ln -s /etc /tmp/link",
        "python3 -c 'import tempfile; tempfile.NamedTemporaryFile(delete=False).write(b\"x\")'",
        "echo x > $(mktemp)",
        "echo x > ~/.history",
    ],
)
async def test_nothing_is_kept_of_what_nobody_would_miss(approved, command: str) -> None:
    output = await approved.call(run_shell, command=command)
    assert "kept for" not in output.text
    assert [*kept(approved).iterdir()] == []


@pytest.mark.parametrize(
    ("command", "where"),
    [
        ("mv .env ~/", "home/.env"),
        ("mkdir ~/.backup && mv .env ~/.backup/", "home/.backup/.env"),
        ("mv .env $(mktemp -d)/x", "tmp/tmp.*/x"),
        ("mv folder $(mktemp -d)/", "tmp/tmp.*/folder/deep/x"),
        ("mv .env /tmp/ && cd /tmp && for i in $(seq 600); do mkdir a && cd a; done", "tmp/.env"),
    ],
)
async def test_what_was_moved_is_kept_whatever_its_place(approved, command: str, where: str) -> None:
    (approved.root / "folder/deep").mkdir(parents=True)
    day_ago = time.time() - 86_400
    for name in (".env", "folder/deep/x"):
        (approved.root / name).write_bytes(b"rows")
        os.utime(approved.root / name, (day_ago, day_ago))
    os.utime(approved.root / "folder", (day_ago, day_ago))
    output = await approved.call(run_shell, command=command)
    [folder] = kept(approved).iterdir()
    assert [file.read_bytes() for file in folder.glob(where)] == [b"rows"]
    assert str(folder) in output.text


async def test_a_deep_folder_that_holds_nothing_is_no_fault(approved) -> None:
    output = await approved.call(
        run_shell, command="cd /tmp; for i in $(seq 600); do mkdir a && cd a; done; echo ok"
    )
    assert output.text.startswith("ok\n")
    assert "could not be looked at" not in output.text
    assert [*kept(approved).iterdir()] == []


async def test_commands_that_end_at_the_same_time_name_what_they_left(approved, monkeypatch) -> None:
    other = kept(approved) / ".running-other"
    other.mkdir(parents=True)
    listed = os.scandir

    def scandir(place):
        if place != other.parent:
            return listed(place)
        found = list(listed(place))
        shutil.rmtree(other)
        return iter(found)

    monkeypatch.setattr(left_files.os, "scandir", scandir)
    output = await approved.call(run_shell, command="echo x > /tmp/a.txt")
    assert "a.txt (in /tmp); kept for 7 days" in output.text


async def test_a_command_finds_nothing_of_the_one_before(approved) -> None:
    await approved.text(run_shell, command="echo x > /tmp/a.txt")
    assert "No such file" in await approved.text(run_shell, command="cat /tmp/a.txt 2>&1")


async def test_what_a_stopped_command_left_is_kept(approved) -> None:
    output = await approved.call(run_shell, command="echo x > /tmp/a.txt; sleep 60", timeout=1)
    [folder] = kept(approved).iterdir()
    assert (folder / "tmp/a.txt").read_text() == "x\n"
    assert str(folder) in output.text


async def test_after_seven_days_it_is_removed(approved) -> None:
    await approved.text(run_shell, command="echo x > /tmp/a.txt")
    await approved.text(run_shell, command="echo x > /tmp/b.txt")
    old, young = sorted(kept(approved).iterdir())
    day = 86_400
    os.utime(old, (time.time(), time.time() - (left_files.KEPT_DAYS * day + 60)))
    os.utime(young, (time.time(), time.time() - (left_files.KEPT_DAYS * day - 60)))
    await approved.text(run_shell, command="true")
    assert [*kept(approved).iterdir()] == [young]


async def test_an_unapproved_command_leaves_nothing(project) -> None:
    if sandbox.probe().kind != "bubblewrap":
        pytest.skip("bubblewrap does not work here")
    project.turn = replace(project.turn, attended=False)
    await project.text(run_shell, command="echo x > /tmp/a.txt")
    assert not kept(project).exists()


async def test_under_landlock_what_is_in_its_temporary_folder_is_kept(project, monkeypatch) -> None:
    if not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    monkeypatch.setattr(sandbox, "probe", lambda: Sandbox("landlock", "for the test"))
    (project.root / "data.db").write_bytes(b"rows")
    output = await project.call(run_shell, command='mkdir "$TMPDIR/tmp"; mv data.db "$TMPDIR"')
    [folder] = kept(project).iterdir()
    assert (folder / "data.db").read_bytes() == b"rows"
    assert "data.db (in $TMPDIR)" in output.text
