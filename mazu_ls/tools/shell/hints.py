"""Hints on failures that the sandbox causes: for the model, so that it looks for no other cause, and once for the user."""

from __future__ import annotations

import glob
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from mazu_ls.state.left_files import LeftFiles
from mazu_ls.tools.context import ToolContext
from mazu_ls.tools.shell.protected_files import is_tracked, starts_programs
from mazu_ls.tools.shell.quarantine import CreatedFilesCheck
from mazu_ls.tools.shell.sandbox import probe
from mazu_ls.workspace.visible_text import make_visible

MAX_HIDDEN = 4
"""Number of hidden files that a sentence names."""
APPROVED = "Commands that you approve, or that a rule of yours allows, can read it."
_WRITABLE = {
    True: "only the project is writable, .git and .mazu are not; git commands that change the repository go alone in their line",
    False: "only the project is writable, and of it neither .git and .mazu, nor what editors, shells and git run by themselves,"
    " nor ignored files that no build makes; files with secrets are not there; folders that hold either stay where they are, and nothing is renamed into them",
}
NO_NETWORK = (
    "[commands have no network here; the user can change that: mazu-ls config set shell.network true]"
)
NETWORK_FOR_USER = "Commands have no network here. To change that: mazu-ls config set shell.network true"
_UNREACHED = re.compile(
    r"resolve host|name resolution|Name or service not known|Network is unreachable|No route to host"
    r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|[Cc]ould(?: not|n.t) connect|[Cc]onnection refused|Failed to connect"
    r"|(?s:\bsocket\b.{0,400}?(?:PermissionError|Operation not permitted|Permission denied|EPERM|EACCES))"
)
_NOT_WRITTEN = re.compile(
    r"Read-only file system|Permission denied|Operation not permitted|EACCES|EROFS"
    r"|Device or resource busy|EBUSY|[Cc]ross-device link|inter-device move|EXDEV"
)
SUBMODULES = (
    "In the sandbox commands of the agent do not write .git/modules, approved ones neither, where git keeps the repositories of"
    " submodules: a git command that changes a submodule is yours to run."
)
_IN_SUBMODULES = re.compile(r"\.git/modules/.*(?:Read-only file system|EROFS)")
_DATABASE_NOT_WRITTEN = re.compile(
    r"write a reado|readonly database|database is read[- ]only|SQLITE_READONLY"
)
"""What SQLite says of a file that cannot be written, without its name; pytest cuts it in its summary."""
_DATABASES = (".db", ".db3", ".sqlite", ".sqlite3", ".sdb")
_READS = re.compile(
    r"(?:grep|egrep|fgrep|rg|ag|ack|cat|bat|head|tail|less|more|wc|nl|tac|cut|tr|uniq|jq|column|cd|ls|true|echo|printf|test|:"
    r"|git (?:--no-pager )?(?:log|show|diff|grep|blame|status|shortlog))(?![^ \t])"
)
"""Commands that print what they read, and write no file."""
_PATH = r"(?:(?!-)[\w.~$/-]*/)?"
_STARTS = (
    r"(?:do|then|else|elif|if|while|until|time|exec|nohup|command|builtin|env|nice|ionice|sudo|doas|setsid|stdbuf|xargs|timeout|corepack"
    r"|python[\d.]*[ \t]+-m)"
)
_FETCHING = r"(?:npm|pnpm|yarn|bun|pip3?|gem|brew|conda|uv|poetry|bundle|composer|cargo|go|apt|apt-get|docker|git|npx|uvx|mvn|gradle|curl|wget|ssh|scp|rsync)"
MOST_SEARCHED = 4_000
"""Characters of a command in which a fetch is looked for: a search from each beginning takes time by the square."""
_NETWORKED = re.compile(
    r"(?:^|[;&|()`]|-[a-z]*c[ \t]+['\"]|-exec(?:dir)?[ \t])[ \t]*"
    rf"(?:(?:[{{!]|{_PATH}{_STARTS}|[A-Za-z_]\w*=(?:'[^'\n]*'|\"[^\"\n]*\"|[^\s'\";&|()`]*)|\d[\w.]*"
    rf"|-[^\s;&|()`]+(?:[ \t]+(?!{_PATH}(?:{_STARTS}|{_FETCHING})\b)[A-Za-z_]\w*)?)[ \t]+)*{_PATH}"
    r"(?:(?:npm|pnpm|yarn|bun) (?:-[^\s;&|()`]+ )*(?:ci|i|install|add|update|dlx|create)\b|yarn[ \t]*(?:$|[;&|)])"
    r"|(?:pip3?|gem|brew|conda) (?:-[^\s;&|()`]+ )*(?:install|download)\b"
    r"|uv (?:-[^\s;&|()`]+ )*(?:sync|add|lock|pip install)\b|(?:poetry|bundle|composer) (?:-[^\s;&|()`]+ )*(?:install|update|add)\b"
    r"|cargo (?:-[^\s;&|()`]+ )*(?:fetch|add|install|update)\b|go (?:get|install|mod)\b|apt(?:-get)? (?:-[^\s;&|()`]+ )*(?:update|install)\b"
    r"|docker (?:pull|push|build)\b|git (?:-[^\s;&|()`]+ [^\s;&|()`]+ )*(?:clone|fetch|pull|push|submodule)\b"
    r"|(?:npx|uvx|mvn|gradle)\b(?![^;&|\n]{0,300} (?:-o|--offline|--no|--no-install)\b)|(?:curl|wget|ssh|scp|rsync)(?![\w.-]))",
    re.MULTILINE,
)
"""Commands that fetch, and retry without a word until their time is over; not where they are only words of another. Each part ends at
another class of characters than the next begins with, so that the time is linear in the line's length."""
_CURL_UNREACHED = (6, 7)
"""curl's exit statuses for a name that does not resolve and a host that does not answer, which `-s` makes silent."""


