"""web_fetch against a server on this machine: public addresses only, every limit kept."""

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from mazu_ls.config.config import WebSettings
from mazu_ls.errors import ToolError
from mazu_ls.tools.web import addresses, fetch
from mazu_ls.tools.web.addresses import is_public
from mazu_ls.tools.web.charsets import is_of_the_web
from mazu_ls.tools.web.fetch import web_fetch
from mazu_ls.tools.web.html_to_text import html_to_text

PAGE = """<!doctype html><html><head><title>The page</title><style>x{}</style></head><body>
<nav><a href="/menu">menu</a></nav><main><h1>Heading</h1><p>First  paragraph with a <a href="/next">link</a> and <code>code</code>.</p>
<ul><li>one</li><li>two<ol><li>deep</li></ol></li></ul><pre>def f():
    return 1</pre><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
<script>alert("no")</script></main><footer>imprint</footer></body></html>"""


@contextlib.asynccontextmanager
async def serving(answers: dict[str, bytes]) -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).decode().split(" ")[1]
        while (await reader.readline()).strip():
            pass
        if path == "/slow":
            await asyncio.sleep(30)
        with contextlib.suppress(ConnectionError):
            writer.write(answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"))
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def response(body: bytes, media: str = "text/html", extra: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def redirect(to: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_a_page_is_readable_text_from_a_stranger(project) -> None:
    project.configure(web=WebSettings(allow_private=True))
    async with serving({"/": response(PAGE.encode())}) as url:
        output = await project.call(web_fetch, url=f"{url}/")
        assert output.untrusted == f"{url}/"
    assert "# Heading" in output.text
    assert f"First paragraph with a [link]({url}/next) and `code`." in output.text
    assert "```\ndef f():\n    return 1\n```" in output.text
    assert "| 1 | 2" in output.text
    for gone in ("menu", "alert", "imprint", "x{}"):
        assert gone not in output.text


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "0.0.0.0",
        "169.254.169.254",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "2130706433",
    ],
)
async def test_private_addresses_are_refused_before_anything_is_sent(project, host: str) -> None:
    with pytest.raises(ToolError, match=r"not a public address|no address"):
        await project.call(web_fetch, url=f"http://{host}:9/")


async def test_a_redirect_is_checked_like_the_first_address(project, monkeypatch) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    answers = {
        "/in": redirect("http://10.0.0.1/"),
        "/file": redirect("file:///etc/passwd"),
        "/loop": redirect("/loop"),
        "/other": redirect("http://127.0.0.1:9/there"),
        "/bad": redirect("http://127.0.0.1:port/"),
        "/ok": redirect("/end"),
    }
    async with serving({**answers, "/end": response(b"there", "text/plain")}) as url:
        assert await project.text(web_fetch, url=f"{url}/ok") == "there"
        for path, said in (
            ("/in", "10.0.0.1"), ("/file", "not an http"), ("/loop", "more than 5 redirects"),
            ("/other", "another host: http://127.0.0.1:9/there"), ("/bad", "no address"),
        ):  # fmt: skip
            with pytest.raises(ToolError, match=said):
                await project.call(web_fetch, url=f"{url}{path}")


async def test_a_host_beyond_ascii_is_fetched_by_the_name_that_is_looked_up(project) -> None:
    project.configure(web=WebSettings(allow_private=True))
    async with serving({"/": response(b"there", "text/plain")}) as url:
        port = url.rpartition(":")[2]
        for host in ("\uff4cocalhost", "127\u30020\u30020\u30021", "127.1"):
            assert await project.text(web_fetch, url=f"http://{host}:{port}/") == "there"
    with pytest.raises(ToolError, match="no address that can be fetched"):
        await project.call(web_fetch, url="http://localhost:999999/")


async def test_a_name_with_a_public_and_a_private_address_is_a_trick(project, monkeypatch) -> None:
    async def both(*_: object, **__: object) -> list:
        return [(2, 1, 6, "", ("93.184.215.14", 80)), (2, 1, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    with pytest.raises(ToolError, match=r"127\.0\.0\.1"):
        await project.call(web_fetch, url="http://rebinding.example/")


async def test_size_time_and_kind_are_limited(project, monkeypatch) -> None:
    project.configure(web=WebSettings(allow_private=True))
    bomb = gzip.compress(b"x" * 30_000_000)
    answers = {
        "/bomb": response(bomb, "text/plain", "Content-Encoding: gzip\r\n"), "/bin": response(b"\x7fELF\0\0\xff", "application/octet-stream"),
        "/long": response(b"word\n" * 20_000, "text/plain"), "/latin": response("caf\xe9".encode("latin-1"), "text/plain; charset=iso-8859-1"),
        "/puny": response("bcher-kva \xe9".encode(), "text/plain; charset=punycode"),
    }  # fmt: skip
    async with serving(answers) as url:
        assert "larger than 5 MiB" in await project.text(web_fetch, url=f"{url}/bomb")
        assert await project.text(web_fetch, url=f"{url}/latin") == "café"
        assert await project.text(web_fetch, url=f"{url}/puny") == "bcher-kva é", "decoded by its bytes"
        long = await project.text(web_fetch, url=f"{url}/long")
        assert "continue with offset=" in long
        assert len(long) < 31_000
        missing = await project.call(web_fetch, url=f"{url}/missing")
        assert (missing.ok, missing.text) == (False, "[status 404]\nnone")
        with pytest.raises(ToolError, match="not text"):
            await project.call(web_fetch, url=f"{url}/bin")
        monkeypatch.setattr(fetch, "SECONDS", 0.5)
        with pytest.raises(ToolError, match="did not answer"):
            await project.call(web_fetch, url=f"{url}/slow")


def test_a_page_names_no_codec_that_is_no_encoding_of_text() -> None:
    assert all(
        map(is_of_the_web, ["utf8", "Latin1", "windows-1252", "Shift_JIS", "gb18030", "KOI8-R", "euc-kr"])
    )
    bad = [
        "punycode",
        "idna",
        "unicode_escape",
        "utf_7",
        "raw_unicode_escape",
        "rot13",
        "zlib",
        "no\0name",
        "x" * 999,
        None,
    ]
    assert not any(map(is_of_the_web, bad))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1",
        "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "ff02::1", "192.0.2.1",
        "fec0::1", "3fff::1", "192.0.0.8", "192.88.99.1", "100::1",
    ],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


def test_broken_html_is_read_as_far_as_it_goes() -> None:
    assert html_to_text("<p>one<p>two<b>three</i><script>x", "http://x") == "one\n\ntwothree"


ATTACKS = {
    "comments": "<!--" * 500_000, "tags": "<a " * 400_000, "nesting": "<nav>" * 300_000 + "</p>" * 300_000,
    "blanks": "<pre>```" + " " * 2_000_000 + "x", "marked sections": "<![" * 400_000, "ends": "</a " * 400_000,
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_page_made_to_keep_the_reader_busy_is_ended(project, monkeypatch, attack: str) -> None:
    """By a process of its own, which is killed: some of these took hours in one call that nothing could interrupt."""
    project.configure(web=WebSettings(allow_private=True))
    monkeypatch.setattr(fetch, "PARSE_SECONDS", 1.0)
    async with serving({"/": response(ATTACKS[attack].encode())}) as url:
        try:
            await project.call(web_fetch, url=f"{url}/")
        except ToolError as error:
            assert "is made so that it cannot be read" in str(error)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")
async def test_the_reader_of_a_page_is_started_without_keys(project, monkeypatch, tmp_path: Path) -> None:
    """Shown with a reader that says what it was started with."""
    reader = tmp_path / "reader.py"
    reader.write_text("print(open('/proc/self/environ').read())")
    monkeypatch.setattr(fetch.html_to_text, "__file__", str(reader))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-the-user")
    monkeypatch.setenv("PLAIN_SETTING", "kept")
    project.configure(web=WebSettings(allow_private=True))
    async with serving({"/": response(PAGE.encode())}) as url:
        text = await project.text(web_fetch, url=f"{url}/")
    assert "PLAIN_SETTING=kept" in text
    assert "key-of-the-user" not in text and "ANTHROPIC_API_KEY" not in text


async def test_the_address_that_was_checked_is_the_address_connected_to(project, monkeypatch) -> None:
    """DNS rebinding: a resolver that says something else as soon as it is asked again is not asked again."""
    answers = ["203.0.114.7", "127.0.0.1", "127.0.0.1"]
    asked: list[str] = []
    connected: list[str] = []

    async def resolve(host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers[len(asked) - 1], port))]

    async def connect(remote_host: str, **_: object) -> None:
        connected.append(remote_host)
        raise OSError("no such network here")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    monkeypatch.setattr(anyio, "connect_tcp", connect)
    with pytest.raises(ToolError):
        await project.call(web_fetch, url="http://rebind.example/")
    assert (asked, connected) == (["rebind.example"], ["203.0.114.7"])
