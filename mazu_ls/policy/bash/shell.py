"""The analysis of a command line before it runs: hard denies, reasons to ask, what a grant of it would be."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, dropwhile

from mazu_ls.policy import repository
from mazu_ls.policy.bash import grammar
from mazu_ls.policy.bash.lexer import lex
from mazu_ls.policy.bash.scan import RESERVED, DenyScan
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.bash.words import evaluate
from mazu_ls.policy.effects import ASSIGNMENT
from mazu_ls.policy.grant_prefix import grant_prefix
from mazu_ls.policy.rules import Decision, PolicyContext, Rule, ToolCallInfo
from mazu_ls.policy.step_budget import TooInvolvedError, limit_steps
from mazu_ls.policy.tables import allow

log = logging.getLogger(__name__)
TOO_INVOLVED = Decision("deny", "it is too involved to be judged", rule="nothing unreadable runs")


@dataclass(frozen=True)
class CommandLine:
    """The analysis of a command line. `codes` are texts for interpreters that may start programs, `commands` its
    commands as plain words, None if any word is unknown.

    `plain`: the line shows what it does, so that somebody who read it knows what will happen when it is run again.
    """

    text: str
    denied: Decision | None
    doubt: str | None
    seen: list[list[str]]
    codes: list[str]
    commands: list[list[str]] | None
    plain: bool = False
    beyond_sandbox: str | None = None

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
        found = None
        for argv in self.commands or ():
            rule = next((rule for rule in rules if rule.matches_argv(argv)), None)
            if rule is None and not (len(self.commands or ()) > 1 and _only_reads(argv, place)):
                return None
            found = found or rule
        return found

    def prefix(self, place: PolicyContext, rules: Sequence[Rule] = ()) -> tuple[str, ...] | None:
        """Return what "always" would store: the prefix of the only command, or of the only one that neither just reads
        nor is allowed by `rules` already."""
        commands = self.commands or []
        if len(commands) > 1:
            piped = all(segment.before == "|" for segment in lex(self.text).segments[1:])
            acting = [
                argv
                for argv in commands
                if not _only_reads(argv, place) and not any(rule.matches_argv(argv) for rule in rules)
            ]
            commands = acting or (commands[:1] if piped else [])
        return grant_prefix(commands[0]) if len(commands) == 1 else None

    @property
    def git_alone(self) -> bool:
        """Return whether it consists of git commands alone, none of which names another program to run."""
        return bool(self.commands) and all(map(repository.changes_alone, self.commands or ()))


def _only_reads(argv: list[str], place: PolicyContext) -> bool:
    return allow.reason_to_ask(shlex.join(argv), place) is None


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
                return CommandLine(text, found, broken, [], [], None, beyond_sandbox=broken)
            return _read(text, place)
    except TooInvolvedError:
        return CommandLine(text, TOO_INVOLVED, None, [], [], None)
    except Exception:  # a line that crashes the analysis is not one to run
        log.exception("a command line could not be judged")
        unreadable = Decision("deny", "it could not be judged", rule="nothing unreadable runs")
        return CommandLine(text, unreadable, None, [], [], None)


def _read(text: str, place: PolicyContext) -> CommandLine:
    scan = DenyScan(place).run(text)
    if scan.found is not None:
        return CommandLine(text, scan.found, None, scan.argvs, scan.codes, None)
    beyond = next(filter(None, map(repository.changed_by, scan.argvs)), None) or scan.written_later
    return CommandLine(
        text,
        None,
        allow.reason_to_ask(text, place),
        scan.argvs,
        scan.codes,
        _plain(text, place),
        _says_what_it_does(text, place),
        beyond,
    )


def _says_what_it_does(text: str, place: PolicyContext) -> bool:
    """Return whether both readings agree, nothing is invisible, and no word or file name is computed at run time."""
    lexed = lex(text)
    if lexed.broken or isinstance(grammar.commands(text), str) or allow.unusual_characters(text):
        return False
    words = [word for s in lexed.segments for word in (*s.words, *(r.target for r in s.redirects))]
    return not any(evaluate(word, ShellScope(place)).dynamic for word in words)


def _plain(text: str, place: PolicyContext) -> list[list[str]] | None:
    """Return every command as fully known words, with no redirection but to /dev/null; None for any other line."""
    shape = grammar.commands(text)
    lexed = lex(text)
    if isinstance(shape, str) or lexed.broken:
        return None
    commands: list[list[str]] = []
    for segment in lexed.segments:
        words = list(dropwhile(RESERVED.__contains__, segment.words))
        if any(r.target not in ("/dev/null", "1", "2") for r in segment.redirects):
            return None
        values = [evaluate(raw, ShellScope(place)) for raw in words]
        if any(value.dynamic or value.glob or len(value.candidates) != 1 for value in values):
            return None
        if argv := [word for value in values for word in value.candidates[0]]:
            commands.append(argv)
    sizes = sorted(len(words) - (words[0] == "time") for words in shape)
    lengths = [len(list(dropwhile(ASSIGNMENT.match, argv))) for argv in commands]
    return commands if sorted(lengths) == sizes else None
