"""The process that runs a sentence encoder in ONNX form: `python -m mazu_ls.memory.embeddings.onnx_worker MODEL
TOKENIZER POOLING TOKENS`.

Protocol on standard input and output: frames of a four-byte length (little-endian) and MessagePack. A frame of texts is
answered with their vectors, normalised to length 1: the mean of the last layer over the tokens, its first or its last
token (Reimers and Gurevych 2019, "Sentence-BERT"), or the output `sentence_embedding` where the model has one. Texts
are cut after TOKENS tokens. The process ends with its input, or with a traceback on standard error if the model cannot be
used.
"""

from __future__ import annotations

import importlib
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import msgspec

MAX_FRAME = 64 << 20


def read_frame(stream: BinaryIO) -> bytes | None:
    """Read the next frame; None at the end of the input, or if it is truncated."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack("<I", head)
    body = stream.read(size) if size <= MAX_FRAME else b""
    return body if len(body) == size else None


def frame(value: Any) -> bytes:
    """Encode `value` as a frame."""
    body = msgspec.msgpack.encode(value)
    return struct.pack("<I", len(body)) + body


def load_encoder(
    model: str, tokenizer: str, pooling: str, tokens: int
) -> Callable[[list[str]], list[list[float]]]:
    """Load weights and tokenizer; the returned function computes vectors. Raises whatever the libraries raise."""
    import numpy as np
    from tokenizers import Tokenizer

    onnxruntime: Any = importlib.import_module("onnxruntime")  # of the extra `semantic`
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = {one.name for one in session.get_inputs()}
    made = [one.name for one in session.get_outputs()]
    output = "sentence_embedding" if "sentence_embedding" in made else made[0]
    pieces = Tokenizer.from_file(tokenizer)
    pieces.enable_truncation(tokens)
    pieces.no_padding()

    def encode_one(text: str) -> list[float]:
        encoded = pieces.encode(text)
        given = {
            "input_ids": encoded.ids,
            "attention_mask": encoded.attention_mask,
            "token_type_ids": encoded.type_ids,
        }
        feed = {name: np.array([ids], dtype=np.int64) for name, ids in given.items() if name in inputs}
        last = np.asarray(session.run([output], feed)[0], dtype=np.float32)[0]
        vector = (
            last if last.ndim == 1 else {"cls": last[0], "last": last[-1]}.get(pooling, last.mean(axis=0))
        )
        return (vector / max(float(np.linalg.norm(vector)), 1e-9)).tolist()

    return lambda texts: [encode_one(text) for text in texts]


def main() -> None:
    """Answer until the input ends."""
    model, tokenizer, pooling, tokens = sys.argv[1:5]
    encode: Callable[[list[str]], list[list[float]]] | None = None
    while (asked := read_frame(sys.stdin.buffer)) is not None:
        encode = encode or load_encoder(model, tokenizer, pooling, int(tokens))
        sys.stdout.buffer.write(frame(encode(msgspec.msgpack.decode(asked, type=list[str]))))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
