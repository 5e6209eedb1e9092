"""The command line: what may be typed after `mazu-ls`, and suggestions for what was mistyped."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from mazu_ls import __version__
from mazu_ls.terminal.project_root import message_in_project, path_in_project, resolve_project
from mazu_ls.terminal.verbs.verbs import (
    ATTACH,
    GROUPS,
    HIDDEN,
    TALK,
    VERBS,
    CommandLineError,
    CommandOption,
    TerminalCommand,
    WireArgument,
    text,
)
from mazu_ls.terminal.verbs.wire_arguments import ARGUMENTS

METAVARS = {
    "uri": "PATH", "from": "PATH", "sessionId": "ID", "turnId": "TURN", "ids": "ID", "maxCost": "DOLLARS", "maxSteps": "STEPS",
    "maxTokens": "TOKENS", "maxSeconds": "SECONDS", "checkpointEvery": "STEPS", "attachments": "FILE", "anchors": "FILE",
    "olderThanDays": "DAYS", "sinceDays": "DAYS", "models": "MODEL", "paths": "PATH", "memories": "ID", "tags": "TAG",
    "text": "FILE", "supersedes": "ID", "agent": "AGENT", "onConflict": "WHAT",
}  # fmt: skip
"""Names of the wire's fields in usage and help, if the field's own name is not suitable."""
PATHS = {"mazu.checkpoint.file": ("path",), "mazu.rollback": ("paths",)}
"""Arguments that name files as the project does; those with `uri` are absolute already."""
UNDECLARED = WireArgument("")
"""An option of the terminal's own, or an argument that it builds from several."""
READING = ("chat", "ask", "run", "council")
"""Verbs with a message, to which a text on standard input may belong."""
SUBVERB = "WHAT"
"""Name in usage and help of a word that has to follow another one."""
LIKE = 0.6
"""Similarity (difflib) from which a word counts as mistyped."""


