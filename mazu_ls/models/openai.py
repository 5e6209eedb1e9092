"""Models behind Chat Completions: OpenAI's, DeepSeek's, Gemini's, Ollama's and any other service that speaks it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from mazu_ls.errors import Kind, MazuError
from mazu_ls.models.clients import Connection, client_for
from mazu_ls.models.model import Chunk, ModelSpec, Request
from mazu_ls.models.openai_answer import Answer
from mazu_ls.models.openai_format import Dialect, estimated_prompt, payload, refused_field, without
from mazu_ls.models.retry import retried
from mazu_ls.models.sse import events


class OpenAIModel:
    """One model at one address, in its service's dialect; `configured_output` limits every answer, in tokens."""

    def __init__(
        self, spec: ModelSpec, connection: Connection, dialect: Dialect, configured_output: int | None = None
    ) -> None:
        self.spec = spec
        self._connection = connection
        self._dialect = dialect
        self._configured_output = configured_output
        self._refused: list[str] = []

    @property
    def name(self) -> str:
        """`provider:model`."""
        return self.spec.name

    def body(self, request: Request) -> dict[str, Any]:
        """See `Model.body`."""
        return {"model": self.spec.model, "stream": True} | self._extra(self._payload(request))

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """See `Model.stream`."""
        return retried(lambda: self._attempt(request), self._connection.endpoint, self._connection.patience)

    async def _attempt(self, request: Request) -> AsyncGenerator[Chunk, None]:
        if request.tools and self.spec.thinks == "no_tools":
            hint = "Choose one that does, such as openai:gpt-6-sol, with `mazu.models.set`."
            raise MazuError(Kind.UNSUPPORTED, f"{self.name} takes no tools over Chat Completions.", hint)
        client = await client_for(self._connection)
        body, stream = await self._opened(client, request)
        answer = Answer(self.spec)
        async with aclosing(events(stream, self._connection.patience)) as incoming:
            async for event in incoming:
                for chunk in answer.take(event):
                    yield chunk
        yield answer.finished(lambda: estimated_prompt(body))

    async def _opened(self, client: Any, request: Request) -> tuple[dict[str, Any], Any]:
        """Open the stream; what this service refused once is left out of every later request."""
        body = self._payload(request)
        while True:
            try:
                return body, await self._create(client, body)
            except Exception as error:
                field = refused_field(error, body)
                if field is None or field in self._refused:
                    raise
                self._refused.append(field)
                body = without(body, field)

    def _payload(self, request: Request) -> dict[str, Any]:
        body = payload(request, self.spec, self._dialect, self._configured_output)
        for field in self._refused:
            body = without(body, field)
        return body

    def _extra(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, **self._connection.extra_body}

    async def _create(self, client: Any, body: dict[str, Any]) -> Any:
        # As extra body the SDK sends it as it is; as arguments it walks the whole history again, 8 ms for 50 rounds.
        return await client.chat.completions.create(
            model=self.spec.model, messages=(), stream=True, extra_body=self._extra(body)
        )
