"""The user's repository: never written, in whatever state it is."""

import os
import shutil
from pathlib import Path

import pytest

from tests.checkpoints.bed import Bed, bed, files, git, git_folder, open_engine


def repository(root: Path) -> Path:
    """A repository with two commits on trunk and one on a branch that conflicts with it."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "trunk")
    (root / "a.txt").write_text("base\n")
    (root / "b.txt").write_text("b\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "base")
    git(root, "checkout", "-qb", "side")
    (root / "a.txt").write_text("side\n")
    git(root, "commit", "-qam", "side")
    git(root, "checkout", "-q", "trunk")
    (root / "a.txt").write_text("trunk\n")
    git(root, "commit", "-qam", "trunk")
    return root


async def there_and_back(project: Bed) -> None:
    """Change, check, roll back, undo; `.git` stays byte for byte what it was."""
    before, first_files = git_folder(project.root), project.files()
    first = await project.take()
    project.write("a.txt", "changed\n")
    project.write("new/x.txt", "new\n")
    project.place("b.txt").unlink(missing_ok=True)
    second_files = project.files()
    report = await project.roll_back(first)
    assert report.verified
    assert project.files() == first_files
    assert (await project.roll_back(report.safety)).verified
    assert project.files() == second_files
    await project.engine.diff(first.id)
    await project.engine.prune(keep=1)
    assert git_folder(project.root) == before


STATES = {
    "clean": [],
    "dirty index": [("rm", "-q", "--cached", "b.txt")],
    "detached": [("checkout", "-q", "--detach")],
    "merge": [("merge", "side")],
    "rebase": [("rebase", "side")],
    "cherry-pick": [("cherry-pick", "side")],
    "revert": [("revert", "--no-edit", "HEAD~1")],
    "bisect": [("bisect", "start"), ("bisect", "bad"), ("bisect", "good", "HEAD~1")],
    "stash": [("stash",)],
}


@pytest.mark.parametrize("state", STATES)
async def test_head_index_refs_config_and_hooks_stay_byte_identical(tmp_path: Path, state: str):
    root = repository(tmp_path / "project")
    (root / "b.txt").write_text("dirty\n")
    if state not in ("stash", "dirty index", "clean"):
        git(root, "commit", "-qam", "b")
    for command in STATES[state]:
        git(root, *command)
    async with bed(tmp_path) as project:
        await there_and_back(project)


async def test_hooks_and_filters_never_run(tmp_path: Path):
    root = repository(tmp_path / "project")
    tripped = tmp_path / "tripped"
    for hook in (
        "pre-commit",
        "post-commit",
        "post-checkout",
        "reference-transaction",
        "post-index-change",
        "pre-auto-gc",
    ):
        file = root / ".git" / "hooks" / hook
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\necho {hook} >> {tripped}\n")
        file.chmod(0o755)
    git(root, "config", "filter.lfs.clean", f"touch {tripped}; cat")
    git(root, "config", "filter.lfs.smudge", f"touch {tripped}; cat")
    git(root, "config", "core.fsmonitor", f"touch {tripped}; false")
    (root / ".gitattributes").write_text(
        "*.bin filter=lfs diff=lfs merge=lfs -text\n* text=auto eol=crlf ident\n"
    )
    (root / "data.bin").write_bytes(b"version https://git-lfs\n$Id$\r\n")
    tripped.unlink(missing_ok=True)
    async with bed(tmp_path) as project:
        await there_and_back(project)
    assert not tripped.exists()


async def test_the_users_index_lock_and_missing_identity_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = repository(tmp_path / "project")
    (root / ".git" / "index.lock").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    async with bed(tmp_path) as project:
        await there_and_back(project)
    assert not (tmp_path / "index").exists()
    assert not (tmp_path / "elsewhere").exists()


async def test_an_unborn_head(tmp_path: Path):
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    (root / "a.txt").write_text("1")
    async with bed(tmp_path) as project:
        await there_and_back(project)


async def test_a_linked_worktree_is_a_project_of_its_own(tmp_path: Path):
    main = repository(tmp_path / "main")
    git(main, "worktree", "add", "-q", str(tmp_path / "project"), "side")
    before = git_folder(main)
    async with bed(tmp_path) as project:
        first = await project.take()
        project.write("a.txt", "changed\n")
        assert (await project.roll_back(first)).verified
        assert project.read("a.txt") == "side\n"
        assert (project.root / ".git").is_file()
    assert git_folder(main) == before
    async with bed(tmp_path, root=main) as other:
        assert (await other.engine.list())[0] == []


async def test_submodules_and_nested_repositories_are_held_with_their_files(tmp_path: Path):
    library = repository(tmp_path / "library")
    root = repository(tmp_path / "project")
    git(root, "submodule", "add", "-q", str(library), "sub")
    git(root, "commit", "-qm", "sub")
    nested = repository(root / "nested")
    (nested / ".gitignore").write_text("*.o\n")
    (nested / ".git" / "info" / "exclude").write_text("mine.txt\n")
    (root / "empty").mkdir()
    git(root / "empty", "init", "-q")
    (root / "empty" / "only.txt").write_text("no commit yet\n")
    inner = [git_folder(nested), git_folder(root / "empty"), git_folder(root)]
    async with bed(tmp_path) as project:
        first, state = await project.take(), project.files()
        await project.take()
        for name in ("sub/a.txt", "nested/a.txt", "nested/b.txt", "empty/only.txt"):
            project.write(name, "changed\n")
        project.write("sub/new.txt", "new\n")
        project.write("nested/new/new.txt", "new\n")
        project.write("nested/x.o", "object")
        project.write("nested/mine.txt", "private")
        project.write("empty/two.txt", "new\n")
        second = await project.take()
        assert (second.files.added, second.files.modified) == (3, 4)
        report = await project.roll_back(first)
        assert report.verified
        assert project.read("nested/x.o") == "object"
        assert project.read("nested/mine.txt") == "private"
        project.place("nested/x.o").unlink()
        project.place("nested/mine.txt").unlink()
        assert project.files() == state
        assert [git_folder(nested), git_folder(root / "empty"), git_folder(root)] == inner


async def test_the_root_of_a_submodule_is_a_project(tmp_path: Path):
    library = repository(tmp_path / "library")
    outer = repository(tmp_path / "outer")
    git(outer, "submodule", "add", "-q", str(library), "sub")
    before = git_folder(outer)
    async with bed(tmp_path, root=outer / "sub") as project:
        first = await project.take()
        project.write("a.txt", "changed\n")
        assert (await project.roll_back(first)).verified
        assert project.read("a.txt") == "trunk\n"
    assert git_folder(outer) == before


async def test_a_bare_repository_holds_memory_only_and_says_so(tmp_path: Path):
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q", "--bare")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    async with bed(tmp_path) as project:
        checkpoint = await project.take()
        assert checkpoint.files.added == 0
        assert "bare" in checkpoint.skipped[0].reason
        await project.roll_back(checkpoint)
    assert {path: path.read_bytes() for path in before} == before


async def test_a_folder_inside_a_bare_repository_is_held_like_any_other(tmp_path: Path):
    bare = tmp_path / "bare"
    bare.mkdir()
    git(bare, "init", "-q", "--bare")
    async with bed(tmp_path, root=bare / "notes") as project:
        project.write("a.txt", "first\n")
        first = await project.take()
        assert (first.files.added, first.skipped) == (1, ())
        project.write("a.txt", "second\n")
        project.write("b.txt", "new\n")
        report = await project.roll_back(first)
        assert report.applied and report.verified
        assert (project.read("a.txt"), project.read("b.txt")) == ("first\n", None)


async def test_what_belongs_to_git_itself_is_said_when_it_is_changed(tmp_path: Path):
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q", "--bare")
    async with bed(tmp_path) as project:
        project.write("readme.txt", "first\n")
        first = await project.take()
        project.write("hooks/post-update", "#!/bin/sh\n")
        project.write("readme.txt", "second\n")
        touched = await project.take(touched=["hooks/post-update", "readme.txt"])
        assert any("git's own files" in skipped.reason for skipped in touched.skipped)
        report = await project.roll_back(first)
        assert "git's own files" in report.plan.keep[0].reason
        assert project.read("readme.txt") == "first\n"
        assert project.read("hooks/post-update") == "#!/bin/sh\n"


async def test_what_a_sparse_checkout_leaves_out_is_absent_not_deleted(tmp_path: Path):
    root = repository(tmp_path / "project")
    (root / "docs").mkdir()
    (root / "docs" / "d.txt").write_text("d\n")
    (root / "src").mkdir()
    (root / "src" / "s.txt").write_text("s\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "docs")
    async with bed(tmp_path) as project:
        whole = await project.take()
        git(root, "sparse-checkout", "set", "src")
        assert not (root / "docs").exists()
        narrow = await project.take()
        assert narrow.files.deleted == 0
        project.write("src/s.txt", "by the agent\n")
        step = await project.take(kind="step", touched=[root / "src" / "s.txt"])
        assert (step.files.modified, step.files.deleted) == (1, 0)
        await project.roll_back(whole)
        assert not (root / "docs").exists()
        git(root, "sparse-checkout", "disable")
        report = await project.roll_back(narrow)
        assert (root / "docs" / "d.txt").exists()
        assert report.verified


async def test_a_sparse_checkout_that_ends_after_the_checkpoint_loses_nothing(tmp_path: Path):
    root = repository(tmp_path / "project")
    (root / "docs").mkdir()
    (root / "docs" / "d.txt").write_text("d\n")
    (root / "src").mkdir()
    (root / "src" / "s.txt").write_text("s\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "docs")
    git(root, "sparse-checkout", "set", "src")
    async with bed(tmp_path) as project:
        narrow = await project.take()
        git(root, "sparse-checkout", "disable")
        report = await project.roll_back(narrow)
        assert (root / "docs" / "d.txt").read_text() == "d\n"
        assert "sparse" in report.plan.keep[0].reason


async def test_git_may_come_and_go(tmp_path: Path):
    async with bed(tmp_path) as project:
        project.write("a.txt", "1")
        first = await project.take()
        git(project.root, "init", "-q")
        project.write("a.txt", "2")
        second = await project.take()
        shutil.rmtree(project.root / ".git")
        await project.roll_back(first)
        assert project.read("a.txt") == "1"
        await project.roll_back(second)
        assert project.read("a.txt") == "2"


async def test_a_repository_of_somebody_else_is_read_all_the_same(tmp_path: Path):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    root = repository(tmp_path / "project")
    for path in [root, *root.rglob("*")]:
        os.chown(path, 12345, 12345, follow_symlinks=False)
    async with bed(tmp_path) as project:
        await there_and_back(project)


async def test_two_windows_on_one_project_take_turns(tmp_path: Path):
    async with bed(tmp_path) as project:
        other = await open_engine([project.root], project.state)
        try:
            project.write("a", "1")
            first = await project.take()
            project.write("a", "2")
            second = await other.take(kind="manual")
            assert second.parent_id == first.id
            project.write("b", "3")
            third = await project.take(touched=["b"])
            assert third.parent_id == second.id
            state = files(project.root)
            await (await other.plan(first.id)).apply("overwrite")
            await project.roll_back(third)
            assert files(project.root) == state
        finally:
            await other.close()