class Parser(argparse.ArgumentParser):
    """Suggests what may have been meant if a verb or an option is unknown; options cannot be abbreviated."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            hidden = HIDDEN if self.prog == "mazu-ls" else ()
            known = [name for name in action.choices if name not in hidden]
            meant = _suggest(str(value), known, f"{self.prog} ")
            if not meant and self.prog.removeprefix("mazu-ls").strip() == "checkpoint":
                meant = f" Did you mean `{self.prog} take {value}`?"
            self.error(f"there is no `{self.prog} {value}`.{meant} There are: {', '.join(known)}")
        super()._check_value(action, value)

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: Any = None, namespace: Any = None
    ) -> Any:
        """Like argparse, but nothing unknown is ignored. Raises CommandLineError."""
        first = args[0].partition("=")[0] if args and self._subparsers is not None else ""
        if first.startswith("-") and first.strip("-") and first not in self._option_string_actions:
            self._refuse(args)
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self._refuse(rest)
        if self.prog == "mazu-ls memory update" and not any(
            getattr(found, action.dest) is not None for action in self._actions if action.default is None and action.option_strings
        ):  # fmt: skip
            self.error("say what to change, for example by --title TEXT")
        return found, rest

    def _refuse(self, rest: Sequence[str]) -> NoReturn:
        name = rest[0].partition("=")[0]
        if not name.startswith("-"):
            behind = " Give a new text with --title." if "--title" in self._option_string_actions else ""
            self.error(f"too many words: {' '.join(rest)}. Options stand before or behind the words.{behind}")
        meant = [
            action for action in self._actions if action.dest == name.lstrip("-") and action.option_strings
        ]
        if meant:  # the name that the protocol has
            self.error(f"there is no option {name}. Did you mean `{meant[0].option_strings[-1]}`?")
        known = [option for option in self._option_string_actions if option.startswith("--")]
        if self.prog == "mazu-ls":
            known += [option.flag for option in (*TALK, ATTACH) if option.flag]
        self.error(f"there is no option {name}.{_suggest(name, known)}")

    def format_help(self) -> str:
        """Return the help of a command; of the whole program what `mazu-ls --help` prints without this parser."""
        if self.prog != "mazu-ls":
            return super().format_help()
        from mazu_ls.terminal.help.overview import columns, overview

        return overview(columns())

    def error(self, message: str) -> NoReturn:
        """Raise CommandLineError."""
        if message.endswith(f"required: {SUBVERB}"):
            known = [
                name
                for action in self._actions
                if isinstance(action, argparse._SubParsersAction)
                for name in action.choices
            ]
            message = f"say what to do: {self.prog} {', '.join(known)}"
        raise CommandLineError(message, self.prog)


def _suggest(typed: str, known: Sequence[str], before: str = "") -> str:
    """Return a question about what may have been meant; empty if nothing is close."""
    from difflib import get_close_matches

    begun = [name for name in known if len(typed.strip("-")) > 1 and name.startswith(typed)]
    close = (begun or get_close_matches(typed, known, 2, LIKE))[:3]
    return f" Did you mean {' or '.join(f'`{before}{name}`' for name in close)}?" if close else ""


def parse(arguments: Sequence[str], only: str = "") -> argparse.Namespace:
    """Parse the command line; one that is invalid ends the program with one sentence (and JSON, if requested) and status 2."""
    if arguments and arguments[0] == "help":
        arguments = [*arguments[1:], "--help"]
    try:
        given = parser(only).parse_args(arguments)
        if given.verb in READING:
            from mazu_ls.terminal.chat.standard_input import attach_standard_input

            attach_standard_input(given)
        return given
    except CommandLineError as error:
        if {"--json", "--stream-json"} & set(arguments):
            import json

            said = {
                "error": {"kind": "usage", "message": error.message, "hint": f"See: {error.program} --help"}
            }
            sys.stdout.write(json.dumps(said if "--json" in arguments else {"type": "error", **said}) + "\n")
        sys.stderr.write(f"mazu-ls: {error.message}\nSee: {error.program} --help\n")
        raise SystemExit(2) from None


def parser(only: str = "") -> argparse.ArgumentParser:
    """Return the parser: of the whole command line, or of what may follow the verb `only` if it is one of the wire's."""
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
    if only == "call":
        _call(commands)
        return root
    _plain(commands, "serve", "the language server on stdio, --tcp PORT on this machine, or --socket [PATH]")
    chat = _plain(commands, "chat", "talk to the agent")
    message = text("message", "send this message and exit", required=False)
    _add(chat, (message, *TALK, ATTACH), {**ARGUMENTS["mazu.ask"], **ARGUMENTS["mazu.run"]})
    _plain(commands, "demo", "the main job end to end, without a key or a network")
    doctor = _plain(commands, "doctor", "check what mazu-ls needs and finds")
    doctor.add_argument("--fix", action="store_true", help="fix what needs no decision, such as file modes")
    _plain(commands, "init", "prepare a project: .mazu/ with a commented config and a role document")
    _plain(commands, "setup", "choose a model, an editor and a sandbox, step by step")
    _config(commands)
    _call(commands)
    timeline = _plain(
        commands, "timeline", "what happened in a conversation, step by step, with costs and checkpoints"
    )
    timeline.add_argument("session", nargs="?", help="a session's id; the last one if not given")
    timeline.add_argument("--session", dest="named", metavar="ID", help="the same, as other commands name it")
    compare = _plain(
        commands, "compare", "what differs between two checkpoints, or between two conversations' ends"
    )
    compare.add_argument("first", help="a checkpoint's or a session's id, or a label")
    compare.add_argument("second", nargs="?", default="now", help="another; now if not given")
    _verbs(commands)
    return root


def summaries() -> tuple[str, str, list[tuple[str, str]], list[tuple[str, str]]]:
    """Return what help says of the program: what it is, the text at the end, each command, each option."""
    root = parser()
    commands = [
        (str(row.dest), row.help or "")
        for action in root._actions
        if isinstance(action, argparse._SubParsersAction)
        for row in action._choices_actions
    ]
    options = [
        (", ".join(action.option_strings), action.help or "")
        for action in root._actions
        if action.option_strings
    ]
    return root.description or "", root.epilog or "", commands, options


def _call(commands: Any) -> None:
    call = _plain(
        commands, "call", 'run any command of the protocol: mazu-ls call mazu.recall \'{"query": "port"}\''
    )
    call.add_argument("command", help="its name, with or without `mazu.`")
    call.add_argument("arguments", nargs="?", default="{}", help="a JSON object")


