"""What a client is told of a question, and what the session keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.server.test_turns import agent, edit_call

TOUCH = {"name": "run_shell", "arguments": {"command": "FOO=1 touch made"}}


async def test_a_refusal_is_kept_with_its_question_and_the_users_words(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("a = 1\n")
    replies = [{"calls": [edit_call("app.py", "a = 1", "a = 2")]}, {"calls": [TOUCH]}, {"text": "Done."}]
    asked: list[dict[str, Any]] = []

    def refuse(params: dict[str, Any]) -> dict[str, str]:
        asked.append(params)
        return {"optionId": "deny"} | ({"note": "not on Fridays"} if params["tool"] == "run_shell" else {})

    async with agent(env, folder, replies, allow=[]) as client:
        client.answers["mazu/permission/request"] = refuse
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        edit, shell = asked
        assert edit["document"] == path.as_uri() and "-a = 1" in edit["diff"]
        assert not shell.keys() & {"document", "diff", "hunks"}, "it has none"
        events = (await client.command("mazu.session.events"))["events"]
    told = [event["update"] for event in events]
    questions = [one for one in told if one["kind"] == "question"]
    assert [one.get("document") for one in questions] == [path.as_uri(), None]
    closed = [(one["verdict"], one["by"]) for one in told if one["kind"] == "question_closed"]
    assert closed == [("deny", "user")] * 2
    decided = [(one["verdict"], one["by"], one["reason"]) for one in told if one["kind"] == "decision"]
    assert decided == [("deny", "user", "refused"), ("deny", "user", "not on Fridays")]
    assert path.read_text() == "a = 1\n" and not (folder / "made").exists()


async def test_a_permission_is_kept_with_who_gave_it(env: dict[str, str], folder: Path):
    async with agent(
        env, folder, [{"calls": [TOUCH]}, {"text": "Done."}], allow=["run_shell: FOO=1"]
    ) as client:
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        told = [event["update"] for event in (await client.command("mazu.session.events"))["events"]]
    assert [(one["verdict"], one["by"]) for one in told if one["kind"] == "question_closed"] == [
        ("allow", "user")
    ]
    decided = [(one["verdict"], one["by"], one["reason"]) for one in told if one["kind"] == "decision"]
    assert decided == [("allow", "user", "allow once")]
