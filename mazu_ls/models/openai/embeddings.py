"""Vectors of texts from an endpoint that speaks OpenAI's `/embeddings`, such as Ollama's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mazu_ls.errors import Kind, MazuError
from mazu_ls.models.provider_errors import classify_failure
from mazu_ls.models.sdk.sdk_clients import ModelConnection, client_for
from mazu_ls.redact import redact

_BATCH = 32
_SHARE = 0.5
MAX_NUMBERS = 8192
MAX_NUMBER = 1e6
TIMEOUT_SECONDS = 30.0
"""Seconds for one answer: a recall waits for it, and continues without it if it is late."""


class _Vector(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _Vectors(msgspec.Struct):
    data: list[_Vector]


class OpenAIEmbeddings:
    """One embedding model at one address. Secrets are redacted before a text is sent."""

    def __init__(self, name: str, model: str, connection: ModelConnection) -> None:
        self.name = name
        self._model = model
        self._connection = connection

    @property
    def prompts(self) -> None:
        """Return None: an endpoint does not tell what its model expects before a text."""
        return None

    def share(self, language: str) -> float:
        """Return half: it is not known which languages the model supports."""
        del language
        return _SHARE

    async def encode(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each text, in order. Raises MazuError without a retry: the caller tries again later."""
        made: list[list[float]] = []
        for at in range(0, len(texts), _BATCH):
            some = [redact(text) or " " for text in texts[at : at + _BATCH]]
            answer = await self._post({"model": self._model, "input": some, "encoding_format": "float"})
            vectors = sorted(answer.data, key=lambda vector: vector.index)
            if len(vectors) != len(some):
                raise self._unusable(f"{len(vectors)} vectors for {len(some)} texts")
            made += [vector.embedding for vector in vectors]
        if len({len(vector) for vector in made}) > 1 or (made and not made[0]):
            raise self._unusable("vectors of different length")
        if made and len(made[0]) > MAX_NUMBERS:
            raise self._unusable(f"vectors of {len(made[0])} numbers")
        # NaN compares to nothing, and overflow becomes NaN: one such row would hide every memory.
        if any(not abs(number) <= MAX_NUMBER for vector in made for number in vector):
            raise self._unusable("a number that none is, or is too large")
        return made

    async def close(self) -> None:
        """Do nothing: connections belong to the client of the account."""

    async def _post(self, body: dict[str, Any]) -> _Vectors:
        try:
            client = await client_for(self._connection)
            answer = await client.sdk.post(
                "/embeddings", body=body, cast_to=object, options={"timeout": TIMEOUT_SECONDS}
            )
            return msgspec.convert(answer, _Vectors, strict=False)
        except MazuError:
            raise
        except msgspec.ValidationError as error:
            raise self._unusable(str(error)) from error
        except Exception as error:
            failed = classify_failure(error, self._connection.endpoint)
            if failed is None:
                raise
            raise failed.error from error

    def _unusable(self, what: str) -> MazuError:
        hint = "Choose a model that makes embeddings in `memory.embeddings`."
        return MazuError(Kind.MODEL, f"{self.name} answered with no embeddings: {what}.", hint)
