"""`mazu-ls`: the chat on a terminal, the language server on a pipe, everything else by name."""

from __future__ import annotations

import sys

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


def main() -> int:
    """Run one command and return the exit status. Serving imports nothing that an editor would have to wait for."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from mazu_ls import __version__

        sys.stdout.write(f"mazu-ls {__version__}\n")
        return 0
    from mazu_ls.process_secrets import hide_environment_secrets

    hide_environment_secrets()
    if not arguments and not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _serve(arguments)
    if arguments and arguments[0] in ("serve", "--stdio", "--tcp"):
        return _serve(arguments)
    if arguments and arguments[0] == "demo":
        return _demo(arguments[1:])
    if not arguments or arguments[0].partition("=")[0] in TALKING:
        arguments = ["chat", *arguments]
    from mazu_ls.terminal.cli import run

    return run(arguments)


def _serve(arguments: list[str]) -> int:
    from mazu_ls.server.app import serve

    rest = [argument for argument in arguments if argument not in ("serve", "--stdio")]
    if not rest:
        return serve(None)
    if rest[0] == "--tcp" and len(rest) == 2 and rest[1].isdecimal() and int(rest[1]) < 65536:
        return serve(int(rest[1]))
    sys.stderr.write("usage: mazu-ls [serve] [--stdio | --tcp PORT]\n")
    return 2


def _demo(arguments: list[str]) -> int:
    if arguments and (arguments[0] != "--svg" or len(arguments) != 2):
        asked = arguments[0] in ("-h", "--help")
        (sys.stdout if asked else sys.stderr).write("usage: mazu-ls demo [--svg FILE]\n")
        return 0 if asked else 2
    from pathlib import Path

    from mazu_ls.demo.story import tell

    return tell(Path(arguments[1]) if arguments else None)


if __name__ == "__main__":
    sys.exit(main())
