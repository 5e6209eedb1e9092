"""A plain address whose server moved to TLS: the redirect is followed, and its certificate must be trusted."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import Kind
from mazu_ls.models.sdk.sdk_clients import close_clients
from tests.models.test_endpoints import PATIENCE, PROVIDERS, forward, http, talk_to

# Made for this test, valid for 127.0.0.1 until 2126; protects nothing.
SERVER = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg07as3QbGAHUO7Ddc
0uF58xRuD2pHeeUakZ7UjZccFJShRANCAARaWKC1uwJ5tEi0aMYdF4jYzo3SWzCV
zaQzDYDwXvPvwlPw6TXyQmS8QQKxdR8n5k31xkYUTqMC7u8qjQ3/HGtT
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUCdQRyIe/NeOKvyj0OIk7he1QroMwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNzA5MDIzOFoYDzIxMjYxMTAz
MDkwMjM4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARaWKC1uwJ5tEi0aMYdF4jYzo3SWzCVzaQzDYDwXvPvwlPw6TXyQmS8
QQKxdR8n5k31xkYUTqMC7u8qjQ3/HGtTo2QwYjAdBgNVHQ4EFgQUhlTtMc5Fsmwb
LNUl2EqC9wroZyswHwYDVR0jBBgwFoAUhlTtMc5FsmwbLNUl2EqC9wroZyswDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYC
IQDIOGDy6bOl0NiMf4nUNhakf0cQB/nkcqiREQavcxwtkQIhAOgLZ19jeg3Gm8IA
Sm/gmRNuyzAlBfekO34lS/PaTIiG
-----END CERTIFICATE-----
"""


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("trusted", [True, False])
async def test_a_redirect_to_tls_is_followed_if_its_certificate_is_trusted(
    provider: str, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "server.pem"
    certificate.write_text(SERVER)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)

    async with ModelServer([{"text": "Here."}]) as model:

        async def secured(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await forward(await reader.readuntil(b"\r\n\r\n"), reader, writer, model.port)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(secured, "127.0.0.1", 0, ssl=tls) as secure:
            port = secure.sockets[0].getsockname()[1]

            async def moved(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                location = f"location: https://127.0.0.1:{port}{path}\r\n"
                writer.write(http(b"", "307 Temporary", more=location))
                await writer.drain()
                writer.close()

            async with await asyncio.start_server(moved, "127.0.0.1", 0) as plain:
                talk = talk_to(f"http://127.0.0.1:{plain.sockets[0].getsockname()[1]}", provider, PATIENCE)
                if trusted:
                    assert (await talk.say("Hello.")).message.text == "Here."
                else:
                    error = await talk.fails("Hello.")
                    assert error.kind is Kind.CONFIG, error
                    assert "certificate" in error.message.lower()
    await close_clients()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_plain_address_needs_no_certificates(provider, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    async with ModelServer([{"text": "Here."}]) as model:
        assert (await talk_to(model.url, provider, PATIENCE).say("Hello.")).message.text == "Here."
    await close_clients()
