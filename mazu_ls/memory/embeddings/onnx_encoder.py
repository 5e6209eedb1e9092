"""A sentence encoder from a folder that the user names, run by onnxruntime in a process that ends when it is idle."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory.embeddings.encoder_folder import EncoderPrompts, read_encoder_folder
from mazu_ls.memory.embeddings.onnx_worker import MAX_FRAME, frame
from mazu_ls.workspace.text import split_lines

IDLE_SECONDS = 120.0
ANSWER_SECONDS = 120.0
_BATCH = 32
_KEPT_BYTES = 4_096
_INHERITED = (
    "PATH",
    "SYSTEMROOT",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "TMPDIR",
    "TEMP",
)
_ENGLISH_VOCABULARY = 2_000_000
"""Bytes up to which a tokenizer counts as English only: 0.5 MB for 30,000 pieces, 9 MB and more for a hundred
languages."""
_HINT = "Run `pipx inject mazu-ls onnxruntime tokenizers`, or remove `memory.embeddings` from your settings."


class OnnxEncoder:
    """See `TextEncoder`. The constructor raises MazuError(config) if the folder holds no model that can be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = read_encoder_folder(folder)
        made_by = self._folder.weights.stat().st_size
        self.name = f"onnx:{folder.name}:{made_by}:{self._folder.pooling}"
        self._english = self._folder.tokenizer.stat().st_size <= _ENGLISH_VOCABULARY
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._written = b""
        self._draining: asyncio.Task[None] | None = None

    @property
    def prompts(self) -> EncoderPrompts:
        """What the folder or the name of its model says."""
        return self._folder.prompts

    def share(self, language: str) -> float:
        """Return two thirds; less for a language that the model does not know."""
        return 0.15 if language and self._english else 0.65

    async def encode(self, texts: Sequence[str]) -> list[list[float]]:
        """See `TextEncoder`. Starts the process if none runs."""
        made: list[list[float]] = []
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            try:
                for at in range(0, len(texts), _BATCH):
                    made += await self._ask(texts[at : at + _BATCH])
            finally:
                self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end)
        return made

    async def close(self) -> None:
        """End the process."""
        if self._idle is not None:
            self._idle.cancel()
        if (process := self._end()) is not None:
            await process.wait()
        if self._draining is not None:
            await self._draining

    async def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._exchange(texts)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            message = f"The sentence encoder of {self._folder.weights.parent} cannot be used: {await self._last_words(error)}."
            raise MazuError(Kind.CONFIG, message, _HINT) from error
        except asyncio.CancelledError:  # the pipe may still hold half an answer
            self._end()
            raise
        return answer

    async def _last_words(self, error: Exception) -> str:
        """Return the last line that the process wrote before it ended, otherwise the error."""
        process = self._end()
        if process is None or self._draining is None:
            return repr(error)
        await self._draining
        written = self._written.decode("utf-8", "replace").strip()
        await process.wait()
        return split_lines(written, ends=False)[-1][:300] if written else repr(error)

    async def _drain(self, stream: asyncio.StreamReader) -> None:
        """Keep the end of the process's output: without a reader it would block on a full pipe."""
        self._written = b""
        while data := await stream.read(_KEPT_BYTES):
            self._written = (self._written + data)[-_KEPT_BYTES:]

    async def _exchange(self, texts: Sequence[str]) -> list[list[float]]:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "mazu_ls.memory.embeddings.onnx_worker"),
                *(str(self._folder.weights), str(self._folder.tokenizer)),
                *(self._folder.pooling, str(self._folder.max_tokens)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            )
            assert self._process.stderr is not None
            self._draining = asyncio.create_task(self._drain(self._process.stderr))
        incoming, outgoing = self._process.stdout, self._process.stdin
        assert incoming is not None and outgoing is not None
        outgoing.write(frame(list(texts)))
        await outgoing.drain()
        (size,) = struct.unpack("<I", await incoming.readexactly(4))
        if size > MAX_FRAME:
            raise EOFError("an answer is too long")
        return msgspec.msgpack.decode(await incoming.readexactly(size), type=list[list[float]])

    def _end(self) -> asyncio.subprocess.Process | None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
        return process
