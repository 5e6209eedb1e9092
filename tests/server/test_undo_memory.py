"""What the user remembered, changed or forgot after a turn is the user's, as files are: an undo takes back the agent's part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.server.client import Client
from tests.server.test_turns import agent, edit_call
from tests.server.test_undo_stories import OPTED, questions


def remember(title: str, **more: Any) -> dict[str, Any]:
    return {"name": "remember", "arguments": {"title": title, "category": "decision", **more}}


def turn(*memories: dict[str, Any]) -> list[dict[str, Any]]:
    """Replies of a model that edits the one file and remembers something."""
    read = {"name": "read_file", "arguments": {"path": "app.py"}}
    return [
        {"calls": [read]},
        {"calls": [edit_call("app.py", "x = 1", "x = 2"), *memories]},
        {"text": "Done."},
    ]


async def told(client: Client, title: str, **more: Any) -> str:
    """The user's own word."""
    wanted = {"title": title, "category": "decision", **more}
    return (await client.command("mazu.remember", wanted))["memory"]["id"]


async def titles(client: Client) -> dict[str, str]:
    return {one["title"]: one["state"] for one in (await client.command("mazu.memory.list"))["memories"]}


async def chat(client: Client) -> None:
    await client.command("mazu.chat", {"message": "two", "wait": True}, within=60)


def reasons(listed: list[dict[str, str]]) -> dict[str, str]:
    return {one["path"]: one["reason"] for one in listed}


async def test_undo_leaves_what_the_user_remembered_changed_and_forgot(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    allow = ["edit_file: app.py", "remember"]
    async with agent(env, folder, turn(remember("The port is 7070")), **OPTED, allow=allow) as client:
        known = await told(client, "Herons wade in the mud")
        gone = await told(client, "Lighthouses have a fog horn")
        await chat(client)
        agents = {"The port is 7070": "current"}
        assert path.read_text() == "x = 2\n" and agents.items() <= (await titles(client)).items()
        await told(client, "Amounts are cents")
        await client.command("mazu.memory.archive", {"id": known})
        await client.command("mazu.memory.forget", {"id": gone})
        mine = {"Amounts are cents": "current", "Herons wade in the mud": "archived"}
        kept = {
            "memory m_000004 \u201cAmounts are cents\u201d": "only you changed it",
            "memory m_000001 \u201cHerons wade in the mud\u201d": "only you changed it",
            "memory m_000002 \u201cLighthouses have a fog horn\u201d": "only you changed it",
        }
        for _ in range(2):
            shown = await client.command("mazu.undo", {"preview": True})
            done = await client.command("mazu.undo")
            assert done["applied"] and done["verified"], done
            assert path.read_text() == "x = 1\n" and await titles(client) == mine
            for result in (shown, done):
                assert reasons(result["plan"]["keep"]) == kept
                assert result["plan"]["memories"] == {"added": 0, "changed": 0, "removed": 1}
            redone = await client.command("mazu.redo")
            assert redone["applied"] and redone["verified"], redone
            assert path.read_text() == "x = 2\n" and await titles(client) == mine | agents
        assert questions(client) == []


async def test_what_both_changed_of_a_memory_is_one_question(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    replies = turn(
        remember("The port is 7070", tags=["net"]), remember("Herons wade in the mud", tags=["birds"])
    )
    async with agent(env, folder, replies, **OPTED, allow=["edit_file: app.py", "remember"]) as client:
        both = await told(client, "Herons wade in the mud")
        await chat(client)
        agents = next(
            one["id"]
            for one in (await client.command("mazu.memory.list"))["memories"]
            if one["title"] == "The port is 7070"
        )
        await client.command("mazu.memory.update", {"id": agents, "title": "The port is 8080"})
        await client.command("mazu.memory.update", {"id": both, "pinned": True})
        before = (await client.command("mazu.memory.list"))["memories"]
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "leave"}
        left = await client.command("mazu.undo")
        assert not left["applied"] and path.read_text() == "x = 2\n"
        assert set(reasons(left["plan"]["conflicts"]).values()) == {
            "you changed this memory on top of the agent's change"
        }
        (asked,) = questions(client)
        assert "memory m_000002 \u201cThe port is 8080\u201d" in asked["title"]
        assert "+# The port is 8080" in asked["diff"] and "+pinned: true" in asked["diff"], asked
        assert (await client.command("mazu.memory.list"))["memories"] == before
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        done = await client.command("mazu.undo")
        assert done["applied"] and path.read_text() == "x = 1\n"
        found = {one["title"]: one for one in (await client.command("mazu.memory.list"))["memories"]}
        assert found["Herons wade in the mud"]["pinned"] and found["Herons wade in the mud"]["tags"] == []
        assert "The port is 8080" in found  # it cannot be separated from what the agent wrote
        assert (await client.command("mazu.redo"))["applied"]
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "agents"}
        assert (await client.command("mazu.undo"))["applied"]
        (only,) = (await client.command("mazu.memory.list"))["memories"]
        assert (only["title"], only["pinned"], only["tags"]) == ("Herons wade in the mud", False, [])


