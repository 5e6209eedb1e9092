"""The sentence encoders that `mazu-ls memory model` offers: where each is, at which revision, and the hashes of its files.

A file is used only if it has the hash that stands here. The weights are 8-bit ONNX conversions, by Xenova, of the models
that `origin` names; their licence is that of the original.
"""

from __future__ import annotations

import msgspec


class PublishedFile(msgspec.Struct, frozen=True):
    """A file of a repository on the hub; `name` is what it is called in the folder of the model."""

    path: str
    name: str
    size: int
    sha256: str


class PublishedModel(msgspec.Struct, frozen=True):
    """A sentence encoder on the hub. `name` is also that of its folder, which says how texts are given to it."""

    name: str
    languages: str
    repository: str
    revision: str
    origin: str
    licence: str
    files: tuple[PublishedFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def _files(weights: tuple[int, str], tokenizer: tuple[int, str]) -> tuple[PublishedFile, ...]:
    return (
        PublishedFile("tokenizer.json", "tokenizer.json", *tokenizer),
        PublishedFile("onnx/model_quantized.onnx", "model_quantized.onnx", *weights),
    )


PUBLISHED_MODELS = (
    PublishedModel(
        "paraphrase-multilingual-MiniLM-L12-v2",
        "50 languages",
        "Xenova/paraphrase-multilingual-MiniLM-L12-v2",
        "2c4055b12046f11709e9df2c122e59ffbdc2f900",
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        "Apache-2.0",
        _files(
            (118_308_126, "66fc00f5f29afcaff34092e1bdd20008ca3918265a82fb9695a551e510cc4ebc"),
            (17_082_913, "b60b6b43406a48bf3638526314f3d232d97058bc93472ff2de930d43686fa441"),
        ),
    ),
    PublishedModel(
        "multilingual-e5-small",
        "about 100 languages",
        "Xenova/multilingual-e5-small",
        "761b726dd34fb83930e26aab4e9ac3899aa1fa78",
        "intfloat/multilingual-e5-small",
        "MIT",
        _files(
            (118_308_185, "f80102d3f2a1229f387d3c81909990d8945513e347b0eab049f7de3c6f98c193"),
            (17_082_730, "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39"),
        ),
    ),
    PublishedModel(
        "all-MiniLM-L6-v2",
        "English",
        "Xenova/all-MiniLM-L6-v2",
        "751bff37182d3f1213fa05d7196b954e230abad9",
        "sentence-transformers/all-MiniLM-L6-v2",
        "Apache-2.0",
        _files(
            (22_972_370, "afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1"),
            (711_661, "da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0"),
        ),
    ),
)


def find_published(name: str) -> PublishedModel | None:
    """Return the model of that name, whatever its case; None if there is none."""
    return next((model for model in PUBLISHED_MODELS if model.name.lower() == name.lower()), None)
