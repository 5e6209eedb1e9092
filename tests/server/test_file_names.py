"""Names that are no UTF-8, over the wire: seen, edited, told and undone."""

from __future__ import annotations

import os
from pathlib import Path

from tests.server.test_turns import ALL, agent, edit_call


async def test_a_name_that_is_no_utf8_goes_through_a_turn_and_its_undo(env: dict[str, str], folder: Path):
    path = folder / os.fsdecode(b"caf\xe9.py")
    path.write_text("x = 1\n")
    replies = [
        {"calls": [{"name": "list_dir", "arguments": {}}]},
        {"calls": [edit_call("caf\\xe9.py", "x = 1", "x = 2")]},
        {"calls": [{"name": "run_shell", "arguments": {"command": "for f in *.py; do echo 3 > $f; done"}}]},
        {"text": "Done."},
    ]
    async with agent(
        env,
        folder,
        replies,
        **ALL,
        allow=["edit_file: caf\\xe9.py", "run_shell: for f in *.py; do echo 3 > $f; done"],
    ) as client:
        result = await client.command("mazu.chat", {"message": "go", "wait": True}, within=60)
        assert (result["stopReason"], path.read_text()) == ("end_turn", "3\n"), result
        assert {edit["uri"] for edit in result["edits"]} == {f"{folder.as_uri()}/caf%E9.py"}
        changes = await client.command("mazu.turn.changes", within=60)
        assert [file["path"] for file in changes["files"]] == ["caf\\xe9.py"]
        events = await client.command("mazu.session.events", within=60)
        assert "caf\\xe9.py" in str([event["update"] for event in events["events"]]).replace("\\\\", "\\")
        undone = await client.command("mazu.undo", within=60)
        assert (undone["verified"], path.read_text()) == (True, "x = 1\n"), undone
        opened = client.open(f"{folder.as_uri()}/caf%E9.py", "x = 1\n")
        assert opened.text == "x = 1\n"
