"""Which model answers over the wire: the argument of one turn, the choice for all, and what needs none."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import RpcFailure, connected
from tests.server.test_turns import agent

CHAT = "<!-- mazu chat -->\n\n## You\n\n!echo four $((2+2))\n"


def asked(client: Any) -> list[str]:
    """The models that were called, in order."""
    return [body["model"] for body in client.model.bodies]


async def say(client: Any, command: str = "mazu.chat", field: str = "message", **more: Any) -> Any:
    return await client.command(command, {field: "hi", "wait": True, **more}, within=60)


async def test_a_model_that_is_named_answers_this_turn_and_no_other(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "ok", "repeat": True}]) as client:
        await say(client)
        default = (await client.command("mazu.models.list"))["current"]
        await say(client, model="anthropic:claude-haiku-4-5")
        await say(client, "mazu.run", "task", model="anthropic:claude-haiku-4-5")
        assert (await client.command("mazu.models.list"))["current"] == default
        assert (await client.command("mazu.status"))["model"] == default
        await say(client)
        usual, *others, last = asked(client)
        assert (others, last) == (["claude-haiku-4-5"] * 2, usual)
        (session,) = (await client.command("mazu.session.list"))["sessions"]
        assert session["model"] == default


async def test_a_model_that_is_set_answers_from_then_on(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "ok", "repeat": True}]) as client:
        await say(client)
        answer = await client.command("mazu.models.set", {"model": "claude-opus-5-5"})
        assert answer["current"] == "anthropic:claude-opus-5-5"
        await say(client)
        await say(client, model="claude-haiku-4-5")
        await say(client)
        await client.command("mazu.session.new")
        await say(client)
        assert asked(client)[1:] == [
            "claude-opus-5-5",
            "claude-haiku-4-5",
            "claude-opus-5-5",
            "claude-opus-5-5",
        ]


async def test_the_model_of_the_settings_goes_on_with_a_session_that_another_one_began(
    env: dict[str, str], folder: Path
):
    async with agent({**env, "MAZU_MODEL": "claude-haiku-4-5"}, folder, [{"text": "ok"}]) as client:
        await say(client)
        before = (await client.command("mazu.session.list"))["sessions"][0]["id"]
    async with agent({**env, "MAZU_MODEL": "claude-opus-5-5"}, folder, [{"text": "ok"}]) as client:
        assert (await say(client))["sessionId"] == before
        assert asked(client) == ["claude-opus-5-5"]


@pytest.mark.parametrize(
    ("command", "arguments", "field"),
    [
        ("mazu.models.set", {"model": "claude\0x"}, "model"),
        ("mazu.models.set", {"model": "claude\n"}, "model"),
        ("mazu.models.set", {"model": " "}, "model"),
        ("mazu.chat", {"message": "hi", "model": "a\x1b[2Jb"}, "model"),
        ("mazu.run", {"task": "hi", "model": "a\rb"}, "model"),
        ("mazu.council", {"question": "hi", "models": ["a", "b\x7f"]}, "models"),
    ],
)
async def test_a_name_with_control_characters_is_no_name(
    env: dict[str, str], folder: Path, command: str, arguments: dict[str, Any], field: str
):
    async with agent(env, folder, []) as client:
        with pytest.raises(RpcFailure) as caught:
            await client.command(command, arguments)
        assert caught.value.code == -32602
        assert f"`{field}" in caught.value.message and "control characters" in caught.value.message


async def test_an_unknown_price_is_said_once_beside_a_money_limit(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "ok", "repeat": True}]) as client:
        for _ in range(2):
            result = await say(client, "mazu.run", "task", model="claude-nobody-knows", maxCost=2)
            assert (result["stopReason"], result["usage"]["costUsd"]) == ("end_turn", None)
        said = [note["message"] for note in client.notes("window/showMessage")]
        assert len([text for text in said if "claude-nobody-knows" in text and "$2" in text]) == 1


async def test_a_command_in_a_chat_document_needs_no_model_and_no_key(env: dict[str, str], folder: Path):
    path = folder / ".mazu" / "chats" / "talk.md"
    path.parent.mkdir(parents=True)
    path.write_text(CHAT)
    async with connected(env) as client:
        client.answers["workspace/applyEdit"] = client.apply_edit
        client.allow("run_shell: echo four")
        await client.initialize(folder, experimental={"mazu": {"permissions": True}})
        client.open(path.as_uri(), CHAT, "markdown")
        arguments = {"attachments": [{"uri": path.as_uri()}], "wait": True}
        result = await client.command("mazu.chat", arguments, within=60)
        assert (result["stopReason"], result["error"]) == ("end_turn", None)
        assert "four 4" in result["reply"]
        (turn,) = (await client.command("mazu.session.show"))["turns"]
        assert "!echo four $((2+2))" in turn.values()
        assert (await client.command("mazu.status"))["model"] is None


async def test_connections_to_the_models_are_closed_with_the_server(env: dict[str, str], folder: Path):
    def left() -> int:
        return sum(not task.done() for task in server._open)

    async with ModelServer([{"text": "ok", "repeat": True}]) as server:
        keys = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": server.url}
        keys |= {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{server.url}/v1"}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            async with connected({**env, **keys}) as client:
                await client.initialize(folder)
                for model in ("claude-haiku-4-5", "openai:gpt-4.1", "openai:gpt-6.1-sol"):
                    assert (await say(client, model=model))["reply"] == "ok"
                assert left() > 0
            gc.collect()
        assert left() == 0
        assert not [str(warning.message) for warning in caught if warning.category is ResourceWarning]
