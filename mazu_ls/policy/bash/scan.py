"""Searches every command of a line, however deeply it is nested, for what must never run."""

from __future__ import annotations

import re
import shlex
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from mazu_ls.policy import effects, hard_deny
from mazu_ls.policy.bash import commands, evaluations, interpreter_code, pipeline_taint
from mazu_ls.policy.bash.commands import ReadLine, ReadSegment
from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.functions import RESERVED, function_calls
from mazu_ls.policy.bash.lexer import Redirect, Segment, lex
from mazu_ls.policy.bash.line_files import DOWNLOADED, LineFiles, commands_in_input
from mazu_ls.policy.bash.nested_commands import fed_scripts, feeder_words, scripts
from mazu_ls.policy.bash.pipeline_taint import Stage
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.bash.words import WordValue, evaluate, printed, static_output
from mazu_ls.policy.rules import Decision, PolicyContext
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables import targets, writes
from mazu_ls.policy.tables.wrappers import SHELLS, inner, program, unwrapped

# maximum of characters read; a line that hides more is refused, since nobody could judge it
MAX_WORK = 400_000
MAX_ROUNDS = 40  # through a script with loops or functions
# What runs again, or later, than where it stands.
_REPEATS = frozenset(("for", "while", "until", "select", "function", "trap"))
_EVALUATORS = SHELLS | {"eval", "source", ".", "python", "python3", "perl", "ruby", "node", "php"}


