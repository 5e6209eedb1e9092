"""The command line: what may be typed after `mazu-ls`, and what was meant where it is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from mazu_ls import __version__
from mazu_ls.terminal.verbs.verbs import (
    ATTACH,
    GROUPS,
    HIDDEN,
    TALK,
    VERBS,
    CommandOption,
    TerminalCommand,
    text,
)


class Parser(argparse.ArgumentParser):
    """Says what may have been meant where a verb is not known; options cannot be shortened."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            from difflib import get_close_matches

            close = get_close_matches(str(value), list(action.choices), 1, 0.5)
            group = self.prog.removeprefix("mazu-ls").strip()
            meant = f" Did you mean `{self.prog} {close[0]}`?" if close else ""
            if not close and group == "checkpoint":
                meant = f" Did you mean `{self.prog} take {value}`?"
            known = ", ".join(name for name in action.choices if name not in HIDDEN)
            self.error(f"there is no `{self.prog} {value}`.{meant} There are: {known}")
        super()._check_value(action, value)

    def error(self, message: str) -> NoReturn:
        """One sentence and where to read on; exit status 2."""
        self.exit(2, f"mazu-ls: {message}\nSee: {self.prog} --help\n")


def parser(only: str = "") -> argparse.ArgumentParser:
    """The command line: the whole one, or what may stand behind the verb `only` if it is one of the wire's."""
    root = Parser(
        prog="mazu-ls",
        description="A coding agent that remembers and can be undone. Without arguments: the chat on a terminal, "
        "the language server where standard input is a pipe.",
        epilog="mazu-ls COMMAND --help says more of each. Exit statuses: 0 done, 1 failed, 2 wrong usage, 3 stopped at a "
        "limit, 4 refused because nobody could answer, 130 interrupted.",
    )
    root.add_argument("--version", action="version", version=f"mazu-ls {__version__}")
    commands = root.add_subparsers(dest="verb", metavar="COMMAND", required=True, parser_class=Parser)
    if any(verb.words.split()[0] == only for verb in VERBS):
        _verbs(commands, only)
        return root
    _plain(commands, "serve", "the language server on stdio, --tcp PORT on this machine, or --socket [PATH]")
    chat = _plain(commands, "chat", "talk to the agent")
    _add(chat, (text("message", "send this message and exit", required=False), *TALK, ATTACH))
    _plain(commands, "demo", "the main job end to end, without a key or a network")
    doctor = _plain(commands, "doctor", "check what mazu-ls needs and finds")
    doctor.add_argument("--fix", action="store_true", help="fix what needs no decision, such as file modes")
    _plain(commands, "init", "prepare a project: .mazu/ with a commented config and a role document")
    _plain(commands, "setup", "choose a model, an editor and a sandbox, step by step")
    _config(commands)
    call = _plain(
        commands, "call", 'run any command of the protocol: mazu-ls call mazu.recall \'{"query": "port"}\''
    )
    call.add_argument("command")
    call.add_argument("arguments", nargs="?", default="{}")
    timeline = _plain(
        commands, "timeline", "what happened in a conversation, step by step, with costs and checkpoints"
    )
    timeline.add_argument("session", nargs="?", help="a session's id; the last one if not given")
    compare = _plain(
        commands, "compare", "what differs between two checkpoints, or between two conversations' ends"
    )
    compare.add_argument("first", help="a checkpoint's or a session's id, or a label")
    compare.add_argument("second", nargs="?", default="now", help="another; now if not given")
    _verbs(commands)
    return root


def _config(commands: Any) -> None:
    group = _plain(commands, "config", "your own settings: get, set, path")
    verbs = group.add_subparsers(dest="subverb", metavar="WHAT", required=True, parser_class=Parser)
    get = _plain(verbs, "get", "the settings in force, or one of them")
    get.add_argument("name", nargs="?", help="such as limits.max_steps")
    put = _plain(verbs, "set", "store a setting in your own config.toml")
    put.add_argument("name", help="such as limits.max_steps")
    put.add_argument("value", help="a TOML value; anything else is taken as a text")
    _plain(verbs, "path", "where the settings come from")


def _verbs(commands: Any, only: str = "") -> None:
    groups: dict[str, Any] = {}
    nested: dict[str, Any] = {}
    several = {verb.words.split()[0] for verb in VERBS if " " in verb.words}
    for verb in VERBS:
        head, _, tail = verb.words.partition(" ")
        if only and head != only:
            continue
        if head not in groups:
            groups[head] = _plain(
                commands,
                head,
                "" if head in HIDDEN else verb.help if not tail else GROUPS.get(head, verb.help),
            )
            if head in several:
                groups[head].set_defaults(wire=None if tail else verb)
                nested[head] = groups[head].add_subparsers(
                    dest="subverb", metavar="WHAT", required=bool(tail), parser_class=Parser
                )
        target = _plain(nested[head], tail, verb.help) if tail else groups[head]
        _add(target, verb.options)
        target.set_defaults(wire=verb)


def _plain(commands: Any, name: str, help: str) -> argparse.ArgumentParser:
    shown = {"help": help} if help else {}
    added: argparse.ArgumentParser = commands.add_parser(name, description=help or None, **shown)
    added.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print the result as JSON"
    )
    added.add_argument(
        "--folder",
        action="append",
        type=Path,
        default=argparse.SUPPRESS,
        help="project folder (default: here)",
    )
    return added


def _add(target: argparse.ArgumentParser, options: Sequence[CommandOption]) -> None:
    for option in options:
        if option.flag is None:
            one = None if option.required else "?"
            nargs = ("+" if option.required else "*") if option.words or option.many else one
            target.add_argument(
                option.field,
                nargs=nargs,
                type=option.kind,
                help=option.help,
                choices=option.choices,
                default=None,
                metavar=None if option.choices else option.field.upper() if option.words else None,
            )
        elif option.optional:
            target.add_argument(
                option.flag,
                dest=option.field,
                nargs="?",
                const=True,
                default=None,
                help=option.help,
                metavar="ID",
            )
        elif option.on or option.off:
            target.add_argument(
                option.flag,
                dest=option.field,
                action="store_const",
                const=option.on,
                default=None,
                help=option.help,
            )
        else:
            target.add_argument(
                option.flag, dest=option.field, type=option.kind, choices=option.choices, help=option.help,
                action="append" if option.many else "store", default=None,
            )  # fmt: skip


def arguments(verb: TerminalCommand, given: argparse.Namespace) -> dict[str, Any]:
    """What was typed, as the wire command's argument."""
    found: dict[str, Any] = dict(verb.fixed)
    for option in verb.options:
        value = getattr(given, option.field, None)
        if value is None or value == [] or option.local:
            continue
        found[option.field] = " ".join(value) if option.words else value
    if isinstance(found.get("place"), dict):
        found |= found.pop("place")
    return found