def hints_on_failure(line: str, code: int | None, output: str, turn: ToolContext) -> list[str]:
    """Return hints on a failure that looks like the sandbox's, so that nobody looks for another cause.

    `code`: the command line's exit status, None if it ran out of time; `output` as the model is shown it.
    """
    settings = turn.config.shell
    if settings.sandbox == "off" or not (held := probe()).in_force:
        return []
    is_quiet_curl = code in _CURL_UNREACHED and re.search(r"\bcurl\b", line)
    is_waiting = code is None and _NETWORKED.search(line[:MOST_SEARCHED])
    if not settings.network and (is_quiet_curl or is_waiting or _UNREACHED.search(output)):
        return [NO_NETWORK]
    if _NOT_WRITTEN.search(output) or _DATABASE_NOT_WRITTEN.search(output):
        named = [_too_large(name, turn) for name in turn.shell.large if _any_named([name], output)]
        if names := _ignored_named(output, turn):
            named.append(f"[{_no_known_output(names, turn)}]")
        named += [f"[{SUBMODULES}]"] if _IN_SUBMODULES.search(output) else []
        return named or [f"[commands run in a sandbox ({held.kind}): {_WRITABLE[turn.attended]}]"]
    return []


def hints_on_refusal(line: str, output: str, turn: ToolContext) -> list[str]:
    """Return hints on an ignored file that could not be written by a line that ended well: by all but its last command, such
    as `| tail`, which decides how it ends."""
    by_others = re.search(r"[|;&\n]", line) and not _only_reads(line)
    return hints_on_failure(line, 0, output, turn) if by_others and _ignored_named(output, turn) else []


def _only_reads(line: str) -> bool:
    """Return whether each command of a line prints what it reads, such as a search for the very words of a refusal."""
    plain = re.sub(r"\\.|'[^']*'|\"[^\"$`]*\"", "_", line, flags=re.DOTALL)
    plain = re.sub(r"\d?>(?:&\d|[ \t]*/dev/null)", "", plain)
    commands = [one.strip() for one in re.split(r"[|;&\n]+", plain)]
    return not re.search(r"[>$`<]", plain) and all(_READS.match(one) for one in commands if one)


def _too_large(name: str, turn: ToolContext) -> str:
    tracked = any(is_tracked(root, root / name) for root in turn.workspace.roots)
    kind = "max_tracked_file_bytes" if tracked else "max_untracked_file_bytes"
    limit: int = getattr(turn.config.checkpoints, kind)
    return (
        f"[{make_visible(name)} is read-only for commands that nobody approved: it is larger than {limit / 2**20:g} MiB, so that no "
        f"checkpoint could bring it back; the user can change that: checkpoints.{kind}]"
    )


def _ignored_named(output: str, turn: ToolContext) -> list[str]:
    """Return the ignored files that a command could not write: those that are named where a system call was refused, or all
    databases where one of them was meant."""
    refused = "\n".join(row for row in output.split("\n") if _NOT_WRITTEN.search(row))
    meant = _DATABASES if _DATABASE_NOT_WRITTEN.search(output) else ()
    return [name for name in turn.shell.ignored if name.endswith(meant) or _any_named([name], refused)]


def _no_known_output(names: Sequence[str], turn: ToolContext) -> str:
    """Return why ignored files are read-only, and the setting that lets a command write them."""
    shown = names[:MAX_HIDDEN]
    own = (glob.escape(name.rpartition("/")[2]) for name in shown)  # a file can be called `*`
    patterns = dict.fromkeys((*turn.config.shell.outputs, *own))
    value = make_visible(json.dumps(list(patterns), ensure_ascii=False))
    are = "is" if len(names) == 1 else "are"
    return (
        f"{', '.join(map(make_visible, shown))}{', ...' if len(names) > len(shown) else ''} {are} read-only for commands that nobody approved:"
        f" git ignores {'it' if len(names) == 1 else 'them'}, and no build is known to make files of that name. Where a command makes"
        f" it again each time, the user can allow that: mazu-ls config set shell.outputs {shlex.quote(value)}"
    )


