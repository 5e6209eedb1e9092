"""Exchanging and renaming files without losing any, also where the system or the file system cannot do it in one step."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.checkpoints.restore import atomic_rename
from mazu_ls.checkpoints.restore.atomic_rename import exchange, rename_without_replace


def no_links(*names: Any, **folders: Any) -> None:
    raise OSError(errno.EPERM, "no links here")


def not_supported(*arguments: Any) -> int:
    ctypes.set_errno(errno.ENOSYS)
    return -1


@pytest.fixture(params=["system call", "no system call", "not supported", "no links"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "not supported":
        monkeypatch.setattr(atomic_rename, "_rename", lambda: not_supported)
    elif request.param != "system call":
        monkeypatch.setattr(atomic_rename, "_rename", lambda: None)
    if request.param == "no links":
        monkeypatch.setattr(os, "link", no_links)


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """The folder of what is staged, and that of the files."""
    opened: list[int] = []
    for name in ("work", "files"):
        (tmp_path / name).mkdir()
        opened.append(os.open(tmp_path / name, os.O_RDONLY))
    (tmp_path / "work/staged").write_text("new")
    yield opened[0], opened[1]
    for folder in opened:
        os.close(folder)


def texts(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_an_exchange_keeps_both_files(way: None, folders: tuple[int, int], tmp_path: Path) -> None:
    work, files = folders
    (tmp_path / "files/a").write_text("old")
    exchange(work, b"staged", files, b"a")
    assert texts(tmp_path) == {"work/staged": "old", "files/a": "new"}


def test_an_exchange_with_a_file_that_is_gone_changes_nothing(
    way: None, folders: tuple[int, int], tmp_path: Path
) -> None:
    work, files = folders
    with pytest.raises(FileNotFoundError):
        exchange(work, b"staged", files, b"a")
    assert texts(tmp_path) == {"work/staged": "new"}


def test_a_new_file_never_replaces_another(way: None, folders: tuple[int, int], tmp_path: Path) -> None:
    work, files = folders
    (tmp_path / "files/a").write_text("mine")
    with pytest.raises(FileExistsError):
        rename_without_replace(work, b"staged", files, b"a")
    assert texts(tmp_path) == {"work/staged": "new", "files/a": "mine"}
    rename_without_replace(work, b"staged", files, b"b")
    assert texts(tmp_path) == {"files/a": "mine", "files/b": "new"}


def test_another_failure_is_none_of_the_missing_support(folders: tuple[int, int], tmp_path: Path) -> None:
    work, files = folders
    with pytest.raises(OSError) as caught:
        rename_without_replace(work, b"staged", files, b"n" * 300)
    assert (caught.value.errno, caught.value.filename) == (errno.ENAMETOOLONG, "n" * 300)
    assert texts(tmp_path) == {"work/staged": "new"}
