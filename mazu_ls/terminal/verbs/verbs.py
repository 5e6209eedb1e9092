"""The verbs of the command line: every command of the wire under a short name, with its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple


class Option(NamedTuple):
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
    optional: bool = False
    """The flag stands with or without a value; True without."""
    local: bool = False
    """It is for the terminal, not for the wire."""


class Verb(NamedTuple):
    """One thing to type and the wire command it stands for."""

    words: str
    command: str
    help: str
    options: tuple[Option, ...] = ()
    fixed: Mapping[str, Any] = MappingProxyType({})


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


def parse_json(value: str) -> Any:
    """A JSON value."""
    import json

    return json.loads(value)


def content(value: str) -> str:
    """The text of a file."""
    return Path(value).read_text(encoding="utf-8")


MODEL = Option("model", "--model", "provider:model")
SESSION = Option("sessionId", "--session", "a session's id; the last one used if not given")
LIMIT_COST = Option("maxCost", "--max-cost", "US dollars", float)
TALK = (
    SESSION, MODEL, LIMIT_COST,
    Option("continued", "--continue", "go on with the last conversation; else a new one begins", on=True, local=True),
    Option("resume", "--resume", "go on with this conversation; pick one if no id is given", optional=True, local=True),
    Option("mode", "--mode", "ask, auto, plan or bypass, this time", choices=("ask", "auto", "plan", "bypass"), local=True),
    Option("dry_run", "--dry-run", "edits are only proposed and nothing is run", on=True, local=True),
    Option("plain", "--plain", "lines and words instead of a drawn screen, for screen readers", on=True, local=True),
    Option("stream_json", "--stream-json", "one JSON object a line, as things happen", on=True, local=True),
)  # fmt: skip
ATTACH = Option("attachments", "--attach", "FILE, FILE:LINE or FILE:FROM-TO", place, many=True)
SCOPE = Option("scope", "--scope", choices=("project", "global"))
CATEGORY = Option("category", "--category")
LIMIT = Option("limit", "--limit", kind=int)
ID = Option("id", help="an id", required=True)
IDS = Option("ids", help="ids; all if none is given", many=True)
FILE = Option("uri", "--file", "those of one file", uri)
WAIT = {"wait": True}
PRUNE = (
    Option("keep", "--keep", "how many to keep", int), Option("olderThanDays", "--older-than-days", kind=int),
    Option("labelled", "--labelled", "those you named, too", on=True),
)  # fmt: skip
HIDDEN = ("sessions", "checkpoints", "prune", "diff")
"""Shorter or older words for others; not listed."""
GROUPS = {
    "session": "conversations: list, show, rename, export, ...",
    "memory": "what is remembered: list, update, forget, ...",
}
TOOL = Option("tool", help="such as run_shell", required=True)
PATTERN = Option("pattern", help='which calls, such as "pytest *"; every one if not given')
PARTS = ("code", "memory", "conversation", "skills")

VERBS = (
    Verb("run", "mazu.run", "carry out a task on its own, within limits", (
        text("task", "what to do"), *TALK, Option("maxSteps", "--max-steps", kind=int), Option("maxTokens", "--max-tokens", kind=int),
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
    Verb("memory why", "mazu.memory.why", "what a message would be given of memory, and why", (text("message", "the message"),)),
    Verb("memory consolidate", "mazu.memory.consolidate", "propose what to merge; --apply does it", (Option("apply", "--apply", on=True),)),
    Verb("memory export", "mazu.memory.export", "write memory as Markdown", (Option("uri", help="a file or folder", kind=uri, required=True),)),
    Verb("memory import", "mazu.memory.import", "read memory from Markdown, or the rows of a memory.db", (
        Option("uri", help="a file or folder of Markdown", kind=uri),
        Option("uri", "--from", "a memory.db: its rows, marked with where they came from", uri))),
    Verb("session list", "mazu.session.list", "list conversations, the last used first"),
    Verb("session show", "mazu.session.show", "show a conversation", (
        Option("sessionId", help="the last one if not given"), Option("turns", "--turns", kind=int))),
    Verb("session new", "mazu.session.new", "start a conversation"),
    Verb("session end", "mazu.session.end", "end a conversation", (Option("sessionId"),)),
    Verb("session delete", "mazu.session.delete", "delete a conversation for good", (Option("sessionId", required=True),)),
    Verb("session rewind", "mazu.session.rewind", "take back the last turns of a conversation", (
        SESSION, Option("turns", "--turns", kind=int))),
    Verb("session compact", "mazu.session.compact", "shorten a conversation", (SESSION,), WAIT),
    Verb("session rename", "mazu.session.rename", "give a conversation another name", (
        text("name", "the new name"), SESSION)),
    Verb("session fork", "mazu.session.fork", "begin a conversation with what was said in another", (
        Option("sessionId", help="the last one if not given"), Option("turnId", "--before", "up to before this turn"),
        Option("name", "--name"))),
    Verb("session search", "mazu.session.search", "search what was said in all conversations", (
        text("query", "words"), LIMIT)),
    Verb("session export", "mazu.session.transcript", "a conversation as Markdown", (
        Option("sessionId", help="the last one if not given"), Option("uri", "--output", "a file", uri))),
    Verb("sessions", "mazu.session.list", "list conversations"),
    Verb("checkpoint", "mazu.checkpoint", "record code, memory, skills and conversations"),
    Verb("checkpoint take", "mazu.checkpoint", "record code, memory, skills and conversations", (
        text("label", "a name for it", required=False),)),
    Verb("checkpoint list", "mazu.checkpoint.list", "list checkpoints, newest first", (LIMIT, SESSION)),
    Verb("checkpoint show", "mazu.checkpoint.diff", "what a checkpoint holds against now", (ID,)),
    Verb("checkpoint diff", "mazu.checkpoint.diff", "what changed since a checkpoint", (
        ID, Option("against", "--against", "another id; now if not given"), Option("paths", "--path", many=True))),
    Verb("checkpoint pin", "mazu.checkpoint.pin", "keep a checkpoint until it is unpinned", (ID,)),
    Verb("checkpoint unpin", "mazu.checkpoint.unpin", "let the settings decide again how long it stays", (ID,)),
    Verb("checkpoint file", "mazu.checkpoint.file", "print a file as it was at a checkpoint", (
        ID, Option("path", help="as the diff shows it", required=True))),
    Verb("checkpoint prune", "mazu.checkpoint.prune", "remove old checkpoints", PRUNE),
    Verb("checkpoints", "mazu.checkpoint.list", "list checkpoints", (LIMIT, SESSION)),
    Verb("diff", "mazu.checkpoint.diff", "what changed since a checkpoint", (
        ID, Option("against", "--against", "another id; now if not given"), Option("paths", "--path", many=True))),
    Verb("prune", "mazu.checkpoint.prune", "remove old checkpoints", PRUNE),
    Verb("rollback", "mazu.rollback", "bring everything back to a checkpoint", (
        Option("id", help="the newest if not given"), Option("only", "--only", choices=PARTS, many=True),
        Option("paths", "--path", many=True), Option("preview", "--preview", "only say what would happen", on=True),
        Option("onConflict", "--on-conflict", "what becomes of your own work", choices=("ask", "overwrite", "keep", "leave")),
        Option("memories", "--memory", "with --only memory: only this one", many=True))),
    Verb("undo", "mazu.undo", "undo the last turn", (
        SESSION, Option("turnId", "--turn", "back to before this turn"),
        Option("preview", "--preview", "only say what would happen", on=True),
        Option("onConflict", "--on-conflict", choices=("ask", "overwrite", "keep", "leave")), Option("code", "--keep-code", off=True), Option("conversation", "--keep-conversation", off=True),
        Option("memory", "--keep-memory", off=True))),
    Verb("redo", "mazu.redo", "take back the last undo or rollback", (SESSION,)),
    Verb("proposals", "mazu.proposal.list", "list the edits that wait for you", (FILE,)),
    Verb("proposals review", "mazu.proposal.list", "decide on one after the other"),
    Verb("proposals accept", "mazu.proposal.accept", "make those edits, or all", (IDS, FILE)),
    Verb("proposals reject", "mazu.proposal.reject", "drop those edits, or all", (
        IDS, FILE, Option("note", "--note", "what the model is to hear of it"))),
    Verb("skills", "mazu.skills.list", "list skills"),
    Verb("skills show", "mazu.skills.show", "show a skill", (Option("name", required=True),)),
    Verb("skills save", "mazu.skills.save", "keep a Python function as a skill", (
        Option("source", help="a Python file", kind=content, required=True), Option("name", "--name"), SCOPE)),
    Verb("trust", "mazu.trust.list", "what this project brings, and what you agreed to"),
    Verb("trust agree", "mazu.trust.agree", "agree to exactly what you have read", (
        ID, Option("hash", help="the hash that `mazu-ls trust` shows", required=True))),
    Verb("trust revoke", "mazu.trust.revoke", "take an agreement back", (ID,)),
    Verb("skills run", "mazu.skills.run", "run a skill", (
        Option("name", required=True), Option("arguments", help="a JSON object", kind=parse_json))),
    Verb("skills forget", "mazu.skills.forget", "remove a skill", (Option("name", required=True),)),
    Verb("models", "mazu.models.list", "list models"),
    Verb("models set", "mazu.models.set", "choose the model, in your own settings", (Option("model", required=True),)),
    Verb("tools", "mazu.tools.list", "list what the agent may call"),
    Verb("permissions", "mazu.permissions.list", "list permission rules and grants"),
    Verb("permissions allow", "mazu.permissions.set", "let these calls run in this project", (TOOL, PATTERN), {"verdict": "allow"}),
    Verb("permissions ask", "mazu.permissions.set", "ask about these calls, in your own settings", (TOOL, PATTERN), {"verdict": "ask"}),
    Verb("permissions deny", "mazu.permissions.set", "never run these calls, in your own settings", (TOOL, PATTERN), {"verdict": "deny"}),
    Verb("permissions set", "mazu.permissions.set", "add a rule: allow, ask or deny", (
        Option("rule", help='such as \'{"tool": "run_shell", "pattern": "git *", "verdict": "allow"}\'', kind=parse_json, required=True),)),
    Verb("permissions check", "mazu.permissions.check", "what would be decided about a call", (
        Option("tool", required=True), Option("arguments", help="a JSON object", kind=parse_json, required=True),
        Option("mode", "--mode", choices=("ask", "auto", "plan", "bypass")))),
    Verb("permissions revoke", "mazu.permissions.revoke", "take a grant back", (ID,)),
    Verb("permissions mode", "mazu.permissions.mode", "the mode that holds where nothing else is said, in your own settings", (
        Option("mode", choices=("ask", "auto", "plan", "bypass"), required=True),)),
    Verb("role", "mazu.role.show", "show the role document"),
    Verb("role set", "mazu.role.set", "take the text of a file as the role document", (Option("uri", help="a file", kind=uri, required=True),)),
    Verb("usage", "mazu.usage", "tokens and cost", (SESSION, Option("sinceDays", "--since-days", kind=float))),
    Verb("audit", "mazu.audit", "every tool call, who decided, what came of it", (LIMIT, SESSION)),
    Verb("status", "mazu.status", "one look at everything"),
)  # fmt: skip