async def test_the_agents_memory_that_the_user_replaced_goes_unasked(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    allow = ["edit_file: app.py", "remember"]
    async with agent(env, folder, turn(remember("The port is 7070")), **OPTED, allow=allow) as client:
        await chat(client)
        await told(client, "The port is 9090")
        assert await titles(client) == {"The port is 7070": "superseded", "The port is 9090": "current"}
        assert (await client.command("mazu.undo"))["applied"]
        (mine,) = (await client.command("mazu.memory.list"))["memories"]
        assert (mine["title"], mine["state"], mine["supersedes"]) == ("The port is 9090", "current", None)
        assert (await client.command("mazu.redo"))["applied"]
        assert await titles(client) == {"The port is 7070": "superseded", "The port is 9090": "current"}
        assert questions(client) == []


async def test_a_rollback_asks_about_the_users_memories(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    allow = ["edit_file: app.py", "remember"]
    async with agent(env, folder, turn(remember("The port is 7070")), **OPTED, allow=allow) as client:
        taken = await client.command("mazu.checkpoint", {"label": "before"})
        await chat(client)
        await told(client, "Amounts are cents")
        wanted = {"id": taken["id"]}
        shown = await client.command("mazu.rollback", {**wanted, "preview": True})
        assert shown["plan"]["undecided"]
        assert shown["plan"]["users"] == ["memory m_000002 \u201cAmounts are cents\u201d"]
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        assert (await client.command("mazu.rollback", wanted))["applied"]
        assert await titles(client) == {"Amounts are cents": "current"}
        (asked,) = questions(client)
        assert "Amounts are cents" in asked["detail"]
        assert (await client.command("mazu.redo"))["applied"]
        done = await client.command("mazu.rollback", {**wanted, "onConflict": "overwrite"})
        assert done["applied"] and await titles(client) == {}
        assert (await client.command("mazu.redo"))["applied"]
        assert await titles(client) == {"The port is 7070": "current", "Amounts are cents": "current"}


async def test_what_another_conversation_learned_meanwhile_is_not_listed(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    learned = [{"calls": [remember("Herons wade in the mud")]}, {"text": "Noted."}]
    replies = [*turn(remember("The port is 7070")), *learned]
    async with agent(env, folder, replies, **OPTED, allow=["edit_file: app.py", "remember"]) as client:
        await chat(client)
        first = (await client.command("mazu.session.show"))["id"]
        other = (await client.command("mazu.session.new"))["id"]
        asked = {"message": "note it", "wait": True, "sessionId": other}
        await client.command("mazu.chat", asked, within=60)
        await told(client, "Amounts are cents")
        undone = await client.command("mazu.undo", {"sessionId": first})
        assert undone["applied"] and undone["verified"], undone
        assert reasons(undone["plan"]["keep"]) == {
            "memory m_000003 \u201cAmounts are cents\u201d": "only you changed it"
        }
        assert set(await titles(client)) == {"Herons wade in the mud", "Amounts are cents"}
        assert questions(client) == []


async def test_undo_keeps_what_the_user_said_too(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    allow = ["edit_file: app.py", "remember"]
    async with agent(env, folder, turn(remember("The port is 7070")), **OPTED, allow=allow) as client:
        await chat(client)
        said = await client.command("mazu.remember", {"title": "The port is 7070"})
        assert (said["outcome"], said["memory"]["source"]) == ("duplicate", "user")
        undone = await client.command("mazu.undo")
        assert undone["applied"] and (folder / "app.py").read_text() == "x = 1\n", undone
        assert (await titles(client)).get("The port is 7070") == "current", undone
        kept = {"memory m_000001 \u201cThe port is 7070\u201d": "you said it, too"}
        assert (reasons(undone["plan"]["keep"]), undone["plan"]["conflicts"], questions(client)) == (
            kept,
            [],
            [],
        )
