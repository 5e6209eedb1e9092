"""The one door to git: the user's repository is read as data, whatever its format, and transport is by invitation only."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mazu_ls import gitcmd
from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import process, scratch_folder, user_repository
from mazu_ls.gitcmd.head_log import head_log
from tests.hostile.shapes import git


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "home").mkdir()
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def fill(root: Path, *options: str) -> None:
    git(root, "init", "-q", "-b", "main", *options)
    for name in ("a.py", "docs/d.md", "kept.log", ".gitignore"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("*.log\n" if name == ".gitignore" else "text\n")
    git(root, "add", "-Af", ".")
    git(root, "commit", "-qm", "one")


def found(root: Path) -> user_repository.UserRepository:
    repository = user_repository.find(root)
    assert repository is not None
    return repository


@pytest.mark.parametrize("options", [(), ("--object-format=sha256",)])
@pytest.mark.parametrize("index", ["plain", "split", "version 4"])
def test_the_index_is_read_in_every_format(root: Path, options: tuple[str, ...], index: str):
    fill(root, *options)
    if index == "split":
        git(root, "update-index", "--split-index")
    elif index == "version 4":
        git(root, "update-index", "--index-version", "4")
    (root / "new.py").write_text("")
    (root / "new.log").write_text("")
    repository = found(root)
    assert repository.tracked_although_ignored() == [b"kept.log"]
    assert set(repository.files()) == {b"a.py", b"docs/d.md", b"kept.log", b".gitignore", b"new.py"}
    assert repository.tracks(b"a.py")
    assert not repository.tracks(b"new.py")
    assert repository.ignored([b"new.log", b"kept.log", b"a.py"]) == {b"new.log"}
    assert repository.state().commit == git(root, "rev-parse", "HEAD")


@pytest.mark.parametrize("sparse_index", [False, True])
def test_what_a_sparse_checkout_leaves_out(root: Path, sparse_index: bool):
    fill(root)
    git(root, "sparse-checkout", "set", "--cone", *(["--sparse-index"] if sparse_index else []), "nothing")
    assert found(root).sparse() == [b"docs/d.md"]


def test_head_and_refs(root: Path):
    fill(root)
    commit = git(root, "rev-parse", "HEAD")
    assert found(root).state() == user_repository.RepositoryState(commit, "main", ())
    git(root, "pack-refs", "--all")
    assert found(root).state().commit == commit
    git(root, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    git(root, "symbolic-ref", "HEAD", "refs/heads/alias")
    assert found(root).state().commit == commit
    git(root, "checkout", "-q", "--detach")
    assert found(root).state() == user_repository.RepositoryState(commit, None, ())
    git(root, "checkout", "-q", "--orphan", "new")
    assert found(root).state() == user_repository.RepositoryState(None, "new", ())


def test_ignore_lists_of_the_user_are_data(root: Path, tmp_path: Path):
    fill(root)
    lists = tmp_path / "home/lists"
    lists.write_text("*.mine\n")
    (tmp_path / "home/.gitconfig").write_text("[core]\n\texcludesFile = ~/lists\n\tfsmonitor = false\n")
    (root / ".git/info/exclude").write_text("*.local\n")
    assert found(root).ignored([b"x.mine", b"x.local", b"x.py"]) == {b"x.mine", b"x.local"}
    assert found(root).exclude_texts() == ("*.local\n", "*.mine\n")


def test_a_subfolder_sees_its_own_part(root: Path):
    fill(root)
    repository = found(root / "docs")
    assert repository.files() == [b"d.md"]
    assert [inside for _, inside in repository.parents()] == ["docs"]


def test_a_repository_of_somebody_else_above_the_project_is_not_the_projects(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    """Everybody may make `/tmp/.git`; one that belongs to the owner of the project's folder counts, as in a container."""
    fill(root.parent)
    assert found(root).top == root.parent
    monkeypatch.setattr(user_repository, "is_own", lambda status: False)
    assert found(root).top == root.parent
    if os.geteuid() == 0:
        os.chown(root.parent / ".git", 12345, 12345)
        assert user_repository.find(root) is None
        assert found(root.parent).top == root.parent


