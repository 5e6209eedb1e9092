"""What may be typed after `mazu-ls`: every command of the wire under a short name, with its arguments."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mazu_ls import __version__


@dataclass(frozen=True)
class Option:
    """One argument. `field` is the wire's name of it; `flag` None is a positional, joined words where `words`."""

    field: str
    flag: str | None = None
    help: str = ""
    kind: Callable[[str], Any] = str
    choices: Sequence[str] | None = None
    many: bool = False
    on: bool = False
    off: bool = False
    words: bool = False
    required: bool = False


@dataclass(frozen=True)
class Verb:
    """One thing to type and the wire command it stands for."""

    words: str
    command: str
    help: str
    options: tuple[Option, ...] = ()
    fixed: dict[str, Any] = field(default_factory=dict)


def text(name: str, help: str, *, required: bool = True) -> Option:
    """Words up to the next option, as one text."""
    return Option(name, help=help, words=True, required=required)


def place(value: str) -> dict[str, Any]:
    """FILE or FILE:LINE or FILE:FROM-TO (counted from 1) as `{uri, range?}`."""
    name, _, lines = value.rpartition(":")
    first, _, last = lines.partition("-")
    if not name or not first.isdecimal() or (last and not last.isdecimal()):
        return {"uri": Path(value).absolute().as_uri()}
    start, end = int(first) - 1, int(last or first)
    span = {"start": {"line": start, "character": 0}, "end": {"line": end, "character": 0}}
    return {"uri": Path(name).absolute().as_uri(), "range": span}


def uri(value: str) -> str:
    """A path as a file: URI."""
    return Path(value).absolute().as_uri()


def content(value: str) -> str:
    """The text of a file."""
    return Path(value).read_text(encoding="utf-8")


MODEL = Option("model", "--model", "provider:model")
SESSION = Option("sessionId", "--session", "a session's id; the last one used if not given")
ATTACH = Option("attachments", "--attach", "FILE, FILE:LINE or FILE:FROM-TO", place, many=True)
SCOPE = Option("scope", "--scope", choices=("project", "global"))
CATEGORY = Option("category", "--category")
LIMIT = Option("limit", "--limit", kind=int)
ID = Option("id", help="an id", required=True)
IDS = Option("ids", help="ids; all if none is given", many=True)
FILE = Option("uri", "--file", "those of one file", uri)
WAIT = {"wait": True}
PARTS = ("code", "memory", "conversation", "skills")

