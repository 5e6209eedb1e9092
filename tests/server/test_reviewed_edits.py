"""Edits that the user is shown before the editor makes them, where it declares change annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.server.test_code_actions import actions, span
from tests.server.test_proposals import SOURCE, chat, proposing, write_source
from tests.server.test_turns import ALL, agent

SHOWS = {
    **ALL,
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True, "changeAnnotationSupport": {"groupsOnLabel": True}},
    },
}
TEXT = "a = 1\nb = 2\nc = 3\n"
REPLY = [{"text": "```python\na = 10\nb = 2\nc = 30\n```"}]


def asked(path: Path) -> dict[str, Any]:
    return {"uri": path.as_uri(), "range": span(0, 0, 3, 0), "instruction": "tenfold", "wait": True}


async def test_a_rewrite_is_shown_first_in_small_hunks(env: dict[str, str], folder: Path):
    path = folder / "a.py"
    path.write_text(TEXT)
    async with agent(env, folder, REPLY, **SHOWS) as client:
        document = client.open(path.as_uri(), TEXT)
        result = await client.command("mazu.edit", asked(path), within=60)
        assert result["edits"] == [{"uri": path.as_uri(), "added": 2, "removed": 2}]
        assert document.text == "a = 10\nb = 2\nc = 30\n"
        (request,) = client.notes("workspace/applyEdit")
        (change,) = request["edit"]["documentChanges"]
        assert [(edit["newText"], edit["annotationId"]) for edit in change["edits"]] == [("0", "mazu")] * 2
        assert request["edit"]["changeAnnotations"] == {
            "mazu": {"label": "Mazu: rewrite", "needsConfirmation": True}
        }


async def test_one_hunk_in_an_open_document_is_made_at_once_and_in_a_closed_file_shown_first(
    env: dict[str, str], folder: Path
):
    path = folder / "a.py"
    path.write_text(TEXT)
    for opened in (True, False):
        async with agent(env, folder, [{"text": "```python\na = 1\nb = 20\nc = 3\n```"}], **SHOWS) as client:
            if opened:
                client.open(path.as_uri(), TEXT)
            await client.command("mazu.edit", asked(path), within=60)
            (request,) = client.notes("workspace/applyEdit")
            assert request["edit"]["changeAnnotations"]["mazu"]["needsConfirmation"] is not opened


async def test_an_edit_that_the_user_discards_is_said_and_written_nowhere(env: dict[str, str], folder: Path):
    path = folder / "a.py"
    path.write_text(TEXT)
    for opened in (True, False):
        async with agent(env, folder, REPLY, **SHOWS) as client:
            if opened:
                client.open(path.as_uri(), TEXT)
            client.answers["workspace/applyEdit"] = lambda params: {"applied": False}
            result = await client.command("mazu.edit", asked(path), within=60)
            assert (result["stopReason"], result["error"]["kind"]) == ("error", "conflict")
            assert (result["edits"], path.read_text()) == ([], TEXT)


async def test_of_an_edit_that_is_shown_a_part_may_be_taken(env: dict[str, str], folder: Path):
    path = folder / "a.py"
    path.write_text(TEXT)
    async with agent(env, folder, REPLY, **SHOWS) as client:
        document = client.open(path.as_uri(), TEXT)

        def take_one(params: Any) -> Any:
            del params["edit"]["documentChanges"][0]["edits"][1]
            return client.apply_edit(params)

        client.answers["workspace/applyEdit"] = take_one
        result = await client.command("mazu.edit", asked(path), within=60)
        assert (result["stopReason"], document.text) == ("end_turn", "a = 10\nb = 2\nc = 3\n")
        assert result["edits"] == [{"uri": path.as_uri(), "added": 1, "removed": 1}]


async def test_what_the_agent_edits_is_annotated_nowhere_and_nobody_else_gets_annotations(
    env: dict[str, str], folder: Path
):
    path = folder / "a.py"
    path.write_text(TEXT)
    async with agent(env, folder, REPLY) as client:
        client.open(path.as_uri(), TEXT)
        await client.command("mazu.edit", asked(path), within=60)
        (request,) = client.notes("workspace/applyEdit")
        assert "changeAnnotations" not in request["edit"]
        assert "annotationId" not in request["edit"]["documentChanges"][0]["edits"][0]


async def test_all_of_a_proposal_is_shown_first_and_one_hunk_is_what_its_hint_says(
    env: dict[str, str], folder: Path
):
    path = write_source(folder)
    async with proposing(env, folder, **SHOWS) as client:
        client.open(path.as_uri(), SOURCE)
        await chat(client)
        found = {
            one["title"]: one.get("edit", {})
            for one in await actions(client, path.as_uri(), span(4, 0, 4, 0))
        }
        whole = found["Mazu: accept proposal (file app.py, 2 hunks)"]
        assert whole["changeAnnotations"]["mazu"]["needsConfirmation"] is True
        one = found["Mazu: accept proposal (hunk 1 of 2)"]
        assert one["changeAnnotations"]["mazu"]["needsConfirmation"] is False
