"""`memory.embeddings`: a second model of meaning at an endpoint or in a folder, without which memory goes on."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from mazu_ls.agent.project.embedding_model import open_encoder
from mazu_ls.config.config import Config, MemorySettings, ModelSettings
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import MazuError
from mazu_ls.memory.embeddings import centered_encoder, embedder
from mazu_ls.memory.embeddings.onnx_encoder import OnnxEncoder
from mazu_ls.memory.embeddings.text_embeddings import MODEL_ID
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.search.inject import RecallContext
from mazu_ls.models.sdk.sdk_clients import close_clients
from mazu_ls.state.store import select

FACTS = (
    "The payment provider is Stripe",
    "Deploys go out on Tuesdays only",
    "Passwords are hashed with argon2id",
    "Images are served from Cloudflare R2",
)


async def open_with(
    server: ModelServer, folder: Path, warnings: list[str], *, model: str = "nomic"
) -> Memories:
    settings = MemorySettings(embeddings=f"mine:{model}")
    config = Config(
        memory=settings, models={"mine": ModelSettings(provider="openai", base_url=f"{server.url}/v1")}
    )
    encoder = open_encoder(config, {}, warnings)
    return await Memories.open(folder / "memory.db", folder / "global.db", settings, encoder)


async def model_ids(memories: Memories) -> list[str]:
    return [
        id
        for store in memories.shelves
        for (id,) in await store.reader.read(lambda db: select(db, "SELECT id FROM memory_vector_model"))
    ]


async def lengths(memories: Memories) -> list[int]:
    """Of the vectors of the project, the shortest first."""
    query = "SELECT length(vector) AS size FROM memory_vector ORDER BY size"
    return [n for (n,) in await memories.shelves.store("project").reader.read(lambda db: select(db, query))]


async def test_an_endpoint_finds_what_the_built_in_model_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedder, "QUESTION_SECONDS", 30.0)  # a busy machine
    warnings: list[str] = []
    async with ModelServer() as server:
        server.synonyms = {"gardening": "argon2id", "weather": "passwords"}
        memories = await open_with(server, tmp_path, warnings)
        for fact in FACTS:
            await memories.remember(fact)
        found = await memories.recall("gardening weather", count_use=False)
        assert found[0].title == "Passwords are hashed with argon2id"
        assert await model_ids(memories) == [f"{MODEL_ID}+mine:nomic+centered-1-96/128"] * 2
        assert {request.body["model"] for request in server.embedded} == {"nomic"}
        await memories.close()
        await close_clients()
    assert warnings == []


async def test_with_a_second_model_a_turn_is_given_what_is_close_among_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedder, "QUESTION_SECONDS", 30.0)  # a busy machine
    async with ModelServer() as server:
        server.synonyms = {"gardening": "argon2id", "weather": "passwords"}
        memories = await open_with(server, tmp_path, [])
        for n in range(60):
            await memories.remember(f"Server number{n} stands in rack{n * 7} of hall{n * 3}")
        for fact in (
            "Argon2id hashed passwords",
            "Argon2id and hashed passwords always",
            "Passwords: argon2id",
        ):
            await memories.remember(fact)
        await memories.embedder.make_all()
        given = await memories.inject(RecallContext("gardening weather"))
        assert [memory.title for memory in given.memories] == ["Passwords: argon2id"]
        assert not (await memories.inject(RecallContext("gardening"))).memories  # half of it
        await memories.close()
        await close_clients()


async def test_without_the_endpoint_memory_goes_on_with_the_built_in_model(tmp_path: Path):
    async with ModelServer() as server:
        memories = await open_with(server, tmp_path, [])
        for fact in FACTS:
            await memories.remember(fact)
        await memories.embedder.make_all()
        server.embedding_size = 0
        assert (await memories.recall("who processes credit cards"))[0].title == FACTS[0]
        assert "not loaded" in memories.embedder.second_problem
        late = await memories.remember("The staging database is wiped every night")
        assert late.outcome == "created"
        found = await memories.recall("staging database", limit=1)
        assert found[0].id == late.memory.id
        await memories.close()
        await close_clients()


async def test_an_endpoint_that_never_answered_leaves_the_built_in_model_alone(tmp_path: Path):
    async with ModelServer() as server:
        server.embedding_size = 0
        memories = await open_with(server, tmp_path, [])
        await memories.remember(FACTS[0])
        assert (await memories.recall("who processes credit cards"))[0].title == FACTS[0]
        assert await model_ids(memories) == [MODEL_ID] * 2
        await memories.close()
        await close_clients()


async def test_a_process_without_the_model_keeps_its_vectors_and_reads_their_built_in_part(tmp_path: Path):
    """Two processes on one store, as an editor with the key and a terminal without it."""
    async with ModelServer() as server:
        server.synonyms = {"gardening": "argon2id", "weather": "passwords"}
        with_it = await open_with(server, tmp_path, [])
        for fact in FACTS[:3]:
            await with_it.remember(fact)
        await with_it.embedder.make_all()
        ids = await model_ids(with_it)
        without = await Memories.open(tmp_path / "memory.db", tmp_path / "global.db", MemorySettings())
        assert (await without.recall("who processes credit cards"))[0].title == FACTS[0]
        assert await model_ids(without) == ids
        assert await lengths(without) == [896] * 3
        await with_it.close()
        asked = len(server.embedded)
        await without.remember(FACTS[3])
        await without.embedder.make_all()
        assert await lengths(without) == [768, 896, 896, 896]
        assert (await without.recall("where are pictures hosted"))[0].title == FACTS[3]
        again = await open_with(server, tmp_path, [])
        assert (await again.recall("gardening weather"))[0].title == FACTS[2]
        await again.embedder.make_all()
        assert await lengths(again) == [896] * 4
        assert FACTS[0] not in str([request.body for request in server.embedded[asked:]])
        assert (await without.recall("who processes credit cards"))[0].title == FACTS[0]
        assert (await without.recall("where are pictures hosted"))[0].title == FACTS[3]
        await without.close()
        await again.close()
        await close_clients()


async def test_a_model_that_comes_to_a_store_in_use_breaks_no_recall_there(tmp_path: Path):
    without = await Memories.open(tmp_path / "memory.db", tmp_path / "global.db", MemorySettings())
    for fact in FACTS:
        await without.remember(fact)
    assert (await without.recall("who processes credit cards"))[0].title == FACTS[0]
    async with ModelServer() as server:
        with_it = await open_with(server, tmp_path, [])
        await with_it.embedder.make_all()
        assert await lengths(without) == [896] * 4
        assert (await without.recall("who processes credit cards"))[0].title == FACTS[0]
        await with_it.close()
        await close_clients()
    await without.close()


async def test_vectors_that_fit_no_model_cost_no_recall(tmp_path: Path):
    memories = await Memories.open(tmp_path / "memory.db", tmp_path / "global.db", MemorySettings())
    for fact in FACTS:
        await memories.remember(fact)
    await memories.embedder.make_all()
    damage = (
        "UPDATE memory_vector SET signs = CAST(signs || x'00' AS BLOB), vector = CAST(vector || x'0000' AS BLOB)"
        " WHERE n = 2"
    )
    await memories.shelves.store("project").writer.write(lambda db: db.execute(damage))
    assert (await memories.recall("who processes credit cards"))[0].title == FACTS[0]
    assert (await memories.recall("deploys tuesdays"))[0].title == FACTS[1]
    await memories.close()


async def test_whatever_is_wrong_with_vectors_words_are_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    memories = await Memories.open(tmp_path / "memory.db", tmp_path / "global.db", MemorySettings())
    for fact in FACTS:
        await memories.remember(fact)
    await memories.embedder.make_all()
    await memories.shelves.store("project").writer.write(
        lambda db: db.execute("ALTER TABLE memory_vector RENAME COLUMN signs TO other")
    )
    assert [memory.title for memory in await memories.recall("deploys tuesdays")] == [FACTS[1]]
    assert "recall uses words only" in caplog.text
    await memories.close()


async def test_a_model_that_answers_again_makes_what_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedder, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(centered_encoder, "RETRY_SECONDS", 0.2)
    async with ModelServer() as server:
        memories = await open_with(server, tmp_path, [])
        await memories.remember(FACTS[0])
        await memories.embedder.make_all()
        size, server.embedding_size = server.embedding_size, 0
        await memories.remember(FACTS[1])
        await memories.embedder.make_all()
        assert await lengths(memories) == [768, 896]
        assert (await memories.recall("when do we release", count_use=False))[0].title == FACTS[1]
        server.embedding_size = size
        async with asyncio.timeout(60):
            while await lengths(memories) != [896, 896]:  # noqa: ASYNC110 - made in the background
                await asyncio.sleep(0.05)
        await memories.close()
        await close_clients()


async def test_no_secret_is_sent_to_the_endpoint(tmp_path: Path):
    async with ModelServer() as server:
        memories = await open_with(server, tmp_path, [])
        await memories.remember(FACTS[0])
        await memories.recall("why is sk-ant-api03-" + "a1B2" * 20 + " refused")
        await memories.close()
        await close_clients()
        assert server.embedded
        assert "a1B2a1B2" not in str([request.body for request in server.embedded])


def test_a_model_that_cannot_be_used_is_one_sentence(tmp_path: Path):
    for named in ("anthropic:claude", "nobody:model", str(tmp_path)):
        warnings: list[str] = []
        assert open_encoder(Config(memory=MemorySettings(embeddings=named)), {}, warnings) is None
        assert len(warnings) == 1
        assert warnings[0].startswith("The model of memory.embeddings is not used: ")


async def test_weights_that_are_none_are_said_to_be_that(tmp_path: Path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    (tmp_path / "tokenizer.json").write_text("{}")
    encoder = OnnxEncoder(tmp_path)
    with pytest.raises(MazuError, match="cannot be used"):
        await encoder.encode(["a text"])
    await encoder.close()


async def test_a_process_that_says_much_and_dies_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """More than pipe and buffers hold: a process that nobody reads would wait at the full pipe."""
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    program = tmp_path / "python"
    program.write_text(
        "#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' x >&2\necho >&2\necho libexample is missing >&2\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr("mazu_ls.memory.embeddings.onnx_encoder.sys.executable", str(program))
    encoder = OnnxEncoder(tmp_path)
    with pytest.raises(MazuError, match="libexample is missing"):
        await encoder.encode(["text"])
    await encoder.close()


class SlowEncoder:
    """Answers a question only when told to."""

    name, prompts = "slow", None

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked: list[list[str]] = []

    def share(self, language: str) -> float:
        return 0.5

    async def encode(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked.append(list(texts))
        await self.answers.wait()
        return [[float(len(text)), 1.0, float("Stripe" in text)] for text in texts]

    async def close(self) -> None:
        pass


async def test_no_question_waits_long_for_a_model_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedder, "QUESTION_SECONDS", 0.1)
    encoder = SlowEncoder()
    for opening in range(2):  # in a running process, then in one that has yet to prepare the model
        memories = await Memories.open(
            tmp_path / "memory.db", tmp_path / "global.db", MemorySettings(), encoder
        )
        await memories.remember(FACTS[opening])
        if not opening:
            await memories.embedder.make_all()
        encoder.answers.clear()
        asked = len(encoder.asked)
        found = [await memories.recall("who processes credit cards", count_use=False) for _ in range(2)]
        assert [one[0].title for one in found] == [FACTS[0]] * 2
        assert len(encoder.asked) - asked <= 2, (
            "one request at a time waits for it, besides that of the background"
        )
        assert "slow has not answered" in memories.embedder.second_problem
        encoder.answers.set()
        async with asyncio.timeout(60):
            while memories.embedder.second_problem:  # noqa: ASYNC110 - the late answer
                await asyncio.sleep(0.01)
        asked = len(encoder.asked)
        await memories.recall("who processes credit cards", count_use=False)
        assert len(encoder.asked) > asked
        await memories.embedder.make_all()
        assert len(set(await lengths(memories))) == 1
        await memories.close()


class ResizedEncoder(SlowEncoder):
    """Its vectors have another length than those stored, as after an update of the model; both are stored in 64 numbers."""

    size = 3

    async def encode(self, texts: Sequence[str]) -> list[list[float]]:
        return [[*one, *[0.5] * (self.size - 3)] for one in await super().encode(texts)]


async def test_another_number_of_dimensions_is_another_model_wherever_it_changes(tmp_path: Path):
    for size in (3, 5):  # 5 is a change while no process runs, 7 one in a running process
        encoder = ResizedEncoder()
        encoder.size = size
        memories = await Memories.open(
            tmp_path / "memory.db", tmp_path / "global.db", MemorySettings(), encoder
        )
        await memories.remember(FACTS[size // 4])
        await memories.embedder.make_all()
        assert [id.rpartition("-")[2] for id in await model_ids(memories)] == [f"{size}/64"] * 2
        encoder.size = 7 if size == 5 else size
        for _ in range(2):
            assert await memories.recall("who processes credit cards", count_use=False)
        await memories.embedder.make_all()
        assert [id.rpartition("-")[2] for id in await model_ids(memories)] == [f"{encoder.size}/64"] * 2
        assert set(await lengths(memories)) == {768 + 64}
        await memories.close()


async def test_all_requests_of_a_question_together_have_a_second(tmp_path: Path):
    """An endpoint that answers, slowly: each request alone is quick enough."""
    assert embedder.QUESTION_SECONDS <= 1
    encoder = SlowEncoder()
    memories = await Memories.open(tmp_path / "memory.db", tmp_path / "global.db", MemorySettings(), encoder)
    for fact in FACTS:
        await memories.remember(fact)
    await memories.embedder.make_all()
    encoder.answers.clear()
    waited: list[float | None] = []
    wait = asyncio.wait

    async def record(tasks: set[asyncio.Task[object]], *, timeout: float | None = None) -> object:
        waited.append(timeout)
        return await wait(tasks, timeout=timeout and timeout / 10)

    await memories.remember("Backups are kept for ninety days")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(centered_encoder.asyncio, "wait", record)
        found = await memories.recall("how long do we keep copies of the data", count_use=False)
    assert found[0].title == "Backups are kept for ninety days"
    assert 0 < sum(one or 0 for one in waited) <= embedder.QUESTION_SECONDS
    assert "not used at present" in memories.embedder.notice
    encoder.answers.set()
    await memories.close()
