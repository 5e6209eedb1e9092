"""What a path of a tool may name: stories of a project folder and of those who want out of it."""

import errno
import os
import socket
from pathlib import Path, PurePosixPath

import pytest

from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import openat2
from mazu_ls.workspace import UNCHECKED, PathRefused, Workspace
from mazu_ls.workspace.openat import folder_beneath, open_beneath, open_regular, open_root
from mazu_ls.workspace.path_rules import malformed_path_reason


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "proj"
    (project / "src").mkdir(parents=True)
    (project / ".git").mkdir()
    (project / "a.py").write_text("x = 1\n")
    (project / "src/b.py").write_text("y = 2\n")
    (tmp_path / "projx").mkdir()
    (tmp_path / "projx/y").write_text("secret")
    return project


def refused(workspace: Workspace, path: str, *, write: bool = False) -> str:
    with pytest.raises(PathRefused) as caught:
        workspace.resolve(path, write=write)
    return caught.value.reason


@pytest.mark.parametrize(
    "path", ["a.py", "./a.py", "src/../a.py", "src/./b.py", "new/deep/é.py", "notes….md", "..."]
)
def test_paths_inside_are_found(root: Path, path: str) -> None:
    assert Workspace([root]).resolve(path).is_relative_to(root)


@pytest.mark.parametrize(
    "path",
    [
        "../x", "src/../../x", "/etc/passwd", "//etc/passwd", "~/.ssh/id_rsa", "$HOME/.netrc", "${HOME}/x", "%TEMP%/x",
        "C:\\x", "C:/x", "..\\..\\x", "\\\\host\\share", "/proc/self/environ", "/dev/zero", "/sys/kernel", "a\0b", "a\nb",
        "\ud800", "", "  ", "..∕etc", "．．/etc", "‥/etc", "／etc/passwd", "%2e%2e/etc", "..%c0%afetc", "file:///etc/passwd",
        "a\u202eb", "a\u200bb", *(f"a{chr(code)}b" for code in (0xAD, 0xFEFF, 0x2060, 0x2066, 0x2069, *range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070))), "d/" * 3000 + "d", "n" * 300, "nobody/../../../../etc/passwd",
    ],
)  # fmt: skip
def test_paths_outside_and_paths_that_lie_are_refused(root: Path, path: str) -> None:
    assert refused(Workspace([root]), path)


@pytest.mark.parametrize("path", ["a\u00a0b.txt", "5\u202fPM.png", "a\u3000b", "\ue000.md"])
def test_a_name_with_an_unusual_blank_is_a_name(path: str) -> None:
    """macOS names its screenshots so."""
    assert malformed_path_reason(path) is None


def test_a_path_of_just_the_longest_lengths_is_taken(root: Path) -> None:
    for path in ("n" * 255, "d" * 39 + ("/" + "d" * 39) * 98 + "/" + "d" * 40):
        assert malformed_path_reason(path) is None
        assert malformed_path_reason(path + "n") == "it is too long"