def _any_named(names: Sequence[str], text: str) -> bool:
    """Return whether a text names one of these files by the last part of its path."""
    parts = "|".join(sorted({re.escape(name.rpartition("/")[2]) for name in names}))
    return bool(re.search(rf"(?<![\w.)\]])(?:{parts})(?!\w|[.-]\w)", text))


async def explain_hints(turn: ToolContext, answer: str) -> None:
    """Tell the user, too, what a setting of theirs changes: once in a session, once for each ignored file."""
    lines = answer.split("\n")
    names = _ignored_named(answer, turn)
    keys = {f"ignored: {name}" for name in names}
    if names and f"[{_no_known_output(names, turn)}]" in lines and not keys <= turn.shell.explained:
        turn.shell.explained |= keys
        await turn.host.say(
            "warning", f"A command seems to have met a read-only file: {_no_known_output(names, turn)}"
        )
    if f"[{SUBMODULES}]" in lines and "submodules" not in turn.shell.explained:
        turn.shell.explained.add("submodules")
        await turn.host.say("warning", f"A command failed. {SUBMODULES}")
    if NO_NETWORK in lines and "network" not in turn.shell.explained:
        turn.shell.explained.add("network")
        await turn.host.say("warning", NETWORK_FOR_USER)


async def explain_listening(turn: ToolContext, port: int) -> None:
    """Tell the user once in a session that what a command offers on a port cannot be reached: nothing fails, so nothing else says it."""
    if "listening" not in turn.shell.explained:
        turn.shell.explained.add("listening")
        await turn.host.say(
            "warning",
            f"A command listens on port {port}, which your browser cannot reach: commands have no network here. "
            "To change that: mazu-ls config set shell.network true",
        )


async def explain_left(turn: ToolContext, kept: LeftFiles) -> None:
    """Tell the user where files are that an approved command wrote outside the project."""
    where = "A command wrote where only itself sees it, since /tmp and the home are its own in the sandbox"
    await turn.host.say("warning", f"{where}: {kept.describe()}")


def left_note(kept: LeftFiles) -> str:
    """Return the same for the model."""
    return f"[not in the user's own /tmp or home, and no other command sees it: {kept.describe()}]"


async def explain_hidden(turn: ToolContext, answer: str, line: str, *, failed: bool) -> str:
    """Return a command's answer with the files that were hidden from it: wherever one is named, in the answer of a command that
    failed or in its `line`, as by `cat .env`, which reads an empty file; and once in a session of any that failed.

    The user is told only where one is named: a command may fail for any reason.
    """
    names = turn.shell.hidden
    said = f"{line}\n{answer}" if failed else line
    is_named = bool(names) and _any_named(names, said)
    if not names or not (is_named or (failed and "hidden" not in turn.shell.explained)):
        return answer
    turn.shell.explained.add("hidden")
    shown = ", ".join(map(make_visible, names[:MAX_HIDDEN])) + (", ..." if len(names) > MAX_HIDDEN else "")
    if is_named and "hidden from a command" not in turn.shell.explained:
        turn.shell.explained.add("hidden from a command")
        await turn.host.say(
            "warning",
            f"A command {'failed' if failed else 'ran'} from which secrets were hidden ({shown}), since nobody approved it. {APPROVED}",
        )
    return f"{answer}\n[hidden from this command, since nobody approved it: {shown}]"


def hidden_files(check: CreatedFilesCheck) -> tuple[str, ...]:
    """Return the project's files that were hidden from a command, relative to their folder."""
    hidden = check.before.hidden if check.before is not None else []
    return _relative((path for path in hidden if not path.is_socket()), check)


def large_files(check: CreatedFilesCheck) -> tuple[str, ...]:
    """Return the project's files that were read-only for a command since checkpoints hold none of their size."""
    return _relative(check.before.large if check.before is not None else [], check)


def ignored_files(check: CreatedFilesCheck) -> tuple[str, ...]:
    """Return the project's files and folders that were read-only for a command since git ignores them and they are no known output."""
    if (before := check.before) is None:
        return ()
    others = {*before.large, *before.run_by_others}
    return tuple(
        name
        for name in _relative((path for path in before.read_only if path not in others), check)
        if not starts_programs(name.split("/"))
    )


def _relative(paths: Iterable[Path], check: CreatedFilesCheck) -> tuple[str, ...]:
    inside = ((path, root) for path in paths for root in check.roots if path.is_relative_to(root))
    return tuple(sorted(str(path.relative_to(root)) for path, root in inside))
