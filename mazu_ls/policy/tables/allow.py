"""The allowlist: a command line runs unasked only if every word of every command in it is known, and known to be
harmless."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

from mazu_ls.policy import repository
from mazu_ls.policy.bash.commands import MAX_ARGVS, ReadLine, ReadSegment, argvs
from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.lexer import Redirect
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.bash.words import WordValue
from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.rules import PolicyContext
from mazu_ls.policy.tables import wildcards
from mazu_ls.policy.tables.programs import VARIABLE, WILD, NotProvablySafe, ProgramJudge, require

_PUBLIC = word_set("public_variables")
_PREFIX = pattern("allow.prefix")
_SAFE_EXPANSION = re.compile(r"^#?[A-Za-z_]\w*$|^[#?$!0-9@*]$|^\($")


def reason_to_ask(
    line: ReadLine, place: PolicyContext, is_allowed: Callable[[list[str]], bool] = lambda _: False
) -> str | None:
    """Why a line may not run unasked, in a few words; None if it may. Commands that `is_allowed` takes are not judged."""
    try:
        require(not (unclear := line.unreadable or line.ambiguous), unclear or "")
        _LineJudge(place, is_allowed).judge(line.segments)
    except NotProvablySafe as reason:
        return str(reason)
    return None


def only_reads(argv: list[str], place: PolicyContext) -> bool:
    """Whether one command, all its words known, may run unasked; assignments may stand ahead of it."""
    words = list(argv)
    while words and _PREFIX.match(words[0]):
        words.pop(0)
    judge = _LineJudge(place)
    try:
        judge.programs.command(words or argv, set(), any(UNKNOWN in word for word in argv))
    except NotProvablySafe:
        return False
    return repository.runs_others(judge.programs.git_folders, place) is None


@dataclass
class _LineJudge:
    place: PolicyContext
    is_allowed: Callable[[list[str]], bool] = lambda _: False
    scope: ShellScope = field(init=False)  # where the line may be; the words were read with their values
    loops: set[str] = field(default_factory=set)
    wild: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)
    loop_depth: int = 0

    def __post_init__(self) -> None:
        self.scope = ShellScope(self.place)
        self.programs = ProgramJudge(self.scope, self.loops)

    def judge(self, segments: list[ReadSegment]) -> None:
        """Raises NotProvablySafe for the first command that may do more than read."""
        ran = [self._in_order(read) for read in segments]
        require(any(ran), "it runs nothing that is known")
        started = repository.runs_others(self.programs.git_folders, self.place)
        require(started is None, started or "")

    def _in_order(self, read: ReadSegment) -> bool:
        """Behind `cd X &&` the line is in X for as long as it goes on with `&&` or a pipe; after that, it may be or not."""
        segment = read.segment
        if segment.before not in ("&&", "|"):
            self.scope.cwds = list(dict.fromkeys([*self.scope.cwds, *self.left]))
        before = list(self.scope.cwds)
        ran = self._segment(read)
        entered = [place for place in self.scope.cwds if place not in before]
        moves = (
            segment.words[:1] == ["cd"] and segment.after == "&&" and segment.before in ("", "&&", ";", "\n")
        )
        if moves and entered:
            self.left += before
            self.scope.cwds = entered
        return ran

    def _segment(self, read: ReadSegment) -> bool:
        for word in read.keywords:
            require(word not in ("function", "coproc", "-p"), f"{word} is not known to be harmless")
            self.loop_depth += {"while": 1, "until": 1, "done": -1}.get(word, 0)
        for redirect, target in zip(read.segment.redirects, read.targets, strict=True):
            self._redirect(redirect, target)
        if read.variable is not None:
            self.loop_depth += 1
            self._loop(read.variable, read)
            return False
        plain = read.plain_command()
        if plain is not None and plain[0] not in ("cd", "pushd") and self.is_allowed(plain):
            return True
        for raw, value in read.assigned:
            self._assign(raw, value, alone=not read.raws)
        if not read.raws:
            return False
        values = [self._known(raw, value) for raw, value in zip(read.raws, read.values, strict=True)]
        name = values[0]
        one = not name.dynamic and not name.glob and len(name.candidates[0]) == 1
        require(one, "which program would run cannot be known")
        in_loop = self.loop_depth > 0 and name.text == "cd"
        require(not in_loop, "cd in a loop starts from where the last round ended")
        meanings = prod(len(value.candidates) for value in values)
        require(meanings <= MAX_ARGVS, "it has too many meanings to judge each")
        for argv, globs in argvs(values):
            self.programs.command(argv, globs, any(UNKNOWN in word for word in argv))
        return True

    def _loop(self, variable: str, read: ReadSegment) -> None:
        head = read.segment.words[len(read.keywords) :]
        require(head[0] == "for" and VARIABLE.match(variable), "the loop is not known to be harmless")
        for raw, given in read.loop:
            value = self._known(raw, given)
            require(not value.dynamic, "what the loop runs over cannot be known")
            if value.glob and any(text.startswith(WILD) for fields in value.candidates for text in fields):
                self.wild.add(variable)
        self.loops.add(variable)

    def _assign(self, word: str, given: WordValue | None, *, alone: bool) -> None:
        if not alone and _PREFIX.match(word):
            return
        name, _, raw = word.partition("=")
        value = self._known(raw, given) if given is not None else None
        plain = alone and VARIABLE.match(name) and value and not value.dynamic and not value.glob
        require(plain, f"it sets {name.rstrip('+')}")
        self.loops.add(name)

    def _known(self, raw: str, value: WordValue) -> WordValue:
        """The value of a word, if everything in it is known; what `read` sets is text that is not."""
        expanded = set(value.expanded)
        value.glob = value.glob or bool(self.wild & expanded)
        brackets = value.glob and wildcards.quotes_brackets(raw, value.candidates)
        require(not brackets, f"what {raw} matches cannot be known")
        require(not value.cut, "it has too many meanings to judge each")
        require(not (value.inner or value.outward), "it runs a command inside another")
        for name in value.expanded:
            known = name in self.loops or name.lstrip("#") in _PUBLIC or name in ("?", "#", "$", "(", "!")
            holds = f"what ${name.strip('(') or '((...))'} holds cannot be known"
            require(known and _SAFE_EXPANSION.match(name), holds)
        if self.programs.read_from_input & expanded:
            value.candidates = [[UNKNOWN]]
        return value

    def _redirect(self, redirect: Redirect, given: WordValue) -> None:
        op, target = redirect.op, redirect.target
        require(redirect.fd in ("", "0", "1", "2"), "it opens a descriptor")
        if target == "/dev/null" and op in (">", ">>", "&>", "&>>", ">|"):
            return
        if op == ">&" and target in ("1", "2"):
            return
        if op in ("<<", "<<-"):
            require(not redirect.is_expanded(), "the here document is expanded")
            return
        value = self._known(target, given)
        one = not value.dynamic and not value.glob and len(value.candidates[0]) == 1
        require(one, "a redirection that cannot be known")
        require(op in ("<", "<<<"), f"it writes to {target}")
        if op == "<":
            self.programs.path(value.text, listing=False, glob=False)
