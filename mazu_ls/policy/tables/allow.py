"""The allowlist: a command line runs unasked only if every word of every command in it is known, and known to be
harmless."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from math import prod

from mazu_ls.policy import repository
from mazu_ls.policy.bash import grammar, wildcards
from mazu_ls.policy.bash.commands import MAX_ARGVS, argvs
from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.lexer import Redirect, Segment, lex
from mazu_ls.policy.bash.scan import RESERVED
from mazu_ls.policy.bash.scope import MAX_VALUES, ShellScope
from mazu_ls.policy.bash.words import WordValue, evaluate
from mazu_ls.policy.data import word_set
from mazu_ls.policy.rules import PolicyContext
from mazu_ls.policy.tables.programs import VARIABLE, WILD, NotProvablySafe, ProgramJudge

_PUBLIC = word_set("public_variables")
_PREFIX = re.compile(
    r"^(LC_ALL|LANG|LC_CTYPE|NO_COLOR|CI|TZ|COLUMNS|PYTHONDONTWRITEBYTECODE|PYTHONUNBUFFERED|FORCE_COLOR)=[\w.:-]*$"
)
_SAFE_EXPANSION = re.compile(r"^#?[A-Za-z_]\w*$|^[#?$!0-9@*]$|^\($")


def reason_to_ask(line: str, place: PolicyContext) -> str | None:
    """Return why a line may not run unasked, in a few words; None if it may."""
    try:
        _Reading(place).line(line)
    except NotProvablySafe as reason:
        return str(reason)
    return None


def unusual_characters(line: str) -> str | None:
    """Return what in the line is invisible, or would act on a terminal; None if nothing is."""
    for char in line:
        if char.isascii():
            if char not in "\n\t" and (ord(char) < 32 or ord(char) == 127):
                return "it holds control characters"
        elif unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"):
            return "it holds invisible characters"
    return None


@dataclass
class _Reading:
    place: PolicyContext
    scope: ShellScope = field(init=False)
    loops: set[str] = field(default_factory=set)
    wild: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)
    loop_depth: int = 0

    def __post_init__(self) -> None:
        self.scope = ShellScope(self.place)
        self.programs = ProgramJudge(self.scope, self.loops)

    def line(self, line: str) -> None:
        if not line.strip():
            raise NotProvablySafe("it is empty")
        if (unusual := unusual_characters(line)) is not None:
            raise NotProvablySafe(unusual)
        by_grammar = grammar.commands(line)
        if isinstance(by_grammar, str):
            raise NotProvablySafe(by_grammar)
        lexed = lex(line)
        if lexed.broken:
            raise NotProvablySafe("it does not parse")
        self._agree(by_grammar, lexed.segments)
        ran = [self._in_order(segment) for segment in lexed.segments]
        if not any(ran):
            raise NotProvablySafe("it runs nothing that is known")
        if (started := repository.runs_others(self.programs.git_folders, self.place)) is not None:
            raise NotProvablySafe(started)

    def _agree(self, by_grammar: list[list[str]], segments: list[Segment]) -> None:
        """Require that both readings of a line agree: a difference is a sign of a trick."""
        if any(segment.before in (";;", ";&", ";;&") for segment in segments):
            raise NotProvablySafe("it holds a case")
        ours = [
            words for segment in segments if (words := _own_words(segment)) and words[0] not in ("[", "[[")
        ]
        theirs = [words[1:] if words[0] == "time" else words for words in by_grammar]
        if sorted(ours) != sorted(theirs):
            raise NotProvablySafe("it can be read in two ways")

    def _in_order(self, segment: Segment) -> bool:
        """Track the directory: after `cd X &&` the line is in X as long as `&&` or a pipe follows; after that, it may
        be or not."""
        if segment.before not in ("&&", "|"):
            self.scope.cwds = list(dict.fromkeys([*self.scope.cwds, *self.left]))
        before = list(self.scope.cwds)
        ran = self._segment(segment)
        entered = [place for place in self.scope.cwds if place not in before]
        moves = (
            segment.words[:1] == ["cd"] and segment.after == "&&" and segment.before in ("", "&&", ";", "\n")
        )
        if moves and entered:
            self.left += before
            self.scope.cwds = entered
        return ran

    def _segment(self, segment: Segment) -> bool:
        words = list(segment.words)
        while words and words[0] in RESERVED:
            if words[0] in ("function", "coproc", "-p"):
                raise NotProvablySafe(f"{words[0]} is not known to be harmless")
            self.loop_depth += {"while": 1, "until": 1, "done": -1}.get(words.pop(0), 0)
        for redirect in segment.redirects:
            self._redirect(redirect)
        if words and words[0] == "for":
            self.loop_depth += 1
            self._loop(words)
            return False
        while words and re.match(r"^[A-Za-z_]\w*(\[.*\])?\+?=", words[0]):
            self._assign(words.pop(0), alone=len(words) == 0)
        if not words:
            return False
        values = [self._value(raw) for raw in words]
        name = values[0]
        if name.dynamic or name.glob or len(name.candidates[0]) != 1:
            raise NotProvablySafe("which program would run cannot be known")
        if self.loop_depth and name.text == "cd":
            raise NotProvablySafe("cd in a loop starts from where the last round ended")
        if prod(len(value.candidates) for value in values) > MAX_ARGVS:
            raise NotProvablySafe("it has too many meanings to judge each")
        for argv, globs, unknown in self._argvs(values):
            self.programs.command(argv, globs, unknown)
        return True

    def _argvs(self, values: list[WordValue]) -> list[tuple[list[str], set[str], bool]]:
        return [(argv, globs, any(UNKNOWN in word for word in argv)) for argv, globs in argvs(values)]

    def _loop(self, words: list[str]) -> None:
        if len(words) < 3 or words[2] != "in" or not VARIABLE.match(words[1]):
            raise NotProvablySafe("the loop is not known to be harmless")
        self.scope.values[words[1]] = []
        for raw in words[3:]:
            value = self._value(raw)
            if value.dynamic:
                raise NotProvablySafe("what the loop runs over cannot be known")
            for text in (text for fields in value.candidates for text in fields):
                self.scope.assign(words[1], text)
            if value.glob and any(text.startswith(WILD) for fields in value.candidates for text in fields):
                self.wild.add(words[1])
        # A scope keeps the last few values of a variable; with more of them some would not be judged.
        if sum(len(self._value(raw).candidates[0]) for raw in words[3:]) > MAX_VALUES:
            raise NotProvablySafe("the loop has too many values to judge each")
        self.loops.add(words[1])

    def _assign(self, word: str, *, alone: bool) -> None:
        name, _, raw = word.partition("=")
        if not alone and _PREFIX.match(word):
            return
        value = self._value(raw)
        if not alone or not VARIABLE.match(name) or value.dynamic or value.glob:
            raise NotProvablySafe(f"it sets {name.rstrip('+')}")
        self.scope.assign(name, " ".join(value.candidates[0]))
        self.loops.add(name)

    def _value(self, raw: str) -> WordValue:
        value = evaluate(raw, self.scope)
        value.glob = value.glob or bool(self.wild & set(value.expanded))
        if value.glob and wildcards.quotes_brackets(raw, value.candidates):
            raise NotProvablySafe(f"what {raw} matches cannot be known")
        if value.cut:
            raise NotProvablySafe("it has too many meanings to judge each")
        if value.inner or value.outward:
            raise NotProvablySafe("it runs a command inside another")
        for name in value.expanded:
            known = (
                name in self.loops
                or name in _PUBLIC
                or name.lstrip("#") in _PUBLIC
                or name in ("?", "#", "$", "(", "!")
            )
            if not (known and _SAFE_EXPANSION.match(name)):
                raise NotProvablySafe(f"what ${name.strip('(') or '((...))'} holds cannot be known")
        return value

    def _redirect(self, redirect: Redirect) -> None:
        op, target = redirect.op, redirect.target
        if redirect.fd not in ("", "0", "1", "2"):
            raise NotProvablySafe("it opens a descriptor")
        if op in (">", ">>", "&>", "&>>", ">|") and target == "/dev/null":
            return
        if op == ">&" and target in ("1", "2"):
            return
        if op in ("<<", "<<-"):
            quoted = re.search(r"[\\'\"]", target)
            if not quoted and re.search(r"[$`\\]", redirect.body or ""):
                raise NotProvablySafe("the here document is expanded")
            return
        value = self._value(target)
        if value.dynamic or value.glob or len(value.candidates[0]) != 1:
            raise NotProvablySafe("a redirection that cannot be known")
        if op == "<<<":
            return
        if op == "<":
            self.programs.path(value.text, listing=False, glob=False)
            return
        raise NotProvablySafe(f"it writes to {target}")


def _own_words(segment: Segment) -> list[str]:
    words = list(segment.words)
    while words and words[0] in RESERVED:
        words.pop(0)
    if words and words[0] == "for":
        return []
    while words and re.match(r"^[A-Za-z_]\w*(\[.*\])?\+?=", words[0]):
        words.pop(0)
    return words
