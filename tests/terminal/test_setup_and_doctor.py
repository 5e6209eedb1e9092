"""The wizard in a pseudo-terminal, and what `doctor --fix` puts right."""

import json
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.terminal.terminal import Terminal, project
from tests.terminal.test_scripts import Script, script  # noqa: F401


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    started = Terminal(project(tmp_path), OPENAI_API_KEY="")
    yield started
    await started.kill()


@pytest.fixture
async def script_server() -> AsyncIterator[str]:
    async with ModelServer([{"text": "Hello."}]) as server:
        yield f"{server.url}/v1"


async def test_setup_stores_a_key_that_is_never_shown(terminal: Terminal, tmp_path: Path):
    await terminal.start("setup")
    await terminal.sees("Which model?", "[a/o/d/g/l/k]")
    await terminal.says("o")
    await terminal.sees("Key (it is not shown")
    await terminal.says("sk-secret-0123456789")
    await terminal.sees("which only you may read", "Which editor?", "[v/n/e/o/t]")
    await terminal.says("n")
    await terminal.sees("vim.opt.rtp:prepend(", "A sandbox for commands?", "[a/r/k]")
    await terminal.says("r")
    await terminal.sees("shell.sandbox: stored in", "mazu-ls begins a conversation")
    assert await terminal.ends() == 0
    assert not terminal.shows("sk-secret")
    settings = tmp_path / "home" / "config.toml"
    stored = tomllib.loads(settings.read_text())
    assert stored["models"]["openai"]["api_key"] == "sk-secret-0123456789"
    assert stored["shell"]["sandbox"] == "required"
    assert settings.stat().st_mode & 0o077 == 0


async def test_setup_asks_again_for_a_model_that_the_endpoint_does_not_have(
    terminal: Terminal, script_server: str, tmp_path: Path
):
    await terminal.start("setup")
    await terminal.sees("[a/o/d/g/l/k]")
    await terminal.says("l")
    await terminal.sees("URL [")
    await terminal.says(script_server)
    await terminal.sees("Name of the model:")
    await terminal.says("gpt-script")
    await terminal.sees("has no model gpt-script. It has", "[gpt-script all the same]:")
    await terminal.says("gpt-scripted")
    await terminal.sees("Which editor?")
    stored = tomllib.loads((tmp_path / "home" / "config.toml").read_text())
    assert stored["model"] == "local:gpt-scripted"


async def test_setup_of_a_local_model_asks_again_after_no_answer(terminal: Terminal, tmp_path: Path):
    await terminal.start("setup")
    await terminal.sees("[a/o/d/g/l/k]")
    await terminal.says("what?")
    await terminal.sees("That is no answer: type one of a/o/d/g/l/k.")
    await terminal.says("l")
    await terminal.sees("URL [http://127.0.0.1:11434/v1]:")
    await terminal.says("")
    await terminal.sees("Name of the model:")
    await terminal.says("qwen3")
    await terminal.sees("Which editor?")
    await terminal.says("t")
    await terminal.sees("A sandbox for commands?")
    await terminal.says("k")
    assert await terminal.ends() == 0
    stored = tomllib.loads((tmp_path / "home" / "config.toml").read_text())
    assert stored["model"] == "local:qwen3"
    assert stored["models"]["local"]["base_url"] == "http://127.0.0.1:11434/v1"
    assert "shell" not in stored


def test_setup_without_a_terminal_says_what_does_it(script: Script):  # noqa: F811
    status, _, err = script("setup")
    assert (status, "mazu-ls config set does it without" in err) == (2, True)


def test_doctor_finds_what_it_fixes(script: Script, tmp_path: Path):  # noqa: F811
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    settings = home / "config.toml"
    settings.write_text('[models.openai]\napi_key = "sk-secret-0123456789abcdef"\n')
    settings.chmod(0o644)
    status, out, _ = script("doctor", "--json")
    found = {one["what"]: one["ok"] for one in json.loads(out)}
    assert (status, found["settings"]) == (1, False)
    assert settings.stat().st_mode & 0o777 == 0o644, "without --fix nothing is touched"
    status, out, err = script("doctor", "--fix", "--json")
    assert {one["what"]: one["ok"] for one in json.loads(out)}["settings"] is True
    assert f"only you may read {settings} now" in err
    assert settings.stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert "nothing had to be fixed" in script("doctor", "--fix")[2]
    assert "sk-secret" not in out


def test_doctor_asks_a_local_endpoint_once(script: Script):  # noqa: F811
    script.model_says({"text": "Hello."})
    address = f"{script.env.pop('ANTHROPIC_BASE_URL')}/v1"
    del script.env["ANTHROPIC_API_KEY"]
    for name, value in (("base_url", address), ("price_in", "0"), ("price_out", "0")):
        assert script("config", "set", f"models.local.{name}", value)[0] == 0
    assert script("config", "set", "model", "local:gpt-scripted")[0] == 0
    status, out, _ = script("doctor")
    assert (status, f"endpoint local {address} answers." in out) == (0, True), out
    assert "the model that is set needs none of them" in out
    listed = script("models")[1]
    assert ("local:gpt-scripted" in listed, "local:local" in listed) == (True, False), listed
    assert script("config", "set", "model", "local:nope")[0] == 0
    status, out, _ = script("doctor")
    assert (status, "has no model nope. It has claude-scripted, gpt-scripted." in out) == (1, True), out
    for chosen in (("models", "set", "local:smal-one"), ("chat", "hi", "--model", "local:smal-one")):
        assert "has no model smal-one. It has claude-scripted, gpt-scripted." in script(*chosen)[2]
    assert "has no model" not in script("models", "set", "local:gpt-scripted")[2]
    assert script("config", "set", "models.local.base_url", "http://127.0.0.1:9/")[0] == 0
    said = script("doctor")[1]
    assert "Nothing there lists its models now: http://127.0.0.1:9/models." in said, said
    assert "Most addresses end in /v1." in said

    script.env["OLLAMA_HOST"] = "127.0.0.1:9"
    assert script("config", "set", "model", "ollama:nothere")[0] == 0
    status, out, _ = script("doctor")
    assert "Nothing answers at http://127.0.0.1:9/v1 now" in script("models", "set", "ollama:nothere")[2]
    assert status == 1 and "endpoint ollama" in out and "127.0.0.1:9" in out, out


def test_a_list_is_set_as_json_too_and_an_unset_model_is_explained(script: Script):  # noqa: F811
    servers = '[{"name": "t", "command": "python3", "args": ["x.py"]}]'
    status, _, err = script("config", "set", "mcp_servers", servers)
    assert (status, err) == (0, "")
    assert json.loads(script("config", "get", "mcp_servers", "--json")[1])[0]["args"] == ["x.py"]
    assert script("config", "set", "model", "claude-opus-5")[0] == 0
    assert "the keys that are there choose one" in script("config", "unset", "model")[1]
