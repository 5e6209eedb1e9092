"""The main job over the wire: chat, run, edit, cancel, with a real SDK against the scripted model server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client, RpcFailure, connected

ALL = {
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "window": {"workDoneProgress": True},
    "experimental": {"mazu": {"updates": True, "permissions": True, "save": True}},
}


@asynccontextmanager
async def agent(
    env: dict[str, str],
    folder: Path | None,
    replies: Sequence[dict[str, Any]],
    *,
    allow: Sequence[str] = (),
    refuse: Sequence[str] = (),
    **capabilities: Any,
) -> AsyncIterator[Client]:
    """A client whose server talks to a model that says what `replies` say.

    `allow` and `refuse`: what the user is asked, and answers so; any other question fails the test.
    """
    async with ModelServer(list(replies)) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with connected({**env, **keys}) as client:
            client.answers["workspace/applyEdit"] = client.apply_edit
            client.answers["window/workDoneProgress/create"] = lambda params: None
            client.answers["window/showDocument"] = lambda params: {"success": True}
            client.allow(*allow, refuse=refuse)
            client.model = model
            await client.initialize(folder, **(capabilities or ALL))
            yield client


def edit_call(path: str, old: str, new: str) -> dict[str, Any]:
    return {"name": "edit_file", "arguments": {"path": path, "edits": [{"old": old, "new": new}]}}


async def test_a_chat_that_edits_the_open_buffer_and_is_undone(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("x = 1\ny = 2\n")
    replies = [
        {"text": "I will change it. ", "calls": [{"name": "read_file", "arguments": {"path": "app.py"}}]},
        {"calls": [edit_call("app.py", "x = 1", "x = 10")]},
        {"text": "Done."},
    ]
    async with agent(env, folder, replies, allow=["edit_file: app.py"]) as client:
        document = client.open(path.as_uri(), "x = 1\ny = 3\n")
        result = await client.command("mazu.chat", {"message": "Make x ten", "wait": True}, within=60)
        assert result["stopReason"] == "end_turn", result
        assert result["reply"].endswith("Done.")
        assert document.text == "x = 10\ny = 3\n"
        assert path.read_text() == "x = 1\ny = 2\n"
        assert result["edits"] == [{"uri": path.as_uri(), "added": 1, "removed": 1}]
        assert result["usage"]["modelCalls"] == 3
        assert result["checkpoints"]
        undone = await client.command("mazu.undo", {})
        assert undone["applied"] and undone["verified"], undone
        assert document.text == "x = 1\ny = 3\n"
        shown = await client.command("mazu.session.show")
        assert shown["turns"] == []


async def test_a_turn_answers_at_once_and_goes_on_with_updates_and_progress(
    env: dict[str, str], folder: Path
):
    replies = [
        {"text": "Let me look.", "calls": [{"name": "list_dir", "arguments": {"path": "."}}]},
        {"text": "Nothing here."},
    ]
    async with agent(env, folder, replies) as client:
        started = await client.command("mazu.chat", {"message": "What is here?"}, within=60)
        assert set(started) == {"sessionId", "turnId"}
        await client.until(lambda m: m.get("params", {}).get("update", {}).get("state") == "done", within=60)
        updates = client.notes("mazu/session/update")
        assert [update["seq"] for update in updates] == list(range(1, len(updates) + 1))
        assert {update["sessionId"] for update in updates} == {started["sessionId"]}
        kinds = [update["update"]["kind"] for update in updates]
        assert kinds[:5] == ["named", "named", "turn", "state", "user"]
        assert {update["turnId"] for update in updates[2:]} == {started["turnId"]}
        assert {"message", "tool_call", "tool_result", "usage", "state"} <= set(kinds)
        said = "".join(
            update["update"]["text"] for update in updates if update["update"]["kind"] == "message"
        )
        assert said == "Let me look.Nothing here."
        await client.until(lambda m: m.get("params", {}).get("value", {}).get("kind") == "end")
        progress = [note["value"]["kind"] for note in client.notes("$/progress")]
        assert progress[0] == "begin"
        assert progress[-1] == "end"


async def test_the_progress_ends_with_what_came_of_the_turn(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    replies = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}, {"text": "Done."}]
    replies += [{"text": "word " * 400, "delay": 0.05, "chunk": 5}]
    async with agent(env, folder, replies, allow=["edit_file: app.py"]) as client:
        await client.command("mazu.chat", {"message": "Make x two"}, within=60)
        await client.until(lambda m: m.get("params", {}).get("value", {}).get("kind") == "end", within=60)
        assert client.notes("$/progress")[-1]["value"]["message"].startswith("done; 1 file changed; $0.0")
        await client.command("mazu.chat", {"message": "And now wait"})
        await client.until(lambda m: m.get("params", {}).get("update", {}).get("text", "").startswith("word"))
        await client.command("mazu.cancel")
        await client.until(
            lambda m: m.get("params", {}).get("value", {}).get("message", "").startswith("stopped")
        )


async def test_a_secret_in_a_message_is_in_no_title_label_or_file(env: dict[str, str], folder: Path):
    secret = "AKIAIOSFODNN7EXAMPL3"
    (folder / "app.py").write_text("x = 1\n")
    replies = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}, {"text": "Done."}]
    async with agent(env, folder, replies, allow=["edit_file: app.py"]) as client:
        message = f"Deploy with {secret} and password=hunter2secretpw99, please"
        await client.command("mazu.chat", {"message": message}, within=60)
        await client.until(lambda m: m.get("params", {}).get("value", {}).get("kind") == "end", within=60)
        await client.command("mazu.checkpoint", {"label": f"with {secret}"})
        told = str(await client.command("mazu.checkpoint.list")) + str(client.notes("$/progress"))
        assert "before: Deploy with [redacted" in told
        assert secret not in told
        assert "hunter2" not in told
    kept = [
        path for path in folder.parent.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()
    ]
    assert kept == []


async def test_no_key_is_said_with_what_to_do(env: dict[str, str], folder: Path):
    async with connected(env) as client:
        await client.initialize(folder)
        for command, arguments in (
            ("mazu.chat", {"message": "hi"}),
            ("mazu.run", {"task": "hi"}),
            ("mazu.ask", {"question": "hi"}),
        ):
            with pytest.raises(RpcFailure) as caught:
                await client.command(command, arguments, within=60)
            assert caught.value.code == -32803
            assert caught.value.data["kind"] == "auth"
            assert "ANTHROPIC_API_KEY" in caught.value.data["hint"]
        assert (await client.command("mazu.remember", {"title": "Works without a key"}))[
            "outcome"
        ] == "created"
        assert (await client.command("mazu.status"))["model"] is None


async def test_a_wrong_key_ends_the_turn_with_a_sentence(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"fault": "401", "repeat": True}]) as client:
        result = await client.command("mazu.chat", {"message": "hi", "wait": True}, within=60)
        assert result["stopReason"] == "error"
        assert result["error"]["kind"] == "auth"


async def test_an_unknown_provider_is_named(env: dict[str, str], folder: Path):
    async with agent(env, folder, []) as client:
        with pytest.raises(RpcFailure) as caught:
            await client.command("mazu.chat", {"message": "hi", "model": "nobody:big-1"})
        assert caught.value.data["kind"] == "model"
        assert "nobody" in caught.value.message


async def test_cancel_ends_a_streaming_turn_and_the_session_goes_on(env: dict[str, str], folder: Path):
    replies = [{"text": "word " * 400, "delay": 0.05, "chunk": 5}, {"text": "Here again."}]
    async with agent(env, folder, replies) as client:
        waiting = asyncio.ensure_future(
            client.command("mazu.chat", {"message": "talk", "wait": True}, within=60)
        )
        await client.until(
            lambda m: m.get("params", {}).get("update", {}).get("kind") == "message", within=60
        )
        assert (await client.command("mazu.cancel")) == {"cancelled": True}
        assert (await asyncio.wait_for(waiting, 60))["stopReason"] == "cancelled"
        assert (await client.command("mazu.cancel")) == {"cancelled": False}
        result = await client.command("mazu.chat", {"message": "still there?", "wait": True}, within=60)
        assert result["reply"] == "Here again."


async def test_a_cancelled_request_stops_the_turn_it_waits_for(env: dict[str, str], folder: Path):
    replies = [{"text": "word " * 400, "delay": 0.05, "chunk": 5}, {"text": "Here again."}]
    async with agent(env, folder, replies) as client:
        params = {"command": "mazu.chat", "arguments": [{"message": "talk", "wait": True}]}
        number, future = client.start("workspace/executeCommand", params)
        await client.until(
            lambda m: m.get("params", {}).get("update", {}).get("kind") == "message", within=60
        )
        client.notify("$/cancelRequest", {"id": number})
        with pytest.raises(RpcFailure) as caught:
            await asyncio.wait_for(future, 60)
        assert caught.value.code == -32800
        status = await client.command("mazu.status")
        assert status["running"] == []


async def test_cancel_on_the_progress_stops_the_turn(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "word " * 400, "delay": 0.05, "chunk": 5}]) as client:
        await client.command("mazu.chat", {"message": "talk"}, within=60)
        begun = await client.until(lambda m: m.get("params", {}).get("value", {}).get("kind") == "begin")
        await client.until(
            lambda m: m.get("params", {}).get("update", {}).get("kind") == "message", within=60
        )
        client.notify("window/workDoneProgress/cancel", {"token": begun["params"]["token"]})
        done = await client.until(
            lambda m: m.get("params", {}).get("update", {}).get("state") == "done", within=10
        )
        assert done["params"]["update"]["stopReason"] == "cancelled"


async def test_a_second_turn_in_a_running_session_is_refused(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "word " * 400, "delay": 0.05, "chunk": 5}]) as client:
        await client.command("mazu.chat", {"message": "talk"}, within=60)
        with pytest.raises(RpcFailure) as caught:
            await client.command("mazu.chat", {"message": "and more"})
        assert caught.value.data["kind"] == "busy"


async def test_permission_is_asked_and_a_refusal_reaches_the_model(env: dict[str, str], folder: Path):
    replies = [
        {"calls": [{"name": "run_shell", "arguments": {"command": "touch made"}}]},
        {"text": "Then not."},
    ]
    async with agent(env, folder, replies) as client:
        client.answers["mazu/permission/request"] = lambda params: {
            "optionId": "deny",
            "note": "no files please",
        }
        result = await client.command("mazu.chat", {"message": "touch it", "wait": True}, within=60)
        assert result["reply"] == "Then not."
        assert not (folder / "made").exists()
        (asked,) = client.notes("mazu/permission/request")
        assert asked["tool"] == "run_shell"
        assert [option["kind"] for option in asked["options"]][-1] == "deny"
        assert "no files please" in str(client.model.requests[-1].body)
        states = [
            u["update"]["state"]
            for u in client.notes("mazu/session/update")
            if u["update"]["kind"] == "state"
        ]
        assert states == ["running", "waiting", "running", "done"]


async def test_ask_answers_without_a_session(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "Forty-two."}]) as client:
        answer = await client.command("mazu.ask", {"question": "What is it?", "wait": True}, within=60)
        assert answer["reply"] == "Forty-two."
        assert answer["usage"]["modelCalls"] == 1
        assert (await client.command("mazu.session.list"))["sessions"] == []


async def test_a_model_call_for_another_agent_has_its_tools_and_runs_none(env: dict[str, str], folder: Path):
    wanted = {"name": "weather", "arguments": {"city": "Oslo"}}
    async with agent(env, folder, [{"text": "I look.", "calls": [wanted]}, {"text": "Rain."}]) as client:
        tool = {"name": "weather", "description": "Says it.", "schema": {"type": "object", "properties": {"city": {"type": "string"}}}}  # fmt: skip
        question = {"role": "user", "text": "Will it rain in Oslo?"}
        first = await client.command("mazu.models.call", {"messages": [question], "tools": [tool]}, within=60)
        [call] = first["calls"]
        assert first["text"] == "I look." and {k: call[k] for k in wanted} == wanted
        assert first["usage"]["modelCalls"] == 1
        answered = {"role": "user", "results": [{"callId": call["id"], "text": "rain at 6"}]}
        said = {"role": "assistant", "text": "I look.", "calls": [call]}
        messages = [question, said, answered]
        assert (await client.command("mazu.models.call", {"messages": messages, "tools": [tool]}, within=60))["text"] == "Rain."  # fmt: skip
        assert (await client.command("mazu.session.list"))["sessions"] == []
        with pytest.raises(RpcFailure, match="end with a message of the user"):
            await client.command("mazu.models.call", {"messages": [said]}, within=60)


async def test_edit_rewrites_the_range_in_the_editor(env: dict[str, str], folder: Path):
    path = folder / "a.py"
    path.write_text("def f():\n    return 1\n\nrest = 0\n")
    async with agent(env, folder, [{"text": "```python\n    return 2\n```"}]) as client:
        document = client.open(path.as_uri(), path.read_text())
        span = {"start": {"line": 1, "character": 0}, "end": {"line": 2, "character": 0}}
        arguments = {"uri": path.as_uri(), "range": span, "instruction": "return two", "wait": True}
        result = await client.command("mazu.edit", arguments, within=60)
        assert result["stopReason"] == "end_turn", result
        assert document.text == "def f():\n    return 2\n\nrest = 0\n"
        assert path.read_text().startswith("def f():\n    return 1")


async def test_attachments_reach_the_model_as_the_buffer_shows_them(env: dict[str, str], folder: Path):
    path = folder / "a.py"
    path.write_text("on disk\n")
    async with agent(env, folder, [{"text": "ok"}]) as client:
        client.open(path.as_uri(), "first\nsecond unsaved\nthird\n")
        span = {"start": {"line": 1, "character": 0}, "end": {"line": 2, "character": 0}}
        arguments = {"message": "look", "attachments": [{"uri": path.as_uri(), "range": span}], "wait": True}
        await client.command("mazu.chat", arguments, within=60)
        sent = str(client.model.requests[-1].body)
        assert "second unsaved" in sent
        assert "third" not in sent
        with pytest.raises(RpcFailure, match="cannot be read"):
            await client.command(
                "mazu.chat", {"message": "x", "attachments": [{"uri": (folder / "no.py").as_uri()}]}
            )


async def test_the_council_answers_and_what_it_says_can_be_remembered(env: dict[str, str], folder: Path):
    replies = [
        {"text": "Use a queue.", "when": "one-"},
        {"text": "Use a cache.", "when": "two-"},
        {"text": "A queue is better.\n\n## Dissent\n\nA cache is simpler (two)."},
    ]
    models = ["anthropic:one-1", "anthropic:two-1"]
    async with agent(env, folder, replies) as client:
        arguments = {
            "question": "Queue or cache?",
            "models": models,
            "lead": "anthropic:lead-1",
            "wait": True,
        }
        result = await client.command("mazu.council", arguments, within=60)
        assert [answer["reply"] for answer in result["answers"]] == ["Use a queue.", "Use a cache."]
        assert result["synthesis"] == "A queue is better."
        assert result["dissent"] == "A cache is simpler (two)."
        with pytest.raises(RpcFailure) as caught:
            await client.command("mazu.council", {"question": "?", "wait": True})
        assert caught.value.data["kind"] == "config"


async def test_a_conversation_is_compacted_on_request(env: dict[str, str], folder: Path):
    replies = [{"text": f"Reply {number}."} for number in range(4)] + [
        {"text": "All four were said.", "repeat": True}
    ]
    async with agent(env, folder, replies) as client:
        for number in range(4):
            await client.command("mazu.chat", {"message": f"Say {number}", "wait": True}, within=60)
        session = await client.command("mazu.session.compact", {"wait": True}, within=60)
        assert (session["turnCount"], session["compacted"]) == (4, True)
        again = await client.command("mazu.chat", {"message": "What was said?", "wait": True}, within=60)
        assert again["reply"] == "All four were said."
        sent = str(client.model.requests[-1].body)
        assert "Reply 0." not in sent
        assert "All four were said." in sent


async def test_a_short_conversation_is_not_said_to_be_compacted(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "Hello."}, {"text": "Compacted."}]) as client:
        await client.command("mazu.chat", {"message": "Hi", "wait": True}, within=60)
        session = await client.command("mazu.session.compact", {"wait": True}, within=60)
        assert session["compacted"] is False
        sent = len(client.model.requests)
        said = await client.command("mazu.session.compact", {}, within=60)
        assert set(said) == {"sessionId", "turnId"}
        await client.until(lambda m: "was not compacted" in str(m.get("params")), within=60)
        assert len(client.model.requests) == sent, "nothing was asked of a model"


async def test_a_range_of_a_file_that_is_not_open_is_rewritten_in_the_editor(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text("x = 1\ny = 2\n")
    line = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
    async with agent(env, folder, [{"text": "```\nx = 10\n```"}]) as client:

        def opens_it(params: Any) -> Any:
            client.open(path.as_uri(), path.read_text())
            for change in params["edit"]["documentChanges"]:
                change["textDocument"]["version"] = client.documents[path.as_uri()].version
            return client.apply_edit(params)

        client.answers["workspace/applyEdit"] = opens_it
        asked = {"uri": path.as_uri(), "range": line, "instruction": "ten", "wait": True}
        result = await client.command("mazu.edit", asked, within=60)
        assert result["edits"] == [{"uri": path.as_uri(), "added": 1, "removed": 1}]
        assert client.documents[path.as_uri()].text == "x = 10\ny = 2\n"
        assert path.read_text() == "x = 1\ny = 2\n"


async def test_an_undo_spares_what_the_turn_did_not_touch_and_can_be_undone(
    env: dict[str, str], folder: Path
):
    for name in ("a.txt", "b.txt", "o.txt"):
        (folder / name).write_text("one\n")
    replies = [
        {"calls": [{"name": "write_file", "arguments": {"path": "a.txt", "content": "agent\n"}}]},
        {"text": "Done."},
    ]
    async with agent(env, folder, replies, allow=["write_file: a.txt"]) as client:
        other = client.open((folder / "o.txt").as_uri(), "one\n")
        await client.command("mazu.chat", {"message": "Write.", "wait": True}, within=60)
        (folder / "b.txt").write_text("mine\n")
        client.change(other.uri, "one\nmine\n")
        undone = await client.command("mazu.undo")
        assert undone["applied"] and undone["verified"], undone
        assert (folder / "a.txt").read_text() == "one\n"
        assert (folder / "b.txt").read_text() == "mine\n"
        assert other.text == "one\nmine\n"
        assert {one["path"] for one in undone["plan"]["keep"]} == {"b.txt", "o.txt"}
        again = await client.command("mazu.rollback", {"id": undone["safety"]["id"]})
        assert again["applied"], again["plan"]
        assert (folder / "a.txt").read_text() == "agent\n"
        assert other.text == "one\nmine\n"


async def test_an_undo_asks_where_the_user_worked_on_top_of_the_turn(env: dict[str, str], folder: Path):
    (folder / "a.txt").write_text("one\n")
    replies = [
        {"calls": [{"name": "write_file", "arguments": {"path": "a.txt", "content": "agent\n"}}]},
        {"text": "Done."},
    ]
    async with agent(env, folder, replies, allow=["write_file: a.txt"]) as client:
        await client.command("mazu.chat", {"message": "Write.", "wait": True}, within=60)
        (folder / "a.txt").write_text("agent\nand mine\n")
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "leave"}
        undone = await client.command("mazu.undo")
        assert not undone["applied"]
        assert [one["path"] for one in undone["plan"]["conflicts"]] == ["a.txt"]
        assert (folder / "a.txt").read_text() == "agent\nand mine\n"


async def test_showing_a_session_changes_nothing_and_works_where_another_editor_has_it_open(
    env: dict[str, str], folder: Path
):
    async with agent(env, folder, [{"text": "One."}, {"text": "Two."}]) as client:
        first = await client.command("mazu.chat", {"message": "First", "wait": True}, within=60)
        second = await client.command("mazu.session.new", {"name": "Beta"})
        shown = await client.command("mazu.session.show", {"sessionId": first["sessionId"]})
        assert [turn["reply"] for turn in shown["turns"]] == ["One."]
        assert (await client.command("mazu.session.list"))["current"] == second["id"]
        async with agent(env, folder, []) as other:
            shown = await other.command("mazu.session.show", {"sessionId": first["sessionId"]}, within=60)
            assert [turn["reply"] for turn in shown["turns"]] == ["One."]
            with pytest.raises(RpcFailure, match="open in another terminal or editor"):
                await other.command("mazu.session.rewind", {"sessionId": first["sessionId"]})


@pytest.mark.parametrize(("command", "field"), [("chat", "message"), ("run", "task"), ("ask", "question")])
async def test_what_a_message_mentions_is_attached(
    env: dict[str, str], folder: Path, command: str, field: str
):
    (folder / "app.py").write_text("first = 1\nsecond = 2\nthird = 3\n")
    async with agent(env, folder, [{"text": "I see."}]) as client:
        said = {field: "What is @app.py#L2-L3, says me@example.org?", "wait": True}
        await client.command(f"mazu.{command}", said, within=60)
        sent = str(client.model.bodies[-1]["messages"])
    assert '<attachment name="app.py" lines="2-3">' in sent
    assert "second = 2" in sent
    assert "first = 1" not in sent


async def test_what_a_command_prints_is_sent_to_the_client_without_secrets(env: dict[str, str], folder: Path):
    (folder / "vars").write_text("API_KEY=sk-proj-abcdefghijklmnop1234567890\nNAME=app\n")
    replies = [{"calls": [{"name": "run_shell", "arguments": {"command": "cat vars"}}]}, {"text": "Read."}]
    async with agent(env, folder, replies, allow=["run_shell: cat vars"]) as client:
        await client.command("mazu.chat", {"message": "Look", "wait": True}, within=60)
        updates = client.notes("mazu/session/update")
        shown = [u["update"]["text"] for u in updates if u["update"]["kind"] == "tool_output"]
        assert "NAME=app" in "".join(shown)
        assert "sk-proj" not in str(updates)


async def test_a_rewritten_passage_keeps_the_secrets_that_the_model_was_not_shown(
    env: dict[str, str], folder: Path
):
    keys = [f"sk-ant-api03-{letter}B3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5g" for letter in "ab"]
    text = f'one = "{keys[0]}"\ntwo = "{keys[1]}"\nport = 1\n'
    mark = "[redacted: anthropic key]"
    replies = [
        {"text": f'```\ntwo = "{mark}"\nONE = "{mark}"\n```'},
        {"text": f'```\none = "{mark}"\ntwo = "{mark}"\nthree = "{mark}"\n```'},
    ]
    async with agent(env, folder, replies, **ALL) as client:
        uri = (folder / "a.py").as_uri()
        (folder / "a.py").write_text(text)
        document = client.open(uri, text)
        span = {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}}
        asked = {"uri": uri, "range": span, "instruction": "sort", "wait": True}
        await client.command("mazu.edit", asked, within=60)
        assert keys[0] not in json.dumps(client.model.bodies)
        assert document.text == f'two = "{keys[1]}"\nONE = "{keys[0]}"\nport = 1\n'
        before = document.text
        refused = await client.command("mazu.edit", asked, within=60)
        assert "nothing was changed" in json.dumps(refused)
        assert document.text == before
