"""Keeping the user's work through a rollback: a three-way merge per file, by `git merge-file`."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from mazu_ls.checkpoints.objects import BLOB, LINK_MODE, Entry
from mazu_ls.checkpoints.pack import PackWriter
from mazu_ls.checkpoints.project import Project
from mazu_ls.checkpoints.records import PlanFiles, Reasoned
from mazu_ls.checkpoints.steps import Step


def keep_users_work(project: Project, last: bytes | None, steps: list[Step], plan: PlanFiles) -> None:
    """Change the steps so that every file the user changed since the last checkpoint (its tree: `last`) keeps that.

    Merged: what the last checkpoint held is the ancestor, the user's file and the target the sides. What does not
    merge, is binary, or exists on one side only stays the user's; it is listed as a conflict.
    """
    users, merged = set(plan.users), []
    plan.conflicts = []
    writer = project.repository.writer()
    for step in steps:
        if step.shown not in users:
            merged.append(step)
            continue
        result = _merge(project, project.trees.at(last, step.place), step, writer)
        if result is None:
            plan.conflicts.append(
                Reasoned(step.shown, "it does not merge with the checkpoint; your text was kept")
            )
            _keep(plan, step.shown, "your text was kept")
        elif result == step.was:
            _keep(plan, step.shown, "your change was kept")
        else:
            merged.append(replace(step, now=result))
    writer.finish()
    steps[:] = merged


def spare_users_work(steps: list[Step], plan: PlanFiles, mixed: set[str]) -> None:
    """Leave out the files that only the user changed; in `mixed` are those that the agent changed too."""
    spared = [step.shown for step in steps if step.shown in plan.users and step.shown not in mixed]
    for shown in spared:
        _keep(plan, shown, "only you changed it")
    steps[:] = [step for step in steps if step.shown not in spared]


def _keep(plan: PlanFiles, shown: str, reason: str) -> None:
    plan.keep.append(Reasoned(shown, reason))
    plan.write = [path for path in plan.write if path != shown]
    plan.delete = [path for path in plan.delete if path != shown]


def _merge(project: Project, ancestor: Entry | None, step: Step, writer: PackWriter) -> Entry | None:
    """The merged file's entry, or None."""
    sides = (step.was, ancestor, step.now)
    if (
        step.was is None
        or ancestor is None
        or step.now is None
        or any(s and s.mode == LINK_MODE for s in sides)
    ):
        return step.was if ancestor == step.now else None
    if ancestor.oid == step.now.oid:
        return step.was
    read = project.repository.read
    clean = merged(project, read(step.was.oid), read(ancestor.oid), read(step.now.oid))
    return None if clean is None else Entry(step.was.mode, writer.add(BLOB, clean))


def merged(project: Project, mine: bytes, ancestor: bytes, theirs: bytes) -> bytes | None:
    """Both changes of the ancestor in one; None where they meet, or where one is binary."""
    with tempfile.TemporaryDirectory(dir=project.repository.path) as folder:
        files = []
        for name, data in (("mine", mine), ("ancestor", ancestor), ("theirs", theirs)):
            file = Path(folder) / name
            file.write_bytes(data)
            files.append(str(file))
        status, clean = project.repository.attempt("merge-file", "-p", "-q", *files)
    return clean if status == 0 else None  # 1 to 127: so many conflicts; 255: not mergeable