def test_what_only_looks_like_a_repository_is_none(root: Path):
    for name in ("objects", "refs"):
        (root / name).mkdir()
    (root / "HEAD").write_text("ref: refs/heads/main\n")
    (root / "src").mkdir()
    assert user_repository.find(root) is None
    assert b"head" in user_repository.git_internal(root)
    assert user_repository.git_internal(root / "src") == frozenset()
    assert user_repository.git_internal(root / "objects") == {b"."}


def test_the_environment_is_a_list_of_what_is_allowed(root: Path, monkeypatch: pytest.MonkeyPatch):
    for name in (
        "GIT_EXTERNAL_DIFF",
        "GIT_CONFIG_COUNT",
        "GIT_EXEC_PATH",
        "LD_PRELOAD",
        "ANTHROPIC_API_KEY",
        "HOME",
    ):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PATH", f".:relative::{os.environ['PATH']}")
    env = gitcmd.environment(root)
    assert not {"GIT_EXTERNAL_DIFF", "GIT_EXEC_PATH", "LD_PRELOAD", "ANTHROPIC_API_KEY", "HOME"} & set(env)
    assert all(folder.startswith("/") for folder in env["PATH"].split(":"))
    assert (env["GIT_ALLOW_PROTOCOL"], env["GIT_CONFIG_GLOBAL"], env["GIT_CONFIG_NOSYSTEM"]) == (
        "",
        os.devnull,
        "1",
    )


