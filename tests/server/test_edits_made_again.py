"""The agent makes an edit again that the editor did not show in time: the second one stays, whenever the first is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.server.documents import apply_edit, late_edit
from mazu_ls.server.documents.documents import OpenDocument
from tests.server.client import Client
from tests.server.test_late_edits import BEFORE, said
from tests.server.test_turns import agent, edit_call

AFTER = BEFORE.replace("y = 2", "y = 20")
FIRST = edit_call("app.py", "y = 2", "y = 20")
Answers = list[Callable[[Client, Any], Any]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch):
    """Nobody waits for minutes here."""
    monkeypatch.setattr(apply_edit, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(apply_edit, "ECHO_SECONDS", 0.3)
    monkeypatch.setattr(late_edit, "ECHO_SECONDS", 0.5)


@asynccontextmanager
async def turn(
    env: dict[str, str], folder: Path, answers: Answers, *, then: Any = FIRST
) -> AsyncIterator[tuple[Client, OpenDocument]]:
    """A turn that makes the first edit and then another; the editor answers each as told, later ones honestly."""
    (folder / "app.py").write_text(BEFORE)
    calls = [
        {"calls": [one]} for one in (FIRST, {"name": "read_file", "arguments": {"path": "app.py"}}, then)
    ]
    async with agent(env, folder, [*calls, {"text": "Done."}], allow=["edit_file: app.py"]) as client:
        client.checks_versions = False  # as eglot does

        def answer(params: Any) -> Any:
            apply_edit.ANSWER_SECONDS = 60.0  # for those after the first: a slow machine is no silent editor
            return answers.pop(0)(client, params) if answers else client.apply_edit(params)

        client.answers["workspace/applyEdit"] = answer
        document = client.open((folder / "app.py").as_uri(), BEFORE)
        await client.command("mazu.chat", {"message": "Change y", "wait": True})
        yield client, document


async def outcomes(client: Client) -> list[str]:
    """How the calls of the turn ended."""
    shown = await client.command("mazu.session.show", {})
    return [call["outcome"].partition(":")[0] for one in shown["turns"] for call in one["calls"]]


def messages(client: Client) -> list[str]:
    return [one["message"] for one in client.notes("window/showMessage")]


async def test_an_edit_that_was_never_shown_is_made_again(env: dict[str, str], folder: Path):
    async with turn(env, folder, [lambda client, params: {"applied": True}]) as (client, document):
        await asyncio.sleep(0.8)
        assert (document.text, await outcomes(client)) == (AFTER, ["error", "1\tx = 1", "edited app.py"])
        assert not any("stopped waiting" in one for one in messages(client))


@pytest.mark.parametrize("makes_it", [False, True])
async def test_the_first_is_answered_after_the_second(env: dict[str, str], folder: Path, makes_it: bool):
    gate = asyncio.Event()

    async def later(client: Client, params: Any) -> Any:
        await gate.wait()
        return client.apply_edit(params) if makes_it else {"applied": True}

    async with turn(env, folder, [later]) as (client, document):
        assert (document.text, await outcomes(client)) == (AFTER, ["error", "1\tx = 1", "edited app.py"])
        gate.set()
        if makes_it:  # once more, over the second one: "y = 200"
            await said(client, "It was reverted.")
        else:
            await asyncio.sleep(0.8)
            assert not any("stopped waiting" in one for one in messages(client))
        assert document.text == AFTER


async def test_a_late_edit_is_reverted_after_another_that_is_being_made(env: dict[str, str], folder: Path):
    gate = asyncio.Event()
    order: list[str] = []

    async def later(client: Client, params: Any) -> Any:
        await gate.wait()
        order.append("late")
        return client.apply_edit(params)

    async def meanwhile(client: Client, params: Any) -> Any:
        gate.set()
        await asyncio.sleep(0.2)
        order.append("other")
        return client.apply_edit(params)

    def revert(client: Client, params: Any) -> Any:
        order.append("revert")
        return client.apply_edit(params)

    other = edit_call("app.py", "last = 4", "last = 40")
    async with turn(env, folder, [later, meanwhile, revert, revert], then=other) as (client, document):
        await said(client, "It was reverted.")
        assert order == ["late", "other", "revert", "revert"]
        assert document.text == BEFORE, "the other edit was made over the late one, and taken back"
        assert await outcomes(client) == ["error", "1\tx = 1", "error"]
