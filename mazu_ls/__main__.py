"""`mazu-ls`: the chat on a terminal, the language server on a pipe, everything else by name."""

from __future__ import annotations

import errno
import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

TALKING = (
    "--continue",
    "--resume",
    "--model",
    "--mode",
    "--plain",
    "--dry-run",
    "--max-cost",
    "--session",
    "--attach",
)
"""Options of the chat that may stand without its name."""
LIVE = frozenset(
    (
        "status", "recall", "usage", "audit", "memory", "trait", "wiki", "graph", "session", "sessions", "checkpoint", "checkpoints",
        "compare", "diff", "rollback", "undo", "redo", "remember", "proposals", "prune", "chat", "run", "ask", "call", "tools",
    )
)  # fmt: skip
"""Verbs that the server of the project may carry out, if there is one."""
TURNS = frozenset(("chat", "run", "ask"))
"""Verbs during which a model is called, here or in the server."""
SHORT = frozenset(("status", "recall", "usage", "audit", "checkpoint", "checkpoints", "diff"))
"""Verbs that run nothing of the project's and no model, so that nothing they start could look for keys."""
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EAGAIN)
"""What a standard output that takes nothing more may answer."""
SELDOM = 150_000
"""Allocations between two garbage collections: a fifth of a short command was spent on looking through its imports."""


def main() -> int:
    """Run one command and return the exit status; an interrupt and a reader that has gone away end it quietly."""
    _complete_streams()
    try:
        status = _run(_verb_first(sys.argv[1:]))
        sys.stdout.flush()
        gc.freeze()  # the end of the process would look through everything once more: a tenth of a short command
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if not _is_of_output(error):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"mazu-ls: the output could not be written: {error.strerror or error}\n")
        return 1
    return status


def _verb_first(arguments: list[str]) -> list[str]:
    """What every command takes may stand before its name, too: `mazu-ls --folder X status`. Without a name it is a conversation."""
    rest, moved = list(arguments), list[str]()
    while rest and (rest[0] in ("--json", "--folder") or rest[0].startswith("--folder=")):
        count = 2 if rest[0] == "--folder" else 1
        moved += rest[:count]
        del rest[:count]
    if not moved:
        return arguments
    if not rest or rest[0].partition("=")[0] in TALKING:
        return ["chat", *moved, *rest]
    return [rest[0], *moved, *rest[1:]]


def _is_of_output(error: OSError) -> bool:
    """Whether printing failed: then a line more fails in the same way."""
    if (
        error.filename is not None or error.errno not in UNWRITABLE
    ):  # about a file of its own, a connection, a child
        return False
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"\n")
    except OSError as again:
        return again.errno == error.errno
    return False


def _complete_streams() -> None:
    """A standard stream that was closed (`>&-`) leads nowhere, so that no other file takes its number; what a terminal's
    encoding does not have is escaped instead of ending the program."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(
                sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode)
            )  # the lowest number that is free
    if sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]


def _run(arguments: list[str]) -> int:
    """Serving imports nothing that an editor would have to wait for."""
    if arguments == ["--version"]:
        from mazu_ls import __version__

        sys.stdout.write(f"mazu-ls {__version__}\n")
        return 0
    if arguments in (["--help"], ["-h"], ["help"]):
        from mazu_ls.terminal.help.overview import columns, overview

        sys.stdout.write(overview(columns()))
        return 0
    from mazu_ls.platform.support import unsupported_reason

    if (reason := unsupported_reason()) and not {"-h", "--help"} & set(arguments):
        sys.stderr.write(f"{reason}\n")
        return 1
    parsed = None
    if _is_command(arguments):
        gc.set_threshold(SELDOM)
    verb, needs_help = (arguments or [""])[0], bool({"-h", "--help"} & set(arguments))
    if verb not in SHORT and not needs_help:
        _hide_secrets()  # before anything is said, which this program would say again once it is restarted
    if arguments and verb in LIVE and _is_any_server_live():
        from mazu_ls.terminal.clients.live_server import run_with_server

        parsed = _parse(arguments)
        if (status := run_with_server(parsed, os.environ)) is not None:
            return status
    if verb in SHORT:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # starting its threads costs more than they gain
    if _is_command(arguments):
        parsed = parsed or _parse(arguments)
        from mazu_ls.terminal.screen.first_prompt import show_first_prompt

        parsed.first_prompt = show_first_prompt(parsed)  # before what draws the next one is imported
        from mazu_ls.terminal.cli import run_parsed

        return run_parsed(parsed)
    return _demo(arguments[1:]) if arguments[:1] == ["demo"] else _serve(arguments)


def _hide_secrets() -> None:
    """Restart without secrets in the environment if needed: once per process, before any of its input is read."""
    from mazu_ls.platform.process_secrets import hide_environment_secrets

    hide_environment_secrets(_is_secret)


def _is_command(arguments: list[str]) -> bool:
    """Whether the command line is for the terminal's commands, the chat among them."""
    if not arguments:
        return sys.stdin.isatty() and sys.stdout.isatty()
    return arguments[0] not in ("serve", "--stdio", "--tcp", "--socket", "demo")


def _parse(arguments: list[str]) -> argparse.Namespace:
    from mazu_ls.terminal.verbs.grammar import parse

    if not arguments or arguments[0].partition("=")[0] in TALKING:
        arguments = ["chat", *arguments]
    return parse(arguments, arguments[0])


def _is_secret(name: str, value: str) -> bool:
    from mazu_ls.tools.shell.environment import is_secret

    return is_secret(name, value)


def _is_any_server_live() -> bool:
    """Whether any project of this user has a server that may answer: a glance, before anything is imported for it."""
    from mazu_ls.state.live_socket import is_any_bound

    return is_any_bound(os.environ)


def _serve(arguments: list[str]) -> int:
    rest = [argument for argument in arguments if argument not in ("serve", "--stdio")]
    if not rest:
        from mazu_ls.server.rpc.handshake import answer_initialize, claim_stdio

        descriptors = claim_stdio()
        handshake = answer_initialize(*descriptors)  # before anything else is imported
        from mazu_ls.server.app import serve_stdio

        return serve_stdio(descriptors, handshake)
    if rest[0] == "--background" and len(rest) > 2 and rest[1].isdecimal():
        from pathlib import Path

        from mazu_ls.terminal.clients.background_server import serve_in_background

        return serve_in_background(int(rest[1]), [Path(folder) for folder in rest[2:]])
    if rest[0] == "--tcp" and len(rest) == 2 and rest[1].isdecimal() and int(rest[1]) < 65536:
        from mazu_ls.server.app import serve_tcp

        return serve_tcp(int(rest[1]))
    if rest[0] == "--socket" and len(rest) <= 2:
        from pathlib import Path

        from mazu_ls.server.app import serve_socket

        return serve_socket(Path(rest[1]) if rest[1:] else None)
    asked = rest[0] in ("-h", "--help")
    (sys.stdout if asked else sys.stderr).write(
        "usage: mazu-ls [serve] [--stdio | --tcp PORT | --socket [PATH] | --background MINUTES FOLDER...]\n"
    )
    return 0 if asked else 2


def _demo(arguments: list[str]) -> int:
    if arguments and (arguments[0] != "--svg" or len(arguments) != 2):
        asked = arguments[0] in ("-h", "--help")
        (sys.stdout if asked else sys.stderr).write("usage: mazu-ls demo [--svg FILE]\n")
        return 0 if asked else 2
    from pathlib import Path

    from mazu_ls.demo.story import run_demo

    return run_demo(Path(arguments[1]) if arguments else None)


if __name__ == "__main__":
    sys.exit(main())
