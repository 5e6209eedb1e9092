"""Models behind the two APIs that OpenAI's client speaks: Chat Completions, its dialects included, and Responses."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec

from mazu_ls.models.model import Chunk, ModelAnswer, ModelRequest, ModelSpec
from mazu_ls.models.openai import chat_request, chat_stream, responses_request, responses_stream
from mazu_ls.models.openai.chat_request import Dialect, estimated_prompt
from mazu_ls.models.openai.embeddings import OpenAIEmbeddings
from mazu_ls.models.provider_errors import read_by_its_format
from mazu_ls.models.retry import stream_with_retries
from mazu_ls.models.sdk.sdk_clients import ModelConnection, client_for
from mazu_ls.models.sdk.streamed_posts import SdkClient
from mazu_ls.models.sse import read_events
from mazu_ls.models.written_calls.recognition import recognise_written_calls


class AnswerBuilder(Protocol):
    """An answer under construction."""

    def take(self, event: dict[str, Any]) -> list[Chunk]:
        """Add one event. Raises ServiceError for an error in its place."""
        ...

    def finished(self, prompt_tokens: Callable[[], int]) -> ModelAnswer:
        """Return the whole answer. Raises StreamEnded if its end is missing."""
        ...


class OpenAIApi(NamedTuple):
    """One API: its address, its format, and how to adapt when the service rejects a field."""

    path: str
    payload: Callable[[ModelRequest, ModelSpec], dict[str, Any]]
    answer: Callable[[ModelSpec], AnswerBuilder]
    refused_field: Callable[[Exception, dict[str, Any]], str | None]
    without: Callable[[dict[str, Any], str], dict[str, Any]]


def api_of(spec: ModelSpec, dialect: Dialect, configured_output: int | None) -> OpenAIApi:
    """Return the API for this model; `configured_output` limits every answer, in tokens."""
    if spec.api == "responses":
        form = responses_request
        ask = partial(form.build_payload, configured_output=configured_output)
        return OpenAIApi(
            "/responses", ask, responses_stream.ResponsesStream, form.refused_field, form.without
        )
    chat = chat_request
    ask = partial(chat.build_payload, dialect=dialect, configured_output=configured_output)
    return OpenAIApi("/chat/completions", ask, chat_stream.ChatStream, chat.refused_field, chat.without)


class OpenAIModel:
    """One model at one address, in its service's dialect."""

    def __init__(
        self,
        spec: ModelSpec,
        connection: ModelConnection,
        dialect: Dialect,
        configured_output: int | None = None,
    ) -> None:
        self.spec = spec
        self._connection = connection
        self._api = api_of(spec, dialect, configured_output)
        self._refused: list[str] = []

    @property
    def name(self) -> str:
        """`provider:model`."""
        return self.spec.name

    def embeddings(self) -> OpenAIEmbeddings:
        """The same name at the same address, for vectors of texts."""
        return OpenAIEmbeddings(self.name, self.spec.model, self._connection)

    def body(self, request: ModelRequest) -> dict[str, Any]:
        """See `Model.body`."""
        return self._whole(self._payload(request))

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
        answer = self._api.answer(self.spec)
        async with aclosing(read_events(response, self._connection.patience)) as incoming:
            async for event in incoming:
                with read_by_its_format():
                    chunks = answer.take(event)
                for chunk in chunks:
                    yield chunk
        with read_by_its_format():
            last = answer.finished(lambda: estimated_prompt(body))
        yield last if self.spec.hosted else recognise_written_calls(last, request)

    async def _opened(self, client: SdkClient, request: ModelRequest) -> tuple[dict[str, Any], Any]:
        """Open the stream; what this service rejected once is left out of every later request."""
        body = self._payload(request)
        while True:
            try:
                return body, await self._create(client, body)
            except Exception as error:
                field = self._api.refused_field(error, body)
                if field is None or field in self._refused:
                    raise
                if field != responses_request.THOUGHTS:  # later ones may be accepted
                    self._refused.append(field)
                body = self._api.without(body, field)

    def _payload(self, request: ModelRequest) -> dict[str, Any]:
        body = self._api.payload(request, self.spec)
        for field in self._refused:
            body = self._api.without(body, field)
        return body

    def _whole(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "stream": True, **self._connection.extra_body}

    async def _create(self, client: SdkClient, body: dict[str, Any]) -> Any:
        """Call the client's own `create(stream=True)` without its walk through the whole history, 8 ms for 50 rounds."""
        return await client.open_stream(self._api.path, msgspec.json.encode(self._whole(body)))
