"""A server on a socket serves its owner and nobody else: no web page, no other program, no other user."""

from __future__ import annotations

import json
import os
import random
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server.test_process import spawned

WAIT = 120.0


def message(**fields: Any) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **fields}).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def initialize(options: Any = None) -> bytes:
    params = {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": options}
    return message(id=1, method="initialize", params=params)


@contextmanager
def listening(env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], tuple[str, int], str]]:
    """A server on a free port: its process, its address, the token that it told whoever started it."""
    with spawned(env, "-m", "mazu_ls", "--tcp", "0") as process:
        assert process.stderr
        host, port = process.stderr.readline().decode().split()[-1].split(":")
        told = re.search(r'"token": "([\w-]{32,})"', process.stderr.readline().decode())
        assert told
        yield process, (host, int(port)), told[1]


def answer(address: Any, *sent: bytes) -> bytes:
    """What a peer that sends this is answered, until the server has answered once or closed."""
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    with socket.socket(family) as peer:
        peer.settimeout(WAIT)
        peer.connect(address)
        try:
            for data in sent:
                peer.sendall(data)
            return peer.recv(65536)
        except ConnectionError:
            return b""


def as_a_browser_sends_it(first: bytes, second: bytes) -> bytes:
    """A request whose referrer is chosen so that a careless reader takes it for the header of `first`."""
    return (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n"
        b"Referer: http://evil.example/?content-length:%d\r\n\r\n%b%b" % (len(first + second), len(first), first, second)
    )  # fmt: skip


STRANGERS = {
    "a web page": lambda token: as_a_browser_sends_it(initialize().partition(b"\r\n\r\n")[2], initialize()),
    "a web page that knows the token": lambda token: as_a_browser_sends_it(
        initialize({"token": token}).partition(b"\r\n\r\n")[2], b""
    ),
    "GET": lambda token: b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "no token": lambda token: initialize(),
    "an empty token": lambda token: initialize({"token": ""}),
    "another token": lambda token: initialize({"token": token[:-1] + ("a" if token[-1] != "a" else "b")}),
    "a token that is no text": lambda token: initialize({"token": {"$ne": None}}),
    "another request": lambda token: message(id=1, method="shutdown"),
    "a notification": lambda token: message(method="exit"),
    "a header before the length": lambda token: b"X: content-length: 3\r\n" + initialize({"token": token}),
    "nested too deeply": lambda token: b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000,
    "noise": lambda token: random.Random(12).randbytes(2_000),
}


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="POSIX")
def test_strangers_are_closed_and_the_owner_is_served(env: dict[str, str]):
    with listening(env) as (process, address, token):
        for name, say in STRANGERS.items():
            assert answer(address, say(token)) == b"", name
            assert process.poll() is None, name
        assert answer(address, initialize({"token": token})).startswith(b"Content-Length")
        assert process.wait(WAIT) == 1


def test_the_token_may_be_one_that_whoever_starts_it_chose(env: dict[str, str]):
    token = "chosen-by-my-own-editor"
    with spawned({**env, "MAZU_TCP_TOKEN": token}, "-m", "mazu_ls", "--tcp", "0") as process:
        assert process.stderr
        host, port = process.stderr.readline().decode().split()[-1].split(":")
        got = answer((host, int(port)), initialize({"mazu": {"token": token, "limits": {"max_steps": 3}}}))
        assert got.startswith(b"Content-Length")
        assert process.wait(WAIT) == 1
        assert token.encode() not in process.stderr.read()


def test_a_unix_socket_is_for_this_user_alone(env: dict[str, str], tmp_path: Path):
    with spawned(env, "-m", "mazu_ls", "--socket") as process:
        assert process.stderr
        place = Path(process.stderr.readline().decode().split()[-1])
        assert place.is_relative_to(env["MAZU_STATE_HOME"])
        assert place.stat().st_mode & 0o777 == 0o600
        assert place.parent.stat().st_mode & 0o777 == 0o700
        assert answer(str(place), initialize()).startswith(b"Content-Length")
        assert process.wait(WAIT) == 1
        assert not place.exists()


@pytest.mark.parametrize("kind", ["tcp", "socket"])
def test_programs_that_only_connect_take_the_place_of_no_editor(env: dict[str, str], kind: str):
    with ExitStack() as stack:
        if kind == "tcp":
            process, address, token = stack.enter_context(listening(env))
        else:
            process, token = stack.enter_context(spawned(env, "-m", "mazu_ls", "--socket")), ""
            assert process.stderr
            address = process.stderr.readline().decode().split()[-1]
        for _ in range(100):
            silent = stack.enter_context(socket.socket(socket.AF_INET if token else socket.AF_UNIX))
            silent.settimeout(WAIT)
            silent.connect(address)
        for said in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"\0" * 100,
            message(id=1, method="shutdown"),
            message(method="exit"),
        ):
            assert answer(address, said) == b"", said
        assert process.poll() is None
        assert answer(address, initialize({"token": token})).startswith(b"Content-Length")
        assert process.wait(WAIT) == 1


def test_a_path_that_is_taken_is_left_alone(env: dict[str, str], tmp_path: Path):
    (tmp_path / "taken").write_text("mine")
    with spawned(env, "-m", "mazu_ls", "--socket", str(tmp_path / "taken")) as process:
        _, err = process.communicate(timeout=WAIT)
        assert process.returncode == 1 and b"Choose another path" in err
    assert (tmp_path / "taken").read_text() == "mine"
