"""The one reading of a command line, and from evaluated words to commands: every one they may make, those of `find` included.

Its structure is checked by a real grammar (tree-sitter-bash): only node types listed here may be allowed unasked.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from itertools import islice, product
from typing import TYPE_CHECKING

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.lexer import LexedLine, Redirect, Segment
from mazu_ls.policy.bash.words import WordValue
from mazu_ls.policy.data import word_set
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables.options import find_starts
from mazu_ls.policy.tables.wrappers import SHELLS, WRAPPERS, program

MAX_ARGVS = 256
_NARROWS = frozenset(str.split("-name -iname -path -regex -newer -mtime -size"))
_PARTS = frozenset(("{/}", "{.}", "{//}", "{/.}"))  # of a path that `fd` finds
# Programs that a wildcard in program position could match.
_FOUND_BY_WILDCARD = SHELLS | WRAPPERS.keys() | word_set("found_by_wildcard")


@dataclass
class ReadSegment:
    """A segment as it was read, its words evaluated with what is known of variables where it stands.

    `keywords` are the reserved words ahead of the command; `assigned` the assignments ahead of it (None: of an array);
    `loop` the words behind `in`, where it is the head of a loop over `variable`; `raws` and `values` the command itself;
    `targets` what its redirections name, in their order.
    """

    segment: Segment
    keywords: list[str] = field(default_factory=list)
    assigned: list[tuple[str, WordValue | None]] = field(default_factory=list)
    variable: str | None = None
    loop: list[tuple[str, WordValue]] = field(default_factory=list)
    raws: list[str] = field(default_factory=list)
    values: list[WordValue] = field(default_factory=list)
    targets: list[WordValue] = field(default_factory=list)

    def plain_command(self) -> list[str] | None:
        """The command with the assignments ahead of it as fully known words; None if there is none, or one is not known."""
        ahead = [value for _, value in self.assigned if value]
        if not all(v.fixed for v in (*ahead, *self.values)) or any(
            len(value.candidates[0]) != 1 for value in self.values
        ):
            return None
        assigned = [raw.partition("=")[0] + "=" + value.text for raw, value in self.assigned if value]
        return [*assigned, *(value.candidates[0][0] for value in self.values)] or None


@dataclass(frozen=True)
class ReadLine:
    """A whole command line: its segments, and why they cannot be relied on (None: they can).

    `unreadable`: nobody can say what it does; `ambiguous`: it can be read in two ways, or runs what no reading follows.
    """

    segments: list[ReadSegment]
    unreadable: str | None = None
    ambiguous: str | None = None

    def plain_commands(self) -> list[list[str]] | None:
        """Every command as words that are fully known, with no redirection but to /dev/null; None for any other line."""
        found: list[list[str]] = []
        for read in self.segments:
            redirected = any(r.target not in ("/dev/null", "1", "2") for r in read.segment.redirects)
            if redirected or read.variable or read.raws[:1] in (["["], ["[["]):
                return None
            if (command := read.plain_command()) is not None:
                found.append(command)
            elif read.values or read.assigned:
                return None
        return None if self.unreadable or self.ambiguous else found

    @property
    def is_explicit(self) -> bool:
        """Whether no word or file name in it is made while it runs."""
        values = [
            value
            for read in self.segments
            for value in (*(v for _, v in (*read.assigned, *read.loop)), *read.values, *read.targets)
        ]
        redirects = [redirect for read in self.segments for redirect in read.segment.redirects]
        made = any(value is None or value.dynamic for value in values) or any(
            map(Redirect.is_expanded, redirects)
        )
        return not self.unreadable and not made


def complete_line(text: str, lexed: LexedLine, segments: list[ReadSegment]) -> ReadLine:
    """The line with what speaks against it: it is empty, invisible in part, unusual, or can be read in two ways."""
    unreadable = "it is empty" if not text.strip() else _unusual_characters(text)
    by_grammar = unreadable or _commands_by_grammar(text)
    if isinstance(by_grammar, str) or lexed.broken:
        return ReadLine(segments, by_grammar if isinstance(by_grammar, str) else "it does not parse")
    if any(read.segment.before in (";;", ";&", ";;&") for read in segments):
        return ReadLine(segments, ambiguous="it holds a case")
    # Two readings of one line that differ are a sign of a trick in it.
    ours = [read.raws for read in segments if read.raws and read.raws[0] not in ("[", "[[")]
    theirs = [words[1:] if words[0] == "time" else words for words in by_grammar]
    return ReadLine(segments, None, None if sorted(ours) == sorted(theirs) else "it can be read in two ways")


def _unusual_characters(line: str) -> str | None:
    """What in the line cannot be seen, or would act on a terminal; None if nothing is like that."""
    for char in line:
        if char.isascii():
            if char not in "\n\t" and (ord(char) < 32 or ord(char) == 127):
                return "it holds control characters"
        elif unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"):
            return "it holds invisible characters"
    return None


def argvs(values: list[WordValue]) -> list[tuple[list[str], set[str]]]:
    """Return every command that the words may form, with the words that are wildcards."""
    found: list[tuple[list[str], set[str]]] = []
    choices = list(islice(product(*(value.candidates for value in values)), MAX_ARGVS + 1))
    if len(choices) > MAX_ARGVS:  # what the others are cannot be known
        choices[-1] = tuple(v.candidates[0] if len(v.candidates) == 1 else [UNKNOWN] for v in values)
    for choice in choices:
        argv = [text for fields in choice for text in fields]
        globs = {text for value, fields in zip(values, choice, strict=True) if value.glob for text in fields}
        if argv and (argv, globs) not in found:
            found.append((argv, globs))
    return found


def by_wildcard(argv: list[str], globs: set[str]) -> list[list[str]]:
    """Return the commands that `/usr/bin/s?do ls` may be."""
    if argv[0] not in globs:
        return []
    pattern = program(argv[0])
    return [[name, *argv[1:]] for name in _FOUND_BY_WILDCARD if fnmatchcase(name, pattern)]


def found_by_find(argv: list[str]) -> list[list[str]]:
    """Return the commands after `-exec` and similar actions, with each starting point in place of `{}`."""
    if argv[0] not in ("find", "gfind", "fd", "fdfind"):
        return []
    found: list[list[str]] = []
    narrowed, starts = False, find_starts(argv[1:])
    for index, word in enumerate(argv):
        narrowed = narrowed or word in _NARROWS
        if word in ("-exec", "-execdir", "-ok", "-okdir", "-x", "-X", "--exec", "--exec-batch"):
            for command in _before_end(argv, index + 1, word):
                for start in starts:
                    spend(len(command))
                    found += _in_place_of_braces(command, word, start, narrowed)
    return found


def _before_end(argv: list[str], begin: int, action: str) -> list[list[str]]:
    """Return the command that begins there, up to `;` or `+`; and up to where find ends it: `+` anywhere but behind `{}` is a
    word of the command."""
    behind = range(begin, len(argv))
    loose = (i for i in behind if argv[i] in (";", "\\;") or (argv[i] == "+" and i > begin))
    takes_all = action in ("-exec", "-execdir")
    strict = (i for i in behind if argv[i] == ";" or (takes_all and argv[i] == "+" and argv[i - 1] == "{}"))
    ends = sorted({next(loose, len(argv)), next(strict, len(argv))})
    return [argv[begin:end] for end in ends]


def _in_place_of_braces(command: list[str], action: str, start: str, narrowed: bool) -> list[list[str]]:
    if action in ("-execdir", "-okdir"):  # in the folder of what is found: the one above, or below it
        one = "./*narrowed*" if narrowed else "./*"
        names = (one, "./..") if posixpath.basename(start) == ".." else (one,)
        return [
            ["env", "-C", folder, *(re.sub(r"^\{\}", name, word) for word in command)]
            for folder in (posixpath.dirname(start) or ".", start)
            for name in names
        ]
    place = f"{start}/*narrowed*" if narrowed and not start.startswith(("/", "~", "..")) else start
    return [[UNKNOWN if word in _PARTS else place if word == "{}" else word for word in command]]


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


def _commands_by_grammar(line: str) -> list[list[str]] | str:
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
        # What a substitution runs is judged by what is known of its output.
        stack.extend(reversed(node.children if node.type != "command_substitution" else ()))
    return found


def _unusual(node: Node) -> str | None:
    if node.is_missing or node.is_error:
        return "it does not parse"
    if node.is_named and node.type not in _SHAPES:
        return f"it holds a {node.type.replace('_', ' ')}"
    if not node.is_named and node.type == "&":
        return "it starts something in the background, which is ended with the command"
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
