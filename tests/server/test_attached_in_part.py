"""What a message was meant to attach and does not is said to the user, over the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.server.test_turns import agent


async def test_missing_empty_and_cut_attachments_are_said(env: dict[str, str], folder: Path):
    (folder / "bank.py").write_text("x = 1\n" * 6)
    (folder / "big.txt").write_text("word " * 20_000)
    message = "See @nofile.txt, @bank.py#L100-L200 and @bank.py#L2; @app.route and @types/node are no files."
    client: Any
    async with agent(env, folder, [{"text": "Seen."}, {"text": "Seen."}]) as client:
        places = [{"uri": (folder / "big.txt").as_uri()}]
        for _ in range(2):
            await client.command("mazu.chat", {"message": message, "attachments": places, "wait": True})
        said = [note["message"] for note in client.notes("window/showMessage")]
        sent = json.dumps(client.model.bodies[-1]["messages"][-1])
    assert sent.count('name=\\"bank.py') == 1, sent[-900:]
    assert said == 2 * [
        "There is no file nofile.txt: the message was sent with its name alone.",
        "big.txt is too long: its first 60000 of 100000 characters are attached; the agent can read the rest.",
        "bank.py has no line 100: nothing of it is attached.",
    ]


async def test_what_reads_as_a_file_and_is_none_is_said(env: dict[str, str], folder: Path):
    """A file without an ending, too; times, hosts, packages and decorators are left alone."""
    (folder / "src").mkdir()
    files = "@src/nothing @lib/Makefile @LICENSE @main.rs:3 @scr/main.py @./x"
    others = "@10:30 @example.com:80 @user:5432/db @org/pkg.ts @types/node @app.route @property @src"
    async with agent(env, folder, [{"text": "Seen."}]) as client:
        message = f'See {files} @"a name" and {others}.'
        await client.command("mazu.chat", {"message": message, "wait": True})
        said = [note["message"] for note in client.notes("window/showMessage")]
    named = [*(word[1:].partition(":")[0] for word in files.split()), "a name"]
    assert said == [f"There is no file {name}: the message was sent with its name alone." for name in named]


async def test_of_a_folder_the_names_are_attached(env: dict[str, str], folder: Path):
    (folder / "src" / "deep").mkdir(parents=True)
    for name in (".gitignore", "src/a.py", "src/deep/b.py", "src/made.log"):
        (folder / name).write_text("*.log\n")
    client: Any
    async with agent(env, folder, [{"text": "Seen."}]) as client:
        await client.command("mazu.chat", {"message": "Look at @src and @src/deep/.", "wait": True})
        sent = json.dumps(client.model.bodies[-1]["messages"][-1])
    assert "a.py\\ndeep/b.py\\n</attachment>" in sent and "made.log" not in sent, sent
    assert 'name=\\"src/\\"' in sent and 'name=\\"src/deep/\\"' in sent, sent
