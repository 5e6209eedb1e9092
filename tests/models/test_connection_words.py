"""What answers in place of a model service, or does not: one sentence that says what to do, without HTML."""

from __future__ import annotations

import socket

import pytest

from mazu_ls.errors import Kind
from mazu_ls.models.retry import RetryPolicy
from mazu_ls.models.sdk.connection_words import proxy_of, web_page
from tests.models.test_endpoints import PROVIDERS, failure, http, proxies, talk_to
from tests.models.test_proxy_login import proxy

__all__ = ["proxies"]
PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n<hr>nginx\r\n</body>\r\n</html>\r\n"
PATIENCE = RetryPolicy(retries=1, base=0.01, cap=0.02, first=40.0, idle=40.0, connect=40.0)


def page(title: str, status: str) -> bytes:
    return http(PAGE.format(title).encode(), status, "text/html")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "405 Method Not Allowed", "200 OK"])
async def test_a_web_page_is_named_by_its_title(provider, status):
    error, asked = await failure(page("Hotel &amp; Bar \x1b[31m", status), provider)
    assert (error.kind, asked) == (Kind.CONFIG, 1)
    assert 'no model service: it answered with a web page, "Hotel & Bar [31m"' in error.message
    assert "<" not in error.message and "\x1b" not in error.message
    assert "base_url" in error.hint and "login page" in error.hint


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [("502 Bad Gateway", Kind.OVERLOADED), ("503 Slow", Kind.OVERLOADED), ("402 Pay", Kind.BUDGET)],
)
async def test_a_page_with_a_status_that_says_enough_is_cut_to_its_title(provider, status, kind):
    error, _ = await failure(page("Bad Gateway", status), provider)
    assert error.kind is kind
    assert '"Bad Gateway"' in error.message and "<" not in error.message and "nginx" not in error.message


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_network_that_wants_a_login_is_asked_once(provider):
    error, asked = await failure(page("Log in", "511 Network Authentication Required"), provider)
    assert (error.kind, asked) == (Kind.NETWORK, 1)
    assert "browser" in error.hint


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_json_of_another_service_is_asked_for_once(provider):
    error, asked = await failure(http({"hello": "world"}), provider)
    assert (error.kind, asked) == (Kind.CONFIG, 1)
    assert "no model service" in error.message


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_text_of_several_lines_stays_one_sentence(provider):
    error, _ = await failure(http(b"404 page\r\n\r\n not found\n", "404 Not Found", "text/plain"), provider)
    assert "404 page not found." in error.message and "\n" not in error.message


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("variable", "scheme"), [("HTTPS_PROXY", "http"), ("ALL_PROXY", "socks5"), ("ALL_PROXY", "http")]
)
async def test_a_dead_proxy_is_named_with_its_variable(provider, variable, scheme, proxies):
    port = free_port()
    proxies(**{variable: f"{scheme}://me:secret@127.0.0.1:{port}"})
    error = await talk_to("https://model.invalid", provider, PATIENCE).fails("Hello.")
    assert error.kind is Kind.NETWORK
    assert (
        f"The proxy 127.0.0.1:{port} ({variable})" in error.message
        and "cannot be reached: connection refused" in error.message
    )
    assert variable in error.hint
    assert "secret" not in error.message + error.hint and "Errno" not in error.message


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_proxy_that_does_not_get_through_is_named(provider, proxies):
    async with proxy(page("No route", "502 Bad Gateway")) as port:
        proxies(HTTPS_PROXY=f"http://127.0.0.1:{port}")
        error = await talk_to("https://model.invalid", provider, PATIENCE).fails("Hello.")
    assert f"The proxy 127.0.0.1:{port} (HTTPS_PROXY) did not connect" in error.message
    assert "502 Bad Gateway" in error.message and "<" not in error.message


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_nobody_at_the_port_and_no_such_host_are_told_apart(provider, proxies):
    proxies()
    port = free_port()
    refused = await talk_to(f"http://127.0.0.1:{port}", provider, PATIENCE).fails("Hello.")
    assert f"Nothing listens at http://127.0.0.1:{port}" in refused.message and "Errno" not in refused.message
    assert "Start the model server" in refused.hint
    unknown = await talk_to("http://no-such-host.invalid", provider, PATIENCE).fails("Hello.")
    assert "The host no-such-host.invalid of" in unknown.message and "is not found" in unknown.message
    assert refused.kind is unknown.kind is Kind.NETWORK


@pytest.mark.parametrize(
    "text", ["", "404 page not found", '{"error": "<html>"}', "a < b", "<think>no</think>"]
)
def test_what_is_no_page_is_none(text: str):
    assert web_page(text) is None


def test_a_page_without_a_title_is_a_page():
    assert web_page("<!DOCTYPE html>\n<body>no</body>") == "a web page"
    assert web_page(" <H1>Not   here</H1>") == 'a web page, "Not here"'


def test_no_proxy_is_named_for_what_needs_none(proxies):
    proxies(HTTPS_PROXY="http://proxy:1", NO_PROXY="localhost")
    assert proxy_of("https://localhost/v1") is proxy_of("http://far.example") is None
    assert proxy_of("https://far.example/v1") == ("proxy:1", "HTTPS_PROXY")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("400 Bad Request", "registry.ollama.ai/library/gemma3:latest does not support tools"),
        ("404 Not Found", "No endpoints found that support tool use. To learn more, see the documentation"),
        (
            "400 Bad Request",
            "tools is not supported in this model. For a list of supported models, see there",
        ),
    ],
)
async def test_a_model_without_tools_is_said_to_be_one(provider, status, said):
    error, asked = await failure(http({"error": {"message": said, "type": "api_error"}}, status), provider)
    assert (error.kind, asked) == (Kind.MODEL, 1)
    assert f"cannot call tools, which the agent works with: {said[:40]}" in error.message
    assert "another model" in error.hint and "`mazu.ask`" in error.hint


@pytest.mark.parametrize("said", ["tool_choice is not supported", "does not support tool_choice"])
async def test_a_model_that_cannot_be_forced_to_a_tool_is_no_model_without_tools(said):
    error, _ = await failure(http({"error": {"message": said}}, "400 Bad Request"), "openai")
    assert "did not take the request (status 400)" in error.message


@pytest.mark.parametrize(
    "before", ["", "\ufeff", '<?xml version="1.0" encoding="iso-8859-1"?>\n', "<!-- a -->\n<!-- b > c -->\n"]
)
def test_a_web_page_is_known_by_what_it_begins_with(before: str) -> None:
    page = f"{before}<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0//EN'>\n<html><title>404 - Not Found</title></html>"
    assert web_page(page) == 'a web page, "404 - Not Found"'
    assert web_page(f"{before}<error>no</error>") is None
