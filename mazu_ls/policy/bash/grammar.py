"""The structure of a command line by a real grammar (tree-sitter-bash): only node types listed here may be allowed
unasked."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mazu_ls.policy.data import word_set

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_SHAPES = word_set("grammar_shapes")
_IN_ARITHMETIC = frozenset(("number", "binary_expression", "unary_expression", "parenthesized_expression"))
MAX_LINE = 20_000  # characters; a longer line is asked about


@cache
def _parser() -> Parser:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


def commands(line: str) -> list[list[str]] | str:
    """Return the raw words of every simple command, in order; or, as one sentence, what makes the line too unusual."""
    if len(line) > MAX_LINE:
        return "it is too long to be judged"
    source = line.encode()
    root = _parser().parse(source).root_node
    if root.has_error:
        return "it does not parse"
    found: list[list[str]] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if (trouble := _unusual(node)) is not None:
            return trouble
        if node.type == "command":
            found.append(_words(node, source))
        stack.extend(reversed(node.children))
    return found


def _unusual(node: Node) -> str | None:
    if node.is_missing or node.is_error:
        return "it does not parse"
    if node.is_named and node.type not in _SHAPES:
        return f"it holds a {node.type.replace('_', ' ')}"
    if not node.is_named and node.type == "&":
        return "it leaves something running"
    if node.type == "arithmetic_expansion" and any(
        c.is_named and c.type not in _IN_ARITHMETIC for c in node.children
    ):
        return "it computes with variables"
    return None


def _words(node: Node, source: bytes) -> list[str]:
    words = []
    for child in node.children:
        if child.is_named and child.type not in (
            "variable_assignment",
            "herestring_redirect",
            "file_redirect",
            "heredoc_redirect",
        ):
            words.append(source[child.start_byte : child.end_byte].decode())
    return words
