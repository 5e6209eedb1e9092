"""A save between our look at a file and its replacement: the newer text wins, whatever way it was saved, and is named."""

import os
from pathlib import Path

import pytest

from mazu_ls.checkpoints.restore import restore_files
from tests.checkpoints.bed import Bed


def save_in_place(file: Path, text: str) -> None:
    file.write_text(text)


def save_by_rename(file: Path, text: str) -> None:
    other = file.with_name("saved.tmp")
    other.write_text(text)
    other.replace(file)


@pytest.mark.parametrize("save", [save_in_place, save_by_rename])
@pytest.mark.parametrize("text", ["7", "longer"], ids=["same length", "longer"])
async def test_a_save_just_before_the_exchange_wins(
    project: Bed, monkeypatch: pytest.MonkeyPatch, save, text: str
):
    file = project.write("a", "1")
    project.write("b", "1")
    first = await project.take()
    project.write("a", "2")
    project.write("b", "2")
    exchange = restore_files.exchange
    left = [1]

    def late(work: int, staged: bytes, folder: int, name: bytes) -> None:
        if name == b"a" and left:
            left.pop()
            save(file, text)
        exchange(work, staged, folder, name)

    monkeypatch.setattr(restore_files, "exchange", late)
    report = await project.roll_back(first)
    assert (project.read("a"), project.read("b")) == (text, "1")
    assert [(problem.path, problem.reason) for problem in report.problems] == [
        ("a", "it changed during the rollback; the newer text was kept")
    ]
    assert not report.verified and report.verified_files == 1


async def test_of_two_saves_around_the_exchange_the_last_one_stands(
    project: Bed, monkeypatch: pytest.MonkeyPatch
):
    file = project.write("a", "1")
    first = await project.take()
    project.write("a", "2")
    exchange = restore_files.exchange

    def late(work: int, staged: bytes, folder: int, name: bytes) -> None:
        file.write_text("saved once")
        exchange(work, staged, folder, name)
        save_by_rename(file, "saved twice")

    monkeypatch.setattr(restore_files, "exchange", late)
    report = await project.roll_back(first)
    assert project.read("a") == "saved twice"
    assert [problem.path for problem in report.problems][:1] == ["a"]


@pytest.mark.parametrize("text", ["7", "longer"], ids=["same length", "longer"])
async def test_a_file_that_is_saved_just_before_it_would_be_deleted_stays(
    project: Bed, monkeypatch: pytest.MonkeyPatch, text: str
):
    project.write("a", "1")
    first = await project.take()
    file = project.write("new", "2")
    rename = os.rename

    def late(source, target, *, src_dir_fd=None, dst_dir_fd=None) -> None:
        if source == b"new":
            file.write_text(text)
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", late)
    report = await project.roll_back(first)
    assert project.read("new") == text
    assert [(problem.path, problem.reason) for problem in report.problems] == [
        ("new", "it changed during the rollback; the newer text was kept")
    ]


async def test_nothing_was_saved_and_nothing_is_said(project: Bed):
    for name in ("a", "new"):
        project.write(name, "1")
    first = await project.take()
    project.write("a", "2")
    project.write("new", "2")
    report = await project.roll_back(first)
    assert (project.read("a"), project.read("new"), report.problems) == ("1", "1", [])
    assert report.verified and report.verified_files == 2


async def test_the_conversation_of_one_session_goes_back_without_that_of_others(noted: Bed):
    for session in ("s1", "s2"):
        noted.note(f"{session}/log", "1", part=1)
    first = await noted.take()
    for session in ("s1", "s2"):
        noted.note(f"{session}/log", "2", part=1)
    plan = await noted.engine.plan(first.id, only=["conversation"], session="s1")
    await plan.apply("overwrite")
    assert noted.notes(1) == {"s1/log": "1", "s2/log": "2"}
