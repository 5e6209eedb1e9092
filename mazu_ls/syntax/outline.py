"""Definitions of a text and the names it uses. Positions are 0-based lines and characters of the Python str."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, cast

from msgspec import Struct

from mazu_ls.syntax import grammar, lines
from mazu_ls.syntax.languages import canonical, words
from mazu_ls.syntax.source import SourceText
from mazu_ls.workspace.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from tree_sitter import Node

Kind = Literal[
    "module", "class", "struct", "interface", "enum", "implementation", "type",
    "function", "method", "macro", "constant", "variable",
]  # fmt: skip
Position = tuple[int, int]
CONTAINERS = frozenset(("class", "struct", "interface", "enum", "implementation"))
CALLABLES = frozenset(("function", "method"))
MAX_SIGNATURE = 200

# A definition that makes up all of such a statement is shown with it ("const f = ...").
_STATEMENTS = words("""
    lexical_declaration variable_declaration expression_statement type_declaration const_declaration var_declaration
    declaration_command
""")
# These belong to the definition that they wrap, but not to its signature.
_WRAPPERS = words("decorated_definition export_statement ambient_declaration template_declaration")
_USES = ("reference", "call", "import")
_SEPARATOR = lazy_pattern(r"::|\\|\.(?=\w)")
_INNER_SPACE = lazy_pattern(r"([(\[]) |,? ([)\]])")
_ANNOTATIONS = lazy_pattern(r"^(?:@[\w.]+(?:\([^()]*\))?\s+)+(?=\w)")


class CodeSymbol(Struct, frozen=True, gc=False):
    """A definition. Its range includes decorators and `export`; 0-based lines and characters, the end exclusive.

    `path` is the name with those of its containers before it ("Book.balance"), `signature` its head in one line,
    `parent` the index of its container in the list it came in, `local` whether it is inside a function.
    """

    name: str
    kind: Kind
    path: str
    start_line: int
    start_char: int
    end_line: int
    end_char: int
    name_start: tuple[int, int]
    name_end: tuple[int, int]
    signature: str
    parent: int | None = None
    local: bool = False


class Outline(Struct, frozen=True):
    """The definitions of a text in order, and how often it uses which name.

    Of these references, `calls` are by the bare name, `imports` import the name.
    """

    symbols: tuple[CodeSymbol, ...]
    references: Counter[str]
    calls: Counter[str]
    imports: Counter[str]


class _Found(Struct):
    """A definition that is not yet placed among its containers."""

    kind: Kind
    name: str
    scope: str
    start: Position
    end: Position
    name_start: Position
    name_end: Position
    head: str
    name_end_byte: int = 0


def symbols(text: str, language: str) -> list[CodeSymbol]:
    """Return the definitions of a text, containers before their content, in the order of the text.

    Of broken code those that can be recognised. Languages without a grammar are read by line; text over 1 MB, or
    without any way to parse it, has none.
    """
    return list(_symbols(text, canonical(language)))


def symbol_at(text: str, language: str, line: int, character: int) -> CodeSymbol | None:
    """Return the innermost definition around a position; directly after its last character counts."""
    at = (line, character)
    best: CodeSymbol | None = None
    for symbol in _symbols(text, canonical(language)):
        if (symbol.start_line, symbol.start_char) > at:
            break
        if at <= (symbol.end_line, symbol.end_char):
            best = symbol
    return best


def references(text: str, language: str) -> Counter[str]:
    """Return how often a text uses each name, except in definitions, comments and strings (the latter only with a
    grammar)."""
    return outline(text, language).references


def outline(text: str | bytes, language: str) -> Outline:
    """Return definitions and references of one parse; bytes are read as UTF-8."""
    source = SourceText.encode(text)
    language = canonical(language)
    root = grammar.parse(source.data, language)
    if root is None:
        names = Counter(lines.names(source, language))
        return Outline(_placed(_by_line(source, language)), names, Counter(), Counter())
    found = _definitions(root, source, language)
    own = {one.name_end_byte for one in found}
    used = grammar.captures(grammar.references_query(language), root)
    counted = [_counted(used.get(use, []), source.data, own) for use in _USES]
    return Outline(_placed(found), *counted)


def _counted(nodes: list[Node], data: bytes, own: set[int]) -> Counter[str]:
    """Count each name, without the names of definitions."""
    names = Counter([data[node.start_byte : end] for node in nodes if (end := node.end_byte) not in own])
    return Counter({name.decode("utf-8", "replace"): count for name, count in names.items()})


@lru_cache(maxsize=32)
def _symbols(text: str, language: str) -> tuple[CodeSymbol, ...]:
    source = SourceText.encode(text)
    root = grammar.parse(source.data, language)
    return _placed(_by_line(source, language) if root is None else _definitions(root, source, language))


def _definitions(root: Node, source: SourceText, language: str) -> list[_Found]:
    """Return one definition for each defined name: the patterns are in order of preference."""
    best: dict[int, tuple[int, dict[str, list[Node]]]] = {}
    for pattern, captured in grammar.matches(grammar.definitions_query(language), root):
        at = captured["name"][0].start_byte
        if at not in best or pattern < best[at][0]:
            best[at] = pattern, captured
    return [_found(captured, source) for _, captured in best.values()]


def _found(captured: dict[str, list[Node]], source: SourceText) -> _Found:
    nodes = {capture: found[0] for capture, found in captured.items()}
    name, body, scope = nodes.pop("name"), nodes.pop("body", None), nodes.pop("scope", None)
    ((kind, node),) = nodes.items()
    body = body or node.child_by_field_name("body")
    parent = node.parent
    while parent is not None and parent.type in _STATEMENTS and parent.named_child_count == 1:
        node, parent = parent, parent.parent
    head = _head(source, node.start_byte, min(body.start_byte if body else node.end_byte, node.end_byte))
    while parent is not None and parent.type in _WRAPPERS:
        node, parent = parent, parent.parent
    return _Found(
        cast(Kind, kind), source.text_of(name), source.text_of(scope) if scope else "",
        source.position(node.start_byte, node.start_point), source.position(node.end_byte, node.end_point),
        source.position(name.start_byte, name.start_point), source.position(name.end_byte, name.end_point), head, name.end_byte,
    )  # fmt: skip


def _head(source: SourceText, start: int, end: int) -> str:
    text = source.data[start : min(end, start + 4 * MAX_SIGNATURE)].decode("utf-8", "replace")
    text = _ANNOTATIONS.sub("", _INNER_SPACE.sub(r"\1\2", " ".join(text.split())))
    for tail in ("{", "=>", ":", ";", "="):
        text = text.removesuffix(tail).rstrip()
    return text if len(text) <= MAX_SIGNATURE else text[: MAX_SIGNATURE - 1] + "…"


def _by_line(source: SourceText, language: str) -> list[_Found]:
    return [
        _Found(
            cast(Kind, line.kind), line.name, "", (line.start, line.indent), (line.end, line.last_char),
            (line.start, line.name_start), (line.start, line.name_start + len(line.name)), line.head[:MAX_SIGNATURE],
        )
        for line in lines.definitions(source, language)
    ]  # fmt: skip


def _placed(found: list[_Found]) -> tuple[CodeSymbol, ...]:
    """Return symbols with their containers: a walk in text order with a stack of open ones."""
    found.sort(key=lambda one: (one.start, (-one.end[0], -one.end[1]), one.name_start))
    placed: list[CodeSymbol] = []
    within: list[tuple[_Found, int]] = []
    for one in found:
        while within and not _holds(within[-1][0], one):
            within.pop()
        parent = within[-1][1] if within else None
        within.append((one, len(placed)))
        placed.append(_symbol(one, parent, placed[parent] if parent is not None else None))
    return tuple(placed)


def _holds(outer: _Found, inner: _Found) -> bool:
    """Return whether one contains the other; two names of one statement do not."""
    return inner.end <= outer.end and (outer.start, outer.end) != (inner.start, inner.end)


def _symbol(one: _Found, parent: int | None, above: CodeSymbol | None) -> CodeSymbol:
    parts = [part for part in _SEPARATOR.split(one.name.strip("\"'")) if part] or ["?"]
    if one.scope:
        parts.insert(0, one.scope)
    member = len(parts) > 1 or (above is not None and above.kind in CONTAINERS)
    return CodeSymbol(
        parts[-1], "method" if one.kind == "function" and member else one.kind,
        ".".join([above.path, *parts] if above else parts), *one.start, *one.end, one.name_start, one.name_end,
        one.head, parent, above is not None and (above.local or above.kind in CALLABLES),
    )  # fmt: skip
