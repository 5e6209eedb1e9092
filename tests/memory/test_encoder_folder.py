"""How the encoder that a user names is used: its prompts, its pooling, and vectors that are all close to each other."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from mazu_ls.config.config import MemorySettings
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.demo.model_server.embeddings_wire import answer
from mazu_ls.errors import MazuError
from mazu_ls.memory.embeddings.encoder_folder import EncoderPrompts, prompts_by_name, read_encoder_folder
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import ONLY_NEAREST, AnchorRequest
from mazu_ls.models.sdk.sdk_clients import close_clients
from tests.memory.test_second_encoder import FACTS, open_with


class CrowdedEncoder:
    """Puts every text close to every other, as E5 does: unrelated ones have a cosine of 0.8."""

    name = "crowded"
    prompts = EncoderPrompts()

    def share(self, language: str) -> float:
        del language
        return 0.5

    async def encode(self, texts: Sequence[str]) -> list[list[float]]:
        made = [one["embedding"] for one in answer({"input": list(texts)}, {}, 63)["data"]]
        return [[*vector, 2.0] for vector in made]

    async def close(self) -> None:
        pass


def folder_with(tmp_path: Path, **files: object) -> Path:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model.onnx").write_text("weights")
    (tmp_path / "tokenizer.json").write_text("{}")
    for name, said in files.items():
        path = tmp_path / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(said))
    return tmp_path


async def test_what_is_close_to_everything_matches_nothing(tmp_path: Path):
    memories = await Memories.open(
        tmp_path / "memory.db", tmp_path / "global.db", MemorySettings(), CrowdedEncoder()
    )
    for fact in FACTS:
        await memories.remember(fact)
    found = await memories.recall("how tall are giraffes in summer", count_use=False)
    assert {memory.why for memory in found} == {ONLY_NEAREST}
    await memories.remember(
        "Ids of rows are random", anchors=[AnchorRequest("rows.py")], category="convention"
    )
    first, *_ = await memories.recall("how tall are giraffes in summer", files=["rows.py"], count_use=False)
    assert first.why == "anchored in an open file"  # and not close in meaning
    await memories.close()


async def test_a_known_model_at_an_endpoint_is_given_its_prompts(tmp_path: Path):
    async with ModelServer() as server:
        memories = await open_with(server, tmp_path, [], model="nomic-embed-text:v1.5")
        await memories.remember(FACTS[0])
        await memories.recall("who processes credit cards")
        await memories.close()
        await close_clients()
        sent = [text for request in server.embedded for text in request.body["input"]]
    assert "search_query: who processes credit cards" in sent
    assert f"search_document: {FACTS[0]}" in sent


def test_the_files_of_a_folder_say_how_it_is_used(tmp_path: Path):
    folder = folder_with(
        tmp_path,
        config={"_name_or_path": "BAAI/bge-small-en-v1.5"},
        config_sentence_transformers={"prompts": {"query": "ask: ", "document": "say: "}},
        sentence_bert_config={"max_seq_length": 128},
        **{"1_Pooling__config": {"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}},
    )
    read = read_encoder_folder(folder)
    assert (read.prompts, read.pooling, read.max_tokens) == (EncoderPrompts("ask: ", "say: "), "last", 128)


@pytest.mark.parametrize(
    ("name", "prompts", "pooling"),
    [
        ("intfloat/multilingual-e5-small", EncoderPrompts("query: ", "passage: "), "mean"),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", EncoderPrompts("query: "), "cls"),
        ("intfloat/multilingual-e5-large-instruct", EncoderPrompts(), "mean"),
        ("sentence-transformers/all-MiniLM-L6-v2", EncoderPrompts(), "mean"),
    ],
)
def test_what_the_files_leave_out_is_known_by_name(
    tmp_path: Path, name: str, prompts: EncoderPrompts, pooling: str
):
    empty = {"prompts": {"query": "", "document": ""}}
    folder = folder_with(tmp_path, config={"_name_or_path": name}, config_sentence_transformers=empty)
    read = read_encoder_folder(folder)
    assert (read.prompts, read.pooling) == (prompts, pooling)
    assert prompts_by_name(name) == prompts


def test_a_pooling_that_is_not_supported_is_a_named_problem(tmp_path: Path):
    folder = folder_with(tmp_path, **{"1_Pooling__config": {"pooling_mode_max_tokens": True}})
    with pytest.raises(MazuError, match="pooling that is not supported"):
        read_encoder_folder(folder)
