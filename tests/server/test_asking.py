"""How a question reaches the user, and what becomes of it when the answer is late, strange, or comes from elsewhere."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mazu_ls.errors import InvalidArguments
from mazu_ls.host import HunkOption, Question
from mazu_ls.server.client.ask_user import ClientApprovals, OpenQuestion
from tests.server.client import NO_ANSWER, Client
from tests.server.test_host import QUESTION

RICH = {"experimental": {"mazu": {"permissions": True}}}
LONG = msgspec.structs.replace(QUESTION, detail="\n".join(f"line {n}" for n in range(40)))
PATIENCE = 60.0


def approvals(client: Client) -> ClientApprovals:
    return client.connection.mazu.editor.approvals


def start(client: Client, question: Question = QUESTION, seconds: float = 600.0) -> asyncio.Task[Any]:
    return asyncio.create_task(client.host.ask(question, seconds))


async def shown(client: Client, count: int = 1) -> list[OpenQuestion]:
    """The undecided questions, once there are so many and the first of them is the one that is shown."""
    asked = approvals(client)
    async with asyncio.timeout(PATIENCE):
        while len(asked.waiting) < count or asked.open is not asked.waiting[0]:  # noqa: ASYNC110 - no message tells
            await asyncio.sleep(0.01)
    return asked.waiting


async def done(asking: asyncio.Task[Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await asking


@pytest.mark.parametrize(
    ("answer", "index"),
    [({"title": "two"}, 1), ({"title": "one"}, 0), (None, None), ({"title": "six"}, None), (NO_ANSWER, None), ("error", None)],
)  # fmt: skip
async def test_one_of_several_is_picked(client: Client, folder: Path, answer: Any, index: int | None):
    if answer != "error":
        client.answers["window/showMessageRequest"] = lambda params: answer
    await client.initialize(folder)
    assert await approvals(client).pick("Which?", ("one", "two"), 0.2) == index
    (asked,) = client.notes("window/showMessageRequest")
    assert asked == {"type": 3, "message": "Which?", "actions": [{"title": "one"}, {"title": "two"}]}


async def test_an_editor_that_cannot_ask_is_found_out_at_once_and_asked_again(client: Client, folder: Path):
    await client.initialize(folder)
    assert approvals(client).can_ask
    reply = await done(start(client))
    assert (reply.choice, reply.unreachable, reply.note) == (None, True, "")
    assert not approvals(client).can_ask
    client.answers["window/showMessageRequest"] = lambda params: {"title": "Allow once"}
    reply = await done(start(client))
    assert (reply.choice.id, reply.unreachable, reply.answered_in) == ("once", False, "the editor")
    assert approvals(client).can_ask


async def test_another_client_answers_for_an_editor_that_cannot(client: Client, folder: Path):
    await client.initialize(folder)
    asked: list[OpenQuestion] = []
    ends = asyncio.Event()

    def asker(question: OpenQuestion) -> asyncio.Task[None] | None:
        asked.append(question)
        return asyncio.create_task(ends.wait()) if len(asked) < 4 else None  # pyright: ignore[reportReturnType]

    approvals(client).add_asker(asker)
    asking = start(client)
    await client.until(lambda m: m.get("method") == "window/showMessageRequest")
    await client.settled()
    assert not asking.done() and approvals(client).can_ask
    assert asked[0].answer("once", answered_in="a terminal")
    reply = await done(asking)
    assert (reply.choice.id, reply.answered_in) == ("once", "a terminal")
    late = await done(start(client, seconds=0.1))
    assert (late.choice, late.unreachable) == (None, True), "its time is over"
    asking = start(client)
    await shown(client)
    ends.set()
    assert (await done(asking)).unreachable, "the other client ended without an answer"
    assert (await done(start(client))).unreachable, "it is not asked about this one"
    approvals(client).remove_asker(asker)
    approvals(client).remove_asker(asker)
    assert not approvals(client).can_ask
    await done(start(client))
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("answer", "kind", "note"),
    [
        ({"optionId": "once"}, "allow_once", ""),
        ({"optionId": "no", "note": 7}, "deny", ""),
        ({"optionId": "whatever", "note": "n"}, None, "n"),
        ("once", None, ""),
        ({"optionId": "once", "arguments": {"x": "y"}}, "deny", "the answer could not be used: `arguments.x` cannot be changed"),
        ({"optionId": "once", "hunks": ["1", 3]}, "deny", "the answer could not be used: `hunks` names '3'"),
        ({"optionId": "once", "arguments": ["x"], "hunks": "1", "note": ["n"]}, "allow_once", ""),
        ({"optionId": "once", "hunks": ["1"], "arguments": {"command": "ls"}}, "allow_once", ""),
    ],
)  # fmt: skip
async def test_an_answer_means_what_it_offers_and_no_more(
    client: Client, folder: Path, answer: Any, kind: str | None, note: str
):
    client.answers["mazu/permission/request"] = lambda params: answer
    await client.initialize(folder, **RICH)
    question = msgspec.structs.replace(QUESTION, editable=("command",), hunks=(HunkOption("1", "+a"),))
    reply = await done(start(client, question))
    assert (reply.choice and reply.choice.kind) == kind
    assert reply.note.startswith(note) and bool(reply.note) == bool(note)
    if kind == "allow_once" and reply.hunks:
        assert (reply.hunks, reply.arguments) == (("1",), {"command": "ls"})
    (told,) = client.notes("mazu/permission/resolved")
    verdict = "allow" if kind == "allow_once" else "deny"
    by = "user" if kind else "timeout"
    assert told == {"sessionId": "s_1", "callId": "c_1", "verdict": verdict, "by": by}


async def test_no_answer_in_time_is_no(client: Client, folder: Path):
    client.answers["mazu/permission/request"] = lambda params: NO_ANSWER
    await client.initialize(folder, **RICH)
    reply = await done(start(client, seconds=0.1))
    assert (reply.choice, reply.unreachable, reply.void) == (None, False, "")
    assert approvals(client).can_ask, "it was asked and may answer the next"
    assert [one["by"] for one in client.notes("mazu/permission/resolved")] == ["timeout"]


async def test_a_question_too_long_for_a_message_can_only_be_denied_where_it_cannot_be_read(
    client: Client, folder: Path
):
    client.answers["window/showMessageRequest"] = lambda params: {"title": "Allow once"}
    await client.initialize(folder)
    approvals(client).open_review = None
    assert (await done(start(client, LONG))).choice.kind == "deny", "what was not offered is no answer"
    (asked,) = client.notes("window/showMessageRequest")
    assert asked["actions"] == [{"title": "Deny"}]
    assert "line 3\n" in asked["message"] and "line 20" not in asked["message"]
    assert asked["message"].endswith("It is too long to be shown here, so it can only be denied.")


async def test_questions_that_wait_are_answered_withdrawn_or_voided_without_holding_up_the_next(
    client: Client, folder: Path
):
    client.answers["mazu/permission/request"] = lambda params: NO_ANSWER
    await client.initialize(folder, **RICH)
    questions = [
        msgspec.structs.replace(QUESTION, call_id=f"c_{n}", session_id=f"s_{n % 2}") for n in range(5)
    ]
    asking = [start(client, one) for one in questions]
    first, second, third, fourth, fifth = await shown(client, 5)
    found = approvals(client).find
    assert found(None) is first and found("c_2") is third and found("c_2", "s_1") is None
    assert found(None, "s_1") is first, "without an id it is the one that is shown"
    with pytest.raises(InvalidArguments, match="`optionId` is not one of once, no"):
        second.answer("whatever")
    assert second.answer("once", "so it is") and not second.answer("no")
    second.make_void("too late")
    assert (await done(asking[1])).note == "so it is"
    asking[2].cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking[2]
    assert await third.verdict is None and not third.answer("once")
    fourth.make_void("it changed")
    assert not fourth.answer("once")
    assert (await done(asking[3])).void == "it changed"
    assert not first.answer_with("once", QUESTION) and not first.answer_with({"optionId": 7}, QUESTION)
    assert not asking[0].done()
    assert first.answer_with(
        {"optionId": "no", "note": "mine", "arguments": [], "hunks": {}}, QUESTION, "Vim"
    )
    reply = await done(asking[0])
    assert (reply.choice.kind, reply.note, reply.arguments, reply.answered_in) == (
        "deny",
        "mine",
        None,
        "Vim",
    )
    await client.until(
        lambda m: m.get("method") == "mazu/permission/request" and m["params"]["callId"] == "c_4", PATIENCE
    )
    assert [one["callId"] for one in client.notes("mazu/permission/request")] == ["c_0", "c_4"]
    assert fifth.answer("once")
    await done(asking[4])
    told = [(one["callId"], one["verdict"], one["by"], one.get("reason")) for one in client.notes("mazu/permission/resolved")]  # fmt: skip
    assert told == [
        ("c_1", "allow", "user", None), ("c_2", "void", "cancelled", None), ("c_3", "void", "changed", "it changed"),
        ("c_0", "deny", "user", None), ("c_4", "allow", "user", None),
    ]  # fmt: skip


async def test_a_question_about_a_text_that_changed_is_void_and_the_user_is_told(
    client: Client, folder: Path
):
    client.answers["window/showMessageRequest"] = lambda params: NO_ANSWER
    await client.initialize(folder)
    about, other = folder / "a.py", folder / "b.py"
    for path in (about, other):
        path.write_text("x = 1\n")
        client.open(path.as_uri(), "x = 1\n")
    await client.settled()
    question = msgspec.structs.replace(QUESTION, document=about, still_fits=lambda text: "x = 1" in text)
    asking = [start(client, question), start(client, msgspec.structs.replace(question, still_fits=None))]
    await shown(client, 2)
    client.change(other.as_uri(), "y = 1\n")
    client.change(about.as_uri(), "x = 1\nmore = 2\n")
    await client.settled()
    assert not asking[0].done() and client.notes("window/showMessage") == []
    client.change(about.as_uri(), "x = 2\n")
    void = (await done(asking[0])).void
    assert void == "a.py was changed where the edit would go, so the question about it no longer applies."
    told = {"type": 3, "message": f"Mazu: {void}"}
    await client.settled()
    assert client.notes("window/showMessage") == [told]
    assert not asking[1].done()
    asking[1].cancel()