@dataclass
class DenyScan:
    """One search. `argvs` are all the commands that were found, wrapped ones included, and `codes` the texts for interpreters that
    may start programs, for the rules of the user.

    `line` is the line itself as it was read, without what is hidden in it; None until it was read to its end.
    `written_later`: a file is written that programs run later, so that the sandbox alone does not suffice. `unclear`: why
    nobody can say that it meets no hard deny; `climbs`: a loop leads above where it began if a `cd` in it fails.
    """

    place: PolicyContext
    rules_only: bool = False  # only collects the `argvs` that may run, and denies nothing
    found: Decision | None = None
    written_later: str | None = None
    unclear: str | None = None
    climbs: bool = False
    line: ReadLine | None = None
    argvs: list[list[str]] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    _files: LineFiles = field(default_factory=LineFiles)
    _todo: deque[tuple[str, ShellScope, ShellScope]] = field(default_factory=deque)
    _seen: set[str] = field(default_factory=set)
    _input: list[str] = field(default_factory=list)  # what `exec < ...` gives to every later command
    _evaluates: bool = False  # bash evaluates values of variables
    _work: int = 0

    def run(self, line: str, scope: ShellScope | None = None) -> DenyScan:
        """Search the line and everything in it; stops at the first hard deny."""
        whole = scope or ShellScope(self.place)
        self._push(line, whole, whole)
        while self.found is None and (self._todo or self._queue_held(whole)):
            script, scope, parent = self._todo.popleft()
            scope.learn(parent)
            self._work += len(script) + 1
            if self._work > MAX_WORK:
                self._refuse("it is too involved to be judged", "nothing unreadable runs")
                break
            self._script(script, scope)
        return self

    def _push(self, script: str, scope: ShellScope, parent: ShellScope) -> None:
        """Queue a script; it may run when `parent` has ended, and then sees what was assigned there (traps, functions)."""
        if script not in self._seen and script.strip():
            self._seen.add(script)
            self._todo.append((script, scope, parent))

    def _queue_held(self, scope: ShellScope) -> bool:
        """Queue what the values of variables would run if bash evaluates any of them; return whether there is something."""
        for text in list(scope.held) if self._evaluates else ():
            self._push_all(evaluations.substitutions(text), scope)
        return bool(self._todo)

    def _push_all(self, scripts_of: Iterable[str], scope: ShellScope) -> None:
        for script in scripts_of:
            if script not in self._seen:
                self._push(script, scope.copy(), scope)

    def _deny(self, decision: Decision | None) -> None:
        if not self.rules_only:
            self.found = self.found or decision

    def _refuse(self, reason: str, rule: str) -> None:
        self._deny(Decision("deny", reason, rule=rule))

    def _script(self, script: str, scope: ShellScope) -> None:
        """Read a script until its variables have every value that they get: a loop's next round sees the later ones."""
        lexed = lex(script)
        if lexed.broken and re.search(
            r"(\$\(|`|<\()[^\n]*<<", script
        ):  # its quotes may hide what stands behind it
            self._refuse("where its text ends cannot be known", "nothing unreadable runs")
        functions = [*function_calls(lexed.segments)]
        scope.has_functions = scope.has_functions or bool(functions)
        for calls, multiplies in functions:
            for raws in calls:
                scope.set_positional([evaluate(raw, scope).text for raw in raws])
            if multiplies:
                self._refuse("a function that only multiplies itself", "never destructive")
        repeats = any(s.after == "(" or _REPEATS.intersection(s.words) for s in lexed.segments if s.words)
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
        self._push_all(evaluations.run_by_others(scope.values), scope)
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
        for segment, last, arithmetic in zip(segments, [None, *segments], computed, strict=False):
            spend(10)
            scope.enter_brackets(last.after if last else "", blocks)
            for raw in segment.words if arithmetic else ():
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
                known = pipeline_taint.known_input(pipeline_taint.feeding([*stages, stage]))
                stage.given = known or [*given, *self._input]
                scope.depths[-1] = depth
                self._command(argv, globs, scope, stage)
                depths.append(scope.depths[-1])
                self._flow([*stages, stage], values, scope, piped=piped)
                self._files.note(stage, stages)
                stages.append(stage)
            apart = [depth] if pipeline_taint.has_own_process(segment) else []
            scope.depths[-1] = min([*depths, *apart], default=depth)
            if not values and segment.redirects:
                stages.append(Stage([], segment.before, redirects))
            if self.found is not None:
                break
        return reads

    def _read(self, segment: Segment, scope: ShellScope) -> ReadSegment:
        """Take a segment apart and evaluate its words; what they hide is put on the list."""
        read, raws = ReadSegment(segment), list(segment.words)
        while raws:
            if raws[0] in RESERVED:
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
            scope.assign_array(name, effects.array(raw, scope), more=sign == "+=")
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
            if index:
                scope.assign_array(name, [text])
                if name in ("BASH_CMDS", "BASH_ALIASES"):
                    scope.assign(f"alias {index[1:-1]}", text)
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
            if not words or words in seen:
                continue
            seen.append(words)
            name = program(words[0])
            words = [*name.split("-", 1), *words[1:]] if name.startswith("git-") else [name, *words[1:]]
            name = words[0]
            self.argvs.append(words)
            for text in scope.values.get(f"alias {name}", ()):
                below = scope.copy()
                del below.values[f"alias {name}"]
                self._push(f"{text} {shlex.join(words[1:])}", below, below)
            self._deny(hard_deny.deny(words, scope))
            for word in writes.written_by(name, words[1:]):
                self._note_written(word, scope)
            self._push_all(evaluations.substituted_words(words), scope)
            self._evaluates = self._evaluates or evaluations.evaluates_values(words)
            self.unclear = self.unclear or hard_deny.unclear(words)
            todo += inner(words) + commands.found_by_find(words)
            given = commands.positional(words)
            for script in scripts(words):
                spend(10 + len(given or ()) // 20)
                if name == "eval":  # sets its variables for the rest of the line
                    found = map(
                        effects.ASSIGNMENT.match, chain.from_iterable(s.words for s in lex(script).segments)
                    )
                    for match in filter(None, found):
                        self._assign(match, scope)
                self._push(script, scope.copy(given), scope)
            for text in interpreter_code.code_of(words):
                self._code(text, scope)
            effects.apply(words, scope, stage)

    def _flow(self, stages: list[Stage], values: list[WordValue], scope: ShellScope, *, piped: bool) -> None:
        """Check what the command would run that comes from elsewhere."""
        argv = stages[-1].argv
        for text in self._files.texts_run_by(argv, scope.cwds[-1]):
            self._runs(text, scope)
        outputs = [text for script in stages[-1].scripts if (text := static_output(script, scope))]
        self._push_all(commands_in_input(stages[-1], pipeline_taint.feeding(stages), outputs), scope)
        runs = pipeline_taint.executes_input(argv)
        if argv == ["exec"]:
            self._input += self._files.input_of(stages[-1])
        evaluates = runs or any(command[0] in _EVALUATORS for command in unwrapped(argv))
        if (evaluates or UNKNOWN in argv[0]) and pipeline_taint.comes_from_elsewhere(
            stages, values, scope, piped
        ):
            self._refuse("what would run is downloaded or decoded", "no download is run")
        for script in stages[-1].scripts if evaluates else ():
            if (text := static_output(script, scope)) is not None:  # `source <(echo ...)`
                self._runs(text, scope)
        if (words := feeder_words(argv)) is not None:
            self._fed(words, stages, scope)
        if pipeline_taint.runs_descriptor(stages[-1]):
            self._refuse("what would run is made by another program", "nothing unreadable runs")
        if not runs:
            return
        files = [self._files.texts.get(name, {}) for name in stages[-1].read_files]
        for text in [*stages[-1].bodies, *stages[-1].given, *(text for texts in files for text in texts)]:
            self._runs(text, scope)
        if piped:
            texts = pipeline_taint.known_input(pipeline_taint.feeding(stages))
            for text in texts or ():
                self._runs(text, scope)
            if texts is None:  # `echo ... | (bash)`
                for text in filter(None, (printed(stage.argv) for stage in stages[:-1])):
                    self._runs(text, scope)
            if texts is None and (reason := pipeline_taint.trouble(stages)) is not None:
                self._refuse(reason, "no download is run")

    def _fed(self, words: list[str], stages: list[Stage], scope: ShellScope) -> None:
        """Check `xargs rm`: its input are operands, if it is known; otherwise the places that are listed."""
        sources = pipeline_taint.feeding(stages)
        bodies = [redirect.body for redirect in stages[-1].redirects if redirect.body is not None]
        texts = bodies or pipeline_taint.known_input(sources)
        fed = fed_scripts(words, texts[0] if texts else None)
        for script in fed.scripts:
            if fed.known:
                self._push(script, scope.copy(), scope)
            elif not self.rules_only:
                # Not known to do harm; but the user's rules may be about it.
                self.argvs += DenyScan(self.place, rules_only=True).run(script, scope.copy()).argvs
        removes = not fed.known and any(word in writes.DESTROYS_OPERANDS for word in words[1:])
        if removes and not (sources and pipeline_taint.lists_paths(sources[0].argv)):
            self.unclear = self.unclear or f"what {words[0]} works on cannot be known"
        for stage in sources if removes else ():
            for word in stage.argv[1:]:
                if not word.startswith("-") and targets.write_refused(word, scope) is not None:
                    self._refuse(f"it would work on what is found in {word}", "never destructive")

    def _runs(self, text: str, scope: ShellScope) -> None:
        """Search known text that a shell or an interpreter will run; refuse what is downloaded."""
        if text == DOWNLOADED:
            self._refuse("what would run is downloaded", "no download is run")
        spend(50 + len(text) // 50)
        self._push(text, scope.copy(), scope)
        self._code(text, scope)

    def _code(self, text: str, scope: ShellScope) -> None:
        self._deny(interpreter_code.deny(text, scope))
        if interpreter_code.starts_programs(text):
            self.codes.append(text)
        self._push_all(interpreter_code.scripts_in(text), scope)
