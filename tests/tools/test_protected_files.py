"""What a command that nobody approved finds read-only, as the scan says it before the sandbox is made."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.tools.shell import protected_files
from mazu_ls.tools.shell.protected_files import find_protected
from tests.hostile.shapes import git


def read_only(root: Path, largest: tuple[int, int] | None = None) -> set[str]:
    return {path.relative_to(root).as_posix() for path in find_protected(root, (), largest).read_only}


OBEYED = [
    "AGENTS.md",
    "sub/CLAUDE.md",
    "GEMINI.md",
    ".cursorrules",
    "opencode.json",
    ".github/copilot-instructions.md",
    ".eslintrc.js",
    "web/.eslintrc.cjs",
    "eslint.config.mjs",
    "prettier.config.ts",
    ".pylintrc",
    "tests/conftest.py",
    ".luarc.json",
    "rust-toolchain.toml",
    ".github/prompts/a.md",
    "pylintrc.toml",
    "mypy.ini",
    ".flake8",
    ".eslintrc",
    "web/.prettierrc.json",
    ".golangci.yml",
    "phpstan.neon",
    "mix.exs",
    ".lazy.lua",
    ".devcontainer.json",
    "lefthook-local.yml",
    "crush.json",
    "vite.config.ts",
    ".mocharc.yml",
    ".hg/hgrc",
    ".vim/coc-settings.json",
    ".qwen/settings.json",
    ".gitea/workflows/ci.yml",
]
FOLDERS = {".github/prompts", ".hg", ".vim", ".qwen", ".gitea/workflows"}


def test_what_programs_and_agents_obey_unasked_is_read_only(tmp_path: Path):
    for name in (*OBEYED, "src/a.py", "tests/test_a.py", "docs/agents.md.txt", "eslint.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    single = {name for name in OBEYED if not any(name.startswith(f"{folder}/") for folder in FOLDERS)}
    assert read_only(tmp_path) == single | FOLDERS
    assert {
        path.relative_to(tmp_path).as_posix() for path in find_protected(tmp_path).run_by_others
    } == single | FOLDERS


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    git(root, "init", "-q")
    (root / ".gitignore").write_text("*.sqlite\n/data\n")
    (root / "sub/.gitignore").write_text("kept.csv\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    (root / "data").mkdir()
    for name in ("a.sqlite", "sub/b.sqlite", "sub/kept.csv", "sub/free.csv", "data/x"):
        (root / name).write_text("mine")
    return root


IGNORED = {"a.sqlite", "sub/b.sqlite", "sub/kept.csv", "data", ".git"}


@pytest.mark.parametrize(
    "edit",
    [
        "true",
        "rm .gitignore sub/.gitignore",
        ": > .gitignore; : > sub/.gitignore",
        "echo '!*' >> .gitignore; echo '!*' >> sub/.gitignore",
        "mkdir new; echo '!*.sqlite' > sub/.gitignore",
        "mv .gitignore x; mkdir .gitignore",
    ],
)
def test_an_edit_of_the_ignore_list_before_the_first_command_uncovers_nothing(committed: Path, edit: str):
    assert os.system(f"cd '{committed}'; {edit}") == 0
    assert read_only(committed) == IGNORED


def test_what_the_list_ignores_since_the_last_commit_is_covered_too(committed: Path):
    (committed / "sub/.gitignore").write_text("kept.csv\nfree.csv\n!b.sqlite\n")
    assert read_only(committed) == IGNORED | {"sub/free.csv"}


def test_a_commit_that_ignores_less_is_believed(committed: Path):
    (committed / "sub/.gitignore").write_text("free.csv\n")
    git(committed, "commit", "-qam", "two")
    assert read_only(committed) == IGNORED - {"sub/kept.csv"} | {"sub/free.csv"}


def test_caches_of_tools_with_an_ignore_list_of_their_own_are_build_output(committed: Path):
    for folder, inner in ((".mypy_cache", "3.11"), (".pytest_cache", "v/cache"), ("public", "uploads")):
        (committed / folder / inner).mkdir(parents=True)
        (committed / folder / ".gitignore").write_text("*\n")
        (committed / folder / inner / "data.json").write_text("{}")
    assert read_only(committed) == IGNORED | {"public/.gitignore", "public/uploads"}


def test_a_file_that_is_too_large_for_a_checkpoint_is_read_only(committed: Path):
    (committed / "large.bin").write_bytes(b"x" * 100_001)
    (committed / "tracked.bin").write_bytes(b"x" * 100_001)
    (committed / "small.bin").write_bytes(b"x" * 100_000)
    git(committed, "add", "tracked.bin")
    assert read_only(committed, (100_000, 200_000)) == IGNORED | {"large.bin"}
    assert read_only(committed) == IGNORED
    with (committed / "small.bin").open("ab") as file:  # its folder does not change
        file.write(b"x")
    assert read_only(committed, (100_000, 200_000)) == IGNORED | {"large.bin", "small.bin"}


def test_secrets_in_an_ignored_folder_are_hidden_also_after_a_move(committed: Path):
    (committed / ".gitignore").write_text("/store/\n/certs/server.pem\n")
    files = ("store/.env", "store/deep/id_rsa", "store/deep/server.key", "certs/server.pem")
    for name in (*files, "store/data.csv", "tests.pem"):
        (committed / name).parent.mkdir(parents=True, exist_ok=True)
        (committed / name).write_text("x")

    def hidden() -> set[str]:
        return {path.relative_to(committed).as_posix() for path in find_protected(committed).hidden}

    assert hidden() == {*files}
    (committed / "certs").rename(committed / "moved")
    assert hidden() == {*files[:3], "moved/server.pem"}
    for number in range(120):
        (committed / f"store/{number}.pem").write_text("x")
    assert hidden() == {"store", "moved/server.pem"}


def test_a_file_that_vanishes_during_the_scan_uncovers_no_other(committed: Path, monkeypatch):
    (committed / ".envrc").write_text("")
    before = read_only(committed)
    (committed / "new").touch()  # so that the folder is listed again

    def list_more(opened: int) -> Any:
        (committed / ".mcp.json").touch()
        entries = [*scandir(opened)]
        (committed / ".mcp.json").unlink()
        return contextlib.nullcontext(entries)

    scandir = os.scandir
    monkeypatch.setattr(protected_files.os, "scandir", list_more)
    found = find_protected(committed, (), (100_000, 200_000))
    assert {path.relative_to(committed).as_posix() for path in found.read_only} - {".mcp.json"} == before
    assert committed / ".envrc" in found.run_by_others and committed / ".mcp.json" not in found.run_by_others


def test_what_lists_outside_of_the_folder_ignore_is_read_only_too(tmp_path: Path):
    root = tmp_path / "packages" / "web"
    (root / "own").mkdir(parents=True)
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("*.dat\n/packages/web/own/\n/packages/app/\n")
    (tmp_path / "packages" / ".gitignore").write_text("!kept.dat\n")
    (tmp_path / ".git" / "info" / "exclude").write_text("/packages/*/a.local\n/b.txt\n")
    for name in ("a.dat", "kept.dat", "own/x", "a.local", "b.txt"):
        (root / name).write_text("1")
    assert read_only(root) == {"a.dat", "own", "a.local"}