@pytest.mark.parametrize("name", [b"", b".", b".."])
def test_without_openat2_a_folder_is_no_name_of_a_file(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    monkeypatch.setattr(openat2, "is_available", lambda: False)
    top = open_root(root)
    try:
        with pytest.raises(OSError) as caught:
            open_beneath(top, b"src/" + name, os.O_RDONLY)
        assert caught.value.errno == errno.EXDEV
        os.close(open_beneath(top, b"src/b.py", os.O_RDONLY))
    finally:
        os.close(top)


def test_a_folder_that_was_opened_is_closed_again(root: Path) -> None:
    with folder_beneath(root, PurePosixPath("made/here"), create=True) as folder:
        assert os.fstat(folder).st_mode & 0o7777 == 0o777 & ~umask()
    with pytest.raises(OSError) as caught:
        os.fstat(folder)
    assert caught.value.errno == errno.EBADF


def umask() -> int:
    set_before = os.umask(0)
    os.umask(set_before)
    return set_before


def test_a_sibling_with_the_same_beginning_is_outside(root: Path) -> None:
    assert refused(Workspace([root]), f"{root}x/y") == "it lies outside the workspace"


@pytest.mark.parametrize(
    "path",
    [
        ".git/config", ".GIT/config", ".git./config", ".git /x", ".git::$INDEX_ALLOCATION/x", "GIT~1/config", "src/.git/x",
        "src/../.git/hooks/x", ".mazu/memory.db", ".Mazu/x", "MAZU~1/x", ".git", "lnk/config",
    ],
)  # fmt: skip
def test_git_and_mazu_are_not_written_in_any_spelling(root: Path, path: str) -> None:
    (root / "lnk").symlink_to(".git")
    assert "not written by tools" in refused(Workspace([root]), path, write=True)
    assert Workspace([root]).resolve(".git/HEAD")


@pytest.mark.parametrize("path", ["src", "src/", ".", "new/", "a.py/x"])
def test_folders_are_not_written(root: Path, path: str) -> None:
    assert "folder" in refused(Workspace([root]), path, write=True)


def test_a_folder_without_write_bits_stays_as_it_is(root: Path) -> None:
    (root / "ro").mkdir(mode=0o555)
    assert "read-only" in refused(Workspace([root]), "ro/x", write=True)


def test_links_are_followed_inside_and_refused_outside(root: Path) -> None:
    workspace = Workspace([root])
    for name, target in {
        "in": "a.py",
        "in2": f"{root}/a.py",
        "out": "/etc/passwd",
        "up": "/",
        "hop": "out",
    }.items():
        (root / name).symlink_to(target)
    assert workspace.resolve("in") == workspace.resolve("in2") == root / "a.py"
    for path in ("out", "hop", "up/../etc/passwd", "up/etc/passwd"):
        refused(workspace, path)
        refused(workspace, path, write=True)


def test_special_files_are_refused_without_blocking(root: Path) -> None:
    os.mkfifo(root / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(root / "sock"))
    for name in ("fifo", "sock"):
        assert refused(Workspace([root]), name) == "it is not a regular file"
        with pytest.raises(PathRefused):
            Workspace([root]).read_bytes(root / name)
    listener.close()


def test_a_file_swapped_for_a_fifo_just_before_it_is_opened_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_file, opened = os.open, []

    def late(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        (root / "a.py").unlink()
        os.mkfifo(root / "a.py")
        opened.append(open_file(path, flags, mode, dir_fd=dir_fd))
        return opened[-1]

    top = open_root(root)
    monkeypatch.setattr(os, "open", late)
    try:
        with pytest.raises(OSError) as caught:
            open_regular(top, "a.py")
    finally:
        os.close(top)
    assert caught.value.errno == errno.ENOTSUP
    with pytest.raises(OSError) as closed:
        os.fstat(opened[0])
    assert closed.value.errno == errno.EBADF


def test_a_root_that_is_a_link_keeps_the_editors_spelling(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    workspace = Workspace([link])
    assert workspace.resolve("a.py") == workspace.resolve(f"{root}/a.py") == link / "a.py"
    assert workspace.read_bytes(link / "a.py") == b"x = 1\n"


def test_several_roots_are_told_apart_by_name(root: Path, tmp_path: Path) -> None:
    workspace = Workspace([root, tmp_path / "projx"])
    assert workspace.resolve("projx/y") == tmp_path / "projx/y"
    assert workspace.resolve("y") == tmp_path / "projx/y"
    assert workspace.resolve("projx/new") == tmp_path / "projx/new"
    assert workspace.relative(tmp_path / "projx/y") == "projx/y"


def test_no_folder_is_a_sentence(root: Path) -> None:
    assert refused(Workspace([]), "a.py") == "no folder is open"


def test_a_write_keeps_mode_and_needs_what_it_expects(root: Path) -> None:
    workspace, script = Workspace([root]), root / "run.sh"
    workspace.write_bytes(script, b"one", expect=None)
    script.chmod(0o755)
    workspace.write_bytes(script, b"two", expect=b"one")
    assert (script.read_bytes(), script.stat().st_mode & 0o777) == (b"two", 0o755)
    for expect in (b"one", b"tw", None):
        with pytest.raises(MazuError) as caught:
            workspace.write_bytes(script, b"three", expect=expect)
        assert caught.value.kind is Kind.CONFLICT
    with pytest.raises(MazuError):
        workspace.delete(script, b"one")
    workspace.write_bytes(root / "new/deep/x", b"", expect=None)
    workspace.delete(script, UNCHECKED)
    assert sorted(p.name for p in root.iterdir()) == [".git", "a.py", "new", "src"]


def test_a_hard_link_is_broken_and_a_link_is_not_written_through(root: Path, tmp_path: Path) -> None:
    workspace, outside = Workspace([root]), tmp_path / "outside"
    outside.write_text("mine")
    (root / "hard").hardlink_to(outside)
    workspace.write_bytes(root / "hard", b"new", expect=b"mine")
    (root / "soft").symlink_to(outside)
    for expect in (UNCHECKED, b"mine"):
        with pytest.raises(PathRefused):
            workspace.write_bytes(root / "soft", b"new", expect=expect)
    assert outside.read_text() == "mine"
    assert (root / "hard").read_text() == "new"


@pytest.mark.parametrize("native", [True, False])
def test_a_folder_swapped_for_a_link_leads_nowhere(
    root: Path, tmp_path: Path, native: bool, monkeypatch
) -> None:
    if not native:  # as on macOS, or where seccomp hides openat2
        monkeypatch.setattr("mazu_ls.platform.openat2.is_available", lambda: False)
    workspace = Workspace([root])
    target = workspace.resolve("src/b.py")
    (root / "src").rename(root / "moved")
    (root / "src").symlink_to(tmp_path / "projx")
    for act in (
        lambda: workspace.read_bytes(target),
        lambda: workspace.write_bytes(target, b"", expect=UNCHECKED),
        lambda: workspace.write_bytes(root / "src/deep/new", b"", expect=None),
        lambda: workspace.delete(root / "src/y", UNCHECKED),
    ):
        with pytest.raises(PathRefused):
            act()
    assert [p.name for p in (tmp_path / "projx").iterdir()] == ["y"]
