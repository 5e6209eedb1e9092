"""Text that a person or a model reads, and the words that it must not use because nobody would search for them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PRIVATE = re.compile(
    r"\b(told|mend(s|ed|ing)?|anew|beside|in vain|shall|lest|whence|thereof|nought|afresh|for ever"
    r"|of now|(be)?c(o|a)mes? of|hears? (of|why|it|the|your|note)|heard (of|from)|lends?|lent"
    r"|(take|takes|taken|taking|took)( \w+){0,4} back|st(ands|ood) (in|there|here|behind|at|below|on|under|until|right)"
    r"|goes on|go on|went on|held anew)\b",
    re.IGNORECASE,
)
"""Archaic or private words. "told" is "shown", "sent" or "reported"; "mend" is "fix"; "taken back" is "undone"."""
NAMES = re.compile(r"\{told:|`lend`|\blend = \{|\(\?:undone\|taken back\)")
"""Names of the protocol and of settings, and what documents of earlier versions say."""
PAGES = ("*.md", "docs/*.md", "editors/*/*.md", "editors/*/doc/*.txt", "editors/vscode/package*.json")
SOURCES = (
    "editors/vscode/src/**/*.ts",
    "editors/vscode/webview/**/*.ts*",
    "editors/neovim/**/*.lua",
    "editors/emacs/*.el",
)
QUOTED = re.compile(
    r"""(?<![\w])(?:"((?:[^"\\\n]|\\.)* (?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)* (?:[^'\\\n]|\\.)*)'|`([^`]* [^`]*)`)"""
)
COMMENT = re.compile(r"^\s*(//|\*|/\*|--).*$|(?<=\s)(//|--) .*$", re.MULTILINE)


def private_words() -> Iterator[str]:
    """Each use, as `file:line: word: text`."""
    for path, line, text in [*_pages(), *_python_strings(), *_editor_strings()]:
        if found := PRIVATE.search(NAMES.sub("", text)):
            yield f"{path.relative_to(ROOT)}:{line}: {found[0]}: {text.strip()[:120]}"


def _pages() -> Iterator[tuple[Path, int, str]]:
    for pattern in PAGES:
        for path in ROOT.glob(pattern):
            for number, line in enumerate(path.read_text().split("\n"), 1):
                yield path, number, line


def _python_strings() -> Iterator[tuple[Path, int, str]]:
    """String literals of several words; docstrings are for those who read the code."""
    for path in (ROOT / "mazu_ls").rglob("*.py"):
        tree = ast.parse(path.read_text())
        bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if literal and " " in node.value and id(node) not in bare:  # type: ignore[attr-defined]
                yield path, node.lineno, node.value  # type: ignore[attr-defined]


def _editor_strings() -> Iterator[tuple[Path, int, str]]:
    for pattern in SOURCES:
        for path in ROOT.glob(pattern):
            text = COMMENT.sub("", path.read_text())
            for found in QUOTED.finditer(text):
                yield path, text.count("\n", 0, found.start()) + 1, found[0]
