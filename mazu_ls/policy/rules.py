"""The records of a decision: tool call, context, rule, verdict."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from mazu_ls.policy.bash import UNKNOWN
from mazu_ls.tools.base import Effect
from mazu_ls.workspace.file_names import compose
from mazu_ls.workspace.path_rules import OwnPlace

Verdict = Literal["allow", "ask", "deny"]
Mode = Literal["ask", "auto", "plan", "bypass"]
ANYTHING = "*"
UNCLEAR = "nothing unclear runs"
"""The rule by which mode bypass asks."""
Exact = tuple[str, Path]
"""A command line, and the directory in which it runs."""


class ToolCallInfo(Struct, frozen=True):
    """A tool call before it runs: the tool's name, its effect, and the arguments as the model sent them."""

    tool: str
    effect: Effect
    arguments: Mapping[str, Any]


class PolicyContext(Struct, frozen=True):
    """The context of a call: workspace roots, working directory of the shell, the user's home.

    `confined`: unapproved commands run in a sandbox (no network, only the project writable). `programs`: files from which MCP
    servers are started, outside of it. `own`: what of the project is the user's own settings, by links.
    """

    roots: Sequence[Path]
    cwd: Path
    home: Path
    confined: bool = False
    programs: frozenset[Path] = frozenset()
    own: tuple[OwnPlace, ...] = ()


class Decision(Struct, frozen=True):
    """The verdict, a one-line reason, the rule that gave it (None: the mode), and what "always" would store.

    `always` is an argv prefix for run_shell, a pattern for calls with a path or a host, empty for a whole tool, None if
    no grant is offered; `about` names path or host for the user. `exact` is a command line with its directory that may
    be granted as it stands. `sandboxed`: it is allowed because of the sandbox, without anybody's consent;
    `changes_git`: the line consists of git commands alone, so that with consent it may write `.git`.
    """

    verdict: Verdict
    reason: str
    rule: str | None = None
    always: tuple[str, ...] | None = None
    about: str = ""
    exact: Exact | None = None
    sandboxed: bool = False
    changes_git: bool = False


DRY_RUN = "dry run"
"""Origin of the rules that hold in a dry run; they are nobody's."""


