"""What a write round with its checkpoint costs the LSP server where the file is open in the editor and the edit goes through it.

    python benchmarks/open_document_round.py [--rounds 50]

Each round is a request to the scripted model, one `workspace/applyEdit` of the open document, which the editor answers with the change and
which stays unsaved, and a checkpoint that holds the text. Beside it: the same rounds with the file closed, and a bare synchronous loop.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import figures_of_server as of_server
import tool_round

from tests.server.client import Client
from tests.server.test_process import real_server

NAME = "f0.txt"
EDITS = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}
WARM = 3


def texts(rounds: int) -> list[str]:
    """What each round writes."""
    return [f"new {number}\n" * 20 for number in range(rounds)]


def script(written: list[str]) -> list[dict[str, Any]]:
    """The model's answers of a turn: one write each, then the end."""
    calls = [{"name": "write_file", "arguments": {"path": NAME, "content": text}} for text in written]
    return [{"calls": [call]} for call in calls] + [{"text": "done"}]


def open_document_round(rounds: int) -> float:
    """CPU milliseconds of one round, of the server and its children; the first turn warms it."""
    folder = tool_round.new_folder()
    path = of_server.project(folder) / NAME
    path.write_text("line\n" * 20)
    warm, written = [f"warm {number}\n" * 20 for number in range(WARM)], texts(rounds)
    with tool_round.model([*script(warm), *script(written)], folder) as url:
        return asyncio.run(_measured(folder, path, url, written)) / rounds


async def _measured(folder: Path, path: Path, url: str, written: list[str]) -> float:
    async with real_server(of_server.environment(folder, url)) as (client, process):
        await client.initialize(path.parent, **EDITS)
        document = client.open(path.as_uri(), path.read_text(), "plaintext")
        client.answers["workspace/applyEdit"] = client.apply_edit
        await _turn(client, WARM)
        before = of_server.cpu_of(process.pid)
        await _turn(client, len(written))
        used = of_server.cpu_of(process.pid) - before
        assert document.text == written[-1], "the edits did not go through the editor"
        assert path.read_text() == "line\n" * 20, "the file was written"
    return used


async def _turn(client: Client, rounds: int) -> None:
    await client.command("mazu.run", {"task": "Go.", "maxSteps": rounds + 5, "wait": True}, within=300)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    bare = of_server.bare_round(rounds)
    print(f"{'ms CPU per round':44} {bare:8.1f}  bare synchronous SDK loop")
    for name, measure in (("closed", of_server.server_round), ("open", open_document_round)):
        found = measure(rounds)
        print(f"{'LSP server, the file is ' + name + ' in the editor':44} {found:8.1f}  {found / bare:.2f} x")


if __name__ == "__main__":
    main()
