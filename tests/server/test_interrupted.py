"""What ended before it was done: the user is offered to go on, to roll it back, or to leave it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.server.features import resume_offer
from tests.server.client import NO_ANSWER, Client, RpcFailure, connected
from tests.server.test_turns import ALL, agent, edit_call

RUN = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}, {"text": "Done."}]


PLAIN = {**ALL, "experimental": {"mazu": {"updates": True}}}
ASKED = "mazu/permission/request"


def choosing(client: Client, title: str) -> None:
    """Answer every question with this choice."""

    def answer(params: Any) -> Any:
        return {"optionId": next(it["id"] for it in params["options"] if it["label"] == title)}

    client.answers[ASKED] = answer
    client.answers["window/showMessageRequest"] = lambda params: {"title": title}
    client.answers["window/workDoneProgress/create"] = lambda params: None


async def offered(client: Client, method: str = ASKED) -> Any:
    """The question, once it is asked."""
    return (await client.until(lambda m: m.get("method") == method, within=60))["params"]


@pytest.fixture
async def broken_off(env: dict[str, str], folder: Path) -> dict[str, str]:
    """A run edited app.py; its journal ends where a killed server would have left it."""
    (folder / "app.py").write_text("x = 1\n")
    async with agent(env, folder, [{"text": "Hello."}, *RUN]) as client:
        await client.command("mazu.chat", {"message": "hi", "wait": True})  # which names the conversation
        await client.command("mazu.run", {"task": "Make x two", "wait": True}, within=60)
    (journal,) = Path(env["MAZU_STATE_HOME"]).rglob("s_*.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    while b"model_said" not in lines.pop():
        pass
    journal.write_bytes(b"".join(lines))
    return env


async def test_after_a_kill_the_run_is_rolled_back(broken_off: dict[str, str], folder: Path):
    assert (folder / "app.py").read_text() == "x = 2\n"
    async with connected(broken_off) as client:
        choosing(client, "Roll back")
        await client.initialize(folder, **PLAIN)
        shown = await offered(client, "window/showMessageRequest")
        assert shown["message"] == "Mazu: “Make x two” was interrupted when mazu-ls ended."
        assert [action["title"] for action in shown["actions"]] == ["Leave it", "Continue", "Roll back"]
        await client.until(lambda m: "rolled back to" in str(m.get("params", {}).get("message")), within=60)
        assert (folder / "app.py").read_text() == "x = 1\n"


async def test_after_a_kill_the_run_goes_on(broken_off: dict[str, str], folder: Path):
    async with ModelServer([{"text": "It is done already."}]) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with connected({**broken_off, **keys}) as client:
            choosing(client, "Continue")
            await client.initialize(folder, **ALL)
            await offered(client)
            await client.until(lambda m: m.get("params", {}).get("value", {}).get("kind") == "end", within=60)
            (session,) = (await client.command("mazu.session.list"))["sessions"]
            shown = await client.command("mazu.session.show", {"sessionId": session["id"]})
            assert [turn["reply"] for turn in shown["turns"]][-1] == "It is done already."


async def test_what_is_left_is_not_offered_again(broken_off: dict[str, str], folder: Path):
    async with connected(broken_off) as client:
        choosing(client, "Leave it")
        await client.initialize(folder, **ALL)
        await offered(client)
        await client.command("mazu.session.list", within=60)  # the answer came before it, and is recorded
    async with connected(broken_off) as client:
        choosing(client, "Leave it")
        await client.initialize(folder, **ALL)
        await client.command("mazu.session.list", within=60)
        await client.command("mazu.checkpoint.list", within=60)
        assert client.notes(ASKED) == client.notes("window/showMessageRequest") == []


async def test_who_continues_otherwise_is_asked_no_longer(broken_off: dict[str, str], folder: Path):
    async with ModelServer([{"text": "Here I am."}]) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with connected({**broken_off, **keys}) as client:
            client.answers["window/workDoneProgress/create"] = lambda params: None
            client.answers[ASKED] = lambda params: NO_ANSWER
            await client.initialize(folder, **ALL)
            asked = await offered(client)
            assert asked["title"] == "“Make x two” was interrupted when mazu-ls ended."
            assert [(one["id"], one["label"], one["kind"]) for one in asked["options"]] == [
                ("leave", "Leave it", "deny"), ("continue", "Continue", "choice"), ("rollback", "Roll back", "choice"),
            ]  # fmt: skip
            said = {"sessionId": asked["sessionId"], "message": "Are you there?", "wait": True}
            reply = await client.command("mazu.chat", said, within=60)
            assert reply["reply"] == "Here I am."
            gone = await client.until(lambda m: m.get("method") == "mazu/permission/resolved", within=60)
            assert gone["params"] == {
                "sessionId": asked["sessionId"], "callId": asked["callId"], "verdict": "void", "by": "cancelled",
            }  # fmt: skip
            assert (folder / "app.py").read_text() == "x = 2\n"


async def test_an_undo_takes_the_place_of_the_offer_and_of_an_earlier_question(
    broken_off: dict[str, str], folder: Path
):
    """Behind them its own question was not seen: the undo seemed dead, and was asked for once more."""
    (folder / "app.py").write_text("x = 3\n")
    async with connected(broken_off) as client:
        questions: list[str] = []

        def answer(params: Any) -> Any:
            questions.append(params["tool"])
            return {"optionId": "agents"} if questions.count("mazu.undo") == 2 else NO_ANSWER

        client.answers["window/workDoneProgress/create"] = lambda params: None
        client.answers[ASKED] = answer
        await client.initialize(folder, **ALL)
        offer = await offered(client)
        assert offer["tool"] == "mazu.resume"
        undo = {"sessionId": offer["sessionId"]}
        first = asyncio.create_task(client.command("mazu.undo", undo, within=60))
        gone = await client.until(lambda m: m.get("method") == "mazu/permission/resolved", within=60)
        assert gone["params"]["callId"] == offer["callId"]
        asked = await client.until(
            lambda m: m.get("method") == ASKED and m["params"]["tool"] == "mazu.undo", within=60
        )
        question = asked["params"]
        second = await client.command("mazu.undo", undo, within=60)
        assert ((await first)["applied"], second["applied"]) == (False, True)
        assert (folder / "app.py").read_text() == "x = 1\n"
        gone = await client.until(
            lambda m: m.get("params", {}).get("callId") == question["callId"] and "verdict" in m["params"],
            within=60,
        )
        assert (gone["params"]["verdict"], gone["params"]["by"]) == ("void", "changed")


async def test_a_message_that_still_stands_decides_nothing_and_says_so(
    broken_off: dict[str, str], folder: Path
):
    async with ModelServer([{"text": "Here I am."}]) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with connected({**broken_off, **keys}) as client:
            pressed = asyncio.Event()

            async def answer(params: Any) -> Any:
                await pressed.wait()
                return {"title": "Roll back"}

            choosing(client, "Roll back")
            client.answers["window/showMessageRequest"] = answer
            await client.initialize(folder, **PLAIN)
            await offered(client, "window/showMessageRequest")
            await client.command("mazu.chat", {"message": "Are you there?", "wait": True}, within=60)
            pressed.set()
            await client.until(
                lambda m: (
                    "was continued or undone after this was asked" in str(m.get("params", {}).get("message"))
                ),
                within=60,
            )
            assert (folder / "app.py").read_text() == "x = 2\n"


async def test_a_run_at_its_limit_goes_on_from_there(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    async with agent(env, folder, RUN) as client:
        choosing(client, "Continue")
        await client.command("mazu.run", {"task": "Make x two", "maxSteps": 1}, within=60)
        assert (await offered(client))["title"].startswith("Mazu stopped at the limit of steps")
        await client.until(lambda m: m.get("params", {}).get("update", {}).get("text") == "Done.", within=60)


async def test_an_offer_that_is_stopped_leaves_the_rollback_its_result():
    rollback: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await resume_offer._came_to_nothing(rollback)
    rollback.set_result(True)


async def test_an_undo_that_does_nothing_leaves_the_offer(broken_off: dict[str, str], folder: Path):
    """It was withdrawn before it was known that there is nothing to do, and did not come back."""
    (folder / "app.py").write_text("x = 3\n")
    async with connected(broken_off) as client:

        def answer(params: Any) -> Any:
            return {"optionId": "leave"} if params["tool"].startswith("mazu.undo") else NO_ANSWER

        client.answers["window/workDoneProgress/create"] = lambda params: None
        client.answers[ASKED] = answer
        await client.initialize(folder, **ALL)
        offer = await offered(client)
        (checkpoint, *_) = (await client.command("mazu.checkpoint.list", within=60))["checkpoints"]
        nothing = {"id": checkpoint["id"], "paths": ["no.txt"], "onConflict": "keep"}
        with pytest.raises(RpcFailure, match="Neither the checkpoint nor the project"):
            await client.command("mazu.rollback", nothing, within=60)
        paths = {**nothing, "paths": ["app.py"]}
        await client.command("mazu.rollback", paths, within=60)
        assert client.notes("mazu/permission/resolved") == []
        left = await client.command("mazu.undo", {"sessionId": offer["sessionId"]}, within=60)
        assert not left["applied"]
        again = await client.until(
            lambda m: (
                m.get("method") == ASKED
                and m["params"]["tool"] == "mazu.resume"
                and m["params"]["callId"] != offer["callId"]
            ),
            within=60,
        )
        assert again["params"]["title"] == offer["title"]
        done = await client.command(
            "mazu.undo", {"sessionId": offer["sessionId"], "onConflict": "overwrite"}, within=60
        )
        assert done["applied"]
        gone = await client.until(
            lambda m: (
                m.get("params", {}).get("callId") == again["params"]["callId"] and "verdict" in m["params"]
            ),
            within=60,
        )
        assert gone["params"]["by"] == "cancelled"