class Rule(Struct, frozen=True):
    """One rule of the user's. `tool` may hold wildcards; `pattern` is matched word by word for a command.

    A grant's pattern is an argv prefix, so it ends in `*`. An empty pattern matches every call of the tool. With
    `exact` it matches that one command line and nothing else.
    """

    tool: str
    pattern: tuple[str, ...]
    verdict: Verdict
    origin: str = "settings"
    exact: Exact | None = None

    @property
    def id(self) -> str:
        """Identifies the rule for as long as it exists in a session."""
        named = (self.tool, *self.pattern, self.verdict, str(self.exact))
        return "se_" + hashlib.sha256("\0".join(named).encode("utf-8", "surrogateescape")).hexdigest()[:10]

    @classmethod
    def parse(cls, tool: str, pattern: str, verdict: Verdict, origin: str = "settings") -> Rule:
        """Parse a rule from settings: the pattern is split like a command line; `*` alone means every call."""
        try:
            words = tuple(shlex.split(pattern))
        except ValueError:
            words = tuple(pattern.split())
        return cls(tool, () if words == (ANYTHING,) else words, verdict, origin)

    @property
    def why(self) -> str:
        """What it does to a call that it matches, in a few words."""
        if self.origin == DRY_RUN:
            return "this is a dry run, in which nothing is run"
        return {"deny": "a rule denies it", "ask": "a rule asks for it", "allow": "a rule allows it"}[
            self.verdict
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.tool} {' '.join(self.pattern) or ANYTHING} ({self.origin})"

    def applies(self, tool: str) -> bool:
        """Return whether it is about this tool."""
        return fnmatchcase(tool, self.tool)

    def matches_argv(self, argv: Sequence[str]) -> bool:
        """Return whether these words match the pattern; `*` as its last word matches any that follow."""
        if self.exact is not None:
            return False
        if not self.pattern:
            return True
        *head, last = self.pattern
        # A grant is an argv prefix; and a denied `git push` means it with every argument.
        if (self.origin in ("session", "always") or self.verdict != "allow") and last != ANYTHING:
            head, last = [*head, last], ANYTHING
        if last == ANYTHING:
            return len(argv) >= len(head) and _each_matches(argv, head)
        return len(argv) == len(self.pattern) and _each_matches(argv, self.pattern)

    def matches_command(self, argv: Sequence[str]) -> bool:
        """Return whether it matches this command, whatever global options precede the subcommand."""
        from mazu_ls.policy.tables.global_options import without_global_options  # reads the tables

        forms, _ = without_global_options(list(argv))
        return any(self.matches_argv(form) for form in (argv, *forms))

    def why_it_may_match(self, argv: Sequence[str]) -> str | None:
        """Return what hides whether the rule matches this command: an unknown option, an alias, a word computed at run
        time."""
        if not self.pattern:
            return None
        first = self.pattern[0]
        if not _matches(argv[0], first):
            if not _may_become(argv[0], first):
                return None
            known = [first.rstrip(ANYTHING), *argv[1:]]
            if argv[0] == UNKNOWN or self.matches_command(known) or self._why_words_may_match(known):
                return "which program runs cannot be known, and a rule may be about it"
            return None
        return self._why_words_may_match(argv) if len(self.pattern) > 1 else None

    def _why_words_may_match(self, argv: Sequence[str]) -> str | None:
        from mazu_ls.policy.tables.global_options import may_be_alias, without_global_options

        forms, option = without_global_options(list(argv))
        if option is not None:
            return f"the value of the unknown option {option} may match a rule"
        for form in forms:
            if may_be_alias(form):
                return f"git {form[1]} may be an alias of what a rule is about"
            for word, expected in zip(form, self.pattern, strict=False):
                if _matches(word, expected):
                    continue
                if _may_become(word, expected):
                    return "a word that is made while it runs may match a rule"
                if len(form) > 1 and word == form[1] and expected.startswith(word):
                    return f"{form[0]} {word} may be short for what a rule is about"
                break
        return None

    def why_code_may_match(self, code: str) -> str | None:
        """Return why code that starts programs, given to an interpreter, may run what the rule is about: it names all
        its words."""
        words = [core for word in self.pattern if (core := word.strip("*?"))]
        if words and all(re.search(rf"(?<![\w-]){re.escape(word)}", code) for word in words):
            return f"code given to an interpreter names {' '.join(words)}, which a rule is about"
        return None

    def matches_text(self, text: str) -> bool:
        """Return whether the pattern matches a path, a host, or any other text."""
        return self.exact is None and _fits(text, " ".join(self.pattern))

    def matches_host(self, host: str) -> bool:
        """Return whether the pattern matches a host or an address, however the pattern spells its host."""
        from mazu_ls.tools.web.host_names import canonical_pattern

        return self.matches_text(host) or (
            self.exact is None and _fits(host, canonical_pattern(" ".join(self.pattern)))
        )


def _fits(text: str, pattern: str) -> bool:
    return not pattern or _matches(text, pattern) or _matches(text, f"{pattern.rstrip('/')}/*")


def _matches(text: str, pattern: str) -> bool:
    """Return whether a wildcard pattern matches, composed and decomposed letters alike: nobody sees which a file's name has."""
    return fnmatchcase(text, pattern) or fnmatchcase(compose(text), compose(pattern))


def _may_become(word: str, expected: str) -> bool:
    """Return whether a wildcard, or text computed at run time, may turn the word into what a pattern expects."""
    return _matches(expected.rstrip(ANYTHING), word.replace(UNKNOWN, "*"))


def _each_matches(argv: Sequence[str], pattern: Sequence[str]) -> bool:
    return all(_matches(word, expected) for word, expected in zip(argv, pattern, strict=False))


def hosts(call: ToolCallInfo) -> list[str]:
    """Return the host that a call would reach, first as a grant names it, then in the other spellings that a rule may have. Empty
    if there is none."""
    from mazu_ls.tools.web.host_names import host_spellings  # only calls with an address need it

    url = call.arguments.get("url")
    return host_spellings(url) if call.effect is Effect.NETWORK and isinstance(url, str) else []


def subject(call: ToolCallInfo) -> str:
    """Return the text that a pattern of a tool other than run_shell is matched with: path, address, name, or the
    arguments as JSON."""
    for key in ("path", "url", "name"):
        value = call.arguments.get(key)
        if isinstance(value, str):
            return value.removeprefix("./")
    return json.dumps(dict(call.arguments), ensure_ascii=False, sort_keys=True, default=str)
