"""A command line before it runs: what is denied, why it would be asked about, what a grant of it would be."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

from mazu_ls.agent.permissions import allow
from mazu_ls.agent.permissions.lexer import lex
from mazu_ls.agent.permissions.rules import Call, Decision, Place, Rule
from mazu_ls.agent.permissions.scan import RESERVED, Scan
from mazu_ls.agent.permissions.scope import Scope
from mazu_ls.agent.permissions.words import evaluate
from mazu_ls.agent.permissions.wrappers import INTERPRETERS, SHELLS, WRAPPERS

log = logging.getLogger(__name__)
_NEVER_GRANTED = frozenset(
    (
        "eval",
        "exec",
        "source",
        ".",
        "trap",
        "alias",
        "set",
        "export",
        "find",
        "awk",
        "gawk",
        "tar",
        "rm",
        "curl",
        "wget",
    )
)
_RUN_ANYTHING = frozenset(("exec", "x", "dlx", "run-script"))
_SUBCOMMANDS = frozenset(
    str.split(
        "git npm pnpm yarn cargo go docker kubectl make uv pip poetry dotnet gradle mvn gh terraform apt brew"
    )
)


@dataclass(frozen=True)
class Line:
    """What is known of a command line. `commands` are its commands as plain words, None if any word cannot be known.

    `plain`: it says what it does, so that somebody who read it knows what will happen when it is run again.
    """

    text: str
    denied: Decision | None
    doubt: str | None
    seen: list[list[str]]
    commands: list[list[str]] | None
    prefix: tuple[str, ...] | None
    plain: bool = False

    def mentions(self, rule: Rule) -> bool:
        """Whether a deny or ask rule is about it: about the line, or about any command in it, however wrapped."""
        return rule.matches_text(self.text) or any(rule.matches_argv(argv) for argv in self.seen)

    def granted(self, rules: Sequence[Rule], cwd: Path) -> Rule | None:
        """The rule that allows the line: `*`, the line itself here, or rules for each of its commands, all of them plain words."""
        whole = (rule for rule in rules if not rule.pattern or rule.exact == (self.text, cwd))
        if (rule := next(whole, None)) is not None:
            return rule
        if not self.commands:
            return None
        found = [next((rule for rule in rules if rule.matches_argv(argv)), None) for argv in self.commands]
        return found[0] if all(found) else None


def is_command(call: Call) -> bool:
    """Whether the call runs a command line."""
    return call.tool == "run_shell" and isinstance(call.arguments.get("command"), str)


def analyse(call: Call, place: Place) -> Line:
    """Read a command line. Never raises: what cannot be read is asked about, or denied."""
    text: str = call.arguments["command"]
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
        return Line(text, Scan(place).run(text).found, "it holds broken Unicode", [], None, None)
    try:
        return _read(text, place)
    except Exception:  # a line that confuses the reader is not one to run
        log.exception("a command line could not be judged")
        unreadable = Decision("deny", "it could not be judged", rule="nothing unreadable runs")
        return Line(text, unreadable, None, [], None, None)


def _read(text: str, place: Place) -> Line:
    scan = Scan(place).run(text)
    if scan.found is not None:
        return Line(text, scan.found, None, scan.argvs, None, None)
    reason = allow.doubt(text, place)
    commands = _plain(text, place)
    return Line(text, None, reason, scan.argvs, commands, _prefix(commands), _says_what_it_does(text, place))


def _says_what_it_does(text: str, place: Place) -> bool:
    """Both readers understand it, nothing in it is invisible, and no word or file name in it is made while it runs."""
    from mazu_ls.agent.permissions import grammar

    lexed = lex(text)
    if lexed.broken or isinstance(grammar.commands(text), str) or allow.unusual_characters(text):
        return False
    words = [word for s in lexed.segments for word in (*s.words, *(r.target for r in s.redirects))]
    return not any(evaluate(word, Scope(place)).dynamic for word in words)


def _plain(text: str, place: Place) -> list[list[str]] | None:
    """Every command as words that are fully known, with no redirection but to /dev/null; None for any other line."""
    from mazu_ls.agent.permissions import grammar

    shape = grammar.commands(text)
    lexed = lex(text)
    if isinstance(shape, str) or lexed.broken:
        return None
    commands: list[list[str]] = []
    for segment in lexed.segments:
        words = list(dropwhile(RESERVED.__contains__, segment.words))
        if any(r.target not in ("/dev/null", "1", "2") for r in segment.redirects):
            return None
        values = [evaluate(raw, Scope(place)) for raw in words]
        if any(value.dynamic or value.glob or len(value.candidates) != 1 for value in values):
            return None
        if argv := [word for value in values for word in value.candidates[0]]:
            commands.append(argv)
    sizes = sorted(len(words) - (words[0] == "time") for words in shape)
    return commands if sorted(map(len, commands)) == sizes else None


def _prefix(commands: list[list[str]] | None) -> tuple[str, ...] | None:
    """What "always" would store: the program and, where it has them, its subcommand. Not for what runs anything at all."""
    if not commands or len(commands) != 1:
        return None
    argv = commands[0]
    name = argv[0].rsplit("/", 1)[-1]
    if (
        "=" in argv[0]
        or name in SHELLS
        or INTERPRETERS.match(name)
        or (name in WRAPPERS and name not in _SUBCOMMANDS)
    ):
        return None
    if name in _NEVER_GRANTED:
        return None
    if name in _SUBCOMMANDS:
        runs = len(argv) > 1 and argv[1] in ("run", "compose", "tool")
        head = argv[:3] if runs else argv[:2]
        anything = name in ("docker", "kubectl", "poetry", "uv") and runs
        risky = len(head) < 2 + runs or any(word.startswith("-") for word in head) or head[1] in _RUN_ANYTHING
        if risky or anything:
            return None
        return tuple(head)
    return tuple(argv[:1]) if re.fullmatch(r"[\w./+-]+", argv[0]) else None