VERBS = (
    Verb("run", "mazu.run", "carry out a task on its own, within limits", (
        text("task", "what to do"), SESSION, MODEL, Option("maxSteps", "--max-steps", kind=int),
        Option("maxCost", "--max-cost", "US dollars", float), Option("maxTokens", "--max-tokens", kind=int),
        Option("maxSeconds", "--max-seconds", kind=float), Option("checkpointEvery", "--checkpoint-every", kind=int),
        Option("allowShell", "--allow-shell", "let it run commands", on=True)), WAIT),
    Verb("ask", "mazu.ask", "one question: no tools, nothing remembered", (text("question", "the question"), ATTACH, MODEL), WAIT),
    Verb("edit", "mazu.edit", "rewrite lines of a file", (
        Option("place", help="FILE:FROM-TO", kind=place, required=True), text("instruction", "what to make of them"), MODEL), WAIT),
    Verb("council", "mazu.council", "ask several models at once", (
        text("question", "the question"), Option("models", "--member", "a model to ask; at least two", many=True),
        Option("lead", "--lead", "the model that compares"), ATTACH), WAIT),
    Verb("remember", "mazu.remember", "keep a decision, a convention, a mistake, a fact", (
        text("title", "the thing, in one sentence"), Option("body", "--body"), CATEGORY, SCOPE,
        Option("tags", "--tag", many=True), Option("pinned", "--pin", on=True),
        Option("anchors", "--about", "FILE, FILE:LINE or FILE:FROM-TO", place, many=True),
        Option("supersedes", "--supersedes", "the id it replaces"))),
    Verb("recall", "mazu.recall", "search what was remembered", (text("query", "words or a question"), LIMIT, SCOPE, CATEGORY)),
    Verb("memory list", "mazu.memory.list", "list memories", (
        SCOPE, CATEGORY, Option("state", "--state", choices=("current", "check", "superseded", "archived")), LIMIT,
        Option("offset", "--offset", kind=int))),
    Verb("memory update", "mazu.memory.update", "change a memory", (
        ID, Option("title", "--title"), Option("body", "--body"), CATEGORY, SCOPE, Option("tags", "--tag", many=True),
        Option("pinned", "--pin", on=True), Option("pinned", "--unpin", off=True))),
    Verb("memory forget", "mazu.memory.forget", "remove a memory", (ID, SCOPE)),
    Verb("memory consolidate", "mazu.memory.consolidate", "propose what to merge; --apply does it", (Option("apply", "--apply", on=True),)),
    Verb("memory export", "mazu.memory.export", "write memory as Markdown", (Option("uri", help="a file or folder", kind=uri, required=True),)),
    Verb("memory import", "mazu.memory.import", "read memory from Markdown", (Option("uri", help="a file or folder", kind=uri, required=True),)),
    Verb("sessions", "mazu.session.list", "list conversations"),
    Verb("sessions show", "mazu.session.show", "show a conversation", (
        Option("sessionId", help="the last one if not given"), Option("turns", "--turns", kind=int))),
    Verb("sessions new", "mazu.session.new", "start a conversation"),
    Verb("sessions end", "mazu.session.end", "end a conversation", (Option("sessionId"),)),
    Verb("sessions delete", "mazu.session.delete", "delete a conversation for good", (Option("sessionId", required=True),)),
    Verb("sessions rewind", "mazu.session.rewind", "take back the last turns of a conversation", (
        SESSION, Option("turns", "--turns", kind=int))),
    Verb("sessions compact", "mazu.session.compact", "shorten a conversation", (SESSION,), WAIT),
    Verb("checkpoint", "mazu.checkpoint", "record code, memory, skills and conversations; `checkpoint pin ID`, `unpin ID`", (
        text("label", "a name for it; or pin ID, unpin ID", required=False),)),
    Verb("checkpoints", "mazu.checkpoint.list", "list checkpoints", (LIMIT, SESSION)),
    Verb("checkpoints pin", "mazu.checkpoint.pin", "keep a checkpoint until it is unpinned", (ID,)),
    Verb("checkpoints unpin", "mazu.checkpoint.unpin", "let the settings decide again how long it stays", (ID,)),
    Verb("checkpoints file", "mazu.checkpoint.file", "print a file as it was at a checkpoint", (
        ID, Option("path", help="as the diff shows it", required=True))),
    Verb("diff", "mazu.checkpoint.diff", "what changed since a checkpoint", (
        ID, Option("against", "--against", "another id; now if not given"), Option("paths", "--path", many=True))),
    Verb("prune", "mazu.checkpoint.prune", "remove old checkpoints", (
        Option("keep", "--keep", "how many to keep", int), Option("olderThanDays", "--older-than-days", kind=int),
        Option("labelled", "--labelled", "those you named, too", on=True))),
    Verb("rollback", "mazu.rollback", "bring everything back to a checkpoint", (
        Option("id", help="the newest if not given"), Option("only", "--only", choices=PARTS, many=True),
        Option("paths", "--path", many=True), Option("preview", "--preview", "only say what would happen", on=True),
        Option("onConflict", "--on-conflict", choices=("ask", "overwrite", "keep")))),
    Verb("undo", "mazu.undo", "undo the last turn", (
        SESSION, Option("code", "--keep-code", off=True), Option("conversation", "--keep-conversation", off=True),
        Option("memory", "--keep-memory", off=True))),
    Verb("proposals", "mazu.proposal.list", "list the edits that wait for you", (FILE,)),
    Verb("proposals review", "mazu.proposal.list", "decide on one after the other"),
    Verb("proposals accept", "mazu.proposal.accept", "make those edits, or all", (IDS, FILE)),
    Verb("proposals reject", "mazu.proposal.reject", "drop those edits, or all", (
        IDS, FILE, Option("note", "--note", "what the model is to hear of it"))),
    Verb("skills", "mazu.skills.list", "list skills"),
    Verb("skills show", "mazu.skills.show", "show a skill", (Option("name", required=True),)),
    Verb("skills save", "mazu.skills.save", "keep a Python function as a skill", (
        Option("source", help="a Python file", kind=content, required=True), Option("name", "--name"), SCOPE)),
    Verb("skills run", "mazu.skills.run", "run a skill", (
        Option("name", required=True), Option("arguments", help="a JSON object", kind=json.loads))),
    Verb("skills forget", "mazu.skills.forget", "remove a skill", (Option("name", required=True),)),
    Verb("models", "mazu.models.list", "list models"),
    Verb("models set", "mazu.models.set", "choose the model", (Option("model", required=True),)),
    Verb("tools", "mazu.tools.list", "list what the agent may call"),
    Verb("permissions", "mazu.permissions.list", "list permission rules and grants"),
    Verb("permissions set", "mazu.permissions.set", "add a rule while this runs: allow, ask or deny", (
        Option("rule", help='such as \'{"tool": "run_shell", "pattern": "git *", "verdict": "allow"}\'', kind=json.loads, required=True),)),
    Verb("permissions check", "mazu.permissions.check", "what would be decided about a call", (
        Option("tool", required=True), Option("arguments", help="a JSON object", kind=json.loads, required=True),
        Option("mode", "--mode", choices=("ask", "auto", "plan", "bypass")))),
    Verb("permissions revoke", "mazu.permissions.revoke", "take a grant back", (ID,)),
    Verb("permissions mode", "mazu.permissions.mode", "ask, auto, plan or bypass", (
        Option("mode", choices=("ask", "auto", "plan", "bypass"), required=True),
        Option("confirm", "--confirm", help="the word bypass, for that mode"))),
    Verb("role", "mazu.role.show", "show the role document"),
    Verb("role set", "mazu.role.set", "take the text of a file as the role document", (Option("uri", help="a file", kind=uri, required=True),)),
    Verb("usage", "mazu.usage", "tokens and cost", (SESSION, Option("sinceDays", "--since-days", kind=float))),
    Verb("audit", "mazu.audit", "every tool call, who decided, what came of it", (LIMIT, SESSION)),
    Verb("status", "mazu.status", "one look at everything"),
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser(
        prog="mazu-ls",
        description="A coding agent that remembers and can be undone. Without arguments: the language server.",
    )
    root.add_argument("--version", action="version", version=f"mazu-ls {__version__}")
    commands = root.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    _plain(commands, "serve", "the language server on stdio, or --tcp PORT on this machine")
    chat = _plain(commands, "chat", "talk to the agent")
    _add(chat, (text("message", "say this and leave", required=False), SESSION, ATTACH, MODEL))
    _plain(commands, "demo", "the main job end to end, without a key or a network")
    _plain(commands, "doctor", "check what mazu-ls needs and finds")
    _plain(commands, "init", "prepare a project: .mazu/ with a commented config and a role document")
    call = _plain(commands, "call", 'any command of the wire: mazu-ls call mazu.recall \'{"query": "port"}\'')
    call.add_argument("command")
    call.add_argument("arguments", nargs="?", default="{}")
    _verbs(commands)
    return root


def _verbs(commands: Any) -> None:
    groups: dict[str, Any] = {}
    nested: dict[str, Any] = {}
    several = {verb.words.split()[0] for verb in VERBS if " " in verb.words}
    for verb in VERBS:
        head, _, tail = verb.words.partition(" ")
        if head not in groups:
            groups[head] = _plain(
                commands, head, verb.help if not tail else f"{head}: see mazu-ls {head} --help"
            )
            if head in several:
                groups[head].set_defaults(wire=None if tail else verb)
                nested[head] = groups[head].add_subparsers(
                    dest="subverb", metavar="WHAT", required=bool(tail)
                )
        target = _plain(nested[head], tail, verb.help) if tail else groups[head]
        _add(target, verb.options)
        target.set_defaults(wire=verb)


def _plain(commands: Any, name: str, help: str) -> argparse.ArgumentParser:
    added = commands.add_parser(name, help=help, description=help)
    added.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="the wire's result as JSON"
    )
    added.add_argument(
        "--folder",
        action="append",
        type=Path,
        default=argparse.SUPPRESS,
        help="project folder (default: here)",
    )
    return added


def _add(target: argparse.ArgumentParser, options: Sequence[Option]) -> None:
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


def arguments(verb: Verb, given: argparse.Namespace) -> dict[str, Any]:
    """What was typed, as the wire command's argument."""
    found: dict[str, Any] = dict(verb.fixed)
    for option in verb.options:
        value = getattr(given, option.field, None)
        if value is None or value == []:
            continue
        found[option.field] = " ".join(value) if option.words else value
    if isinstance(found.get("place"), dict):
        found |= found.pop("place")
    return found
