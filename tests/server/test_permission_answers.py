"""Answers to a permission request: with changed arguments, some hunks, a note; and what every client hears of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import NO_ANSWER, Client, RpcFailure, connected
from tests.server.test_turns import ALL, agent, edit_call

SHELL = [{"calls": [{"name": "run_shell", "arguments": {"command": "echo one"}}]}, {"text": "Done."}]
TWO_HUNKS = "".join(f"line {n}\n" for n in range(1, 21))
BOTH = {
    "name": "edit_file",
    "arguments": {
        "path": "a.txt",
        "edits": [{"old": "line 2\n", "new": "LINE 2\n"}, {"old": "line 18\n", "new": "LINE 18\n"}],
    },
}


def results(client: Client) -> list[str]:
    """What the model was told by tools, newest request last."""
    return [str(body["messages"][-1]) for body in client.model.bodies]


async def chat(client: Client, message: str = "Go") -> Any:
    return await client.command("mazu.chat", {"message": message, "wait": True}, within=60)


async def test_a_command_is_changed_in_the_answer_and_only_the_changed_one_runs(
    env: dict[str, str], folder: Path
):
    async with agent(env, folder, SHELL) as client:
        client.answers["mazu/permission/request"] = lambda params: {
            "optionId": "allow_once", "arguments": {"command": "echo two | tee out.txt"},
        }  # fmt: skip
        await chat(client)
        (asked,) = client.notes("mazu/permission/request")
        assert asked["editable"] == ["command"]
        assert (folder / "out.txt").read_text() == "two\n"
        assert "the user changed the call before it ran" in results(client)[1]
        (entry,) = (await client.command("mazu.audit"))["entries"]
        assert entry["arguments"] == {"command": "echo two | tee out.txt"}
        shown = (await client.command("mazu.turn.output"))["text"]
        assert shown.startswith("two\n") and "untrusted" not in shown


@pytest.mark.parametrize(
    "answer",
    [
        {"optionId": "allow_once", "arguments": {"command": "rm -rf /"}},
        {"optionId": "allow_once", "arguments": {"cwd": "/"}},
        {"optionId": "allow_once", "arguments": {"command": ["echo", "x"]}},
        {"optionId": "allow_once", "hunks": ["1"]},
    ],
)
async def test_what_the_policy_denies_or_nobody_offered_is_not_run(
    env: dict[str, str], folder: Path, answer: dict[str, Any]
):
    async with agent(env, folder, SHELL) as client:
        client.answers["mazu/permission/request"] = lambda params: answer
        await chat(client)
        page = await client.command("mazu.session.events")
        updates = [event["update"] for event in page["events"]]
        assert [one["verdict"] for one in updates if one["kind"] == "decision"] == ["deny"]
        assert [one["ok"] for one in updates if one["kind"] == "tool_result"] == [False]


async def test_a_standing_answer_stands_for_the_changed_call(env: dict[str, str], folder: Path):
    again = [{"calls": [{"name": "run_shell", "arguments": {"command": "echo one"}}]}, {"text": "Twice."}]
    async with agent(env, folder, [*SHELL, *again]) as client:
        options: list[str] = []

        def answer(params: Any) -> Any:
            options.append(params["title"])
            return {"optionId": "allow_session", "arguments": {"command": "printf two"}}

        client.answers["mazu/permission/request"] = answer
        await chat(client)
        await chat(client, "Again")
        assert len(options) == 2, "the call that was shown is not what was allowed"


async def test_of_an_edit_only_the_hunks_that_were_taken_are_applied(env: dict[str, str], folder: Path):
    (folder / "a.txt").write_text(TWO_HUNKS)
    async with agent(env, folder, [{"calls": [BOTH]}, {"text": "Done."}]) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once", "hunks": ["2"]}
        done = await chat(client)
        (asked,) = client.notes("mazu/permission/request")
        assert [hunk["id"] for hunk in asked["hunks"]] == ["1", "2"]
        assert asked["document"] == (folder / "a.txt").as_uri()
        assert (folder / "a.txt").read_text() == TWO_HUNKS.replace("line 18", "LINE 18")
        assert done["edits"] == [{"uri": (folder / "a.txt").as_uri(), "added": 1, "removed": 1}]
        assert "took only a part of this edit" in results(client)[1]


async def test_the_question_is_in_the_history_and_gone_everywhere_when_it_was_answered(
    env: dict[str, str], folder: Path
):
    async with agent(env, folder, SHELL) as client:
        client.answers["mazu/permission/request"] = lambda params: NO_ANSWER
        started = await client.command("mazu.chat", {"message": "Go"}, within=60)
        await client.until(lambda m: m.get("method") == "mazu/permission/request", within=60)
        page = await client.command("mazu.session.events")
        assert page["state"] == "waiting"
        question = page["events"][-1]["update"]
        assert question["kind"] == "question" and question["title"].endswith("echo one")
        shown = await client.command("mazu.permissions.answer")
        assert shown["open"]["callId"] == question["callId"] and shown["open"]["detail"] == question["detail"]
        with pytest.raises(RpcFailure, match="cannot be changed"):
            await client.command(
                "mazu.permissions.answer", {"optionId": "allow_once", "arguments": {"x": "y"}}
            )
        answer = {"optionId": "deny", "callId": question["callId"], "note": "use printf"}
        assert (await client.command("mazu.permissions.answer", answer))["answered"]
        resolved = await client.until(lambda m: m.get("method") == "mazu/permission/resolved")
        assert resolved["params"] == {
            "sessionId": started["sessionId"], "callId": question["callId"], "verdict": "deny", "by": "user",
        }  # fmt: skip
        await client.until(lambda m: m.get("params", {}).get("update", {}).get("state") == "done", within=60)
        assert "use printf" in results(client)[1]
        kinds = [event["update"]["kind"] for event in (await client.command("mazu.session.events"))["events"]]
        assert kinds.index("question") < kinds.index("question_closed") < kinds.index("decision")


async def test_questions_of_two_sessions_wait_and_each_can_be_answered(env: dict[str, str], folder: Path):
    async with agent(env, folder, [SHELL[0], SHELL[0], SHELL[1], SHELL[1]]) as client:
        client.answers["mazu/permission/request"] = lambda params: NO_ANSWER
        sessions = []
        for number in range(2):
            session = (await client.command("mazu.session.new", {"name": f"s{number}"}))["id"]
            await client.command("mazu.chat", {"message": "Go", "sessionId": session}, within=60)
            sessions.append(session)
        calls = []
        for session in sessions:
            while True:
                page = await client.command("mazu.session.events", {"sessionId": session})
                if found := [e["update"] for e in page["events"] if e["update"]["kind"] == "question"]:
                    break
                await asyncio.sleep(0.05)
            calls.append(found[0]["callId"])
        assert len(client.notes("mazu/permission/request")) == 1
        for call in reversed(calls):
            done = await client.command("mazu.permissions.answer", {"optionId": "deny", "callId": call})
            assert done["answered"]
        for session in sessions:
            await client.until(
                lambda m, session=session: (
                    m.get("params", {}).get("sessionId") == session
                    and m["params"].get("update", {}).get("state") == "done"
                ),
                within=60,
            )
        assert len(client.notes("mazu/permission/request")) == 1


async def test_a_question_that_was_open_at_the_end_is_void_after_a_restart(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    async with agent(env, folder, [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}]) as client:
        client.answers["mazu/permission/request"] = lambda params: NO_ANSWER
        started = await client.command("mazu.chat", {"message": "Go"}, within=60)
        await client.until(lambda m: m.get("method") == "mazu/permission/request", within=60)
    async with connected(env) as client:
        await client.initialize(folder, **ALL)
        await client.command("mazu.session.show", {"sessionId": started["sessionId"]})
        page = await client.command("mazu.session.events", {"sessionId": started["sessionId"]})
        closed = [e["update"] for e in page["events"] if e["update"]["kind"] == "question_closed"]
        assert [one["verdict"] for one in closed] == ["void"]


async def test_a_late_click_does_not_answer_the_next_question_of_a_service_that_counts_its_calls(
    env: dict[str, str], folder: Path
):
    calls = [
        {**SHELL[0]["calls"][0], "id": "call_0", "arguments": {"command": f"echo x > {n}.txt"}} for n in "ab"
    ]  # type: ignore[index]
    async with agent(env, folder, [{"calls": [call]} for call in calls] + [{"text": "Done."}]) as client:
        client.answers["mazu/permission/request"] = lambda params: NO_ANSWER
        await client.command("mazu.chat", {"message": "Go"}, within=60)

        async def asked_for(command: str) -> str:
            found = await client.until(
                lambda m: m.get("method") == "mazu/permission/request" and command in m["params"]["title"],
                within=60,
            )
            return found["params"]["callId"]

        first = await asked_for("a.txt")
        click = {"optionId": "allow_once", "callId": first}
        assert (await client.command("mazu.permissions.answer", click))["answered"]
        second = await asked_for("b.txt")
        assert first == "call_0" and second != first
        assert not (await client.command("mazu.permissions.answer", click))["answered"]
        deny = {"optionId": "deny", "callId": second}
        assert (await client.command("mazu.permissions.answer", deny))["answered"]
        await client.until(lambda m: m.get("params", {}).get("update", {}).get("state") == "done", within=60)
        assert (folder / "a.txt").exists() and not (folder / "b.txt").exists()
        said = [block for message in client.model.bodies[2]["messages"] for block in message["content"]]
        assert [block["id"] for block in said if block["type"] == "tool_use"] == [first, second]
        assert [block["tool_use_id"] for block in said if block["type"] == "tool_result"] == [first, second]
