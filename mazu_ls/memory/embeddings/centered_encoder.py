"""The encoder that a user names, as recall uses it: with its prompts, its vectors counted from their usual mean.

Some encoders put every text close to every other (a cosine of 0.75 between unrelated texts is usual for E5), and many
put all questions on one side. Measured from the mean of a few questions, or of a few statements, about different
things, unrelated texts have a cosine of about 0 (Mu and Viswanath 2018, "All-but-the-top"), so that one bound for a
match fits every encoder.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import MazuError
from mazu_ls.memory.embeddings.encoder_folder import prompts_by_name
from mazu_ls.memory.embeddings.text_embeddings import MAX_CHARACTERS
from mazu_ls.memory.embeddings.text_encoder import TextEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

RETRY_SECONDS = 60.0
"""Seconds for which the encoder is not asked again after a failure."""
QUESTION_SECONDS = 1.0
"""Seconds for which a question waits, all its requests together. The encoder may need longer, such as a server that loads its weights first, which it would not
do if the request ended: the answer is waited for aside, and until it comes no other question asks."""
QUESTIONS = (
    "When does the invoice have to be paid?",
    "how do I renew my passport",
    "where is the configuration stored",
    "Why does the build fail on Windows?",
    "who feeds the cat while we are away",
    "Wann fährt der letzte Zug nach Hamburg?",
    "¿A qué hora cierra la biblioteca?",
    "which editor does she use",
)
STATEMENTS = (
    "Bills are due within thirty days.",
    "Travel documents are issued at the town hall.",
    "Settings are read from a file in the home directory.",
    "Compiling on a PC stops because paths are too long.",
    "Our neighbour looks after the pets during holidays.",
    "Nach Mitternacht gibt es keine Verbindung mehr in den Norden.",
    "La sala de lectura abre hasta las ocho de la tarde.",
    "She writes everything in Vim.",
)
_VERSION = "centered-1"
"""Part of the id of stored vectors: other texts above make other vectors."""

log = logging.getLogger(__name__)


class CenteredEncoder:
    """A `TextEncoder` that is not asked for a minute after a failure. `problem` says why it is not used at present.

    `dimensions` is the length of its vectors, 0 until it is known, and again when its answers have another.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self.problem = ""
        self.dimensions = 0
        self._encoder = encoder
        self._prompts = encoder.prompts or prompts_by_name(encoder.name)
        self._means: tuple[NDArray[Any], NDArray[Any]] | None = None
        self._retry_at = 0.0
        self._late: asyncio.Task[NDArray[Any] | None] | None = None

    @property
    def id(self) -> str:
        """Identifies what the vectors depend on, but for their length."""
        return f"{self._encoder.name}+{_VERSION}"

    def share(self, language: str) -> float:
        """See `TextEncoder`."""
        return self._encoder.share(language)

    async def close(self) -> None:
        """Release the resources of the encoder."""
        if self._late is not None:
            self._late.cancel()
            await asyncio.gather(self._late, return_exceptions=True)
        await self._encoder.close()

    async def prepare(self, patience: float | None = None) -> bool:
        """Find the length of the vectors and their means; return False if the encoder cannot be asked now, or does not answer
        within `patience` seconds."""
        if self._means is None:
            until = _end_of(patience)
            questions = await self._ask(QUESTIONS, self._prompts.query, patience)
            statements = (
                await self._ask(STATEMENTS, self._prompts.document, left_until(until))
                if questions is not None
                else None
            )
            if questions is not None and statements is not None and questions.shape[1] == statements.shape[1]:
                self._means = questions.mean(axis=0), statements.mean(axis=0)
                self.dimensions = questions.shape[1]
        return self._means is not None

    async def encode(
        self, texts: Sequence[str], *, query: bool = False, patience: float | None = None
    ) -> NDArray[Any] | None:
        """Return a vector of length 1 for each question (`query`) or statement; None if it cannot be asked now, or does not answer
        within `patience` seconds."""
        until = _end_of(patience)
        if not await self.prepare(patience) or self._means is None:
            return None
        mean = self._means[0 if query else 1]
        prompt = self._prompts.query if query else self._prompts.document
        made = await self._ask(texts, prompt, left_until(until))
        return _units(made - mean) if made is not None and made.shape[1] == len(mean) else None

    async def _ask(self, texts: Sequence[str], prompt: str, patience: float | None) -> NDArray[Any] | None:
        if asyncio.get_running_loop().time() < self._retry_at:
            return None
        if patience is None:
            return await self._answer(texts, prompt)
        if self._late is not None and not self._late.done():
            return None
        asking = asyncio.create_task(self._answer(texts, prompt))
        try:
            await asyncio.wait({asking}, timeout=patience)
        finally:
            self._late = None if asking.done() else asking
        if asking.done():
            return asking.result()
        self.problem = f"{self._encoder.name} has not answered within {patience:.2g} s."
        log.warning("the model of memory.embeddings is not used until it answers: %s", self.problem)
        return None

    async def _answer(self, texts: Sequence[str], prompt: str) -> NDArray[Any] | None:
        import numpy as np

        try:
            made = await self._encoder.encode([prompt + text[:MAX_CHARACTERS] for text in texts])
        except MazuError as error:
            self.problem = f"{error.message} {error.hint}".strip()
        else:
            if {len(vector) for vector in made} == {self.dimensions or len(made[0])}:
                self.problem = ""
                return _units(np.asarray(made, dtype=np.float32))
            # Another model by the same name: its means and its length are found by the next request.
            self.problem = f"{self._encoder.name} answers with vectors of another length than before."
            self._means, self.dimensions = None, 0
            log.warning("the model of memory.embeddings changed: %s", self.problem)
            return None
        self._retry_at = asyncio.get_running_loop().time() + RETRY_SECONDS
        log.warning("the model of memory.embeddings is not used: %s", self.problem)
        return None


def _end_of(patience: float | None) -> float | None:
    """Return when so many seconds are over; None if there is no end."""
    return None if patience is None else asyncio.get_running_loop().time() + patience


def left_until(end: float | None) -> float | None:
    """Return the seconds until a moment of the event loop's clock, 0 if it is over; None if there is no end."""
    return None if end is None else max(end - asyncio.get_running_loop().time(), 0.0)


def _units(rows: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
