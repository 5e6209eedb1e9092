"""The verbs of the command line: every command of the wire under a short name, with its arguments."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple


class CommandLineError(Exception):
    """An invalid command line: what is wrong with it, and the command whose help says more."""

    def __init__(self, message: str, program: str) -> None:
        super().__init__(message)
        self.message = message
        self.program = program


class WireArgument(NamedTuple):
    """One argument as the wire declares it. `least`: the lowest number allowed, exclusive if `above`."""

    help: str
    kind: Literal["text", "integer", "number", "switch", "other"] = "text"
    required: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()
    least: float | None = None
    above: bool = False


class CommandOption(NamedTuple):
    """One argument. `field` is the wire's name of it; `flag` None is a positional, joined words if `words`.

    Help, type, choices, whether it is required and whether it may be repeated come from its declaration in `server/wire`, unless they
    are given here.
    """

    field: str
    flag: str | None = None
    help: str = ""
    kind: Callable[[str], Any] | None = None
    choices: Sequence[str] | None = None
    many: bool | None = None
    on: bool = False
    off: bool = False
    words: bool = False
    required: bool | None = None
    optional: bool = False
    """The flag may have a value or not; True without one."""
    local: bool = False
    """It is for the terminal, not for the wire."""


class TerminalCommand(NamedTuple):
    """One command of the terminal and the wire command it stands for."""

    words: str
    command: str
    help: str
    options: tuple[CommandOption, ...] = ()
    fixed: Mapping[str, Any] = MappingProxyType({})


def text(name: str, help: str = "", *, required: bool | None = None) -> CommandOption:
    """Return an option for the words up to the next option, as one text."""
    return CommandOption(name, help=help, words=True, required=required)


STANDARD_INPUT: dict[str, Any] = {}
"""Stands for `--attach -` until it is read."""


def attachment(value: str) -> dict[str, Any]:
    """Parse what `place` takes, or `-` for standard input, as STANDARD_INPUT."""
    return STANDARD_INPUT if value == "-" else place(value)


def place(value: str) -> dict[str, Any]:
    """Parse FILE or FILE:LINE or FILE:FROM-TO (1-based) as `{uri, range?}`."""
    import argparse

    name, _, lines = value.rpartition(":")
    first, _, last = lines.partition("-")
    if not name or not first.isdecimal() or (last and not last.isdecimal()) or Path(value).exists():
        return {"uri": _uri(value)}
    start, end = int(first) - 1, int(last or first)
    if start < 0 or end <= start:
        raise argparse.ArgumentTypeError(
            f"{value}: lines are counted from 1, and the last is not before the first"
        )
    count = _line_count(Path(name))
    if count is not None and start >= count:
        raise argparse.ArgumentTypeError(f"{value}: {name} has only {count} line{'' if count == 1 else 's'}")
    span = {"start": {"line": start, "character": 0}, "end": {"line": end, "character": 0}}
    return {"uri": _uri(name), "range": span}


def _uri(name: str) -> str:
    return Path(os.path.normpath(Path(name).absolute())).as_uri()  # the guard refuses `..`


def lines_of(value: str) -> dict[str, Any]:
    """Parse FILE:LINE or FILE:FROM-TO as `{uri, range}`."""
    import argparse

    found = place(value)
    if "range" not in found:
        raise argparse.ArgumentTypeError(f"{value}: say which lines, {value}:FROM-TO")
    return found


def _line_count(path: Path) -> int | None:
    """Return the number of lines of a file; None if it cannot be read, which its reader reports."""
    try:
        text = path.read_bytes()
    except OSError:
        return None
    return text.count(b"\n") + (not text.endswith(b"\n"))


def uri(value: str) -> str:
    """Return a path as a file: URI, without `..`: by it a place outside of the project would seem to be inside."""
    return Path(absolute(value)).as_uri()


def absolute(value: str) -> str:
    """Return a path as an absolute one without `..`, as the system would follow it; it need not exist."""
    path = Path(value).absolute()
    if path.name == "..":
        return str(path.resolve())
    return str(path.parent.resolve() / path.name if ".." in path.parent.parts else path)


def parse_json(value: str) -> Any:
    """Parse a JSON value."""
    import argparse
    import json

    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(
            f'{value!r} is not JSON ({error}); an object looks like this: \'{{"command": "ls"}}\''
        ) from error


def content(value: str) -> str:
    """Return the text of a file."""
    import argparse

    try:
        return Path(value).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{value} cannot be read: {error}") from error


MODEL = CommandOption("model", "--model")
SESSION = CommandOption("sessionId", "--session")
LIMIT_COST = CommandOption("maxCost", "--max-cost")
TALK = (
    CommandOption("sessionId", "--session"), MODEL, LIMIT_COST,
    CommandOption("continued", "--continue", "continue the last conversation instead of starting a new one", on=True, local=True),
    CommandOption("resume", "--resume", "continue this conversation; pick one if no id is given", optional=True, local=True),
    CommandOption("mode", "--mode", "ask, auto, plan or bypass, this time", choices=("ask", "auto", "plan", "bypass"), local=True),
    CommandOption("confirm", "--confirm", "the word bypass, for that mode where nobody can be asked to type it", choices=("bypass",), local=True),
    CommandOption("dry_run", "--dry-run", "edits are only proposed and nothing is run", on=True, local=True),
    CommandOption("plain", "--plain", "plain lines instead of a drawn screen, for screen readers", on=True, local=True),
    CommandOption("stream_json", "--stream-json", "one JSON object per line, as events happen", on=True, local=True),
)  # fmt: skip
ATTACH = CommandOption(
    "attachments", "--attach", "FILE, FILE:LINE or FILE:FROM-TO; - is standard input", kind=attachment
)
ABOUT = CommandOption(
    "anchors", "--about", "the code that it is about: FILE, FILE:LINE or FILE:FROM-TO", kind=place
)
SCOPE = CommandOption("scope", "--scope")
CATEGORIES = ("decision", "convention", "mistake", "task_outcome", "fact", "user_preference")
CATEGORY = CommandOption("category", "--category")
LIMIT = CommandOption("limit", "--limit")
ID = CommandOption("id")
IDS = CommandOption("ids")
FILE = CommandOption("uri", "--file", kind=uri)
WAIT = {"wait": True}
PRUNE = (
    CommandOption("keep", "--keep"), CommandOption("olderThanDays", "--older-than-days"),
    CommandOption("labelled", "--labelled"),
)  # fmt: skip
HIDDEN = ("sessions", "checkpoints", "prune", "diff")
"""Shorter or older words for others; not listed in the help."""
GROUPS = {
    "checkpoint": "saved code, memory, skills and conversations: take, list, show, diff, ...",
    "session": "conversations: list, show, rename, export, ...",
    "memory": "memories: list, update, forget, ...",
    "state": "saved state of a project: export, import; attach, decline after a move",
}
TOOL = CommandOption("tool", help="such as run_shell", required=True)
PATTERN = CommandOption("pattern", help='which calls, such as "pytest *"; every one if not given')
ALLOWED = CommandOption(
    "pattern", help='which calls, such as "pytest *"; "*" allows every one', required=True
)
PARTS = ("code", "memory", "conversation", "skills")

VERBS = (
    TerminalCommand("run", "mazu.run", "carry out a task on its own, within limits", (
        text("task"), *TALK, CommandOption("maxSteps", "--max-steps"), CommandOption("maxTokens", "--max-tokens"),
        CommandOption("maxSeconds", "--max-seconds"), CommandOption("checkpointEvery", "--checkpoint-every"),
        CommandOption("allowShell", "--allow-shell")), WAIT),
    TerminalCommand("ask", "mazu.ask", "ask one question: no tools, no memory", (text("question"), ATTACH, MODEL), WAIT),
    TerminalCommand("edit", "mazu.edit", "rewrite lines of a file", (
        CommandOption("place", help="FILE:FROM-TO", kind=lines_of, required=True), text("instruction"), MODEL), WAIT),
    TerminalCommand("council", "mazu.council", "ask several models at once", (
        text("question"), CommandOption("models", "--member"),
        CommandOption("lead", "--lead"), ATTACH), WAIT),
    TerminalCommand("remember", "mazu.remember", "save a decision, convention, mistake or fact", (
        text("title"), CommandOption("body", "--body"), CATEGORY, SCOPE,
        CommandOption("tags", "--tag"), CommandOption("pinned", "--pin"),
        ABOUT, CommandOption("supersedes", "--supersedes"))),
    TerminalCommand("recall", "mazu.recall", "search memories", (text("query"), LIMIT, SCOPE, CATEGORY)),
    TerminalCommand("memory list", "mazu.memory.list", "list memories", (
        SCOPE, CATEGORY, CommandOption("state", "--state"), LIMIT,
        CommandOption("offset", "--offset"))),
    TerminalCommand("memory update", "mazu.memory.update", "change a memory", (
        ID, CommandOption("title", "--title"), CommandOption("body", "--body"), CATEGORY, SCOPE, CommandOption("tags", "--tag"),
        CommandOption("pinned", "--pin"), CommandOption("pinned", "--unpin", "it may be forgotten", off=True), ABOUT)),
    TerminalCommand("memory forget", "mazu.memory.forget", "remove a memory", (
        ID, SCOPE, CommandOption("forGood", "--for-good"))),
    TerminalCommand("memory restore", "mazu.memory.restore", "bring back a memory that was removed", (ID, SCOPE)),
    TerminalCommand("memory archive", "mazu.memory.archive", "archive a memory, which is then found only on request", (ID, SCOPE)),
    TerminalCommand("memory unarchive", "mazu.memory.unarchive", "restore a memory from the archive", (ID, SCOPE)),
    TerminalCommand("memory supersede", "mazu.memory.supersede", "replace one memory with another", (
        ID, CommandOption("by"), SCOPE)),
    TerminalCommand("memory stats", "mazu.memory.stats", "number and size of memories"),
    TerminalCommand("trait", "mazu.memory.trait.list", "facts about you that every prompt includes", (SCOPE,)),
    TerminalCommand("trait list", "mazu.memory.trait.list", "facts about you that every prompt includes", (SCOPE,)),
    TerminalCommand("trait set", "mazu.memory.trait.set", "set a trait", (
        CommandOption("key"), text("value"), CommandOption("pinned", "--pinned"), SCOPE)),
    TerminalCommand("trait delete", "mazu.memory.trait.delete", "remove a trait", (CommandOption("key"), SCOPE)),
    TerminalCommand("wiki", "mazu.wiki.list", "list the pages of the project", (
        CommandOption("prefix", "--below"), CommandOption("tag", "--tag"))),
    TerminalCommand("wiki list", "mazu.wiki.list", "list the pages of the project", (
        CommandOption("prefix", "--below"), CommandOption("tag", "--tag"))),
    TerminalCommand("wiki show", "mazu.wiki.show", "print a page", (CommandOption("slug"),)),
    TerminalCommand("wiki write", "mazu.wiki.write", "write a page from a file", (
        CommandOption("slug"), CommandOption("text", help="a Markdown file", kind=content),
        CommandOption("mode", "--mode"))),
    TerminalCommand("wiki search", "mazu.wiki.search", "search the pages", (text("query"), LIMIT)),
    TerminalCommand("wiki delete", "mazu.wiki.delete", "remove a page", (CommandOption("slug"),)),
    TerminalCommand("graph", "mazu.graph.show", "relations of a memory, a file or words", (
        text("query"), CommandOption("id", "--node"),
        CommandOption("depth", "--depth"), CommandOption("format", "--format"))),
    TerminalCommand("memory why", "mazu.memory.why", "which memories a message would get, and why", (text("message"),)),
    TerminalCommand("memory consolidate", "mazu.memory.consolidate", "propose what to archive and draft; --apply does it", (
        CommandOption("ids"), CommandOption("apply", "--apply"), CommandOption("dismiss", "--dismiss"), CommandOption("last", "--last"))),
    TerminalCommand("memory show", "mazu.memory.show", "show a memory, what it replaced and who wrote what of it", (ID, SCOPE)),
    TerminalCommand("memory share", "mazu.memory.share", "share memories of this project with your team", (
        CommandOption("ids", required=True),)),
    TerminalCommand("memory unshare", "mazu.memory.unshare", "delete shared memories for the others, and keep them here", (
        CommandOption("ids", required=True),)),
    TerminalCommand("memory sync", "mazu.memory.sync", "exchange shared memories: files in .mazu/shared, or a git remote", (
        CommandOption("remote", "--remote"), CommandOption("pull", "--pull"), CommandOption("accept", "--accept"))),
    TerminalCommand("memory export", "mazu.memory.export", "write memory as Markdown", (
        CommandOption("uri", kind=uri), CommandOption("scope", "--scope"))),
    TerminalCommand("memory import", "mazu.memory.import", "read memory from Markdown, a memory.db, or what another agent left", (
        CommandOption("uri", kind=uri),
        CommandOption("agent", "--from"))),
    TerminalCommand("memory proposals", "mazu.memory.import.proposals", "list what an import found, to accept or reject", (
        LIMIT, CommandOption("offset", "--offset"))),
    TerminalCommand("memory accept", "mazu.memory.import.accept", "remember what an import found", (
        CommandOption("ids"), CommandOption("all", "--all"))),
    TerminalCommand("memory reject", "mazu.memory.import.reject", "drop what an import found, for good", (
        CommandOption("ids"), CommandOption("all", "--all"))),
    TerminalCommand("session list", "mazu.session.list", "list conversations, the last used first", (
        CommandOption("deleted", "--deleted"),)),
    TerminalCommand("session show", "mazu.session.show", "show a conversation", (
        CommandOption("sessionId"), CommandOption("turns", "--turns"))),
    TerminalCommand("session new", "mazu.session.new", "start a conversation"),
    TerminalCommand("session end", "mazu.session.end", "end a conversation", (CommandOption("sessionId"),)),
    TerminalCommand("session delete", "mazu.session.delete", "delete a conversation; `session restore` undoes it for 14 days", (
        CommandOption("sessionId", help="an id of a session", required=True),
        CommandOption("forGood", "--for-good"))),
    TerminalCommand("session restore", "mazu.session.restore", "restore a deleted conversation, the last one if none is named", (
        CommandOption("sessionId"),)),
    TerminalCommand("session rewind", "mazu.session.rewind", "remove the last turns from a conversation", (
        SESSION, CommandOption("turns", "--turns"))),
    TerminalCommand("session compact", "mazu.session.compact", "shorten a conversation", (SESSION,), WAIT),
    TerminalCommand("session rename", "mazu.session.rename", "rename a conversation", (
        text("name"), SESSION)),
    TerminalCommand("session fork", "mazu.session.fork", "start a conversation as a copy (fork) of another one", (
        CommandOption("sessionId"), CommandOption("turnId", "--before"),
        CommandOption("name", "--name"))),
    TerminalCommand("session search", "mazu.session.search", "search all conversations", (
        text("query"), LIMIT)),
    TerminalCommand("session export", "mazu.session.transcript", "a conversation as Markdown", (
        CommandOption("sessionId"), CommandOption("uri", "--output", kind=uri))),
    TerminalCommand("sessions", "mazu.session.list", "list conversations"),
    TerminalCommand("checkpoint take", "mazu.checkpoint", "save code, memory, skills and conversations", (
        text("label"),)),
    TerminalCommand("checkpoint list", "mazu.checkpoint.list", "list checkpoints, newest first", (LIMIT, SESSION)),
    TerminalCommand("checkpoint show", "mazu.checkpoint.diff", "differences between a checkpoint and now", (ID,)),
    TerminalCommand("checkpoint diff", "mazu.checkpoint.diff", "what changed since a checkpoint, the newest if none is named", (
        CommandOption("id", required=False), CommandOption("against", "--against"), CommandOption("paths", "--path"))),
    TerminalCommand("checkpoint pin", "mazu.checkpoint.pin", "keep a checkpoint until it is unpinned", (ID,)),
    TerminalCommand("checkpoint unpin", "mazu.checkpoint.unpin", "let retention delete it again", (ID,)),
    TerminalCommand("checkpoint file", "mazu.checkpoint.file", "print a file as it was at a checkpoint", (
        ID, CommandOption("path"))),
    TerminalCommand("checkpoint contents", "mazu.checkpoint.contents", "list the files and memories of a checkpoint", (
        ID, CommandOption("query", "--path"), LIMIT)),
    TerminalCommand("checkpoint prune", "mazu.checkpoint.prune", "remove old checkpoints", PRUNE),
    TerminalCommand("checkpoints", "mazu.checkpoint.list", "list checkpoints", (LIMIT, SESSION)),
    TerminalCommand("diff", "mazu.checkpoint.diff", "what changed since a checkpoint", (
        ID, CommandOption("against", "--against"), CommandOption("paths", "--path"))),
    TerminalCommand("prune", "mazu.checkpoint.prune", "remove old checkpoints", PRUNE),
    TerminalCommand("rollback", "mazu.rollback", "restore everything from a checkpoint", (
        CommandOption("id"), CommandOption("only", "--only"),
        CommandOption("paths", "--path"), CommandOption("preview", "--preview"),
        CommandOption("onConflict", "--on-conflict"),
        CommandOption("memories", "--memory", "with --only memory: only this one"))),
    TerminalCommand("undo", "mazu.undo", "undo the last turn", (
        SESSION, CommandOption("turnId", "--turn"),
        CommandOption("preview", "--preview"),
        CommandOption("onConflict", "--on-conflict"), CommandOption("code", "--keep-code", "leave files as they are", off=True), CommandOption("conversation", "--keep-conversation", "leave the conversation", off=True),
        CommandOption("memory", "--keep-memory", "leave memory as it is", off=True))),
    TerminalCommand("redo", "mazu.redo", "revert the last undo or rollback", (SESSION,)),
    TerminalCommand("proposals", "mazu.proposal.list", "list proposed edits", (FILE,)),
    TerminalCommand("proposals list", "mazu.proposal.list", "list proposed edits", (FILE,)),
    TerminalCommand("proposals review", "mazu.proposal.list", "review proposed edits one by one"),
    TerminalCommand("proposals accept", "mazu.proposal.accept", "apply proposed edits, by default all", (IDS, FILE)),
    TerminalCommand("proposals reject", "mazu.proposal.reject", "reject proposed edits, by default all", (
        IDS, FILE, CommandOption("note", "--note"))),
    TerminalCommand("skills", "mazu.skills.list", "list skills"),
    TerminalCommand("skills list", "mazu.skills.list", "list skills"),
    TerminalCommand("skills show", "mazu.skills.show", "show a skill", (CommandOption("name"),)),
    TerminalCommand("skills save", "mazu.skills.save", "save a Python function as a skill", (
        CommandOption("source", help="a Python file", kind=content), CommandOption("name", "--name"), SCOPE)),
    TerminalCommand("trust", "mazu.trust.list", "skills, tools and servers of this project that need your agreement"),
    TerminalCommand("trust list", "mazu.trust.list", "skills, tools and servers of this project that need your agreement"),
    TerminalCommand("trust agree", "mazu.trust.agree", "agree to exactly what you have read", (
        ID, CommandOption("hash"))),
    TerminalCommand("trust revoke", "mazu.trust.revoke", "revoke an agreement", (ID,)),
    TerminalCommand("state attach", "mazu.state.attach", "attach memory, conversations and checkpoints of a project that was moved", (
        CommandOption("from", kind=absolute),)),
    TerminalCommand("state decline", "mazu.state.decline", "do not offer the state of a moved project again"),
    TerminalCommand("state export", "mazu.state.export", "write memory, conversations and checkpoints of this project to one file", (
        CommandOption("uri", kind=uri), CommandOption("overwrite", "--overwrite"))),
    TerminalCommand("state import", "mazu.state.import", "restore an exported state into this project", (
        CommandOption("uri", kind=uri), CommandOption("mine", "--mine"),
        CommandOption("replace", "--replace"))),
    TerminalCommand("skills run", "mazu.skills.run", "run a skill", (
        CommandOption("name"), CommandOption("arguments", help="a JSON object", kind=parse_json))),
    TerminalCommand("skills forget", "mazu.skills.forget", "remove a skill", (CommandOption("name"),)),
    TerminalCommand("models", "mazu.models.list", "list models"),
    TerminalCommand("models list", "mazu.models.list", "list models"),
    TerminalCommand("models set", "mazu.models.set", "choose the model, in your own settings", (CommandOption("model"),)),
    TerminalCommand("tools", "mazu.tools.list", "list what the agent may call"),
    TerminalCommand("tools list", "mazu.tools.list", "list what the agent may call"),
    TerminalCommand("permissions", "mazu.permissions.list", "list permission rules and grants"),
    TerminalCommand("permissions list", "mazu.permissions.list", "list permission rules and grants"),
    TerminalCommand("permissions allow", "mazu.permissions.set", "allow these calls in this project", (TOOL, ALLOWED), {"verdict": "allow"}),
    TerminalCommand("permissions ask", "mazu.permissions.set", "ask about these calls, in your own settings", (TOOL, PATTERN), {"verdict": "ask"}),
    TerminalCommand("permissions deny", "mazu.permissions.set", "deny these calls, in your own settings", (TOOL, PATTERN), {"verdict": "deny"}),
    TerminalCommand("permissions set", "mazu.permissions.set", "add a rule: allow, ask or deny", (
        CommandOption("rule", help='such as \'{"tool": "run_shell", "pattern": "git *", "verdict": "allow"}\'', kind=parse_json),)),
    TerminalCommand("permissions check", "mazu.permissions.check", "show what the policy decides about a call", (
        TOOL, CommandOption("arguments", help='the command, path or address, such as "git push"; or a JSON object'),
        CommandOption("mode", "--mode"))),
    TerminalCommand("permissions revoke", "mazu.permissions.revoke", "revoke a grant, or remove a rule from your own settings", (
        CommandOption("id", help="the id of a grant, or the pattern of a rule"),)),
    TerminalCommand("permissions mode", "mazu.permissions.mode", "set the default mode, in your own settings", (
        CommandOption("mode"),)),
    TerminalCommand("role", "mazu.role.show", "show the role document"),
    TerminalCommand("role set", "mazu.role.set", "set the role document from a file", (CommandOption("uri", kind=uri, required=True),)),
    TerminalCommand("usage", "mazu.usage", "tokens and cost", (SESSION, CommandOption("sinceDays", "--since-days"))),
    TerminalCommand("audit", "mazu.audit", "list every tool call, who approved it and its result", (LIMIT, SESSION)),
    TerminalCommand("status", "mazu.status", "show status: project, model, mode, memory, checkpoints"),
)  # fmt: skip
