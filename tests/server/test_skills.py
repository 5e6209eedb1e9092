"""Skills over the wire: saved from a selection, tested before they are kept, run without a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.project import extension_tools
from tests.server.client import NO_ANSWER, Client, RpcFailure
from tests.server.test_code_actions import actions, run, span
from tests.server.test_turns import agent

SOURCE = '''def double(number: int) -> int:
    """Twice the number."""
    print("doubling")
    return number * 2


def test_double():
    assert double(2) == 4
'''


async def test_a_skill_is_saved_shown_run_and_forgotten(client: Client, folder: Path):
    await client.initialize(folder)
    saved = await client.command("mazu.skills.save", {"source": SOURCE}, within=60)
    assert (saved["name"], saved["scope"], saved["trust"]) == ("double", "project", "agreed")
    assert saved["tests"] == ["test_double"]
    (listed,) = (await client.command("mazu.skills.list"))["skills"]
    assert "source" not in listed
    tools = (await client.command("mazu.tools.list"))["tools"]
    (tool,) = [tool for tool in tools if tool["source"] == "skill"]
    assert (tool["name"], tool["effect"], tool["schema"]) == ("double", "execute", listed["schema"])
    assert listed["schema"]["properties"]["number"]["type"] == "integer"
    assert (await client.command("mazu.skills.show", {"name": "double"}))["source"] == SOURCE
    result = await client.command(
        "mazu.skills.run", {"name": "double", "arguments": {"number": 21}}, within=60
    )
    assert result["result"] == 42
    assert "doubling" in result["output"]
    await client.command("mazu.skills.forget", {"name": "double"})
    assert (await client.command("mazu.skills.list"))["skills"] == []


async def test_what_fails_is_said_and_not_kept(client: Client, folder: Path):
    await client.initialize(folder)
    broken = SOURCE.replace("== 4", "== 5")
    with pytest.raises(RpcFailure, match="double failed") as caught:
        await client.command("mazu.skills.save", {"source": broken}, within=60)
    assert caught.value.code == -32803
    assert (await client.command("mazu.skills.list"))["skills"] == []
    with pytest.raises(RpcFailure) as caught:
        await client.command("mazu.skills.save", {"source": "def ("})
    assert caught.value.code == -32602
    with pytest.raises(RpcFailure) as caught:
        await client.command("mazu.skills.run", {"name": "nothing"})
    assert caught.value.data["kind"] == "not_found"


async def test_a_description_becomes_the_docstring_of_a_function_without_one(client: Client, folder: Path):
    await client.initialize(folder)
    source = "def one():\n    return 1\n"
    saved = await client.command(
        "mazu.skills.save", {"source": source, "description": "Always one."}, within=60
    )
    assert saved["description"] == "Always one."
    assert (await client.command("mazu.skills.run", {"name": "one"}, within=60))["result"] == 1


async def test_a_skill_that_came_with_the_project_waits_for_the_user(client: Client, folder: Path):
    place = folder / ".mazu" / "skills"
    place.mkdir(parents=True)
    (place / "double.py").write_text(SOURCE)
    await client.initialize(folder)
    (listed,) = (await client.command("mazu.skills.list"))["skills"]
    assert listed["trust"] == "new"
    with pytest.raises(RpcFailure) as caught:
        await client.command("mazu.skills.run", {"name": "double", "arguments": {"number": 1}})
    assert caught.value.data["kind"] == "permission"
    source = (await client.command("mazu.skills.show", {"name": "double"}))["source"]
    await client.command("mazu.skills.save", {"name": "double", "source": source}, within=60)
    result = await client.command(
        "mazu.skills.run", {"name": "double", "arguments": {"number": 1}}, within=60
    )
    assert result["result"] == 2


async def test_a_function_in_the_editor_is_saved_by_a_code_action(client: Client, folder: Path):
    await client.initialize(folder)
    uri = (folder / "tools.py").as_uri()
    client.open(uri, SOURCE)
    await run(client, await actions(client, uri, span(0, 0, 4, 0)), "Mazu: save double as a skill")
    (listed,) = (await client.command("mazu.skills.list"))["skills"]
    assert listed["name"] == "double"


def answering(client: Client, trust: str) -> list[tuple[str, str]]:
    """Answer questions about trust so, and allow the others; return the questions: title and detail."""
    asked: list[tuple[str, str]] = []

    def answer(params: Any) -> Any:
        asked.append((params["title"], params["detail"]))
        return {"optionId": trust if params["tool"] == "trust" else "allow_once"}

    client.answers["mazu/permission/request"] = answer
    return asked


@pytest.mark.parametrize(
    ("trust", "result"), [("allow_always", "42"), ("deny", "not agreed to the skill double")]
)
async def test_a_skill_of_the_project_is_asked_about_with_its_source(
    env: dict[str, str], folder: Path, trust: str, result: str
):
    place = folder / ".mazu/skills"
    place.mkdir(parents=True)
    (place / "double.py").write_text(SOURCE)
    call = {"name": "run_skill", "arguments": {"name": "double", "arguments": {"number": 21}}}
    async with agent(env, folder, [{"calls": [call]}, {"text": "Done."}]) as client:
        asked = answering(client, trust)
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        assert result in str(client.model.requests[-1].body)
    assert [title for title, _ in asked][1:] == [
        "May the agent run the skill double? It came with the project."
    ]
    assert SOURCE.rstrip() in asked[1][1]


async def test_tools_of_the_project_are_asked_about_before_the_first_request(
    env: dict[str, str], folder: Path
):
    place = folder / ".mazu/tools"
    place.mkdir(parents=True)
    (place / "numbers.py").write_text(SOURCE)
    call = {"name": "double", "arguments": {"number": 21}}
    async with agent(env, folder, [{"calls": [call]}, {"text": "Done."}]) as client:
        asked = answering(client, "allow_always")
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        assert "double" in [tool["name"] for tool in client.model.requests[0].body["tools"]]
        assert "42" in str(client.model.requests[-1].body)
    assert asked[0][0].startswith("May the agent run the tools in numbers.py")


async def test_a_turn_waits_once_for_a_question_about_tools(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    place = folder / ".mazu/tools"
    place.mkdir(parents=True)
    (place / "numbers.py").write_text(SOURCE)
    monkeypatch.setattr(extension_tools, "ANSWER_SECONDS", 0.1)
    async with agent(env, folder, [{"text": "One."}, {"text": "Two."}]) as client:
        client.answers["mazu/permission/request"] = lambda params: NO_ANSWER
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        monkeypatch.setattr(extension_tools, "ANSWER_SECONDS", 3600)
        await client.command("mazu.chat", {"message": "Go on", "wait": True}, within=60)
