"""The part of the search of a line that follows texts: into a shell, an interpreter, `xargs`, and through files of the line."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from mazu_ls.policy.bash import interpreter_code
from mazu_ls.policy.bash.expansions import UNKNOWN, printed
from mazu_ls.policy.bash.nested_commands import fed_scripts, feeder_words
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.bash.texts import pipeline_taint, shell_scripts
from mazu_ls.policy.bash.texts.line_files import DOWNLOADED, LineFiles, commands_in_input
from mazu_ls.policy.bash.texts.pipeline_taint import Stage
from mazu_ls.policy.bash.texts.wandering import enters_unseen, may_wander, starts_elsewhere
from mazu_ls.policy.bash.words import static_output
from mazu_ls.policy.rules import Decision, PolicyContext
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables import targets, writes
from mazu_ls.policy.tables.wrappers import SHELLS, unwrapped

_EVALUATORS = SHELLS | {"eval", "source", ".", "python", "python3", "perl", "ruby", "node", "php"}
_DOWNLOADED_OR_DECODED = "what would run is downloaded or decoded"
_MADE_ELSEWHERE = "what would run is made by another program"


@dataclass
class InputScan:
    """What a search has found, the scripts that it still has to read, and what flows between the commands of the line.

    `rules_only`: it only collects the `argvs` that may run, and denies nothing. See `DenyScan` for the results.
    """

    place: PolicyContext
    rules_only: bool = False
    found: Decision | None = None
    unclear: str | None = None
    wanders: str | None = None  # what may have led elsewhere, unseen
    argvs: list[list[str]] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    _functions: dict[str, tuple[str, ShellScope]] = field(default_factory=dict)
    _files: LineFiles = field(default_factory=LineFiles)
    _todo: deque[tuple[str, ShellScope, ShellScope]] = field(default_factory=deque)
    _seen: set[tuple[str, ...]] = field(default_factory=set)
    _input: list[str] = field(default_factory=list)  # what `exec < ...` gives to every later command

    def run(self, line: str, scope: ShellScope | None = None) -> Self:
        """Search the line and everything in it."""
        raise NotImplementedError

    def _push(self, script: str, scope: ShellScope, parent: ShellScope) -> None:
        """Queue a script; it may run when `parent` has ended, and then sees what was assigned there (traps, functions)."""
        if (key := self._key(script, scope)) not in self._seen and script.strip():
            self._seen.add(key)
            self._todo.append((script, scope, parent))

    def _key(self, script: str, scope: ShellScope) -> tuple[str, ...]:
        """Return what tells a script with its folders and its `$0`, `$1`, `$2`, ... from another one."""
        return (
            script,
            *scope.cwds,
            "",
            *scope.values.get("0", ()),
            *(scope.positional[0] if scope.positional else ()),
        )

    def _push_all(self, scripts_of: Iterable[str], scope: ShellScope) -> None:
        for script in scripts_of:
            if self._key(script, scope) not in self._seen:
                self._push(script, scope.copy(), scope)

    def _deny(self, decision: Decision | None) -> None:
        if not self.rules_only:
            self.found = self.found or decision

    def _refuse(self, reason: str, rule: str) -> None:
        self._deny(Decision("deny", reason, rule=rule))

    def _flow(self, stages: list[Stage], scope: ShellScope, *, piped: bool) -> None:
        """Check what the command would run that comes from elsewhere."""
        argv = stages[-1].argv
        given = shell_scripts.given_to_input(argv, self._files.texts)
        for text in self._files.texts_run_by(argv, scope.cwds[-1]):
            self._runs(text, scope, given, argv)
        outputs = [text for script in stages[-1].scripts if (text := static_output(script, scope))]
        self._push_all(commands_in_input(stages[-1], pipeline_taint.feeding(stages), outputs), scope)
        runs = pipeline_taint.executes_input(argv)
        if argv == ["exec"]:
            self._input += self._files.input_of(stages[-1])
        evaluates = runs or any(command[0] in _EVALUATORS for command in unwrapped(argv))
        if (evaluates or UNKNOWN in argv[0]) and pipeline_taint.comes_from_elsewhere(stages, piped):
            self._refuse(_DOWNLOADED_OR_DECODED, "no download is run")
        for script in stages[-1].scripts if evaluates else ():
            if (text := static_output(script, scope)) is not None:  # `source <(echo ...)`
                self._runs(text, scope, given, argv)
            elif shell_scripts.runs_substitution(stages[-1]):
                self.unclear = self.unclear or _MADE_ELSEWHERE
                if shell_scripts.sources(argv):
                    self._wander("source", UNKNOWN, scope)
        if (words := feeder_words(argv)) is not None:
            self._fed(words, stages, scope)
        if shell_scripts.runs_descriptor(stages[-1]):
            self._refuse("what would run is made by another program", "nothing unreadable runs")
        if not runs:
            return
        if stages[-1].tainted:  # `sh <<< "$(curl ...)"`
            self._refuse(_DOWNLOADED_OR_DECODED, "no download is run")
        files = [self._files.texts.get(name, {}) for name in stages[-1].read_files]
        for text in [*stages[-1].bodies, *stages[-1].given, *(text for texts in files for text in texts)]:
            self._runs(text, scope, given, argv)
        if piped:
            self._piped(stages, scope, given)

    def _piped(self, stages: list[Stage], scope: ShellScope, given: list[str] | None) -> None:
        """Check what a pipe brings to a shell or an interpreter."""
        sources = pipeline_taint.feeding(stages)
        texts = pipeline_taint.known_texts(stages)
        if any(stage.tainted for stage in sources):  # `echo "$(curl ...)" | sh`
            self._refuse(_DOWNLOADED_OR_DECODED, "no download is run")
        for text in texts or ():
            self._runs(text, scope, given)
        if texts is not None:
            return
        for stage in stages[:-1]:  # `echo ... | (bash)`
            for text in filter(None, (printed(stage.argv), *self._files.carried_by(stage))):
                self._runs(text, scope, given)
        if (reason := pipeline_taint.trouble(stages)) is not None:
            self._refuse(reason, "no download is run")
        if any(
            stage.argv[:1] in (["echo"], ["printf"]) and UNKNOWN in " ".join(stage.argv) for stage in sources
        ):
            self.unclear = self.unclear or "what would run cannot be known"

    def _fed(self, words: list[str], stages: list[Stage], scope: ShellScope) -> None:
        """Check `xargs rm`: its input are operands, if it is known; otherwise the places that are listed."""
        sources = pipeline_taint.feeding(stages)
        bodies = [redirect.body for redirect in stages[-1].redirects if redirect.body is not None]
        texts = bodies or pipeline_taint.known_texts(stages) or [None]
        every = [fed_scripts(words, text) for text in texts]
        for script in dict.fromkeys(script for fed in every for script in fed.scripts):
            if all(fed.known for fed in every):
                self._push(script, scope.copy(), scope)
            elif not self.rules_only:
                # Not known to do harm; but the user's rules may be about it.
                found = type(self)(self.place, rules_only=True).run(script, scope.copy()).argvs
                if any(UNKNOWN in argv[0] for argv in found):
                    self.unclear = self.unclear or "which program runs cannot be known"
                self.argvs += found
        removes = not all(fed.known for fed in every) and any(
            word in writes.DESTROYS_OPERANDS for word in words[1:]
        )
        if removes and not (sources and pipeline_taint.lists_paths(sources[0].argv)):
            self.unclear = self.unclear or f"what {words[0]} works on cannot be known"
        for stage in sources if removes else ():
            for word in stage.argv[1:]:
                if not word.startswith("-") and targets.write_refused(word, scope) is not None:
                    self._refuse(f"it would work on what is found in {word}", "never destructive")

    def _move(self, script: str, scope: ShellScope, depth: int = 0) -> None:
        """Note where the rest of a line may be after what a command runs in its own shell."""
        raise NotImplementedError

    def _wander(self, name: str, text: str, scope: ShellScope, *, followed: bool = True) -> None:
        """Note that a text which `name` runs in the line's own shell may lead elsewhere; `followed`: but for a plain `cd` in it."""
        functions = {one for one, (script, _) in self._functions.items() if enters_unseen(script)}
        if may_wander(text, scope, functions, followed=followed):
            self.wanders = self.wanders or name
            if scope.unsure:
                scope.lose()

    def _runs(
        self, text: str, scope: ShellScope, given: list[str] | None = None, argv: Sequence[str] = ()
    ) -> None:
        """Search known text that a shell or an interpreter will run; refuse what is downloaded."""
        if text == DOWNLOADED:
            self._refuse("what would run is downloaded", "no download is run")
        spend(50 + len(text) // 50)
        below = scope.copy(given)
        if any(starts_elsewhere(words, scope) for words in unwrapped([*argv])):
            self._wander(argv[0], UNKNOWN, below)
        self._push(text, below, scope)
        if argv and shell_scripts.sources(argv):
            self._move(text, scope)
            self._wander("source", text, scope)
        self._code(text, scope)

    def _code(self, text: str, scope: ShellScope) -> None:
        self._deny(interpreter_code.deny(text, scope))
        if interpreter_code.starts_programs(text):
            self.codes.append(text)
        below = scope.copy()
        for folder in interpreter_code.entered(text):
            for place in targets.places(folder, below):
                below.enter(place)
        self._push_all(interpreter_code.scripts_in(text), below)
