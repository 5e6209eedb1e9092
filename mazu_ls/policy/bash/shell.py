"""The analysis of a command line before it runs: hard denies, reasons to ask, what a grant of it would be."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath

from msgspec.structs import replace

from mazu_ls.policy import repository
from mazu_ls.policy.bash.commands import ReadLine
from mazu_ls.policy.bash.scan import DenyScan
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.grant_prefix import grant_prefix, reread_by_a_shell
from mazu_ls.policy.rules import Decision, PolicyContext, Rule, ToolCallInfo
from mazu_ls.policy.step_budget import TooInvolvedError, limit_steps
from mazu_ls.policy.tables import allow
from mazu_ls.workspace import path_rules

_UNREAD = ReadLine([], "it is empty")
log = logging.getLogger(__name__)
TOO_INVOLVED = Decision("deny", "it is too involved to be judged", rule="nothing unreadable runs")


@dataclass(frozen=True)
class CommandLine:
    """What is known of a command line. `seen` are all its commands, hidden ones included, `codes` texts for interpreters
    that may start programs, `line` what the line itself says, `commands` that as plain words, None if one cannot be known. `unclear`: why nobody can say that it meets no hard deny.
    """

    text: str
    denied: Decision | None
    doubt: str | None
    seen: Sequence[list[str]] = ()
    codes: Sequence[str] = ()
    line: ReadLine = _UNREAD
    commands: list[list[str]] | None = None
    beyond_sandbox: str | None = None
    unclear: str | None = None

    def mentions(self, rule: Rule) -> bool:
        """Return whether a deny or ask rule matches the line, or any command in it, however wrapped."""
        return rule.matches_text(self.text) or any(rule.matches_command(argv) for argv in self.seen)

    def why_it_may_match(self, rule: Rule) -> str | None:
        """Return what in a command of it, or in code for an interpreter, hides whether the rule matches."""
        by_words = map(rule.why_it_may_match, self.seen)
        return next(filter(None, chain(by_words, map(rule.why_code_may_match, self.codes))), None)

    def granted(self, rules: Sequence[Rule], place: PolicyContext) -> Rule | None:
        """Return the rule that allows the line: `*`, the line itself in this folder, or rules for all of its commands
        that do more than read."""
        whole = (rule for rule in rules if not rule.pattern or rule.exact == (self.text, place.cwd))
        if (rule := next(whole, None)) is not None:
            return rule
        commands = self.commands or []
        found = [_allowing(rules, argv) for argv in commands]
        if not all(found):

            def is_allowed(argv: list[str]) -> bool:
                return _allowing(rules, argv) is not None

            if len(commands) < 2 or allow.reason_to_ask(self.line, place, is_allowed) is not None:
                return None
        return next(filter(None, found), None)

    def why_not_granted(self, rules: Sequence[Rule]) -> str | None:
        """Return why rules that match a command of it do not allow it; None if none of them matches."""
        for argv in self.commands or []:
            program = reread_by_a_shell(argv)
            if program is not None and any(rule.matches_argv(argv) for rule in rules):
                runs = "" if argv[0].endswith(program) else ", if it is run,"
                return f"{program}{runs} may hand words with `$` or backticks to a shell, which rules for its first words do not allow"
        return None

    def prefix(self, place: PolicyContext, rules: Sequence[Rule] = ()) -> tuple[str, ...] | None:
        """Return what "always" would store: the prefix of the only command, or of the only one that neither just reads
        nor is allowed by `rules` already. What would not allow the line the next time is not offered."""
        commands = self.commands or []
        if len(commands) > 1:
            staying = [r.segment for r in self.line.segments if r.raws and r.raws[0] != "cd"]
            piped = all(segment.before == "|" for segment in staying[1:])
            commands = [argv for argv in commands if argv[0] != "cd"]
            acting = [a for a in commands if not allow.only_reads(a, place) and not _allowing(rules, a)]
            commands = acting or (commands[:1] if piped else [])
        if len(commands) != 1 or any(path_rules.is_secret(PurePath(word).parts) for word in commands[0][1:]):
            return None  # a lasting answer about one file with secrets is none about all of them
        words = grant_prefix(commands[0])
        held = words and self.granted([*rules, Rule("run_shell", words, "allow", origin="always")], place)
        return words if held else None

    def secret(self, place: PolicyContext) -> str | None:
        """Return the first file it names, as a word or behind `<`, whose name suggests secrets; wildcards are not looked into.
        A word that could be anything (a message, a pattern, a branch) names a file only where there is one."""
        words = chain(
            (word for argv in self.seen for one in argv[1:] for word in _files_in(one, place)),
            (target.text for read in self.line.segments for target in read.targets),
        )
        return next(filter(None, (path_rules.is_secret(PurePath(word).parts) for word in words)), None)

    @property
    def plain(self) -> bool:
        """Whether it says what it does, so that somebody who read it knows what will happen when it is run again."""
        return self.line.is_explicit

    @property
    def git_alone(self) -> bool:
        """Return whether it consists of git commands alone, none of which names another program to run."""
        return bool(self.commands) and all(map(repository.changes_alone, self.commands or ()))


_LEAVES_OUT = re.compile(r"--?(?:exclude|ignore|no-|without|x)")


def _files_in(word: str, place: PolicyContext) -> Iterator[str]:
    """Yield what may be a file in a word: itself, or, where such a file is there, what follows `=` or `@`, or is joined to an
    option's letter."""
    if not _LEAVES_OUT.match(word):
        joined = (word[2:],) if re.match(r"-[A-Za-z]\S", word) else ()
        parts = filter(None, (*re.split("[=@]", word)[1:], *joined))
        yield from (part for part in parts if os.path.lexists(place.cwd / part))
    is_a_name = ("/" in word or "." in word) and not word.startswith("-") and not any(map(str.isspace, word))
    if is_a_name or os.path.lexists(place.cwd / word):
        yield word


