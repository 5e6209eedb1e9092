"""What a command that nobody approved finds read-only, as the scan says it before the sandbox is made."""

from __future__ import annotations

from pathlib import Path

from mazu_ls.tools.shell.protected_files import find_protected


def read_only(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in find_protected(root).read_only}


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
]


def test_what_programs_and_agents_obey_unasked_is_read_only(tmp_path: Path):
    for name in (*OBEYED, "src/a.py", "tests/test_a.py", "docs/agents.md.txt", "eslint.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert read_only(tmp_path) == {*OBEYED} - {".github/prompts/a.md"} | {".github/prompts"}
