"""An undo over the wire of a file that has text typed since in the editor, and lines of the agent's saved on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client
from tests.server.test_saved_after_undo import save
from tests.server.test_turns import edit_call
from tests.server.test_undo_stories import chat, restarted, shell

NAMES = ("a.py", "b.py", "c.py")
FIRST = "".join(f"v{number} = {number}\n" for number in range(1, 31))
SAVED = FIRST.replace("v10 = 10", "v10 = mine")
AGENTS = SAVED.replace("v3 = 3\n", "v3 = 33\n").replace("v20 = 20", "v20 = 2020")


def typed_in(text: str) -> str:
    return text.replace("v12 = 12", "v12 = unsaved")


@pytest.mark.parametrize("way", ["undo", "rollback", "paths"])
async def test_the_disk_loses_the_agents_lines_as_the_editor_does(
    env: dict[str, str], folder: Path, way: str
):
    """The user types, the document is saved before a command runs, and the user types on. Of c.py nothing is unsaved then."""
    paths = [folder / name for name in NAMES]
    for path in paths:
        path.write_text(FIRST)
    replies: list[dict[str, Any]] = [
        {"calls": [edit_call(name, "v3 = 3\n", "v3 = 33\n") for name in NAMES]},
        {"calls": [shell("sed -i 's/v20 = 20/v20 = 2020/' *.py")]},
        {"text": "Done."},
    ]
    async with ModelServer(replies) as model, restarted(env, folder, model) as client:
        documents = [client.open(path.as_uri(), FIRST) for path in paths]

        def answer(params: Any) -> Any:
            if params["tool"] == "run_shell":
                for document in documents:
                    client.change(document.uri, document.text.replace("v10 = 10", "v10 = mine"))
            return {"optionId": "keep" if params["tool"].startswith("mazu.") else "allow_once"}

        def save_all(client: Client) -> None:
            for path in paths:
                save(client, path)

        client.answers["mazu/permission/request"] = answer
        client.answers["mazu/documents/save"] = lambda params: save_all(client)
        turn = await chat(client, "edit")
        for document in documents:
            client.change(document.uri, AGENTS)  # loaded again
            client.notify("textDocument/didSave", {"textDocument": {"uri": document.uri}})
        for document in documents[:2]:
            client.change(document.uri, typed_in(AGENTS))
        before = [(document.text, path.read_text()) for document, path in zip(documents, paths, strict=True)]
        assert before == [(typed_in(AGENTS), AGENTS)] * 2 + [(AGENTS, AGENTS)]

        command, arguments = "mazu.undo", dict[str, Any]()
        if way != "undo":
            command, arguments = "mazu.rollback", {"id": turn["checkpoints"][0]}
            arguments |= {"paths": list(NAMES)} if way == "paths" else {}
        asked = {**arguments, "onConflict": "keep"}
        preview = await client.command(command, {**asked, "preview": True}, within=60)
        done = await client.command(command, asked, within=60)
        assert (done["verified"], done["plan"]) == (True, preview["plan"])
        assert (done["plan"]["keep"], done["plan"]["conflicts"]) == ([], [])
        after = [(document.text, path.read_text()) for document, path in zip(documents, paths, strict=True)]
        assert after == [(typed_in(SAVED), SAVED)] * 2 + [(SAVED, SAVED)]
        if way == "undo":
            assert (await client.command("mazu.redo", within=60))["verified"]
            again = [
                (document.text, path.read_text()) for document, path in zip(documents, paths, strict=True)
            ]
            assert again == before
