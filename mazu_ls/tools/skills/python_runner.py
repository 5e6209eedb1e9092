"""Calls a function of a Python file in its own process: sandboxed, limited in time, no model involved."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from mazu_ls.errors import ToolError
from mazu_ls.state import command_folder, left_files
from mazu_ls.tools.context import COMMAND_OUTPUT
from mazu_ls.tools.shell import sandbox
from mazu_ls.tools.shell.background import BackgroundProcess
from mazu_ls.tools.shell.environment import child_environment
from mazu_ls.tools.shell.hints import left_note
from mazu_ls.tools.shell.process import spawn

SECONDS = 60.0
RESULT_BYTES = 2**20
# The result uses its own descriptor, so that what the function prints cannot be taken for it.
_RUNNER = """
import asyncio, inspect, json, os, sys, traceback
request = json.loads(os.pread(int(sys.argv[1]), 1 << 26, 0))
def answer(**fields):
    os.pwrite(int(sys.argv[2]), json.dumps(fields, default=str, ensure_ascii=False).encode("utf-8", "replace"), 0)
try:
    scope = {"__name__": "__mazu__", "__file__": request["path"]}
    exec(compile(request["source"], request["path"], "exec"), scope)
    result = None
    for name in request["functions"]:
        result = scope[name](**request["arguments"])
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
    answer(result=result)
except BaseException as error:
    lines = traceback.format_exception(error)
    answer(error="".join(traceback.format_exception_only(error)).strip(), trace="".join(lines)[-4000:])
    sys.exit(1)
"""


@dataclass(frozen=True)
class CallResult:
    """What a function returned, as JSON values, and what it printed."""

    result: Any
    output: str


@dataclass(frozen=True)
class RunContext:
    """Where a function runs and what it may access."""

    roots: Sequence[Path]
    env: Mapping[str, str]
    setting: Literal["auto", "required", "off"] = "auto"
    network: bool = False
    seconds: float = SECONDS


async def call(
    source: str, path: Path, names: Sequence[str], arguments: Mapping[str, Any], around: RunContext
) -> CallResult:
    """Run the file's text and call these functions in turn; the last one's result counts.

    Raises ToolError with the exception it raised, the end of its traceback and what it printed, or that it took too
    long; MazuError(storage) if the disk is full.
    """
    try:
        return await _call(source, path, names, arguments, around)
    except OSError as error:
        if command_folder.is_storage_fault(error):
            raise command_folder.storage_error(error) from error
        raise


async def _call(
    source: str, path: Path, names: Sequence[str], arguments: Mapping[str, Any], around: RunContext
) -> CallResult:
    with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as answer:
        request.write(
            msgspec.json.encode(
                {"source": source, "path": str(path), "functions": names, "arguments": dict(arguments)}
            )
        )
        request.flush()
        running = await _start((request.fileno(), answer.fileno()), names[-1], around)
        try:
            async with asyncio.timeout(around.seconds):
                await running.wait_ended()
        except TimeoutError:
            await running.stop()
            raise ToolError(
                f"{names[-1]} took longer than {around.seconds:g} s and was ended\n{_output(running)}",
                COMMAND_OUTPUT,
            ) from None
        except BaseException:
            await asyncio.shield(running.stop())
            raise
        data = os.pread(answer.fileno(), RESULT_BYTES + 1, 0)
    output = _output(running)
    running.spool.close()
    return _judged(data, names[-1], output, running.how)


async def _start(fds: tuple[int, int], name: str, around: RunContext) -> BackgroundProcess:
    since = time.time()
    scratch = command_folder.make_scratch(around.env)  # in no thread: who is stopped meanwhile would leave it
    argv = [sys.executable, "-I", "-X", "utf8", "-c", _RUNNER, *map(str, fds)]
    try:
        held = await asyncio.to_thread(
            lambda: sandbox.wrap_in_sandbox(
                argv,
                roots=around.roots,
                env=around.env,
                setting=around.setting,
                network=around.network,
                scratch=scratch,
            )
        )
        env = child_environment(around.env, sandbox.environment(held, scratch))
        cwd = around.roots[0] if around.roots else scratch
        child = await spawn(held.argv, cwd=cwd, env=env, pass_fds=fds)
    except BaseException:
        command_folder.discard(scratch)
        raise
    finish = partial(_kept, scratch, since)
    return BackgroundProcess.start(name, name, child, scratch, lambda text: None, finish=finish)


async def _kept(scratch: Path, since: float) -> list[str]:
    kept = await asyncio.to_thread(left_files.keep_left, scratch, since)
    return [left_note(kept)] if kept is not None else []


def _output(running: BackgroundProcess) -> str:
    return "\n".join([*filter(None, [running.summary().rstrip("\n")]), *running.take_notes()])


def _judged(data: bytes, name: str, output: str, how: str) -> CallResult:
    if len(data) > RESULT_BYTES:
        raise ToolError(
            f"{name} returned more than {RESULT_BYTES // 2**20} MiB; return less, or write a file"
        )
    try:
        answer = msgspec.json.decode(data, type=dict[str, Any])
    except (ValueError, RecursionError):  # it may write any bytes: no JSON, or JSON that is no object
        said = f"{name} ended without an answer ({how})\n{output}".rstrip()
        raise ToolError(said, COMMAND_OUTPUT) from None
    if "error" in answer:
        said = f"{name} failed: {answer['error']}\n{answer.get('trace', '')}\n{output}".rstrip()
        raise ToolError(said, COMMAND_OUTPUT)
    return CallResult(answer.get("result"), output)