def _config(commands: Any) -> None:
    group = _plain(commands, "config", "your own settings: get, set, unset, path")
    verbs = group.add_subparsers(dest="subverb", metavar=SUBVERB, required=True, parser_class=Parser)
    get = _plain(verbs, "get", "the settings in force, or one of them")
    get.add_argument("name", nargs="?", help="such as limits.max_steps")
    off = _plain(verbs, "unset", "remove a setting from your own config.toml: the default holds again")
    off.add_argument("name", help="such as limits.max_cost_usd")
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
                    dest="subverb", metavar=SUBVERB, required=bool(tail), parser_class=Parser
                )
        target = _plain(nested[head], tail, verb.help) if tail else groups[head]
        _add(target, verb.options, ARGUMENTS.get(verb.command, {}))
        target.set_defaults(wire=verb)
    if "memory" in nested:
        model = _plain(nested["memory"], "model", "a better model for recall by meaning: download it, use it")
        model.add_argument("name", nargs="?", help="which one, or none; without it they are listed")
        model.add_argument(
            "--yes", action="store_true", help="agree to the download where nobody can be asked"
        )
        model.add_argument("--remove", action="store_true", help="delete its files")
        model.set_defaults(wire=None, own="setting_up.memory_model")


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


def _add(
    target: argparse.ArgumentParser, options: Sequence[CommandOption], declared: Mapping[str, WireArgument]
) -> None:
    for option in options:
        argument = declared.get(option.field, UNDECLARED)
        help = option.help or argument.help
        choices = option.choices or argument.choices or None
        many = argument.many if option.many is None else option.many
        required = is_required(option, argument)
        metavar = None if choices else METAVARS.get(option.field, option.field.upper())
        if option.flag is None:
            one = None if required else "?"
            nargs = ("+" if required else "*") if option.words or many else one
            target.add_argument(
                option.field, nargs=nargs, type=_value_type(option, argument), help=help, choices=choices, default=None, metavar=metavar
            )  # fmt: skip
        elif option.optional:
            target.add_argument(
                option.flag, dest=option.field, nargs="?", const=True, default=None, help=help, metavar="ID"
            )
        elif option.on or option.off or argument.kind == "switch":
            target.add_argument(
                option.flag, dest=option.field, action="store_const", const=not option.off, default=None, help=help
            )  # fmt: skip
        else:
            target.add_argument(
                option.flag, dest=option.field, type=_value_type(option, argument), choices=choices, help=help,
                action="append" if many else "store", default=None, metavar=metavar,
            )  # fmt: skip


def is_required(option: CommandOption, argument: WireArgument) -> bool:
    """Return whether a positional is required: as the option says, else as its declaration does."""
    return option.flag is None and (argument.required if option.required is None else option.required)


def _value_type(option: CommandOption, argument: WireArgument) -> Callable[[str], Any]:
    """Return the converter of an option's value: as the option says, else as its declaration does."""
    if option.kind is not None:
        return option.kind
    if argument.kind not in ("integer", "number"):
        return str
    return partial(_number, argument)


def _number(argument: WireArgument, value: str) -> float:
    try:
        found = int(value) if argument.kind == "integer" else float(value)
    except ValueError as error:
        whole = "a whole number" if argument.kind == "integer" else "a number"
        raise argparse.ArgumentTypeError(f"{value!r} is not {whole}") from error
    if not -float("inf") < found < float("inf"):
        raise argparse.ArgumentTypeError(f"{value} is not finite")
    if argument.least is None:
        return found
    if argument.above and found <= argument.least:
        raise argparse.ArgumentTypeError(f"{value} is not above {argument.least:g}")
    if found < argument.least:
        raise argparse.ArgumentTypeError(f"{value} is below {argument.least:g}")
    return found


def arguments(verb: TerminalCommand, given: argparse.Namespace) -> dict[str, Any]:
    """Return what was typed as the wire command's arguments."""
    found: dict[str, Any] = dict(verb.fixed)
    for option in verb.options:
        value = getattr(given, option.field, None)
        if value is None or value == [] or option.local:
            continue
        found[option.field] = " ".join(value) if option.words else value
    if verb.command == "mazu.session.rename" and "sessionId" not in found:
        first, _, name = found["name"].partition(" ")
        if re.fullmatch(r"s_[0-9a-f]{12,}", first):  # as `session show`, `fork` and `delete` take it
            found |= {"sessionId": first, "name": name.strip()}
    if texts := getattr(given, "texts", None):
        found["texts"] = texts
    for name in PATHS.get(verb.command, ()):
        if name in found:
            found[name] = _in_project(found[name], given)
    if verb.command == "mazu.run" and "@" in found.get("task", ""):
        found["task"] = message_in_project(found["task"], resolve_project(given).folders)
    if isinstance(found.get("place"), dict):
        found |= found.pop("place")
    return found


def _in_project(typed: str | list[str], given: argparse.Namespace) -> str | list[str]:
    folders = resolve_project(given).folders
    if isinstance(typed, str):
        return path_in_project(typed, folders)
    return [path_in_project(one, folders) for one in typed]
