"""A count and its noun agree, whatever the count is."""

import ast
import re
from pathlib import Path

import mazu_ls
from mazu_ls.workspace.visible_text import plural

ROOT = Path(mazu_ls.__file__).parent
SHOWN = (
    "terminal",
    "memory/graph",
    "memory/team",
    "agent/jobs",
    "checkpoints",
    "server/features",
    "server/chat",
)
NOUNS = (
    "calls changes checkpoints edges edits entries files folders hunks lines matches memories messages models nodes pages"
    " proposals sessions steps tokens turns"
)
AT_LEAST_TWO = (" checkpoints are called ",)
_COUNTED = re.compile(rf" (?:more |near-)?(?:{NOUNS.replace(' ', '|')})\b")


def test_one_is_singular():
    assert [plural(n, "memory", "memories") for n in (0, 1, 2)] == ["0 memories", "1 memory", "2 memories"]
    assert plural(1, "more line") == "1 more line"


def test_no_text_for_users_fixes_the_number_of_a_count():
    found = [
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for folder in SHOWN
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in _counts(ast.parse(path.read_text()))
    ]
    assert found == []


def _counts(tree: ast.AST) -> list[ast.JoinedStr]:
    """Return the f-strings with a number before a plural, but those of an expression that has another one for one."""
    chosen = {id(part) for node in ast.walk(tree) if isinstance(node, ast.IfExp) for part in ast.walk(node)}
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) and id(node) not in chosen
        for value, text in zip(node.values, node.values[1:], strict=False)
        if isinstance(value, ast.FormattedValue) and "plural" not in ast.unparse(value) and not _fixed(value)
        if isinstance(text, ast.Constant)
        and not str(text.value).startswith(AT_LEAST_TWO)
        and _COUNTED.match(str(text.value))
    ]


def _fixed(value: ast.FormattedValue) -> bool:
    """A constant of the module, such as MAX_FILES, is not one."""
    return isinstance(value.value, ast.Name) and value.value.id.isupper()
