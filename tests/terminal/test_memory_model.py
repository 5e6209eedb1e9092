"""`mazu-ls memory model`: nothing is downloaded unasked, and nothing but what was published is kept."""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path

import pytest

from mazu_ls.memory.hub.published_models import PUBLISHED_MODELS
from mazu_ls.terminal.verbs.setting_up.memory_model import use_model
from tests.hub_server import HubServer
from tests.memory.test_model_download import AT, PIECES, WEIGHTS, small_model
from tests.terminal.terminal import Terminal, project
from tests.terminal.test_scripts import Script, script  # noqa: F401


async def test_it_is_downloaded_only_after_a_yes(tmp_path: Path):
    e5 = next(model for model in PUBLISHED_MODELS if model.name == "multilingual-e5-small")
    with HubServer({}) as hub:
        terminal = Terminal(project(tmp_path), columns=200, HF_ENDPOINT=hub.url)
        await terminal.start("memory", "model", e5.name)
        await terminal.sees("Download multilingual-e5-small?", "licence: MIT", "135 MB", "[y/n]")
        await terminal.sees(
            f"{hub.url}/{e5.repository}/resolve/{e5.revision}/tokenizer.json", e5.files[0].sha256
        )
        await terminal.says("n")
        await terminal.sees("Nothing was downloaded.")
        assert await terminal.ends() == 1 and hub.asked == []
        terminal = Terminal(terminal.root, columns=200, HF_ENDPOINT=hub.url)
        await terminal.start("memory", "model", e5.name)
        await terminal.sees("[y/n]")
        await terminal.says("y")
        await terminal.sees("answered 404")
        assert await terminal.ends() == 1 and hub.asked
        assert not (tmp_path / "home" / "config.toml").exists()


def test_where_nobody_can_be_asked_it_says_how_to_agree(script: Script):  # noqa: F811
    with HubServer({}) as hub:
        script.env["HF_ENDPOINT"] = hub.url
        status, _, err = script("memory", "model", "all-MiniLM-L6-v2")
        assert (status, hub.asked) == (4, [])
        assert "--yes agrees" in err and PUBLISHED_MODELS[2].files[1].sha256 in err
    status, out, _ = script("memory", "model")
    assert status == 0 and "multilingual-e5-small" in out and "135 MB" in out


async def test_a_downloaded_model_is_used_until_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("MAZU_HOME", str(tmp_path))
    with HubServer({AT + "onnx/model.onnx": WEIGHTS, AT + "tokenizer.json": PIECES}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        assert await use_model(small_model(), False, agreed=True) == 0
    stored = tomllib.loads((tmp_path / "config.toml").read_text())
    assert stored["memory"]["embeddings"] == str(tmp_path / "models" / "small")
    assert "memory.embeddings: stored in" in capsys.readouterr().out


def test_a_model_that_is_off_is_said_and_memories_are_found_without_it(script: Script, tmp_path: Path):  # noqa: F811
    """Also those that are remembered meanwhile; what answers nothing delays nobody for long."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, and says nothing
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        (tmp_path / "home").mkdir(exist_ok=True)
        (tmp_path / "home" / "config.toml").write_text(
            f'[memory]\nembeddings = "mine:nomic"\n[models.mine]\nprovider = "openai"\nbase_url = "{address}"\n'
        )
        assert script("remember", "The payment provider is Stripe")[0] == 0
        status, out, _ = script("recall", "who processes credit cards")
        assert status == 0 and "The payment provider is Stripe" in out and "close in meaning" in out
        said = "The model of memory.embeddings is not used at present"
        assert f"{said}, memories are found by the built-in one: mine:nomic has not answered within" in out
        assert said in script("status")[1] and said in script("doctor")[1]
        # The agent is told once in a turn, without what the endpoint answered.
        asked = [
            {"name": name, "arguments": {"query": "credit cards"}}
            for name in ("recall", "memory_search", "recall")
        ]
        script.model_says(
            *({"calls": [one]} for one in asked),
            {"text": "Stripe."},
            {"calls": asked[:1]},
            {"text": "Still."},
        )
        for turn in (1, 2):
            assert script("chat", "who takes the money?", *(["--continue"] if turn == 2 else []))[0] == 0
            journals = "".join(path.read_text() for path in (tmp_path / "state").rglob("*.jsonl"))
            told = f"[{said}, memories are found by the built-in one. Other words may find more.]"
            assert journals.count(told) == turn


def test_what_is_merely_near_is_listed_as_such_below_what_was_found(script: Script):  # noqa: F811
    for fact in ("The payment provider is Stripe", "Invoices are due within thirty days", "I like tabs"):
        assert script("remember", fact)[0] == 0
    out = script("recall", "stripe invoices payment cards")[1]
    found, _, near = out.partition("No match, only the nearest in meaning:\n")
    assert "Stripe" in found and "tabs" not in found
    assert "no match" not in out and ("tabs" in near or not near)
