"""Parses with tree-sitter: grammars and queries are loaded once, each parse is bounded in time."""

from __future__ import annotations

import logging
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.syntax.languages import GRAMMARS

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

log = logging.getLogger(__name__)
MAX_BYTES = 1_000_000
TIME_LIMIT = 2.0
"""Seconds for one parse; ambiguous grammars can run forever on hostile input."""
_CHUNK = 16 * 1024
_MATCH_LIMIT = 65_536
_QUERIES = Path(__file__).parent / "queries"


@cache
def language(name: str) -> Language | None:
    """Return the grammar of a language; None if there is none, or if it is not installed (which is logged once)."""
    grammar = GRAMMARS.get(name)
    if grammar is None:
        return None
    try:
        import tree_sitter

        return tree_sitter.Language(getattr(import_module(grammar.module), grammar.function)())
    except (ImportError, ValueError) as error:
        log.warning("no grammar for %s: %s", name, error)
        return None


@cache
def definitions_query(name: str) -> Query:
    """Return the query for definitions; captures are described in queries/python.scm."""
    return _compiled(name, definitions_text(name))


@cache
def references_query(name: str) -> Query:
    """Return the query for leaves that name something (@reference) and their use, as in queries/uses/python.scm."""
    return _compiled(name, _any(GRAMMARS[name].references, "reference") + "\n" + uses_text(name))


@cache
def comments_query(name: str) -> Query:
    """Return the query for comments."""
    return _compiled(name, _any(GRAMMARS[name].comments, "comment"))


def definitions_text(name: str) -> str:
    """Return the source of the query for definitions."""
    return _sources(name, _QUERIES)


def uses_text(name: str) -> str:
    """Return the source of the query for uses of names."""
    return _sources(name, _QUERIES / "uses")


def _sources(name: str, folder: Path) -> str:
    files = [folder / f"{part}.scm" for part in GRAMMARS[name].queries]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())


def parse(data: bytes, name: str) -> Node | None:
    """Return the root of the tree of UTF-8 `data`; None without a grammar, over MAX_BYTES, or when time ran out.

    The text is passed in pieces, so that other threads run in between.
    """
    grammar = language(name) if len(data) <= MAX_BYTES else None
    if grammar is None:
        return None
    from tree_sitter import Parser

    end = time.monotonic() + TIME_LIMIT
    try:
        return (
            Parser(grammar)
            .parse(
                lambda offset, _: data[offset : offset + _CHUNK],
                progress_callback=lambda _, __: time.monotonic() > end,
            )
            .root_node
        )
    except ValueError:
        log.info("a %s file of %d bytes took over %s s to parse", name, len(data), TIME_LIMIT)
        return None


def first_error(text: str, name: str) -> int | None:
    """Return the first line (1-based) with a syntax error; None if there is none, or it is unknown."""
    root = parse(text.encode("utf-8", "surrogatepass"), name)
    if root is None or not root.has_error:
        return None
    node = root
    while inner := next((child for child in node.children if child.has_error or child.is_missing), None):
        node = inner
    return node.start_point[0] + 1


def matches(query: Query, root: Node) -> list[tuple[int, dict[str, list[Node]]]]:
    """Return every match with the number of its pattern."""
    from tree_sitter import QueryCursor

    return QueryCursor(query, match_limit=_MATCH_LIMIT).matches(root)


def captures(query: Query, root: Node) -> dict[str, list[Node]]:
    """Return the captured nodes by the name of the capture."""
    from tree_sitter import QueryCursor

    return QueryCursor(query, match_limit=_MATCH_LIMIT).captures(root)


def _compiled(name: str, source: str) -> Query:
    from tree_sitter import Query

    grammar = language(name)
    assert grammar is not None
    return Query(grammar, source)


def _any(types: tuple[str, ...], capture: str) -> str:
    return "[" + " ".join(f"({kind})" for kind in types) + f"] @{capture}"
