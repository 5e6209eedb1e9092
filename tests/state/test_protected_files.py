"""Files of git and of mazu-ls: no rollback writes them, whatever the tree of a checkpoint's row says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mazu_ls.checkpoints.context import BUFFERS
from mazu_ls.checkpoints.git.objects import BLOB, EXECUTABLE_MODE, TreeEntry
from mazu_ls.checkpoints.models import Checkpoint
from mazu_ls.checkpoints.restore import restore_files, staging
from mazu_ls.checkpoints.restore.restore_steps import PROTECTED, RestoreStep
from mazu_ls.host import Buffer
from tests.checkpoints.bed import Bed, bed

EVIL = b"evil\n"
PROTECTED_PATHS = (
    ".git/hooks/post-checkout",
    ".GIT/config",
    ".mazu/config.toml",
    ".mazu/role.md",
    "sub/.git/config",
    "deep/er/.Mazu/role.md",
)


def with_files(project: Bed, checkpoint: Checkpoint, files: Mapping[bytes, bytes]) -> None:
    """Let the checkpoint's row name a tree that holds these files besides its own."""
    context = project.engine._project
    writer = context.repository.writer()
    entries = {place: TreeEntry(EXECUTABLE_MODE, writer.add(BLOB, data)) for place, data in files.items()}
    tree = context.trees.update(bytes.fromhex(checkpoint.tree), entries, writer.add)
    assert tree is not None
    writer.finish()
    project.engine._store.connection.execute(
        "UPDATE checkpoint SET tree_id = ? WHERE commit_id = ?", (tree.hex(), checkpoint.commit)
    )


async def test_a_stored_tree_writes_nothing_that_belongs_to_git_or_to_mazu(tmp_path: Path):
    async with bed(tmp_path) as project:
        project.git("init", "-q")
        project.write("a.txt", "one\n")
        taken = await project.take()
        await project.take("now")
        config = project.read(".git/config")
        with_files(
            project,
            taken,
            {b"code/b.txt": b"two\n", **{f"code/{path}".encode(): EVIL for path in PROTECTED_PATHS}},
        )
        project.write("a.txt", "changed\n")
        report = await project.roll_back(taken)
        assert (project.read("a.txt"), project.read("b.txt")) == ("one\n", "two\n")
        kept = {kept.path: kept.reason for kept in report.plan.keep}
        assert {path: kept.get(path) for path in PROTECTED_PATHS} == dict.fromkeys(PROTECTED_PATHS, PROTECTED)
        assert project.read(".git/config") == config
        assert [path for path in PROTECTED_PATHS if project.read(path) == EVIL.decode()] == []


async def test_a_step_of_a_journal_writes_nothing_that_belongs_to_git_or_to_mazu(tmp_path: Path):
    """A rollback that was interrupted takes its steps from the database, not from a plan."""
    async with bed(tmp_path) as project:
        context = project.engine._project
        writer = context.repository.writer()
        evil = TreeEntry(EXECUTABLE_MODE, writer.add(BLOB, EVIL))
        writer.finish()
        paths = [*PROTECTED_PATHS, "../outside", "a/../../outside"]
        steps = [RestoreStep(context.mounts[0], path.encode(), None, evil, 0o755) for path in paths]
        staged = staging.stage_contents(steps, context.repository.read_all)
        problems = restore_files.apply_steps(steps, staged)
        assert {problem.path: problem.reason for problem in problems} == dict.fromkeys(paths, PROTECTED)
        assert [path for path in paths if (project.root / path).exists()] == []
        staging.discard_staged(staged)


async def test_an_unsaved_text_is_not_put_into_an_open_document_of_git_or_of_mazu(tmp_path: Path):
    async with bed(tmp_path) as project:
        project.git("init", "-q")
        project.write("a.txt", "one\n")
        (project.root / "link").symlink_to(".git/hooks")
        taken = await project.take()
        outside = tmp_path / "other" / ".git" / "config"
        spelt = [
            *(project.root / path for path in PROTECTED_PATHS),
            project.root / "link/pre-commit",
            outside,
        ]
        listed = [
            {"uri": path.as_uri(), "path": str(path), "text": "0"}
            for path in (*spelt, project.root / "a.txt")
        ]
        held = {BUFFERS + b"/0": EVIL, BUFFERS + b"/index.json": json.dumps(listed).encode()}
        with_files(project, taken, held)
        opened = [Buffer(path.as_uri(), path, 1, "text", "mine\n", False) for path in spelt]
        same = Buffer((project.root / "a.txt").as_uri(), project.root / "a.txt", 1, "text", "one\n", False)
        report = await project.roll_back(taken, buffers=[*opened, same])
        assert project.typed == {same.uri: EVIL.decode()}
        assert PROTECTED in {kept.path: kept.reason for kept in report.plan.keep}[str(outside)]
