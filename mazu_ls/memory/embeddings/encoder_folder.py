"""What a folder with a sentence encoder says about its use: weights, tokenizer, pooling, prompts, length of texts.

These are the files that sentence-transformers writes. What they leave out is known from the name of the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from mazu_ls.errors import Kind, MazuError

Pooling = Literal["mean", "cls", "last"]
MAX_TOKENS = 256
_WEIGHTS = (
    "model.onnx", "model_quantized.onnx", "model_int8.onnx", "onnx/model_quantized.onnx", "onnx/model_int8.onnx",
    "onnx/model_quint8_avx2.onnx", "onnx/model_qint8_avx512.onnx", "onnx/model.onnx",
)  # fmt: skip
"""Usual places of the weights in a folder; the first that exists is used."""
_LARGEST_CONFIG = 1 << 20
_QUERY_NAMES, _DOCUMENT_NAMES = ("query", "s2p_query"), ("document", "passage")
_SEARCHES_PASSAGES = "Represent this sentence for searching relevant passages: "
_BY_NAME: tuple[tuple[str, str, str, Pooling], ...] = (
    ("nomic-embed", "search_query: ", "search_document: ", "mean"),
    ("arctic-embed-m-v2", "query: ", "", "cls"),
    ("arctic-embed-l-v2", "query: ", "", "cls"),
    ("arctic-embed2", "query: ", "", "cls"),
    ("arctic-embed", _SEARCHES_PASSAGES, "", "cls"),
    ("mxbai-embed", _SEARCHES_PASSAGES, "", "cls"),
    ("bge-m3", "", "", "cls"),
    ("bge-", _SEARCHES_PASSAGES, "", "cls"),
    ("e5-", "query: ", "passage: ", "mean"),
)
"""Part of the name of a model, what stands before questions and before statements, pooling: of the models' own pages."""


_Said = TypeVar("_Said", bound=msgspec.Struct)


class EncoderPrompts(msgspec.Struct, frozen=True):
    """What an encoder expects before the text of a question and of a statement."""

    query: str = ""
    document: str = ""


class EncoderFolder(msgspec.Struct, frozen=True):
    """How the encoder of a folder is used."""

    weights: Path
    tokenizer: Path
    pooling: Pooling
    prompts: EncoderPrompts
    max_tokens: int


class _PoolingFile(msgspec.Struct):
    pooling_mode_cls_token: bool = False
    pooling_mode_mean_tokens: bool = False
    pooling_mode_lasttoken: bool = False


class _PromptsFile(msgspec.Struct):
    prompts: dict[str, str] = {}


class _LengthFile(msgspec.Struct):
    max_seq_length: int | None = None


class _ModelFile(msgspec.Struct):
    name: str = msgspec.field(default="", name="_name_or_path")


def read_encoder_folder(folder: Path) -> EncoderFolder:
    """Return how the encoder in `folder` is used. Raises MazuError(config) if it holds none, or one that is pooled in a
    way that is not supported."""
    found = [folder / name for name in _WEIGHTS if (folder / name).is_file()]
    tokenizer = folder / "tokenizer.json"
    if not found or not tokenizer.is_file():
        message = f"{folder} holds no sentence encoder: model.onnx (or onnx/model.onnx) and tokenizer.json are needed."
        raise _unusable(message)
    name = f"{_read(folder / 'config.json', _ModelFile()).name} {folder.name}"
    own = _read(folder / "config_sentence_transformers.json", _PromptsFile()).prompts
    query = [own[key] for key in _QUERY_NAMES if key in own]
    document = [own[key] for key in _DOCUMENT_NAMES if key in own]
    prompts = (
        EncoderPrompts(query[0] if query else "", document[0] if document else "")
        if any(query + document)  # an empty one is written by default and says nothing
        else prompts_by_name(name)
    )
    length = _read(folder / "sentence_bert_config.json", _LengthFile()).max_seq_length
    most = min(length, MAX_TOKENS) if length and length > 0 else MAX_TOKENS
    return EncoderFolder(found[0], tokenizer, _pooling(folder, name), prompts, most)


def prompts_by_name(name: str) -> EncoderPrompts:
    """Return the prompts of a known model by its name, such as `ollama:nomic-embed-text`; none for others."""
    row = _known(name)
    return EncoderPrompts(row[1], row[2]) if row is not None else EncoderPrompts()


def _known(name: str) -> tuple[str, str, str, Pooling] | None:
    lower = name.lower().replace("_", "-")
    row = next((row for row in _BY_NAME if row[0] in lower), None)
    instructed = row is not None and row[0] == "e5-" and "instruct" in lower  # another form of prompt
    return None if instructed else row


def _pooling(folder: Path, name: str) -> Pooling:
    path = folder / "1_Pooling" / "config.json"
    said = _read(path, _PoolingFile(pooling_mode_mean_tokens=not path.is_file()))
    if not path.is_file():
        row = _known(name)
        return row[3] if row is not None else "mean"
    if said.pooling_mode_cls_token:
        return "cls"
    if said.pooling_mode_mean_tokens:
        return "mean"
    if said.pooling_mode_lasttoken:
        return "last"
    raise _unusable(f"{path} names a pooling that is not supported: mean, the first and the last token are.")


def _read(path: Path, default: _Said) -> _Said:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_CONFIG:
            return default
        return msgspec.json.decode(path.read_bytes(), type=type(default))
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(f"{path} cannot be read: {error}.") from error


def _unusable(message: str) -> MazuError:
    return MazuError(
        Kind.CONFIG,
        message,
        "`mazu-ls memory model` downloads one; or name another folder in `memory.embeddings`, or remove the setting.",
    )
