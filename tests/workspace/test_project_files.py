"""Files below a project folder: links, fifos, sizes and races at every name, through the one way to open them."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mazu_ls.errors import MazuError
from mazu_ls.platform import openat2
from mazu_ls.workspace import project_files
from mazu_ls.workspace.atomic_write import replace_private_file
from mazu_ls.workspace.project_files import (
    FileTooLarge,
    FolderEntry,
    create_folder,
    is_regular,
    list_folder,
    read_file,
    read_text,
    remove_file,
    stat_entry,
    write_file,
)


@pytest.fixture(params=["openat2", "fallback"])
def root(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "fallback":
        monkeypatch.setattr(openat2, "is_available", lambda: False)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("outside")
    project = tmp_path / "project"
    (project / "sub").mkdir(parents=True)
    (project / "sub/a").write_text("inside")
    return project


ACTIONS: dict[str, Callable[[Path, str], object]] = {
    "read": lambda root, path: read_file(root, path, 100),
    "write": lambda root, path: write_file(root, path, b"new"),
    "remove": remove_file,
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "path", ["link/secret", "sub/link/secret", "../outside/secret", "sub/../../outside/secret"]
)
def test_nothing_outside_is_reached(root: Path, action: str, path: str):
    (root / "link").symlink_to("../outside")
    (root / "sub/link").symlink_to(root.parent / "outside")
    with pytest.raises(OSError):
        ACTIONS[action](root, path)
    assert [(p.name, p.read_text()) for p in (root.parent / "outside").iterdir()] == [("secret", "outside")]


@pytest.mark.parametrize("action", ["read", "write"])
def test_a_link_at_the_name_itself_is_refused(root: Path, action: str):
    (root / "file").symlink_to("../outside/secret")
    with pytest.raises(OSError) as raised:
        ACTIONS[action](root, "file")
    assert raised.value.errno == errno.ELOOP
    assert (root.parent / "outside/secret").read_text() == "outside"


def test_removing_a_link_leaves_its_target(root: Path):
    (root / "file").symlink_to("../outside/secret")
    remove_file(root, "file")
    assert stat_entry(root, "file") is None
    assert (root.parent / "outside/secret").exists()


@pytest.mark.parametrize("action", ["read", "write"])
def test_a_fifo_never_hangs(root: Path, action: str):
    os.mkfifo(root / "sub/pipe")
    with pytest.raises(OSError) as raised:
        ACTIONS[action](root, "sub/pipe")
    assert raised.value.errno == errno.ENOTSUP
    assert not is_regular(root, "sub/pipe")


def test_a_socket_is_no_file(root: Path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))
        with pytest.raises(OSError):
            read_file(root, "socket", 100)


def test_an_endless_file_is_cut_at_the_limit(root: Path):
    (root / "big").write_bytes(b"x" * 101)
    with pytest.raises(FileTooLarge):
        read_file(root, "big", 100)
    assert read_file(root, "big", 101) == b"x" * 101


def test_a_folder_is_no_file(root: Path):
    with pytest.raises(IsADirectoryError):
        read_file(root, "sub", 100)
    with pytest.raises(IsADirectoryError):
        write_file(root, "sub", b"")


def test_a_new_file_is_the_users_alone_and_an_old_one_keeps_its_mode(root: Path):
    write_file(root, ".mazu/deep/new", b"1")
    (root / "sub/a").chmod(0o640)
    write_file(root, "sub/a", b"2")
    assert stat.S_IMODE((root / ".mazu/deep/new").stat().st_mode) == 0o600
    assert stat.S_IMODE((root / ".mazu/deep").stat().st_mode) == 0o700
    assert stat.S_IMODE((root / "sub/a").stat().st_mode) == 0o640
    assert [p.name for p in (root / "sub").iterdir()] == ["a"]


def test_what_was_changed_meanwhile_is_kept(root: Path):
    with pytest.raises(MazuError):
        write_file(root, "sub/a", b"new", expect=b"other")
    with pytest.raises(MazuError):
        write_file(root, "sub/a", b"new", expect=None)
    assert read_text(root, "sub/a", 100) == "inside"


def test_folders_are_created_beneath_only(root: Path):
    (root / "link").symlink_to("../outside")
    with pytest.raises(OSError):
        create_folder(root, "link/new")
    create_folder(root, "x/y")
    create_folder(root, "x/y")
    assert stat.S_IMODE((root / "x/y").stat().st_mode) == 0o700
    assert not (root.parent / "outside/new").exists()


def test_a_listing_says_what_stands_there(root: Path):
    (root / "link").symlink_to("sub")
    os.mkfifo(root / "pipe")
    assert list_folder(root) == [
        FolderEntry("link", "link"),
        FolderEntry("pipe", "other"),
        FolderEntry("sub", "folder"),
    ]
    with pytest.raises(OSError):
        list_folder(root, "link")
    with pytest.raises(OSError):
        list_folder(root, "..")


def test_names_that_are_not_utf_8(root: Path):
    name = os.fsdecode(b"caf\xe9")
    write_file(root, name, b"x")
    assert read_file(root, name, 10) == b"x"
    assert FolderEntry(name, "file") in list_folder(root)


@pytest.mark.parametrize("path", ["", ".", "..", "/etc/passwd", "sub/.."])
def test_paths_that_name_nothing_below(root: Path, path: str):
    for action in ACTIONS.values():
        with pytest.raises(OSError):
            action(root, path)
    assert project_files.stat_entry(root, "missing") is None


def test_a_private_file_is_private_whatever_it_was_and_a_link_to_it_stays(tmp_path: Path):
    real = tmp_path / "dotfiles" / "config.toml"
    real.parent.mkdir()
    real.write_text("old")
    real.chmod(0o644)
    link = tmp_path / "config.toml"
    link.symlink_to(real)

    replace_private_file(link, b"new")
    replace_private_file(tmp_path / "fresh.json", b"[]")

    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert [path.stat().st_mode & 0o777 for path in (real, tmp_path / "fresh.json")] == [0o600, 0o600]
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "config.toml",
        "config.toml",
        "dotfiles",
        "fresh.json",
    ]
