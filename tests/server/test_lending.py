"""The editor's other language servers: asked only where the client lends them, and believed only for the version of now."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import NO_ANSWER, Client
from tests.server.test_turns import ALL, agent, edit_call

KINDS = ("diagnostics", "definition", "references", "symbols")


class Linter:
    """Another server of the editor. It reports each word that begins with `bad`, `delay` seconds after it first saw a text.

    Where `dated`, the editor names the version that was reported on; else, as most do, the version of the text.
    """

    def __init__(self, client: Client, delay: float = 0.0, *, dated: bool = True, named: bool = True) -> None:
        self.client, self.delay, self.dated, self.named = client, delay, dated, named
        self._seen: dict[str, list[tuple[float, int, str]]] = {}
        client.answers["mazu/editor/diagnostics"] = self.diagnostics

    def see(self, uri: str) -> None:
        """The text of now is being looked at."""
        document, seen = self.client.documents[uri], self._seen.setdefault(uri, [])
        if not seen or seen[-1][1] != document.version:
            seen.append((time.monotonic() if seen else 0.0, document.version, document.text))

    def diagnostics(self, params: Any) -> Any:
        documents = []
        for uri in [params["uri"]] if params.get("uri") else list(self.client.documents):
            self.see(uri)
            seen = [each for each in self._seen[uri] if time.monotonic() - each[0] >= self.delay]
            _, version, text = seen[-1]
            named = version if self.dated else self.client.documents[uri].version
            found = [
                {"range": span(number, *match.span()), "severity": 1, "message": f"{match[0]} is bad", "source": "lint"}
                for number, line in enumerate(text.splitlines())
                for match in re.finditer(r"bad\w*", line)
            ]  # fmt: skip
            documents.append({"uri": uri, "version": named if self.named else None, "diagnostics": found})
        return {"documents": documents}


def span(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


def lending(*kinds: str) -> dict[str, Any]:
    """The capabilities of a client that lends these."""
    mazu = {**ALL["experimental"]["mazu"], "context": list(kinds)}
    return {**ALL, "experimental": {"mazu": mazu}}


@asynccontextmanager
async def editing(
    env: dict[str, str], folder: Path, text: str, *messages: Sequence[dict[str, Any]], kinds: Sequence[str] = KINDS
) -> AsyncIterator[tuple[Client, Linter]]:  # fmt: skip
    """app.py is open with `text`; the model sends the calls of each message, then says that it is done."""
    path = folder / "app.py"
    path.write_text(text)
    replies = [{"calls": list(calls)} for calls in messages]
    async with agent(
        env,
        folder,
        [*replies, {"text": "Done."}],
        **lending(*kinds),
        allow=["edit_file: app.py", "edit_file: closed.py"],
    ) as client:
        client.open(path.as_uri(), text)
        yield client, Linter(client)


async def go(client: Client) -> list[str]:
    """The result of each tool call of a whole turn, as the model read it."""
    result = await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
    assert result["stopReason"] == "end_turn", result
    return results(client)


def results(client: Client) -> list[str]:
    blocks = [
        block
        for message in client.model.requests[-1].body["messages"]
        for block in message["content"]
        if isinstance(block, dict) and block["type"] == "tool_result"
    ]
    return [str(block["content"]) for block in blocks]


async def test_the_tools_are_there_where_the_client_lends_them(env: dict[str, str], folder: Path):
    for kinds in (KINDS, ("definition",), ()):
        async with agent(env, folder, [], **lending(*kinds)) as client:
            tools = (await client.command("mazu.tools.list"))["tools"]
            assert [tool["name"] for tool in tools if tool["name"] in KINDS] == list(kinds)
            assert all(tool["effect"] == "read" for tool in tools if tool["name"] in KINDS)


async def test_an_edit_tells_what_is_newly_wrong_and_nothing_else(env: dict[str, str], folder: Path):
    call = edit_call("app.py", "x = 1", "y = 0\nx = bad_now")
    async with editing(env, folder, "old = bad_before\nx = 1\n", [call]) as (client, _):
        (result,) = await go(client)
    assert result.startswith("edited app.py")
    assert "[new diagnostics of app.py, version 2]\napp.py:3:5: error: bad_now is bad (lint)" in result
    assert "bad_before" not in result.partition("[new diagnostics")[2]


@pytest.mark.parametrize("dated", [True, False])
async def test_diagnostics_of_an_older_version_are_waited_out(env: dict[str, str], folder: Path, dated: bool):
    call = edit_call("app.py", "x = 1", "x = bad")
    async with editing(env, folder, "x = 1\n", [call]) as (client, linter):
        linter.delay, linter.dated = 0.3, dated
        (result,) = await go(client)
    assert "version 2]\napp.py:1:5: error: bad is bad" in result


@pytest.mark.parametrize("dated", [True, False])
async def test_what_comes_too_late_is_never_told_as_new(env: dict[str, str], folder: Path, dated: bool):
    call = edit_call("app.py", "x = bad", "x = 1")
    async with editing(env, folder, "x = bad\n", [call]) as (client, linter):
        linter.delay, linter.dated = 600, dated
        began = time.monotonic()
        (result,) = await go(client)
    assert "diagnostics" not in result
    assert time.monotonic() - began < 300


async def test_an_editor_that_dates_its_diagnostics_is_not_waited_for_without_need(
    env: dict[str, str], folder: Path
):
    calls = [[edit_call("app.py", f"x = {n}", f"x = {n + 1}")] for n in range(6)]
    async with editing(env, folder, "x = 0\n", *calls) as (client, linter):
        linter.delay = 0.1
        await go(client)
        assert len(client.notes("mazu/editor/diagnostics")) < 6 * 6


async def test_an_error_that_came_late_is_told_with_the_next_edit(env: dict[str, str], folder: Path):
    calls = [edit_call("app.py", "x = 1", "x = bad")], [edit_call("app.py", "y = 1", "y = 2")]
    async with editing(env, folder, "x = 1\ny = 1\n", *calls) as (client, linter):
        answer = linter.diagnostics
        linter.delay, linter.dated = 30, True

        def settled(params: Any) -> Any:
            if client.documents[params["uri"]].version > 2:
                linter.delay = 0
            return answer(params)

        client.answers["mazu/editor/diagnostics"] = settled
        first, second = await go(client)
    assert "diagnostics" not in first
    assert "version 3]\napp.py:1:5: error: bad is bad" in second


@pytest.mark.parametrize("dated", [True, False])
async def test_an_error_that_was_mended_and_came_back_is_told_again(
    env: dict[str, str], folder: Path, dated: bool
):
    texts = ("x = 1", "x = bad", "x = 1", "x = bad")
    calls = [[edit_call("app.py", old, new)] for old, new in pairwise(texts)]
    async with editing(env, folder, "x = 1\n", *calls) as (client, linter):
        linter.dated = dated
        told = ["bad is bad" in result for result in await go(client)]
    assert told == [True, False, True]


async def test_edits_of_one_message_are_judged_together(env: dict[str, str], folder: Path):
    calls = [edit_call("app.py", "x = 1", "x = bad"), edit_call("app.py", "x = bad", "x = bad_still")]
    async with editing(env, folder, "x = 1\n", calls) as (client, _):
        first, second = await go(client)
    assert "diagnostics" not in first
    assert "version 3]\napp.py:1:5: error: bad_still is bad" in second


async def test_new_diagnostics_are_bounded(env: dict[str, str], folder: Path):
    call = edit_call("app.py", "x = 1", "\n".join(f"x = bad{n:02}" for n in range(30)))
    async with editing(env, folder, "x = 1\n", [call]) as (client, _):
        (result,) = await go(client)
    assert result.count("error:") == 20
    assert "[10 more]" in result


async def test_what_the_user_types_meanwhile_makes_diagnostics_old(env: dict[str, str], folder: Path):
    async with editing(env, folder, "x = 1\n", [edit_call("app.py", "x = 1", "x = bad")]) as (client, linter):
        uri = (folder / "app.py").as_uri()
        answer = linter.diagnostics

        def typing(params: Any) -> Any:
            if client.documents[uri].version == 2:
                client.change(uri, "# typed\n", (0, 0))
            return answer(params)

        client.answers["mazu/editor/diagnostics"] = typing
        (result,) = await go(client)
    assert "diagnostics" not in result


async def test_a_stop_while_diagnostics_are_awaited_loses_no_edit(env: dict[str, str], folder: Path):
    async with editing(env, folder, "x = 1\n", [edit_call("app.py", "x = 1", "x = 2")]) as (client, linter):
        linter.delay = 30
        waiting = asyncio.ensure_future(client.command("mazu.chat", {"message": "Go", "wait": True}))
        await client.until(lambda m: m.get("method") == "workspace/applyEdit")
        seen = len(client.notes("mazu/editor/diagnostics"))
        asked = "mazu/editor/diagnostics"
        await client.until(lambda m: m.get("method") == asked and len(client.notes(asked)) >= seen + 2)
        await client.command("mazu.cancel")
        result = await waiting
        assert result["stopReason"] == "cancelled"
        assert result["edits"] == [{"uri": (folder / "app.py").as_uri(), "added": 1, "removed": 1}]
        ended = [
            note["update"]
            for note in client.notes("mazu/session/update")
            if note["update"]["kind"] == "tool_result"
        ]
        assert [update["ok"] for update in ended] == [True]


SLIPS = {
    "refuses": None,
    "silent": lambda params: NO_ANSWER,
    "no documents": lambda params: {"documents": [{"uri": 1}, 2]},
    "a list": lambda params: [],
}


@pytest.mark.parametrize("slip", SLIPS)
async def test_an_editor_that_lends_and_does_not_answer_harms_no_edit(
    env: dict[str, str], folder: Path, slip: str
):
    async with editing(env, folder, "x = 1\n", [edit_call("app.py", "x = 1", "x = 2")]) as (client, _):
        client.answers.pop("mazu/editor/diagnostics")
        if answer := SLIPS[slip]:
            client.answers["mazu/editor/diagnostics"] = answer
        (result,) = await go(client)
        assert result.startswith("edited app.py")
        assert "diagnostics" not in result


async def test_an_edit_that_the_editor_refused_is_not_waited_for(env: dict[str, str], folder: Path):
    async with editing(env, folder, "x = 1\n", [edit_call("app.py", "x = 1", "x = bad")]) as (client, _):
        client.answers["workspace/applyEdit"] = lambda params: {"applied": False}
        (result,) = await go(client)
        assert "diagnostics" not in result
        assert len(client.notes("mazu/editor/diagnostics")) == 1


async def test_who_lends_no_diagnostics_is_never_asked(env: dict[str, str], folder: Path):
    call = edit_call("app.py", "x = 1", "x = bad")
    async with editing(env, folder, "x = 1\n", [call], kinds=("definition",)) as (client, _):
        (result,) = await go(client)
        assert "diagnostics" not in result
        assert client.notes("mazu/editor/diagnostics") == []


async def test_a_file_that_is_not_open_is_not_asked_about(env: dict[str, str], folder: Path):
    (folder / "closed.py").write_text("x = 1\n")
    call = edit_call("closed.py", "x = 1", "x = bad")
    async with editing(env, folder, "y = 1\n", [call]) as (client, _):
        await go(client)
        assert client.notes("mazu/editor/diagnostics") == []


@pytest.mark.parametrize(
    ("encoding", "column", "answered"), [("utf-16", 12, 10), ("utf-8", 14, 12), ("utf-32", 11, 9)]
)
async def test_positions_count_in_the_encoding_that_was_agreed(
    env: dict[str, str], folder: Path, encoding: str, column: int, answered: int
):
    text = "def total():\n    return 1\n\nprint('😀', total())\n"
    (folder / "other.py").write_text("s = '😀'; total = 1\n")
    call = {"name": "definition", "arguments": {"path": "app.py", "symbol": "total", "line": 4}}
    capabilities = {**lending(*KINDS), "general": {"positionEncodings": [encoding]}}
    async with agent(env, folder, [{"calls": [call]}, {"text": "Done."}], **capabilities) as client:
        client.open((folder / "app.py").as_uri(), text)
        at = {"uri": (folder / "other.py").as_uri(), "range": span(0, answered, answered + 5)}
        client.answers["mazu/editor/definition"] = lambda params: {"locations": [at]}
        (result,) = await go(client)
        assert client.notes("mazu/editor/definition")[0]["position"] == {"line": 3, "character": column}
    assert "other.py:1:10: s = '😀'; total = 1" in result


async def test_definition_references_and_symbols_reach_the_model(env: dict[str, str], folder: Path):
    text = "def total():\n    return 1\n\nprint(total())\n"
    uri = (folder / "app.py").as_uri()
    name = {"path": "app.py", "symbol": "total"}
    calls = [
        {"name": "definition", "arguments": name},
        {"name": "references", "arguments": name},
        {"name": "symbols", "arguments": {"path": "app.py"}},
        {"name": "symbols", "arguments": {"query": "tot"}},
        {"name": "diagnostics", "arguments": {}},
    ]
    symbol = {"name": "total", "kind": "Function", "containerName": None, "uri": uri, "range": span(0, 4, 9)}
    async with editing(env, folder, text, calls) as (client, _):
        here, there = ({"uri": uri, "range": span(line, 4, 9)} for line in (0, 3))
        client.answers["mazu/editor/definition"] = lambda params: {"locations": [here]}
        client.answers["mazu/editor/references"] = lambda params: {"locations": [here, there, here]}
        client.answers["mazu/editor/symbols"] = lambda params: {"symbols": [symbol, {"name": "broken"}]}
        *marked, diagnostics = await go(client)
        assert client.notes("mazu/editor/symbols") == [{"uri": uri}, {"query": "tot"}]
    assert all(told.startswith("<untrusted ") for told in marked)
    definition, references, of_file, like = ("\n".join(told.split("\n")[1:-1]) for told in marked)
    assert definition == "[definition of total at app.py:1, version 1]\napp.py:1:5: def total():"
    assert references.splitlines()[1:] == ["app.py:1:5: def total():", "app.py:4:5: print(total())"]
    assert of_file == "app.py:1: Function total\n[app.py, version 1]"
    assert like == "app.py:1: Function total"
    assert diagnostics == "the editor has no diagnostics"


async def test_nothing_is_told_of_a_file_that_may_not_be_read(env: dict[str, str], folder: Path):
    hidden = folder / "secrets/deploy.txt"
    calls = [
        {"name": "diagnostics", "arguments": {}},
        {"name": "symbols", "arguments": {"query": "PIN"}},
    ]
    at = {"uri": hidden.as_uri(), "range": span(0, 0, 3)}
    async with editing(env, folder, "x = bad\n", calls) as (client, _):
        client.open(hidden.as_uri(), "badPIN4711\n")
        client.answers["mazu/editor/symbols"] = lambda params: {
            "symbols": [{"name": "PIN4711", "kind": "Key", **at}]
        }
        first, second = await go(client)
    assert "bad is bad" in first
    assert "knows no symbols of names like PIN" in second
    assert "4711" not in first + second


async def test_a_question_that_the_editor_cannot_answer_is_a_failed_call(env: dict[str, str], folder: Path):
    call = {"name": "definition", "arguments": {"path": "app.py", "symbol": "x"}}
    async with editing(env, folder, "x = 1\n", [call]) as (client, _):
        (result,) = await go(client)
    assert result.startswith("error: The editor could not answer: ")
    assert "grep" in result