def _allowing(rules: Sequence[Rule], argv: list[str]) -> Rule | None:
    """Return the rule that allows a command."""
    if reread_by_a_shell(argv):
        return None
    return next((rule for rule in rules if rule.matches_argv(argv)), None)


def is_command(call: ToolCallInfo) -> bool:
    """Return whether the call runs a command line."""
    return call.tool == "run_shell" and isinstance(call.arguments.get("command"), str)


def analyse(call: ToolCallInfo, place: PolicyContext) -> CommandLine:
    """Analyse a command line. Never raises: what cannot be read is asked about, or denied."""
    text = str(call.arguments["command"]).encode("utf-8", "replace").decode()
    try:
        with limit_steps():
            if text != call.arguments["command"]:
                broken, found = "it holds broken Unicode", DenyScan(place).run(text).found
                return CommandLine(text, found, broken, beyond_sandbox=broken)
            return _read(text, place)
    except TooInvolvedError:
        return CommandLine(text, TOO_INVOLVED, None)
    except Exception:  # a line that confuses the reader is not one to run
        log.exception("a command line could not be judged")
        unreadable = Decision("deny", "it could not be judged", rule="nothing unreadable runs")
        return CommandLine(text, unreadable, None)


def _read(text: str, place: PolicyContext) -> CommandLine:
    scan = DenyScan(place).run(text)
    if scan.found is not None:
        return CommandLine(text, scan.found, None, scan.argvs, scan.codes)
    beyond = next(filter(None, map(repository.changed_by, scan.argvs)), None) or scan.written_later
    line = scan.line or _UNREAD
    wandering = _why_a_place_is_unclear(text, place, scan)
    return CommandLine(
        text,
        None,
        allow.reason_to_ask(line, place) or wandering,
        scan.argvs,
        scan.codes,
        line,
        line.plain_commands(),
        beyond or wandering,
        scan.unclear or wandering or _why_a_loop_is_unclear(text, place, scan),
    )


def _why_a_place_is_unclear(text: str, place: PolicyContext, scan: DenyScan) -> str | None:
    """Return the hard deny that a line meets where what runs in its own shell (`eval`, `source`, ...) leads elsewhere, unseen."""
    if scan.wanders is None:
        return None
    # Outside the workspace nothing is within reach of the sandbox, so there it is about what would be lost as a whole.
    there = replace(place, roots=(*place.roots, Path("/"))) if place.confined else place
    found = DenyScan(there).run(text, ShellScope(there, unsure=True)).found
    return None if found is None else f"if {scan.wanders} leads to another folder, {found.reason}"


def _why_a_loop_is_unclear(text: str, place: PolicyContext, scan: DenyScan) -> str | None:
    """Return the hard deny that a line meets where a `cd` in one of its loops fails, so that the next one climbs."""
    if not scan.climbs:
        return None
    found = DenyScan(place).run(text, ShellScope(place, cautious=True)).found
    return None if found is None else f"if `cd` fails in the loop, {found.reason}"
