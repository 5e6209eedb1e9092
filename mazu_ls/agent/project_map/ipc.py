"""The protocol between the processes of the project map: length-prefixed msgpack over pipes, ended by end of file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import BinaryIO, Literal

from msgspec import Struct

MAX_FRAME = 2**30


class FileFacts(Struct, array_like=True, frozen=True, gc=False):
    """What the map keeps of one file. Names are hashes, so that files can be parsed separately and their names still
    match.

    `names` and `references` are native uint32; `weights` (of a definition, in hundredths) and `strengths` (of a
    reference, in tenths) are bytes; `outline` is msgpack of [signature, index of the container or -1] for each
    definition.
    """

    path: bytes
    size: int
    mtime_ns: int
    inode: int
    names: bytes = b""
    weights: bytes = b""
    references: bytes = b""
    strengths: bytes = b""
    outline: bytes = b"\x90"

    def matches(self, stamp: tuple[int, int, int]) -> bool:
        """Return whether the file looks unchanged."""
        return (self.size, self.mtime_ns, self.inode) == stamp


class MapRequest(Struct, array_like=True):
    """A request to the map process: check the files again, those in `changed` whatever their stamps are; for "render",
    also draw the map."""

    kind: Literal["refresh", "render"]
    changed: tuple[bytes, ...] = ()
    budget_tokens: int = 0
    focus: tuple[str, ...] = ()


class MapAnswer(Struct, array_like=True):
    """The answer of the map process: the text, how many files it knows, how many were parsed for this, or what failed."""

    text: str = ""
    files: int = 0
    symbols: int = 0
    parsed: int = 0
    error: str = ""


def command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours in its own process; `-P` excludes the current folder's modules."""
    return [sys.executable, "-P", "-m", f"mazu_ls.agent.project_map.{module}", *arguments]


def read_frame(stream: BinaryIO) -> bytes | None:
    """Read the next frame; None at the end of the stream."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    data = stream.read(int.from_bytes(head, "big"))
    return data if len(data) == int.from_bytes(head, "big") else None


def write_frame(stream: BinaryIO, data: bytes) -> None:
    """Write and flush one frame. Raises BrokenPipeError if the reader is gone."""
    stream.write(len(data).to_bytes(4, "big") + data)
    stream.flush()


def answer_requests(answer: Callable[[bytes], bytes]) -> None:
    """Answer the parent process frame by frame until it is gone; that ends this process quietly, too."""
    incoming, outgoing = own_pipes()
    while (frame := read_frame(incoming)) is not None:
        try:
            write_frame(outgoing, answer(frame))
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), outgoing.fileno())  # buffered output is flushed at exit
            return


def own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the pipes to the parent process; accidental prints go to stderr instead."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return incoming, outgoing
