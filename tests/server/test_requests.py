"""Every request gets exactly one answer, and the right one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import Client, RpcFailure

PLACE = {"textDocument": {"uri": "file:///a.py"}, "position": {"line": 0, "character": 0}}


async def failure(client: Client, method: str, params: Any = None) -> RpcFailure:
    with pytest.raises(RpcFailure) as caught:
        await client.ask(method, params, within=60)
    assert "Traceback" not in str(caught.value.data)
    return caught.value


async def test_requests_before_initialize_are_refused_and_notifications_dropped(client: Client):
    client.notify("textDocument/didOpen", {"nonsense": True})
    assert (await failure(client, "workspace/executeCommand", {"command": "mazu.status"})).code == -32002
    assert (await failure(client, "shutdown")).code == -32002
    assert (await failure(client, "no/such")).code == -32002


async def test_a_second_initialize_is_refused(client: Client, folder: Path):
    await client.initialize(folder)
    assert (await failure(client, "initialize", {"capabilities": {}})).code == -32600


async def test_after_shutdown_only_exit_is_expected(client: Client, folder: Path):
    await client.initialize(folder)
    assert await client.ask("shutdown") is None
    assert (await failure(client, "workspace/executeCommand", {"command": "mazu.status"})).code == -32600
    assert (await failure(client, "shutdown")).code == -32600


async def test_an_unknown_method_is_named(client: Client, folder: Path):
    await client.initialize(folder)
    error = await failure(client, "textDocument/teleport", {})
    assert error.code == -32601
    assert "textDocument/teleport" in error.message
    assert (await failure(client, "$/unheardOf")).code == -32601


MALFORMED = [
    ("initialize", None, "params"),
    ("initialize", [], "params"),
    ("initialize", {"processId": 1}, "capabilities"),
    ("initialize", {"capabilities": []}, "capabilities"),
    ("initialize", {"capabilities": {}, "workspaceFolders": [{"name": "x"}]}, "workspaceFolders[0].uri"),
    ("workspace/executeCommand", None, "params"),
    ("workspace/executeCommand", {}, "command"),
    ("workspace/executeCommand", {"command": 3}, "command"),
    ("workspace/executeCommand", {"command": "mazu.status", "arguments": {}}, "arguments"),
    ("textDocument/codeAction", {}, "textDocument"),
    ("textDocument/codeAction", {"textDocument": {"uri": "file:///a"}, "range": {}, "context": {}}, "range"),
]


@pytest.mark.parametrize(("method", "params", "field"), MALFORMED)
async def test_malformed_params_name_the_field(
    client: Client, folder: Path, method: str, params: Any, field: str
):
    if method != "initialize":
        await client.initialize(folder)
    error = await failure(client, method, params)
    assert error.code == -32602
    assert field in error.message


ARGUMENTS = [
    ("mazu.remember", {"titel": "x"}, "titel"),
    ("mazu.remember", {}, "title"),
    ("mazu.remember", {"title": 5}, "title"),
    ("mazu.remember", {"title": "x", "category": "gossip"}, "category"),
    ("mazu.remember", {"title": "x", "tags": ["a", 1]}, "tags[1]"),
    ("mazu.remember", {"title": "half \ud83d"}, "title"),
    ("mazu.recall", {"query": "x", "limit": "1"}, "limit"),
    ("mazu.recall", {"query": "x", "limit": 0}, "limit"),
    ("mazu.run", {"task": "x", "maxSteps": 1.5}, "maxSteps"),
    ("mazu.run", {"task": "x", "allowShell": 1}, "allowShell"),
    ("mazu.rollback", {"only": ["everything"]}, "only[0]"),
    ("mazu.edit", {"uri": "file:///a", "instruction": "x"}, "range"),
    ("mazu.permissions.mode", {"mode": "yolo"}, "mode"),
    ("mazu.permissions.check", {"arguments": {}}, "tool"),
    ("mazu.permissions.check", {"tool": "run_shell", "arguments": {}}, "arguments.command"),
    ("mazu.permissions.check", {"tool": "run_shell", "arguments": {"command": 5}}, "arguments.command"),
    ("mazu.permissions.check", {"tool": "edit_file", "arguments": {"path": ["a"]}}, "arguments.path"),
    ("mazu.chat", {"message": ""}, "message"),
    ("mazu.chat", {"message": " \n"}, "message"),
    ("mazu.run", {"task": "\t"}, "task"),
    ("mazu.ask", {"question": ""}, "question"),
    ("mazu.council", {"question": "\u3000"}, "question"),
    (
        "mazu.edit",
        {
            "uri": "file:///a",
            "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}},
            "instruction": "  ",
        },
        "instruction",
    ),
    ("mazu.chat", {"attachments": [{"path": "x"}], "message": "m"}, "attachments[0]"),
]


@pytest.mark.parametrize(("command", "arguments", "field"), ARGUMENTS)
async def test_wrong_arguments_name_the_field(
    client: Client, folder: Path, command: str, arguments: Any, field: str
):
    await client.initialize(folder)
    with pytest.raises(RpcFailure) as caught:
        await client.command(command, arguments)
    assert caught.value.code == -32602
    assert field in caught.value.message


async def test_a_command_takes_one_object(client: Client, folder: Path):
    await client.initialize(folder)
    for arguments in ([{}, {}], ["text"], [[]], [1]):
        error = await failure(
            client, "workspace/executeCommand", {"command": "mazu.recall", "arguments": arguments}
        )
        assert error.code == -32602


async def test_an_unknown_command_is_said(client: Client, folder: Path):
    await client.initialize(folder)
    with pytest.raises(RpcFailure, match=r"mazu\.rol1back") as caught:
        await client.command("mazu.rol1back")
    assert caught.value.code == -32602


INVALID = [
    b"null",
    b"5",
    b'"text"',
    b"[]",
    b'[{"jsonrpc":"2.0","id":1,"method":"shutdown"}]',
    b"{}",
    b'{"jsonrpc":"2.0"}',
    b'{"jsonrpc":"1.0","id":7,"method":"shutdown"}',
    b'{"id":7,"method":"shutdown"}',
    b'{"jsonrpc":"2.0","id":7,"method":5}',
    b'{"jsonrpc":"2.0","id":null,"method":"shutdown"}',
    b'{"jsonrpc":"2.0","id":[1],"method":"shutdown"}',
    b'{"jsonrpc":"2.0","id":true,"method":"shutdown"}',
]


@pytest.mark.parametrize("body", INVALID)
async def test_what_is_no_message_is_answered_and_the_server_goes_on(
    client: Client, folder: Path, body: bytes
):
    await client.initialize(folder)
    client.bytes(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    answer = await client.until(lambda message: "error" in message, within=60)
    assert answer["error"]["code"] == -32600
    assert (await failure(client, "still/alive")).code == -32601


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"{'a':1}", b"\xff\xfe", b"", b'{"jsonrpc":"2.0","id":1,', b"[" * 100_000,
        b'{"jsonrpc":"2.0","id":1,"method":"caf\xe9"}', b'{"jsonrpc":"2.0","caf\xe9":1}',
    ],
)  # fmt: skip
async def test_what_is_no_json_is_a_parse_error(client: Client, folder: Path, body: bytes):
    await client.initialize(folder)
    client.bytes(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    answer = await client.until(lambda message: "error" in message, within=60)
    assert answer["error"]["code"] == -32700
    assert answer["id"] is None
    assert (await failure(client, "still/alive")).code == -32601


GARBAGE = [
    b"Content-Length: -5\r\n\r\n",
    b"Content-Length: 99999999999999\r\n\r\n",
    b"Content-Length: ten\r\n\r\n",
    b"Content-Length:\r\n\r\n",
    b'Content-Type: x\r\n\r\n{"jsonrpc":"2.0","id":99,"method":"shutdown"}',
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\n\r\n\r\n",
    b"x" * 200_000,
    b'Content-Length: 10\r\n\r\n{"jsonrpc":"2.0","id":99,"method":"shutdown"}',
]


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_after_garbage_between_messages_the_next_one_is_heard(
    client: Client, folder: Path, garbage: bytes
):
    await client.initialize(folder)
    client.bytes(garbage)
    assert (await failure(client, "still/alive")).code == -32601


async def test_headers_may_come_in_any_pieces(client: Client, folder: Path):
    await client.initialize(folder)
    body = b'{"jsonrpc":"2.0","id":"p","method":"no/such"}'
    for byte in b"content-type: x\r\nCONTENT-LENGTH:%d\r\n\r\n%b" % (len(body), body):
        client.bytes(bytes([byte]))
    assert (await client.until(lambda message: message.get("id") == "p"))["error"]["code"] == -32601


async def test_one_answer_each_when_the_same_id_is_used_twice(client: Client, folder: Path):
    await client.initialize(folder)
    request = {
        "jsonrpc": "2.0",
        "id": "twin",
        "method": "workspace/executeCommand",
        "params": {"command": "mazu.status"},
    }
    client.raw(request)
    client.raw(request)
    await client.until(lambda message: message.get("id") == "twin" and "result" in message)
    answers = [message for message in client.received if message.get("id") == "twin"]
    assert sorted("error" in answer for answer in answers) == [False, True]


async def test_a_cancelled_request_is_answered_once_as_cancelled(client: Client, folder: Path):
    await client.initialize(folder)
    number, future = client.start("workspace/executeCommand", {"command": "mazu.status"})
    client.notify("$/cancelRequest", {"id": number})
    with pytest.raises(RpcFailure) as caught:
        await asyncio.wait_for(future, 60)
    assert caught.value.code == -32800
    client.notify("$/cancelRequest", {"id": number})
    client.notify("$/cancelRequest", {"id": "never"})
    assert await client.command("mazu.status")
    assert client.stray == []


async def test_an_answer_to_nothing_is_ignored(client: Client, folder: Path):
    await client.initialize(folder)
    client.raw({"jsonrpc": "2.0", "id": "mazu-77", "result": 1})
    client.raw({"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "x"}})
    assert await client.command("mazu.status")