def test_a_program_of_the_project_is_not_found_on_a_relative_path(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    (root / "git").write_text("#!/bin/sh\n")
    (root / "git").chmod(0o755)
    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", ".:")
    assert gitcmd.find_git() is None


def test_no_program_of_an_opened_project_is_ours(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Named by PATH itself, through a link to the folder, through a link to the program; another one is still found."""
    inside, other, links = root / "node_modules/.bin", tmp_path / "bin", tmp_path / "links"
    for folder in (inside, other, links):
        folder.mkdir(parents=True)
    for folder in (inside, other):
        (folder / "rg").write_text("#!/bin/sh\n")
        (folder / "rg").chmod(0o755)
    (tmp_path / "link").symlink_to(inside)
    (links / "rg").symlink_to(inside / "rg")
    monkeypatch.setattr("mazu_ls.gitcmd.process._OPENED", set())
    monkeypatch.setenv("PATH", f"{inside}:{tmp_path}/link:{links}:{other}")
    assert gitcmd.find_program("rg") == str(inside / "rg")
    gitcmd.distrust_programs([root])
    assert gitcmd.find_program("rg") == str(other / "rg")
    assert gitcmd.environment(root)["PATH"] == f"{links}:{other}"
    monkeypatch.setenv("PATH", str(inside))
    assert gitcmd.find_program("rg") is None


def test_transport_needs_its_own_profile(root: Path, tmp_path: Path):
    """A push by file:// works where that protocol was named, and nowhere else."""
    fill(root)
    target = tmp_path / "target.git"
    git(tmp_path, "init", "-q", "--bare", str(target))
    push = ["push", "-q", f"file://{target}", "main"]
    refused = gitcmd.run(push, gitcmd.environment(root / ".git", root), root)
    assert refused.returncode and b"not allowed" in refused.stderr
    assert gitcmd.run_with_transport(push, root / ".git", root).returncode
    assert git(target, "for-each-ref") == ""
    assert gitcmd.run_with_transport(push, root / ".git", root, protocols=("file",)).returncode == 0
    assert "refs/heads/main" in git(target, "for-each-ref")


def test_an_ignore_rule_that_takes_for_ever_ends_with_a_sentence(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "SCAN_CPU_SECONDS", 1)
    fill(root)
    (root / ("a" * 150 + ".py")).write_text("")
    (root / ".gitignore").write_text("*a" * 12 + "*b\n")
    with pytest.raises(MazuError, match="took over 1 s to scan the project"):
        found(root).files()


def test_an_ignore_file_that_fills_the_memory_ends_with_a_sentence(root: Path):
    """Git 2.46 passes over what is larger than 100 MB; before, it reads it whole."""
    fill(root)
    with (root / "docs/.gitignore").open("wb") as file:
        file.truncate(8 * 2**30)
    (root / "docs/new").write_text("")
    try:
        assert b"new" in b"\n".join(found(root).files())
    except MazuError as error:
        assert "2 GiB of memory" in error.message


def test_an_index_that_does_not_fit_ends_with_the_same_sentence(root: Path):
    fill(root)
    with (root / ".git/index").open("r+b") as file:
        file.truncate(3 * 2**30)
    with pytest.raises(MazuError, match="2 GiB of memory"):
        gitcmd.run(["ls-files"], gitcmd.environment(root / ".git", root), root)


def test_a_full_folder_for_temporary_files_is_left_for_another_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(root)
    monkeypatch.setattr(tempfile, "tempdir", str(root / "gone"))
    monkeypatch.setattr(scratch_folder, "_used", [])
    assert found(root).tracks(b"a.py")
    assert not scratch_folder.current().is_relative_to(root)
    full = OSError(errno.ENOSPC, "No space left on device")
    places = set()
    with pytest.raises(OSError, match="No space left on device") as error:
        while scratch_folder.current() not in places:
            places.add(scratch_folder.current())
            scratch_folder.move_on(scratch_folder.current(), full)
    assert len(places) > 1 and error.value.filename == str(root / "gone")


def test_folders_of_killed_processes_go_and_those_of_living_ones_stay(tmp_path: Path):
    code = "from mazu_ls.gitcmd import scratch_folder; print(scratch_folder.current(), flush=True); input()"

    def start() -> tuple[subprocess.Popen[str], Path]:
        started = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert started.stdout
        return started, Path(started.stdout.readline().strip())

    (tmp_path / "mazu-git-earlier").mkdir()
    (tmp_path / "mazu-git-younger").mkdir()
    os.utime(tmp_path / "mazu-git-earlier", (1, 1))
    (living, in_use), (killed, left) = start(), start()
    killed.kill()
    killed.communicate()
    assert left.is_dir()
    last, own = start()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {in_use.name, own.name, "mazu-git-younger"}
    for ending in (living, last):
        ending.communicate("\n", timeout=30)
    assert [path.name for path in tmp_path.iterdir()] == ["mazu-git-younger"]


def test_the_users_commits_of_the_same_second_are_not_the_agents(root: Path):
    """git's log of HEAD counts whole seconds; the file of a commit has its time."""
    second = 1_790_000_000
    git(root, "init", "-q", "-b", "main")
    for name, after in (("mine, before", 0.1), ("the agent's", 0.5), ("mine, after", 0.9)):
        git(root, "commit", "-q", "--allow-empty", "-m", name)
        commit = (root / ".git/refs/heads/main").read_text().strip()
        os.utime(root / ".git/objects" / commit[:2] / commit[2:], (second + after, second + after))
    log = root / ".git/logs/HEAD"
    log.write_text(re.sub(r"> \d+ ", f"> {second} ", log.read_text()))
    of_the_agent = [(second + 0.3, second + 0.7)]
    (move,) = head_log(found(root), of_the_agent)
    assert move.subject == "the agent's" and move.certain
    assert len(head_log(found(root), [(second - 3.0, second + 3.0)])) == 3
    git(root, "gc", "-q", "--prune=now")
    assert not any(one.certain for one in head_log(found(root), of_the_agent)), (
        "nobody can say whose they are"
    )
