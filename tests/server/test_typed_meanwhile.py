"""A rewrite lands where its passage still stands, whatever is typed elsewhere while the model works."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.agent.jobs.rewrite import passage_at
from mazu_ls.tools.edit.rebased_edit import rebase_edit
from tests.server.client import Client, RpcFailure
from tests.server.test_code_actions import span
from tests.server.test_turns import ALL, agent

TEXT = "def f():\n    return 1\n\nrest = 0\n"
SLOW = [{"text": "```python\n    return 2\n```", "delay": 0.5}]


async def rewritten_while_typing(client: Client, path: Path, typed: str) -> Any:
    asked = {"uri": path.as_uri(), "range": span(1, 0, 2, 0), "instruction": "two", "wait": True}
    working = asyncio.create_task(client.command("mazu.edit", asked, within=60))
    while not client.model.requests:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.01)
    client.change(path.as_uri(), typed)
    return await working


async def test_what_is_typed_above_and_below_stays_and_the_rewrite_lands_beside_it(
    env: dict[str, str], folder: Path
):
    path = folder / "a.py"
    path.write_text(TEXT)
    async with agent(env, folder, SLOW) as client:
        document = client.open(path.as_uri(), TEXT)
        result = await rewritten_while_typing(client, path, f"# mine\n{TEXT}more = 1\n")
        assert (result["stopReason"], result["edits"][0]["added"]) == ("end_turn", 1)
        assert document.text == "# mine\ndef f():\n    return 2\n\nrest = 0\nmore = 1\n"


async def test_a_passage_that_the_user_changed_is_theirs(env: dict[str, str], folder: Path):
    path = folder / "a.py"
    path.write_text(TEXT)
    async with agent(env, folder, SLOW) as client:
        document = client.open(path.as_uri(), TEXT)
        typed = TEXT.replace("return 1", "return 5")
        with pytest.raises(RpcFailure, match=r"a\.py was changed in the meantime") as refused:
            await rewritten_while_typing(client, path, typed)
        assert refused.value.code == -32801
        assert document.text == typed


def test_a_passage_is_found_by_its_lines_else_by_being_the_only_one():
    assert passage_at("x\ny\n", "x\ny\n", 2, 4) == 2
    assert passage_at("x = 10\n", "x = 1\n", 0, 1) == 0  # the line was changed beside it
    assert passage_at("a\n", "a\na\n", 2, 4) is None  # which of the two is gone cannot be told
    assert passage_at("new\nx", "x", 1, 1) == 5
    assert passage_at("", "x\n", 0, 2) is None


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "\n"]), max_size=6).map("".join)


@given(LINES, LINES, LINES)
def test_where_it_is_said_to_stand_it_stands(above: str, typed: str, below: str):
    passage = "the passage\n"
    seen = above + passage + below
    now = typed + passage + below
    assert passage_at(now, seen, len(above), len(above) + len(passage)) == len(typed)


@given(LINES, LINES, LINES, LINES)
def test_an_edit_is_placed_beside_what_was_typed_and_loses_none_of_it(
    above: str, typed: str, edited: str, below: str
):
    before = f"{above}a line\n---\nits neighbour\n===\nthe passage\n{below}"
    after = before.replace("the passage\n", edited)
    now = before.replace("a line\n", typed, 1)
    merged = now.replace("the passage\n", edited)
    assert rebase_edit(before, after, now) == merged
    assert rebase_edit(before, now, after) == merged
    assert rebase_edit(before, before.replace("passage", "other"), before.replace("the p", "my p")) is None


EDIT = {
    "name": "edit_file",
    "arguments": {"path": "a.py", "edits": [{"old": "    return 1", "new": "    return 2"}]},
}
READ = {"name": "read_file", "arguments": {"path": "a.py"}}


@pytest.mark.parametrize("typed", ["elsewhere", "at the edit"])
async def test_typing_while_an_edit_is_asked_about_keeps_the_question_or_ends_it_with_the_reason(
    env: dict[str, str], folder: Path, typed: str
):
    path = folder / "a.py"
    path.write_text(TEXT)
    replies = [{"calls": [READ]}, {"calls": [EDIT]}, {"text": "Done."}]
    async with agent(env, folder, replies, **ALL) as client:
        document = client.open(path.as_uri(), TEXT)
        asked, answer = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def ask(params: Any) -> Any:
            asked.set()
            return await answer

        client.answers["mazu/permission/request"] = ask
        working = asyncio.create_task(
            client.command("mazu.chat", {"message": "two", "wait": True}, within=60)
        )
        async with asyncio.timeout(60):
            await asked.wait()
        if typed == "elsewhere":
            client.change(path.as_uri(), TEXT + "more = 1\n")
            await client.settled()
            assert client.notes("mazu/permission/resolved") == []
            answer.set_result({"optionId": "allow_once"})
            await working
            assert document.text == "def f():\n    return 2\n\nrest = 0\nmore = 1\n"
            assert "the user typed elsewhere" in str(client.model.bodies[-1])
        else:
            mine = TEXT.replace("return 1", "return 5")
            client.change(path.as_uri(), mine)
            void = await client.until(lambda m: m.get("method") == "mazu/permission/resolved", within=60)
            assert (void["params"]["verdict"], void["params"]["by"]) == ("void", "changed")
            assert void["params"]["reason"].startswith("a.py was changed where the edit would go")
            assert (await working)["stopReason"] == "end_turn"  # nobody answered the question
            assert document.text == mine
            assert "no longer applies. Read it again" in str(client.model.bodies[-1])
            assert void["params"]["reason"] in str(client.notes("window/showMessage"))
            answer.cancel()
