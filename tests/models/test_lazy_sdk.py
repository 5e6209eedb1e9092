"""Of an SDK only what a request needs is imported, and it is the SDK's own."""

from __future__ import annotations

import subprocess
import sys

import pytest

CLIENT = """
import sys
from mazu_ls.models.retry import RetryPolicy
from mazu_ls.models.sdk.sdk_clients import ProviderAccount, _client
client = _client(ProviderAccount({sdk!r}, "http://127.0.0.1:1", "k"), RetryPolicy()).sdk
print(sum(name.startswith({sdk!r} + ".") for name in sys.modules))
"""
NAMES = """
import {sdk} as package
from {sdk}.types.{folder} import {name}
assert issubclass(package.RateLimitError, package.APIStatusError) and package.__version__
assert {name}.__module__.startswith("{sdk}.types.{folder}.")
assert client.{resource} is not None
print("right")
"""
BROKEN = """
import mazu_ls.models.sdk.lazy_packages as lazy
def fail(self, module):
    raise ImportError("an SDK of tomorrow")
lazy._PackageLoader.exec_module = fail
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("sdk", "folder", "name", "resource", "most"),
    [
        ("anthropic", "beta", "BetaMessage", "messages", 60),
        ("openai", "chat", "ChatCompletion", "chat.completions", 200),
    ],
)
def test_a_client_needs_few_modules_and_the_rest_is_there_when_asked_for(sdk, folder, name, resource, most):
    said = run(
        CLIENT.format(sdk=sdk) + NAMES.format(sdk=sdk, folder=folder, name=name, resource=resource)
    ).split()
    assert int(said[0]) < most and said[1] == "right"


def test_an_sdk_that_cannot_be_imported_in_parts_is_imported_as_a_whole():
    assert int(run(BROKEN + CLIENT.format(sdk="openai"))) > 300


ERRORS = """
import asyncio, httpx2, threading
import mazu_ls.models.sdk.sdk_clients as clients
late = sys.modules["anthropic._error_classes"]
assert "ERROR_CLASSES" not in vars(late) and not hasattr(late, "__path__")
seen = []
usual = late._usual.exec_module
late._usual.exec_module = lambda module: (seen.append(threading.current_thread() is threading.main_thread()), usual(module))
body = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
def answer(request):
    return httpx2.Response(429, json=body)
async def ask():
    http = client._client
    http._transport = httpx2.MockTransport(answer)
    http._mounts = {}
    await client.post("/v1/messages", body={}, cast_to=object)
try:
    asyncio.run(ask())
except Exception as error:
    import anthropic
    assert type(error) is anthropic.RateLimitError, error
    assert "slow down" in str(error)
    assert vars(late)["ERROR_CLASSES"] and late.make_status_error.__module__ == "anthropic._error_classes"
    print(seen)
"""


def test_the_classes_of_errors_are_imported_for_the_first_error_off_the_event_loop():
    assert run(CLIENT.format(sdk="anthropic") + ERRORS).split("\n")[1] == "[False]"
