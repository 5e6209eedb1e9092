"""Models behind Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec

from mazu_ls.models.anthropic.request import amend_payload, build_payload, continue_payload
from mazu_ls.models.anthropic.stream import AnthropicStream
from mazu_ls.models.model import Chunk, ModelRequest, ModelSpec
from mazu_ls.models.pricing.tokens import estimate_request
from mazu_ls.models.provider_errors import UnusableAnswer, read_by_its_format
from mazu_ls.models.retry import stream_with_retries
from mazu_ls.models.sdk.sdk_clients import ModelConnection, client_for
from mazu_ls.models.sdk.streamed_posts import SdkClient
from mazu_ls.models.sse import read_events
from mazu_ls.models.written_calls.recognition import recognise_written_calls

MOST_PAUSES = 8


class AnthropicModel:
    """One model of Anthropic's, or of a service that speaks its API."""

    def __init__(self, spec: ModelSpec, connection: ModelConnection) -> None:
        self.spec = spec
        self._connection = connection

    @property
    def name(self) -> str:
        """`provider:model`."""
        return self.spec.name

    def body(self, request: ModelRequest) -> dict[str, Any]:
        """See `Model.body`."""
        return self._whole(build_payload(request, self.spec))

    async def prepare(self) -> None:
        """See `Model.prepare`."""
        await client_for(self._connection)

    def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        """See `Model.stream`."""
        return stream_with_retries(
            lambda: self._attempt(request), self._connection.endpoint, self._connection.patience
        )

    async def _attempt(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        client = await client_for(self._connection)
        body, response = await self._opened(client, request)
        answer = AnthropicStream(self.spec)
        for _ in range(MOST_PAUSES):
            async with aclosing(read_events(response, self._connection.patience)) as incoming:
                async for event in incoming:
                    with read_by_its_format():
                        chunk = answer.take(event)
                    if chunk is not None:
                        yield chunk
            if (blocks := answer.paused()) is None:
                with read_by_its_format():
                    last = answer.finished(lambda: estimate_request(request))
                yield last if self.spec.hosted else recognise_written_calls(last, request)
                return
            response = await self._create(client, continue_payload(body, blocks))
        raise UnusableAnswer(f"the service paused it {MOST_PAUSES} times")

    async def _opened(self, client: SdkClient, request: ModelRequest) -> tuple[dict[str, Any], Any]:
        body = build_payload(request, self.spec)
        try:
            return body, await self._create(client, body)
        except Exception as error:
            other = amend_payload(error, request, self.spec)
            if other is None or other == body:
                raise
            return other, await self._create(client, other)

    def _whole(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "stream": True, **self._connection.extra_body}

    async def _create(self, client: SdkClient, body: dict[str, Any]) -> Any:
        """Call `messages.create(stream=True)` without its walk through the whole history, 1 ms for 100 rounds."""
        return await client.open_stream("/v1/messages", msgspec.json.encode(self._whole(body)))
