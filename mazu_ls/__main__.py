"""`mazu-ls`: the language server without arguments, everything else in a terminal."""

from __future__ import annotations

import sys


def main() -> int:
    """Run one command and return the exit code. Serving imports nothing that an editor would have to wait for."""
    from mazu_ls.process_secrets import hide_environment_secrets

    hide_environment_secrets()
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("serve", "--stdio", "--tcp"):
        return _serve(arguments)
    if arguments[0] == "demo":
        return _demo(arguments[1:])
    from mazu_ls.terminal.cli import run

    return run(arguments)


def _serve(arguments: list[str]) -> int:
    from mazu_ls.server.app import serve

    rest = [argument for argument in arguments if argument not in ("serve", "--stdio")]
    if not rest:
        return serve(None)
    if rest[0] == "--tcp" and len(rest) == 2 and rest[1].isdecimal() and int(rest[1]) < 65536:
        return serve(int(rest[1]))
    print("usage: mazu-ls [serve] [--stdio | --tcp PORT]", file=sys.stderr)  # noqa: T201
    return 2


def _demo(arguments: list[str]) -> int:
    from pathlib import Path

    from mazu_ls.demo.story import tell

    if arguments and (arguments[0] != "--svg" or len(arguments) != 2):
        print("usage: mazu-ls demo [--svg FILE]", file=sys.stderr)  # noqa: T201
        return 2
    return tell(Path(arguments[1]) if arguments else None)


if __name__ == "__main__":
    sys.exit(main())
