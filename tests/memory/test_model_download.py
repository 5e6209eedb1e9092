"""A model from the hub: asked for once, resumed, checked by hash, complete or absent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory.hub.model_download import download_model, remove_model
from mazu_ls.memory.hub.published_models import PUBLISHED_MODELS, PublishedFile, PublishedModel
from tests.hub_server import HubServer

WEIGHTS, PIECES = bytes(range(256)) * 4096, b'{"model": {}}'
AT = "/who/small/resolve/abc/"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer({AT + "onnx/model.onnx": WEIGHTS, AT + "tokenizer.json": PIECES}) as hub:
        yield hub


@pytest.fixture
def env(tmp_path: Path, hub: HubServer) -> dict[str, str]:
    return {"MAZU_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.url + "/"}


def small_model(weights: bytes = WEIGHTS) -> PublishedModel:
    rows = (("tokenizer.json", "tokenizer.json", PIECES), ("onnx/model.onnx", "model.onnx", weights))
    files = tuple(
        PublishedFile(path, name, len(data), hashlib.sha256(data).hexdigest()) for path, name, data in rows
    )
    return PublishedModel("small", "English", "who/small", "abc", "who/large", "MIT", files)


async def test_a_model_is_downloaded_once_and_what_broke_off_is_continued(
    hub: HubServer, env: dict[str, str]
):
    hub.moved = {AT + "onnx/model.onnx": "/storage/1"}
    hub.files["/storage/1"] = WEIGHTS
    folder = Path(env["MAZU_HOME"], "models", "small")
    hub.breaks["/storage/1"] = 600_000
    with pytest.raises(MazuError) as failed:
        await download_model(small_model(), env)
    assert failed.value.kind is Kind.NETWORK and not folder.exists()
    there = (folder.with_name("small.part") / "model.onnx").stat().st_size
    assert 0 < there <= 600_000
    hub.asked.clear()
    assert await download_model(small_model(), env) == folder
    assert hub.asked == [(path, f"bytes={there}-") for path in (AT + "onnx/model.onnx", "/storage/1")]
    assert (folder / "model.onnx").read_bytes() == WEIGHTS
    assert sorted(path.name for path in folder.iterdir()) == ["SOURCE.txt", "model.onnx", "tokenizer.json"]
    assert [path.name for path in folder.parent.iterdir()] == ["small"]
    hub.asked.clear()
    assert await download_model(small_model(), env) == folder and hub.asked == []
    (folder / "model.onnx").write_bytes(b"x" * len(WEIGHTS))  # a damaged disk
    await download_model(small_model(), env)
    assert (folder / "model.onnx").read_bytes() == WEIGHTS
    assert remove_model(small_model(), env) and not folder.exists() and not remove_model(small_model(), env)


async def test_a_file_that_is_not_the_published_one_is_deleted(hub: HubServer, env: dict[str, str]):
    hub.files[AT + "onnx/model.onnx"] = WEIGHTS[:-1] + b"!"
    with pytest.raises(MazuError, match=r"model\.onnx of .* is not the file that was published") as failed:
        await download_model(small_model(), env)
    models = Path(env["MAZU_HOME"], "models")
    assert failed.value.kind is Kind.STORAGE
    assert not (models / "small").exists() and not (models / "small.part/model.onnx").exists()
    hub.files[AT + "onnx/model.onnx"] = WEIGHTS * 2
    with pytest.raises(MazuError, match="is larger than"):
        await download_model(small_model(), env)
    assert (models / "small.part/model.onnx").stat().st_size <= len(WEIGHTS)
    del hub.files[AT + "onnx/model.onnx"]
    (models / "small.part/model.onnx").unlink()
    with pytest.raises(MazuError, match="answered 404"):
        await download_model(small_model(), env)


async def test_nothing_is_asked_for_offline_and_a_proxy_is_used(
    hub: HubServer, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(MazuError, match="HF_HUB_OFFLINE"):
        await download_model(small_model(), env | {"HF_HUB_OFFLINE": "1"})
    with pytest.raises(MazuError, match="no http or https address"):
        await download_model(small_model(), env | {"HF_ENDPOINT": "ftp://hub"})
    assert hub.asked == []
    monkeypatch.setenv("HTTP_PROXY", hub.url)
    at = "http://hub.invalid" + AT
    hub.files = {at + "onnx/model.onnx": WEIGHTS, at + "tokenizer.json": PIECES}
    await download_model(small_model(), env | {"HF_ENDPOINT": "http://hub.invalid"})
    assert [path for path, _ in hub.asked] == [at + "tokenizer.json", at + "onnx/model.onnx"]


def test_the_published_models_are_pinned():
    """Each at a commit, each file with its hash: nothing that a repository changes later is used."""
    for model in PUBLISHED_MODELS:
        assert len(model.revision) == 40 and int(model.revision, 16)
        assert {len(bytes.fromhex(file.sha256)) for file in model.files} == {32}
        assert {"tokenizer.json", "model_quantized.onnx"} == {file.name for file in model.files}
