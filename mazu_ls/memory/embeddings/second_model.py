"""The part of a second encoder in the vectors of several stores: which model they have, and what still lacks its part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mazu_ls.memory.embeddings.centered_encoder import QUESTIONS, CenteredEncoder, left_until
from mazu_ls.memory.embeddings.text_embeddings import MODEL_ID
from mazu_ls.memory.embeddings.text_encoder import TextEncoder, join_documents, join_query, padded_size
from mazu_ls.memory.embeddings.vector_rows import require_model
from mazu_ls.memory.search.language import detect_language
from mazu_ls.memory.store.store import MemoryStores
from mazu_ls.state.store import select

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT_MODEL = "SELECT id FROM memory_vector_model"


class SecondModel:
    """Adds the part of an encoder to built-in vectors; without one (`exists` is False) it leaves them as they are.

    `problem` says why the encoder is not used at present. `incomplete`: vectors were stored that lack its part.
    """

    def __init__(self, encoder: TextEncoder | None, shelves: MemoryStores) -> None:
        self.incomplete = False
        self._encoder = CenteredEncoder(encoder) if encoder is not None else None
        self._shelves = shelves
        self._dimensions = 0

    @property
    def exists(self) -> bool:
        """Whether there is a second encoder at all."""
        return self._encoder is not None

    @property
    def problem(self) -> str:
        """Why the encoder is not used at present; empty if it is, or if there is none."""
        return self._encoder.problem if self._encoder is not None else ""

    @property
    def model_id(self) -> str:
        """The id under which new vectors are stored."""
        if self._encoder is None or not self._dimensions:
            return MODEL_ID
        return f"{MODEL_ID}+{self._encoder.id}-{self._dimensions}/{padded_size(self._dimensions)}"

    @property
    def is_lacking(self) -> bool:
        """Whether the encoder has to be asked again later."""
        if self._encoder is None:
            return False
        return self.incomplete or bool(self.problem) or self._encoder.dimensions != self._dimensions

    async def close(self) -> None:
        """Release the encoder's resources."""
        if self._encoder is not None:
            await self._encoder.close()

    async def open(self) -> None:
        """Take the length of the encoder's vectors from the stores, without asking it, and require the model there."""
        if self._encoder is not None:
            known = await self._shelves.common.reader.read(lambda db: select(db, KEPT_MODEL))
            if self._shelves.project is not None:
                known += await self._shelves.project.reader.read(lambda db: select(db, KEPT_MODEL))
            start = f"{MODEL_ID}+{self._encoder.id}-"
            lengths = [id[len(start) :].partition("/")[0] for (id,) in known if id.startswith(start)]
            self._dimensions = max((int(one) for one in lengths if one.isdecimal()), default=0)
        await self._require()

    async def adopt(self, patience: float | None) -> bool:
        """Prepare the encoder, and make its model the stores' if it is another; return False if it cannot be asked now.

        Raises MazuError(storage).
        """
        if self._encoder is None or not await self._encoder.prepare(patience):
            return False
        if self._encoder.dimensions != self._dimensions:
            self._dimensions = self._encoder.dimensions
            await self._require()
        return True

    async def complete(self) -> bool:
        """Ask the encoder again; if it answers, mark as missing what lacks its part. Raises MazuError(storage)."""
        if self._encoder is None or not await self.adopt(None):
            return False
        if await self._encoder.encode(QUESTIONS[:1]) is None:
            return False
        self.incomplete = False
        await self._require()
        return True

    def joins(self, kept: str) -> bool:
        """Whether rows of a store of the model `kept` have a part of this encoder; another process may have another one."""
        return self._encoder is not None and self._dimensions > 0 and kept == self.model_id

    async def add_to_documents(
        self, texts: Sequence[str], vectors: NDArray[Any], patience: float | None
    ) -> NDArray[Any] | None:
        """Return the joined vectors; None if the encoder does not answer within `patience` seconds."""
        assert self._encoder is not None
        second = await self._encoder.encode(texts, patience=patience)
        if second is None or second.shape[1] != self._dimensions:
            return None
        return join_documents(vectors, second, padded_size(self._dimensions))

    async def add_to_query(
        self, text: str, vector: NDArray[Any], until: float | None
    ) -> tuple[NDArray[Any], bool]:
        """Return the vector of a query, and whether the encoder has a part in it; it is waited for up to a moment of the loop's clock."""
        if self._encoder is None or not self._dimensions:
            return vector, False
        share = self._encoder.share(detect_language(text))
        found = await self._encoder.encode([text], query=True, patience=left_until(until))
        second = None if found is None or found.shape[1] != self._dimensions else found[0]
        return join_query(vector, second, padded_size(self._dimensions), share), second is not None

    async def _require(self) -> None:
        for shelf in self._shelves:
            await shelf.writer.write(lambda db: require_model(db, self.model_id))
            shelf.vectors.model_id = self.model_id
