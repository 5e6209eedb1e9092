"""A conversation with a scripted model over a real SDK, for tests that read like stories."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

from mazu_ls.config.config import Config
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import MazuError
from mazu_ls.messages import Message, Part, Text, ToolResult
from mazu_ls.models import catalog
from mazu_ls.models.model import (
    AnswerRestarted,
    Chunk,
    Model,
    ModelAnswer,
    ModelRequest,
    RetryScheduled,
    TextDelta,
    ToolSpec,
)
from mazu_ls.models.retry import RetryPolicy

QUICK = RetryPolicy(retries=2, base=0.01, cap=0.02, longest_wait=0.4, first=60.0, idle=60.0)
"""Soon tries again; a slow machine does not look like a silent service."""
MODELS = {
    "anthropic": "anthropic:claude-haiku-4-5",
    "openai": "openai:gpt-4.1",
    "responses": "openai:gpt-6.1-sol",
    "deepseek": "deepseek:deepseek-v4-pro",
}
READ = ToolSpec("read_file", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})


def environment(url: str) -> dict[str, str]:
    """Keys and addresses that lead every provider to one server."""
    return {
        "ANTHROPIC_API_KEY": "sk-ant-of-a-test-0123456789",
        "ANTHROPIC_BASE_URL": url,
        "OPENAI_API_KEY": "sk-of-a-test-0123456789",
        "OPENAI_BASE_URL": f"{url}/v1",
        "DEEPSEEK_API_KEY": "sk-deep-of-a-test-0123456789",
        "DEEPSEEK_BASE_URL": url,
        "GEMINI_API_KEY": "AIza-of-a-test-0123456789",
        "GEMINI_BASE_URL": f"{url}/v1beta/openai/",
        "OLLAMA_HOST": url,
    }


async def until(seen: Callable[[], object]) -> None:
    """Wait until `seen` is true."""
    async with asyncio.timeout(60):
        while not seen():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Talk:
    """Messages so far, and the chunks of the newest answer. `sdk` is a key of MODELS or a model's full name."""

    def __init__(
        self, server: ModelServer, sdk: str, config: Config | None = None, patience: RetryPolicy = QUICK
    ) -> None:
        self.server = server
        self.config = config or Config()
        self.patience = patience
        self.messages: list[Message] = []
        self.chunks: list[Chunk] = []
        self.switch(sdk)

    def switch(self, sdk: str) -> None:
        """Go on with another model."""
        name = MODELS.get(sdk, sdk)
        self.model: Model = catalog.resolve(name, self.config, environment(self.server.url), self.patience)

    async def say(self, *parts: Part | str, **asked: Any) -> ModelAnswer:
        """Send a user message (none: just call the model again) and return the end of the answer."""
        if parts:
            as_parts = tuple(Text(part) if isinstance(part, str) else part for part in parts)
            self.messages.append(Message("user", as_parts))
        request = ModelRequest(
            self.messages, asked.pop("system", ("You are a test.",)), asked.pop("tools", (READ,)), **asked
        )
        self.chunks = []
        async with aclosing(self.model.stream(request)) as chunks:
            async for chunk in chunks:
                self.chunks.append(chunk)
        last = self.chunks[-1]
        assert isinstance(last, ModelAnswer)
        assert sum(isinstance(chunk, ModelAnswer) for chunk in self.chunks) == 1
        self.messages.append(last.message)
        return last

    async def fails(self, *parts: Part | str, **asked: Any) -> MazuError:
        """The error that saying this ends with."""
        try:
            last = await self.say(*parts, **asked)
        except MazuError as error:
            return error
        raise AssertionError(f"it went well: {last}")

    def answer_calls(self, text: str = "x = 1") -> list[ToolResult]:
        """What an agent sends back: a result for each call, an error where the call cannot be run."""
        return [
            ToolResult(call.id, call.invalid or text, call.invalid is None)
            for call in self.messages[-1].calls
        ]

    @property
    def shown(self) -> str:
        """The text a reader sees in the end."""
        text = ""
        for chunk in self.chunks:
            text = (
                ""
                if isinstance(chunk, AnswerRestarted)
                else text + chunk.text
                if isinstance(chunk, TextDelta)
                else text
            )
        return text

    @property
    def retries(self) -> Sequence[RetryScheduled]:
        """The retries of the newest call."""
        return [chunk for chunk in self.chunks if isinstance(chunk, RetryScheduled)]
