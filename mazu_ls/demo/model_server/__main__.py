"""`python -m mazu_ls.demo.model_server SCRIPT.json`: print the port and serve until killed."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from mazu_ls.demo.model_server.script import ModelScript
from mazu_ls.demo.model_server.server import ModelServer


async def serve(script: ModelScript, port: int, port_file: Path | None, strict: bool) -> None:
    """Serve until cancelled; the port goes to standard output and, whole at once, into `port_file`."""
    async with ModelServer(script, port=port, strict=strict) as server:
        print(server.port, flush=True)
        if port_file is not None:
            ready = port_file.with_name(port_file.name + ".part")
            ready.write_text(f"{server.port}\n", encoding="ascii")
            ready.replace(port_file)
        await asyncio.Event().wait()


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m mazu_ls.demo.model_server", description=__doc__)
    parser.add_argument("script", type=Path, metavar="SCRIPT.json")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port once it listens")
    parser.add_argument(
        "--lenient", action="store_true", help="do not refuse histories as the real services do"
    )
    options = parser.parse_args()
    try:
        script = ModelScript.read(options.script)
    except (OSError, ValueError, TypeError) as error:
        print(f"{options.script}: {error}", file=sys.stderr)
        return 2
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(script, options.port, options.port_file, not options.lenient))
    return 0


if __name__ == "__main__":
    sys.exit(main())
