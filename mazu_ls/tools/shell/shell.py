"""run_shell and its companions for background commands."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from mazu_ls.config.mcp_files import mcp_files
from mazu_ls.errors import Kind, MazuError, ToolError
from mazu_ls.gitcmd import find_program
from mazu_ls.state import command_folder, left_files
from mazu_ls.tools.base import Effect, ToolOutput, tool
from mazu_ls.tools.context import COMMAND_OUTPUT, ToolContext
from mazu_ls.tools.edit.redacted.placeholders import refuse_placeholders
from mazu_ls.tools.mcp.start_gate import GATE
from mazu_ls.tools.shell import sandbox
from mazu_ls.tools.shell.background import BackgroundProcess, Finish
from mazu_ls.tools.shell.environment import child_environment
from mazu_ls.tools.shell.hints import (
    MAX_HIDDEN,
    NO_NETWORK,
    explain_hidden,
    explain_hints,
    explain_left,
    explain_listening,
    hidden_files,
    hints_on_failure,
    hints_on_refusal,
    ignored_files,
    large_files,
    left_note,
)
from mazu_ls.tools.shell.process import ChildProcess, spawn
from mazu_ls.tools.shell.protected_files import CACHES, NEVER_OURS
from mazu_ls.tools.shell.quarantine import CreatedFilesCheck, quarantine_created
from mazu_ls.tools.shell.report_pipe import ReportPipe
from mazu_ls.workspace.file_names import show_name
from mazu_ls.workspace.visible_text import make_visible

MAX_SECONDS = 3600
KEPT = 12  # finished commands whose output can still be read
READ_BYTES = 24 * 1024
_LARGE = "the environment is too large; unset large variables"
ORIGIN = COMMAND_OUTPUT
# The command is passed to eval, not pasted, so that a syntax error in it cannot swallow the report of what it leaves: a line for
# each job that still runs (a PID namespace that ends kills them before anybody else could count them), and its final directory.
_SCRIPT = 'trap \'{ jobs -pr; pwd -P; } >&"$MAZU_PWD_FD"\' EXIT; eval "$1"'
LEFT = "what it left running was ended with it"
START_SECONDS = 0.8
"""After which a background command counts as running: a mistyped one has ended by then."""


class RunShellArgs(Struct, forbid_unknown_fields=True):
    """A command line, which is not blank, and how it is run."""

    command: Annotated[str, Meta(min_length=1, description="A bash command line.")]
    timeout: Annotated[float, Meta(gt=0, le=MAX_SECONDS, description="Seconds until it is ended.")] | None = (
        None
    )
    background: Annotated[
        bool, Meta(description="For servers and watchers: return at once and let it run.")
    ] = False

    def __post_init__(self) -> None:
        if not self.command.strip():
            raise ValueError("the command is empty")


class ShellOutputArgs(Struct, forbid_unknown_fields=True):
    id: Annotated[str, Meta(description="The id that run_shell gave.")]
    offset: (
        Annotated[int, Meta(ge=0, description="Byte to read from; omit it for new output only.")] | None
    ) = None
    wait: Annotated[float, Meta(ge=0, le=60, description="Seconds to wait for more output.")] = 0


class ShellStopArgs(Struct, forbid_unknown_fields=True):
    id: Annotated[str, Meta(description="The id that run_shell gave.")]


@tool(Effect.EXECUTE)
async def run_shell(args: RunShellArgs, turn: ToolContext) -> ToolOutput:
    """Run a command in bash, without input, in the session's working directory, which `cd` changes for later calls.

    Output and how it ended come back. What it leaves running is ended with it: start servers with background=true.
    In a sandbox commands have no network, not even this machine's own ports, unless the user sets shell.network, and each
    has an empty /tmp of its own, which no other command sees: keep files in the project.
    """
    refuse_placeholders(args.command, "the command")
    cwd = _working_directory(turn)
    with ReportPipe() as report:
        child, scratch, finish = await _started(args, cwd, turn, report)
        name = _next_name(turn)
        emit = (lambda text: None) if args.background else turn.emit
        listens = partial(explain_listening, turn)
        running = BackgroundProcess.start(
            name, args.command, child, scratch, emit, turn=turn.turn_id, finish=finish, listens=listens
        )
        if args.background:
            turn.shell.background[name] = running
            running.clean_up_when_ended()
            if await running.ends_within(START_SECONDS):
                answer = f"{_render_running(running, '', turn)}\n[it ended at once: nothing runs in the background]"
                return ToolOutput(answer, untrusted=ORIGIN, ok=running.code == 0)
            said = f"running in the background as {name}; shell_output reads it, shell_stop ends it"
            held = turn.config.shell.sandbox != "off" and sandbox.probe().in_force
            unreachable = held and not turn.config.shell.network
            return ToolOutput(f"{said}\n{NO_NETWORK}" if unreachable else said)
        seconds = args.timeout or turn.config.shell.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                await running.wait_ended()
        except TimeoutError:
            await running.stop()
            _keep(turn, running)
            over = f"ended: the time limit of {seconds:g} s was reached"
            lines = [running.summary(), f"[{over}]", *running.take_notes()]
            answer = "\n".join([*lines, *hints_on_failure(running.command, None, lines[0], turn)])
            await explain_hints(turn, answer)
            return ToolOutput(answer, untrusted=ORIGIN, ok=False, summary=over)
        except BaseException:
            await asyncio.shield(running.stop())
            running.spool.close()
            raise
        _keep(turn, running)
        jobs, place = report.read()
        running.left = max(running.left, jobs)
        moved = _follow(turn, cwd, place)
    answer = _render_running(running, moved, turn)
    await explain_hints(turn, answer)
    answer = await explain_hidden(turn, answer, running.command, failed=running.code != 0)
    if turn.shell.background.get(name) is not running:
        running.spool.close()
    failed = running.how if running.code != 0 else ""
    left = LEFT if running.left else ""
    # Untrusted, since the directory's name is its text, too.
    return ToolOutput(answer, untrusted=ORIGIN, ok=not failed, summary=failed or left)


@tool(Effect.READ)
async def shell_output(args: ShellOutputArgs, turn: ToolContext) -> ToolOutput:
    """Read the output of a command that runs in the background, or the rest of an output that was cut."""
    running = _named(args.id, turn)
    start = running.read_to if args.offset is None else args.offset
    await running.wait_output(start, args.wait)
    if not running.child.running:
        await running.wait_ended()
    text = await asyncio.to_thread(running.text, start, READ_BYTES)
    end = min(running.size, start + READ_BYTES)
    running.read_to = max(running.read_to, end)
    rest = f"; {running.size - end} bytes more from offset={end}" if end < running.size else ""
    lines = [text, f"[{args.id}: {running.how}{rest}]", *running.take_notes()]
    return ToolOutput("\n".join(lines).lstrip("\n"), untrusted=ORIGIN)


@tool(Effect.READ)
async def shell_stop(args: ShellStopArgs, turn: ToolContext) -> ToolOutput:
    """End a command that runs in the background, with everything it started."""
    running = _named(args.id, turn)
    await running.stop()
    lines = [running.summary(), f"[{args.id}: {running.how}]", *running.take_notes()]
    return ToolOutput("\n".join(lines).lstrip("\n"), untrusted=ORIGIN)


def _working_directory(turn: ToolContext) -> Path:
    if not turn.workspace.roots:
        raise ToolError("no folder is open, so there is nowhere to run a command")
    if not (turn.shell.cwd.is_dir() and turn.workspace.contains(turn.shell.cwd)):
        turn.shell.cwd = turn.workspace.roots[0]
    return turn.shell.cwd


async def _started(
    args: RunShellArgs, cwd: Path, turn: ToolContext, report: ReportPipe
) -> tuple[ChildProcess, Path, Finish]:
    """Return the child, its folder for temporary files, and what to call when it has ended."""
    settings = turn.config.shell
    argv = [find_program("bash") or "/bin/bash", "--noprofile", "--norc", "-c", _SCRIPT, "bash", args.command]
    extra = {"MAZU_PWD_FD": str(report.write)}
    gated = None if turn.attended else await GATE.enter()
    scratch: Path | None = None
    try:
        since = time.time()
        # In no thread: a turn that is stopped meanwhile would leave it.
        scratch = (
            command_folder.make_scratch(turn.env) if turn.attended else Path(tempfile.mkdtemp(prefix="mazu-"))
        )
        roots, changes_git = turn.workspace.roots, turn.changes_git
        check = await asyncio.to_thread(CreatedFilesCheck, roots, args.background, None, changes_git)
        held = await asyncio.to_thread(
            lambda: sandbox.wrap_in_sandbox(
                argv, roots=roots, env=turn.env, setting=settings.sandbox, network=settings.network,
                scratch=scratch, git=changes_git, unattended=not turn.attended, outputs=settings.outputs, largest=_largest(turn),
                readable=[Path(place) for place in settings.readable], programs=mcp_files(turn.config.mcp_servers, roots),
            )
        )  # fmt: skip
        check.before = held.protected
        check.git = changes_git and held.kind == "bubblewrap"
        extra |= sandbox.environment(held, scratch)
        env = child_environment(turn.env, extra)
        child = await spawn(held.argv, cwd=cwd, env=env, pass_fds=report.ends)
        if gated is not None:
            gated.child = child
    except BaseException as error:
        if gated is not None:
            GATE.leave(gated)
        if scratch is not None:
            command_folder.discard(scratch)
        if isinstance(error, OSError) and error.errno == errno.E2BIG:
            what = f"{len(args.command)} characters are too long; run a file"
            raise ToolError(what if len(args.command) > 100_000 else _LARGE) from error
        if isinstance(error, OSError):
            if command_folder.is_storage_fault(error):
                raise command_folder.storage_error(error) from error
            raise MazuError(
                Kind.INTERNAL, f"The command could not be started: {error}.", "Is bash installed?"
            ) from error
        raise
    return child, scratch, partial(_finish, check, scratch, turn, since)


async def _finish(check: CreatedFilesCheck, scratch: Path, turn: ToolContext, since: float) -> list[str]:
    """Keep what an approved command left outside the project, and report it and what appeared in the project."""
    notes: list[str] = []
    try:
        kept = await asyncio.to_thread(left_files.keep_left, scratch, since) if turn.attended else None
        if kept is not None:
            notes.append(left_note(kept))
            await explain_left(turn, kept)
        for sentence in await asyncio.to_thread(left_files.remove_old, turn.env):
            await turn.host.say("warning", sentence)
    finally:
        notes += await _what_it_made(check, turn)
    return notes


def _largest(turn: ToolContext) -> tuple[int, int]:
    """Return the bytes up to which checkpoints hold an untracked file, and a tracked one."""
    settings = turn.config.checkpoints
    return settings.max_untracked_file_bytes, settings.max_tracked_file_bytes


async def _what_it_made(check: CreatedFilesCheck, turn: ToolContext) -> list[str]:
    """Report to the user and the model what appeared while a command ran."""
    if not check.background:
        turn.shell.hidden = hidden_files(check)
        turn.shell.large = large_files(check)
        turn.shell.ignored = ignored_files(check)
    if check.before is None and not check.git:
        return []
    opened = [buffer.path for buffer in await turn.host.buffers() if buffer.path is not None]
    moved, named = await asyncio.to_thread(quarantine_created, check, [*opened, *turn.changed], turn.env)
    named += await asyncio.to_thread(_removed_outputs, check)
    for sentence in (*(note[1:-1] for note in moved), *named):
        await turn.host.say("warning", sentence)
    return [*moved, *(f"[{sentence}]" for sentence in named)]


def _removed_outputs(check: CreatedFilesCheck) -> list[str]:
    """Return a sentence on folders of build output that a command removed as a whole, but for those that programs make again; none
    if it removed none."""
    outputs = check.before.outputs if check.before is not None else []
    gone = [
        one for one in sorted(outputs) if one.name not in CACHES | NEVER_OURS and not os.path.lexists(one)
    ]
    names = [f"{one.relative_to(root)}/" for root in check.roots for one in gone if one.is_relative_to(root)]
    if not names:
        return []
    more = f" and {len(names) - MAX_HIDDEN} more" if len(names) > MAX_HIDDEN else ""
    shown = ", ".join(map(make_visible, names[:MAX_HIDDEN]))
    why = "git ignores it, so no checkpoint holds it and no undo restores it"
    return [f"{shown}{more} went while a command ran that nobody approved: {why}."]


def _render_running(running: BackgroundProcess, moved: str, turn: ToolContext) -> str:
    lines = [running.summary().rstrip("\n")] if running.size else []
    if running.code != 0 or not lines:
        lines.append(f"[{running.how}]")
    if running.left:
        lines.append(f"[{_left(running.left)} ended with it; use background=true to keep one]")
    lines += running.take_notes()
    if running.code != 0:
        lines += hints_on_failure(running.command, running.code, lines[0], turn)
    else:
        lines += hints_on_refusal(running.command, lines[0], turn)
    return "\n".join([*lines, *([moved] if moved else [])])


def _left(count: int) -> str:
    return (
        f"{count} process{'' if count == 1 else 'es'} that it left running {'was' if count == 1 else 'were'}"
    )


def _follow(turn: ToolContext, before: Path, place: str) -> str:
    """Keep the directory in which the command ended, if it is inside the workspace; report a change."""
    if not place.startswith("/") or "\0" in place or place == str(before.resolve()):
        return ""
    if not turn.workspace.contains(Path(place)):
        return f"[{make_visible(place)} is outside the workspace; the working directory is still {before}]"
    turn.shell.cwd = turn.workspace.resolve(show_name(place))
    return f"[working directory: {turn.workspace.relative(turn.shell.cwd)}]"


def _next_name(turn: ToolContext) -> str:
    numbers = [int(name[2:]) for name in turn.shell.background if name[2:].isdigit()]
    return f"sh{max(numbers, default=0) + 1}"


def _keep(turn: ToolContext, running: BackgroundProcess) -> None:
    """Keep only an output that was cut; the oldest finished ones are dropped first."""
    if running.size > READ_BYTES:
        turn.shell.background[running.name] = running
    finished = [name for name, kept in turn.shell.background.items() if kept.code is not None]
    for name in finished[:-KEPT]:
        turn.shell.background.pop(name).spool.close()


def _named(name: str, turn: ToolContext) -> BackgroundProcess:
    running: BackgroundProcess | None = turn.shell.background.get(name)
    if running is None:
        known: Mapping[str, BackgroundProcess] = turn.shell.background
        raise ToolError(f"there is no command {name}" + (f"; there are: {', '.join(known)}" if known else ""))
    return running
