"""Which model a name means, what it costs, and what the user hears where there is none."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from mazu_ls.config.config import Config, ModelSettings
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import Kind, MazuError
from mazu_ls.messages import Usage, estimate_tokens
from mazu_ls.models import catalog
from mazu_ls.models.model import Prices
from mazu_ls.models.pricing import model_prices
from mazu_ls.models.pricing.call_cost import cost, with_cost
from mazu_ls.models.providers import PROVIDERS, ollama_address
from tests.models.talk import Talk, environment

pytestmark = pytest.mark.portable


ANTHROPIC = {"ANTHROPIC_API_KEY": "k1"}
OPENAI = {"OPENAI_API_KEY": "k2"}
DEEPSEEK = {"DEEPSEEK_API_KEY": "k3"}
NOWHERE = {"OLLAMA_HOST": "127.0.0.1:1"}
LOCAL = ModelSettings(model="qwen3:8b", base_url="http://127.0.0.1:8080/v1", context_window=40_000)


@pytest.mark.parametrize(
    ("name", "settings", "env", "expected"),
    [
        ("openai:gpt-4.1", "deepseek:x", {**OPENAI, "MAZU_MODEL": "anthropic:y"}, "openai:gpt-4.1"),
        (
            None,
            "openai:gpt-4.1",
            {**OPENAI, **DEEPSEEK, "MAZU_MODEL": "deepseek:deepseek-flash"},
            "deepseek:deepseek-flash",
        ),
        (None, "openai:gpt-4.1", {**OPENAI, **ANTHROPIC}, "openai:gpt-4.1"),
        (None, None, {**OPENAI, **ANTHROPIC}, f"anthropic:{PROVIDERS['anthropic'].default_model}"),
        (None, None, OPENAI, f"openai:{PROVIDERS['openai'].default_model}"),
        (
            None,
            None,
            {"ANTHROPIC_API_KEY": "", **DEEPSEEK},
            f"deepseek:{PROVIDERS['deepseek'].default_model}",
        ),
        (None, None, {"GOOGLE_API_KEY": "k"}, f"gemini:{PROVIDERS['gemini'].default_model}"),
        (None, None, {}, "local:qwen3:8b"),
        ("claude-opus-5-5", None, ANTHROPIC, "anthropic:claude-opus-5-5"),
        ("openai", None, OPENAI, f"openai:{PROVIDERS['openai'].default_model}"),
        ("ollama:qwen3:8b", None, {}, "ollama:qwen3:8b"),
        ("local", None, ANTHROPIC, "local:qwen3:8b"),
        ("local:other", None, {}, "local:other"),
    ],
)
def test_a_name_is_resolved_in_the_order_argument_environment_settings_key(name, settings, env, expected):
    config = Config(model=settings, models={"local": LOCAL})
    assert catalog.resolve(name, config, env).name == expected


@pytest.mark.parametrize("name", ["openai:gpt-4.1", "deepseek", "gemini:gemini-4-argon", "claude-opus-5-5"])
def test_a_missing_key_is_named(name):
    with pytest.raises(MazuError) as caught:
        catalog.resolve(name, Config(), {})
    assert caught.value.kind is Kind.AUTH
    assert "_API_KEY" in caught.value.hint


def test_no_key_at_all_says_which_to_set():
    with pytest.raises(MazuError) as caught:
        catalog.resolve(None, Config(), {})
    assert caught.value.kind is Kind.AUTH
    assert "ANTHROPIC_API_KEY" in caught.value.hint and "OPENAI_API_KEY" in caught.value.hint


@pytest.mark.parametrize("name", ["mistral:large", "openai:", "ollama"])
def test_a_name_that_means_nothing_says_how_names_are_written(name):
    with pytest.raises(MazuError) as caught:
        catalog.resolve(name, Config(), {**OPENAI, **NOWHERE})
    assert caught.value.kind is Kind.MODEL
    assert "provider:model" in caught.value.hint or ":model" in caught.value.hint


async def test_without_a_key_a_running_ollama_is_offered_not_taken():
    async with ModelServer() as server:
        with pytest.raises(MazuError) as caught:
            await catalog.choose(None, Config(), {"OLLAMA_HOST": server.url})
        assert "ollama:claude-scripted" in caught.value.hint
        with pytest.raises(MazuError) as caught:
            await catalog.choose("openai:gpt-4.1", Config(), {"OLLAMA_HOST": server.url})
        assert "OPENAI_API_KEY" in caught.value.hint
    with pytest.raises(MazuError) as caught:
        await catalog.choose(None, Config(), NOWHERE)
    assert "ollama:NAME" in caught.value.hint


async def test_what_is_available_is_listed_with_what_is_ready():
    async with ModelServer() as server:
        env = {**OPENAI, "OLLAMA_HOST": server.url}
        infos = await catalog.available(Config(models={"local": LOCAL}), env)
    ready = {info.name: info.ready for info in infos}
    assert ready["local:qwen3:8b"] and ready["openai:gpt-6-sol"] and ready["ollama:gpt-scripted"]
    assert not ready["anthropic:claude-opus-5-5"]
    assert len(ready) == len(infos)
    assert infos[0].spec.context_window == 40_000


def test_a_key_goes_to_its_own_address_only():
    elsewhere = Config(
        models={"mine": ModelSettings(provider="openai", model="m", base_url="https://models.example/v1")}
    )
    model = catalog.resolve("mine", elsewhere, OPENAI)
    assert "k2" not in str(tuple(model._connection.account))  # type: ignore[attr-defined]
    named = Config(
        models={"mine": ModelSettings(model="m", base_url="https://models.example/v1", api_key_env="MINE")}
    )
    assert not catalog.key_present("mine", named, OPENAI)
    with pytest.raises(MazuError) as caught:
        catalog.resolve("mine", named, OPENAI)
    assert "MINE" in caught.value.hint
    assert catalog.key_present("mine", named, {"MINE": "k"})


@pytest.mark.parametrize("key", ["sk-ant\n\nsecret", "sk-ant-s\u00e9cret", "\u201csecret\u201d"])
def test_a_key_that_was_copied_badly_is_said_without_showing_it(key):
    with pytest.raises(MazuError) as caught:
        catalog.resolve("claude-opus-5-5", Config(), {"ANTHROPIC_API_KEY": key})
    assert caught.value.kind is Kind.AUTH
    assert "ANTHROPIC_API_KEY" in caught.value.hint
    assert "secret" not in caught.value.message + caught.value.hint


async def test_a_line_end_behind_a_key_and_a_v1_behind_an_address_do_no_harm():
    async with ModelServer([{"text": "Here."}]) as server:
        settings = ModelSettings(
            provider="anthropic", model="claude-x", base_url=f"{server.url}/v1/", api_key="k\n"
        )
        talk = Talk(server, "mine", Config(models={"mine": settings}))
        assert (await talk.say("Hello.")).message.text == "Here."
        assert server.requests[0].path == "/v1/messages"


def test_an_entry_named_like_a_provider_holds_its_key():
    config = Config(models={"anthropic": ModelSettings(provider="anthropic", api_key="from the user's file")})
    assert catalog.key_present("anthropic", config, {})
    model = catalog.resolve(None, config, {})
    assert model.name == f"anthropic:{PROVIDERS['anthropic'].default_model}"
    assert model.spec.prices is not None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:9999", "http://127.0.0.1:9999/v1"),
        ("box", "http://box:11434/v1"),
        ("https://models.example", "https://models.example:443/v1"),
        ("http://[::1]:7", "http://[::1]:7/v1"),
    ],
)
def test_ollama_s_own_notation_of_its_address(given, expected):
    assert ollama_address(given) == expected


def test_what_runs_on_this_machine_is_free_and_what_ollama_forwards_is_unknown():
    here = catalog.resolve("ollama:qwen3", Config(), {})
    assert here.spec.prices == Prices(0, 0)
    assert catalog.resolve("ollama:kimi-k3:cloud", Config(), {}).spec.prices is None
    assert (
        catalog.resolve("ollama:qwen3", Config(), {"OLLAMA_HOST": "http://models.example"}).spec.prices
        is None
    )


def test_prices_cached_tokens_and_long_prompts():
    haiku = model_prices.known("anthropic", "claude-haiku-5-5-20261007")
    assert haiku is not None
    assert cost(haiku, Usage(50_000, 1000, 40_000, 10_000)) == pytest.approx((5_000 + 500 + 400 + 1250) / 1e6)
    assert cost(haiku, Usage(50_000, 1000, 40_000, 10_001)) == pytest.approx(
        5 * (5_000 + 500 + 400 + 1250.125) / 1e6
    )
    unknown = catalog.resolve("claude-of-tomorrow", Config(), ANTHROPIC).spec
    assert cost(unknown, Usage(1, 1)) is None
    assert with_cost(Usage(1, 1), Prices(1, 1)).cost_usd == 2e-6


def test_a_price_that_changes_on_a_day_changes_on_that_day():
    before, after = (
        model_prices.known("gemini", "gemini-4-argon", date(2026, month, 1)) for month in (11, 12)
    )
    assert before and after and before.prices and after.prices
    assert (before.prices.input, after.prices.input) == (2, 4)


@pytest.mark.parametrize("row", model_prices.ROWS, ids=lambda row: row.model)
def test_every_row_of_the_table_makes_sense(row):
    assert row.provider in PROVIDERS
    assert 0 < row.output < row.window
    assert row.prices.output > row.prices.input > (row.prices.cache_read or 0)
    assert catalog.resolve(
        f"{row.provider}:{row.model}", Config(), environment("http://127.0.0.1:9")
    ).spec.prices


def test_the_default_models_are_in_the_table():
    for provider in PROVIDERS.values():
        if provider.default_model:
            assert model_prices.known(provider.name, provider.default_model)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("", 0, 0), ("def f(x):\n    return x + 1\n" * 100, 700, 1500), ("漢字" * 100, 150, 400)],
)
def test_the_estimate_of_tokens_is_near(text, least, most):
    assert least <= estimate_tokens(text) <= most


def test_choosing_a_model_imports_no_sdk():
    program = (
        "import sys; from mazu_ls.models import catalog; from mazu_ls.config.config import Config\n"
        "catalog.resolve('openai:gpt-4.1', Config(), {'OPENAI_API_KEY': 'k'})\n"
        "heavy = {'anthropic', 'openai', 'httpx2', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "catalog.preload('openai', Config())\n"
        "assert 'openai' in sys.modules and 'anthropic' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
