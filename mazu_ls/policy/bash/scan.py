"""Searches every command of a line, however deeply it is nested, for what must never run."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from msgspec import structs

from mazu_ls.policy import effects, hard_deny
from mazu_ls.policy.bash import commands, elements, evaluations, interpreter_code
from mazu_ls.policy.bash.commands import ReadLine, ReadSegment
from mazu_ls.policy.bash.evaluations import DECLARES
from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.functions import RESERVED, function_calls, unread_commands
from mazu_ls.policy.bash.lexer import Redirect, Segment, lex
from mazu_ls.policy.bash.nested_commands import scripts
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.bash.texts import pipeline_taint, shell_scripts
from mazu_ls.policy.bash.texts.embedded import embedded, spoken
from mazu_ls.policy.bash.texts.input_scan import InputScan
from mazu_ls.policy.bash.texts.pipeline_taint import Stage
from mazu_ls.policy.bash.texts.wandering import is_led_elsewhere, runs_at_the_end, starts_elsewhere
from mazu_ls.policy.bash.words import WordValue, evaluate, static_output
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables import targets, wildcards, writes
from mazu_ls.policy.tables.wrappers import inner, program

# maximum of characters read; a line that hides more is refused, since nobody could judge it
MAX_WORK = 400_000
MAX_DEPTH = 4  # of `eval` in `eval`
MAX_CALLS = 16  # of a function with other words, out of another script than its own
MAX_ROUNDS = 40  # through a script with loops or functions
# What runs again, or later, than where it stands.
_REPEATS = frozenset(("for", "while", "until", "select", "function"))


def _repeats(raws: list[str]) -> bool:
    """Return whether a command with these raw words runs what stands elsewhere once more."""
    return not _REPEATS.isdisjoint(raws) or (
        "trap" in raws and not runs_at_the_end(raws[raws.index("trap") :])
    )


@dataclass
class DenyScan(InputScan):
    """One search. `argvs` are all the commands that were found, wrapped ones included, and `codes` the texts for interpreters that
    may start programs, for the rules of the user.

    `line` is the line itself as it was read, without what is hidden in it; None until it was read to its end.
    `written_later`: a file is written that programs run later, so that the sandbox alone does not suffice. `unclear`: why
    nobody can say that it meets no hard deny; `climbs`: a loop leads above where it began if a `cd` in it fails.
    """

    written_later: str | None = None
    tentative: bool = False  # it searches what may not run at all
    climbs: bool = False
    line: ReadLine | None = None
    _calls: Counter[str] = field(default_factory=Counter)
    _ends: list[tuple[str, ShellScope]] = field(default_factory=list)  # what traps run when the line ends
    _evaluates: bool = False  # bash evaluates values of variables
    _work: int = 0

    def run(self, line: str, scope: ShellScope | None = None) -> DenyScan:
        """Search the line and everything in it; stops at the first hard deny."""
        whole = scope or ShellScope(self.place)
        self._push(line, whole, whole)
        while self.found is None and (self._todo or self._queue_held(whole) or self._queue_ends()):
            script, scope, parent = self._todo.popleft()
            scope.learn(parent)
            self._work += len(script) + 1
            if self._work > MAX_WORK:
                self._refuse("it is too involved to be judged", "nothing unreadable runs")
                break
            self._script(script, scope)
        return self

    def _queue_held(self, scope: ShellScope) -> bool:
        """Queue what the values of variables would run if bash evaluates any of them; return whether there is something."""
        for text in list(scope.held) if self._evaluates or scope.computed else ():
            self._push_all(evaluations.substitutions(text), scope)
        return bool(self._todo)

    def _queue_ends(self) -> bool:
        """Queue what traps run where the line has ended, to lose no workspace as a whole; what else they may remove or write was
        judged where they were set, since most lines end where they began. Return whether there is something."""
        for text, scope in self._ends:
            everywhere = structs.replace(scope.place, roots=(*scope.place.roots, Path("/")))
            self._push(text, replace(scope.copy(), place=everywhere), scope)
        self._ends.clear()
        return bool(self._todo)

    def _script(self, script: str, scope: ShellScope) -> None:
        """Read a script until its variables have every value that they get: a loop's next round sees the later ones."""
        lexed = lex(script)
        if lexed.broken and re.search(
            r"(\$\(|`|<\()[^\n]*<<", script
        ):  # its quotes may hide what stands behind it
            self._refuse("where its text ends cannot be known", "nothing unreadable runs")
        functions = [*function_calls(lexed.segments)]
        scope.functions.update(name for name, _, _ in functions)
        for name, calls, multiplies in functions:
            self._functions.setdefault(name, (script, scope))
            for raws in calls:
                scope.set_positional([evaluate(raw, scope).text for raw in raws])
            if multiplies:
                self._refuse("a function that only multiplies itself", "never destructive")
        repeats = any(s.after == "(" or _repeats(s.words) for s in lexed.segments if s.words)
        start = list(scope.cwds)
        reads: list[ReadSegment] = []
        for number in range(MAX_ROUNDS if repeats else 1):
            before, scope.cwds = self._count(scope), scope.next_round(start)
            scope.depths = [0]
            reads = self._segments(lexed.segments, scope)
            grown = [name for name, count in self._count(scope).items() if count > before.get(name, 0)]
            if self.found is not None or not grown:
                break
            # A chain of assignments is as long as there are variables; what grows longer is appended to.
            for name in scope.values.keys() & grown if number > len(scope.values) else ():
                scope.assign(name, UNKNOWN)
        self.climbs = self.climbs or bool(repeats and scope.climbs)
        self._push_all(evaluations.run_by_others(scope.values, scope.arrays), scope)
        self._deny(writes.refused_variable(scope))
        if self.line is None and self.found is None and not self.rules_only:
            self.line = commands.complete_line(script, lexed, reads)

    def _count(self, scope: ShellScope) -> dict[str, int]:
        """Return what another reading of a script may make more of; the texts of files under a name that no variable has."""
        return {**scope.count_values(), "<": sum(map(len, self._files.texts.values()))}

    def _segments(self, segments: list[Segment], scope: ShellScope) -> list[ReadSegment]:
        """Read the segments in order, and search each command."""
        stages: list[Stage] = []
        piped = False
        reads: list[ReadSegment] = []
        given = pipeline_taint.given_input(segments, scope)
        blocks: list[int] = []
        computed = evaluations.in_arithmetic(segments)
        is_own = bool(scope.functions) or "alias cd" in scope.values  # a function may be called so, too
        is_joined = scope.place.confined and not is_own and effects.all_follows_cd(segments)
        for segment, last, arithmetic in zip(segments, [None, *segments], computed, strict=False):
            spend(10)
            scope.is_joined = is_joined and segment.words[:1] == ["cd"]
            scope.enter_brackets(last.after if last else "", blocks)
            for raw in segment.words:  # `exec {x[a]}>f` has a subscript
                if arithmetic or (segment.redirects and raw.startswith("{") and "[" in raw):
                    self._compute(raw, scope)
            piped = piped or segment.before in ("|", "|&")
            read = self._read(segment, scope)
            reads.append(read)
            values = read.values
            hidden = [text for value in values for text in value.inner]
            redirects = self._redirects(read, scope, hidden)
            depth, depths = scope.depths[-1], list[int]()
            for argv, globs in commands.argvs(values):
                stage = Stage(argv, segment.before, redirects, hidden, pipeline_taint.ends_group(last))
                stage.number = len(reads)
                stage.assigned = [value.text for _, value in read.assigned if value]
                stage.tainted = pipeline_taint.tainted_parts(segment, values, read.targets, scope)
                known = pipeline_taint.known_texts([*stages, stage])
                stage.given = known or [*given, *self._input]
                scope.depths[-1] = depth
                self._command(argv, globs, scope, stage)
                depths.append(scope.depths[-1])
                self._flow([*stages, stage], scope, piped=piped)
                self._files.note(stage, stages)
                stages.append(stage)
            apart = [depth] if pipeline_taint.has_own_process(segment) else []
            scope.depths[-1] = min([*depths, *apart], default=depth)
            if not values and segment.redirects:
                self._files.note_group(redirects, stages)
                stages.append(Stage([], segment.before, redirects))
            if self.found is not None:
                break
        return reads

    def _unclear_words(self, words: list[str], stage: Stage, scope: ShellScope) -> str | None:
        """Return the hard deny that a program of no table meets if it runs what its words, its variables or its input name."""
        for text in () if self.tentative else embedded(words, stage.assigned, [*stage.bodies, *stage.given]):
            scan = DenyScan(self.place, tentative=True)
            if (found := scan.run(text, scope.copy()).found) is not None:
                return f"if {words[0]} runs `{text}`, {found.reason}"
            self.codes.append(text)
        return None

    def _move(self, script: str, scope: ShellScope, depth: int = 0) -> None:
        """Note where the rest of a line may be after what `eval`, an alias or a trap runs in its shell."""
        for segment in lex(script).segments if depth < MAX_DEPTH else ():
            spend(50 + 5 * len(segment.words) + 10 * len(scope.cwds))
            words = [evaluate(raw, scope).text for raw in segment.words if raw not in RESERVED]
            while words[:1] in (["command"], ["builtin"]):
                words.pop(0)
            if words[:1] == ["eval"]:
                self._move(" ".join(words[1:]), scope, depth + 1)
            for text in scope.values.get(f"alias {words[0]}", ()) if words else ():
                self._move(text, scope, depth + 1)
            if words and words[0] in ("cd", "pushd", "chdir"):
                effects.apply(words, scope, Stage(words, segment.before, []))

    def _run_here(
        self, words: list[str], script: str, scope: ShellScope, below: ShellScope | None = None
    ) -> None:
        """Note where a script leads that a builtin runs in this shell, now or later, or `below` in another one."""
        name = words[0]
        if below is not None and starts_elsewhere(words, scope):
            self._wander(name, UNKNOWN, below)
        at_the_end = name == "trap" and runs_at_the_end(words)
        followed = name in ("eval", "mapfile", "readarray") or (name == "trap" and not at_the_end)
        if followed:
            self._move(script, scope)
        if at_the_end:
            self._ends.append((script, scope))
        if followed or name == "alias" or (at_the_end and not runs_at_the_end(words, signals=False)):
            self._wander(name, script, scope, followed=followed or name == "alias")

    def _call(self, words: list[str], scope: ShellScope) -> None:
        """Note what a function of the line is called with; one of another script is read again with that."""
        if (function := self._functions.get(words[0])) is None:
            return
        script, defined = function
        if defined is scope:
            scope.set_positional(words[1:])
        elif len(words) > 1:
            self._calls[words[0]] += 1
            given = words[1:] if self._calls[words[0]] < MAX_CALLS else [UNKNOWN]
            self._push(script, defined.copy(given), scope)

    def _read(self, segment: Segment, scope: ShellScope) -> ReadSegment:
        """Take a segment apart and evaluate its words; what they hide is put on the list."""
        read, raws = ReadSegment(segment), list(segment.words)
        self._push_all(filter(None, unread_commands(segment)), scope)
        while raws:
            if raws[0] in RESERVED or (raws[0] == "--" and read.keywords[-1:] in (["time"], ["-p"])):
                read.keywords.append(keyword := raws.pop(0))
                if keyword in ("while", "until", "{"):
                    scope.depths.append(0)
                elif keyword in ("done", "}"):
                    scope.end_block(repeats=keyword == "done")
                if raws and (keyword == "function" or (keyword == "coproc" and raws[1:2] == ["{"])):
                    raws.pop(0)
            elif match := effects.ASSIGNMENT.match(raws[0]):
                read.assigned.append((raws.pop(0), self._assign(match, scope)))
            elif raws[0] in ("for", "select"):
                scope.depths.append(0)
                if raws[2:3] != ["in"]:
                    for text in (text for fields in scope.positional for text in fields) if raws[1:] else ():
                        scope.assign(raws[1], text)
                    break
                read.variable = raws[1]
                read.loop = [(raw, self._value(raw, scope)) for raw in raws[3:]]
                for value in (value for _, value in read.loop):
                    if any(map(pipeline_taint.fetches, value.inner)):
                        scope.tainted.add(raws[1])
                    for text in (text for fields in value.candidates for text in fields):
                        scope.assign(raws[1], text)
                return read
            elif raws[0] == "case":
                for raw in raws[1:2]:
                    self._value(raw, scope)
                raws = raws[3:] if len(raws) > 2 else []
            else:
                break
        read.raws, read.values = raws, [self._value(raw, scope) for raw in raws]
        if not DECLARES.isdisjoint(raws[:3]):  # whose words are assignments, and not split
            for match in filter(None, map(effects.ASSIGNMENT.match, raws[1:])):
                self._assign(match, scope)
        return read

    def _compute(self, raw: str, scope: ShellScope) -> None:
        """Search what bash runs when it evaluates the text as arithmetic."""
        self._evaluates = True
        value = evaluate(raw, scope, quoted=True)
        self._push_all(value.inner, scope)
        for fields in value.candidates:
            self._push_all(evaluations.substitutions(" ".join(fields)), scope)

    def _value(self, raw: str, scope: ShellScope) -> WordValue:
        value = evaluate(raw, scope)
        self._push_all((*value.inner, *value.outward), scope)
        for text in value.computed:
            self._evaluates = True
            self._push_all(evaluations.substitutions(text), scope)
        for script in value.outward:
            if pipeline_taint.executes_input(re.sub(r"[\\'\"]", "", script).split()):
                self._refuse("what would run cannot be judged", "nothing unreadable runs")
        return value

    def _assign(self, match: re.Match[str], scope: ShellScope) -> WordValue | None:
        name, index, sign, raw = match.groups()
        if index and evaluations.is_computed(index):
            self._compute(index[1:-1], scope)
        if raw.startswith("("):
            for word in (
                word for segment in lex(raw[1:].removesuffix(")")).segments for word in segment.words
            ):
                self._value(word, scope)
                self._evaluates = self._evaluates or word.startswith("[")
            for fields in effects.arrays(name, raw, scope):
                scope.assign_array(name, fields, more=sign == "+=")
            return None
        value = self._value(raw, scope)
        if evaluations.RUN_BY_OTHERS.match(name):  # `BASH_ENV=<(echo ...)`
            for script in value.inner:
                self._runs(static_output(script, scope) or "", scope)
        if any(pipeline_taint.fetches(script) for script in value.inner) or scope.tainted & set(
            value.expanded
        ):
            scope.tainted.add(name)
        for fields in value.candidates:
            text = " ".join(fields)
            scope.assign(name, text, more=sign == "+=")
            for key in evaluate(index[1:-1], scope).candidates if index else ():
                elements.assign_element(scope, name, "".join(key), text)
                if name in ("BASH_CMDS", "BASH_ALIASES"):
                    scope.assign(f"alias {''.join(key)}", text)
        return value

    def _redirects(self, read: ReadSegment, scope: ShellScope, hidden: list[str]) -> list[Redirect]:
        """The redirections with known targets; scripts in them are added to `hidden`."""
        known: list[Redirect] = []
        for redirect in read.segment.redirects:
            body = redirect.body
            if body is not None and not re.search(r"[\\'\"]", redirect.target):
                hidden += self._value('"' + body.replace('"', '\\"') + '"', scope).inner
            value = self._value(redirect.target, scope) if body is None else WordValue([[redirect.target]])
            read.targets.append(value)
            hidden += value.inner
            target = value.text
            known.append(Redirect(redirect.op, redirect.fd, target, body))
            if body is None:
                for fields in value.candidates:
                    self._target(redirect.op, " ".join(fields), scope)
            if redirect.op == "<<<":
                known[-1].body = target
        return known

    def _target(self, op: str, target: str, scope: ShellScope) -> None:
        self._deny(writes.refused_redirect(op, target, scope))
        if writes.redirects_to_file(op, target):
            self._note_written(target, scope)

    def _note_written(self, word: str, scope: ShellScope) -> None:
        if self.written_later is None and (name := targets.runs_later(word, scope)) is not None:
            self.written_later = f"it writes {name}, which other programs run"

    def _command(self, argv: list[str], globs: set[str], scope: ShellScope, stage: Stage) -> None:
        """Check one command and all that it wraps."""
        todo, seen = [argv, *commands.by_wildcard(argv, globs)], list[list[str]]()
        while todo and self.found is None:
            words = todo.pop()
            spend(10 + 5 * len(words))
            if not words or (key := [str(len(scope.cwds)), *words]) in seen:
                continue
            seen.append(key)
            name = program(words[0])
            words = [*name.split("-", 1), *words[1:]] if name.startswith("git-") else [name, *words[1:]]
            name = words[0]
            self.argvs.append(words)
            for text in scope.values.get(f"alias {name}", ()):
                whole = f"{text} {shlex.join(words[1:])}"
                self._move(whole, scope)
                self._wander("an alias", whole, scope)
                below = scope.copy()
                del below.values[f"alias {name}"]
                self._push(whole, below, below)
            self._deny(wildcards.named(hard_deny.deny(words, scope), argv, words))
            for word in writes.written_by(name, words[1:]):
                self._note_written(word, scope)
            self.codes += spoken(words)
            self._push_all(evaluations.substituted_words(words), scope)
            self._evaluates = self._evaluates or evaluations.evaluates_values(words)
            self.unclear = (
                self.unclear or hard_deny.unclear(words, scope) or self._unclear_words(words, stage, scope)
            )
            todo += inner(words) + commands.found_by_find(words)
            given = shell_scripts.positional(words)
            self._call(words, scope)
            for script in scripts(words):
                spend(10 + len(given or ()) // 20)
                if name == "eval":  # sets its variables for the rest of the line
                    found = map(
                        effects.ASSIGNMENT.match, chain.from_iterable(s.words for s in lex(script).segments)
                    )
                    for match in filter(None, found):
                        self._assign(match, scope)
                below = scope.copy(given and given[1:])
                self._run_here(words, script, scope, below)
                for zeroth in given[:1] if given else ():
                    below.assign("0", zeroth)
                repeats = name == "trap" and not runs_at_the_end(words)
                self._push(script, scope if repeats else below, scope)
            for text in interpreter_code.code_of(words):
                self._code(text, scope)
            effects.apply(words, scope, stage)
            if is_led_elsewhere(words, scope):
                self._wander(name, UNKNOWN, scope)
