"""Pictures: what is damaged, mislabelled or too large never poisons a session, and neither does what a service refuses."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.turn.prompt import Attachment
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.demo.model_server.http import json_answer
from mazu_ls.messages import Image
from mazu_ls.workspace.pictures import LONGEST_SIDE, UnreadablePicture, prepare_picture
from tests.scenario import Story, World

MODELS = ("anthropic:claude-haiku-4-5", "openai:gpt-4.1", "openai:gpt-6.1-sol")


def drawn(kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **more: Any) -> bytes:
    written = io.BytesIO()
    Pillow.new(mode, size).save(written, kind, **more)
    return written.getvalue()


def decoded(data: bytes) -> Pillow.Image:
    picture = Pillow.open(io.BytesIO(data))
    picture.load()
    return picture


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_what_every_provider_takes_stays_byte_for_byte(kind):
    data = drawn(kind)
    assert prepare_picture(data) == (f"image/{kind.lower()}", data)


@pytest.mark.parametrize(
    "data",
    [
        drawn("BMP"),
        drawn("TIFF"),
        drawn("PNG", mode="I;16"),
        drawn("JPEG", mode="CMYK"),
        drawn("PNG", (9000, 20)),
        drawn("JPEG", (9000, 4000)),
        drawn("PNG", (3000, 2000), mode="P"),
        drawn("PNG", (3000, 2000), mode="RGBA"),
        drawn("GIF", save_all=True, append_images=[Pillow.new("RGB", (40, 30), "red")]),
    ],
)
def test_everything_else_is_converted_or_scaled(data):
    media, fit = prepare_picture(data)
    picture = decoded(fit)
    assert f"image/{(picture.format or '').lower()}" == media
    assert media in ("image/png", "image/jpeg")
    assert max(picture.size) <= LONGEST_SIDE
    assert not getattr(picture, "is_animated", False)


@pytest.mark.parametrize(("kind", "cut"), [("PNG", 12), ("PNG", 15), ("GIF", 1)])
def test_a_picture_without_its_end_is_sent_whole(kind: str, cut: int):
    """This decoder does not miss it, a service may."""
    data = drawn(kind)[:-cut]
    try:
        _, fit = prepare_picture(data)
    except UnreadablePicture:
        return
    assert fit != data
    assert decoded(fit).size == (40, 30)


def test_a_photo_of_a_camera_held_upright_is_sent_upright():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    _, fit = prepare_picture(drawn("JPEG", exif=exif))
    assert decoded(fit).size == (30, 40)


def bomb() -> bytes:
    """A small PNG that says it has 100,000 x 100,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(9)))
        + chunk(b"IEND", b"")
    )


NOISE = drawn("PNG", (300, 300))
BROKEN = {
    "cut": NOISE[: len(NOISE) // 2],
    "head only": NOISE[:20],
    "cut jpeg": drawn("JPEG", (400, 400))[:500],
    "page": b"<html><body>Not found</body></html>",
    "empty": b"",
    "bomb": bomb(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_damaged_or_no_picture_is_found_before_it_is_sent(name):
    with pytest.raises(UnreadablePicture):
        prepare_picture(BROKEN[name])


async def in_project(
    tmp_path: Path, model: str, settings: dict[str, Any], server: ModelServer
) -> tuple[World, Project]:
    story = Story(settings={"model": model, "context": {"map_tokens": 0}, **settings})
    world = World(story, tmp_path)
    world.env |= {
        "ANTHROPIC_BASE_URL": server.url,
        "OPENAI_BASE_URL": f"{server.url}/v1",
        "OLLAMA_HOST": server.url,
    }
    return world, await world.open()


def pictures_in(body: Any) -> int:
    return json.dumps(body).count('"type": "image') + json.dumps(body).count('"type": "input_image')


@pytest.mark.parametrize("model", MODELS)
async def test_read_file_of_a_damaged_picture_is_an_error_and_of_a_mislabelled_one_the_picture(
    tmp_path, model
):
    calls = [
        {"name": "read_file", "arguments": {"path": name}} for name in ("cut.png", "really.png", "page.png")
    ]
    async with ModelServer([{"calls": calls}, {"text": "Seen."}]) as server:
        world, project = await in_project(tmp_path, model, {}, server)
        (world.root / "cut.png").write_bytes(BROKEN["cut"])
        (world.root / "really.png").write_bytes(drawn("JPEG"))
        (world.root / "page.png").write_bytes(BROKEN["page"])
        await (await project.sessions.get()).prompt(Prompt("Look."))
        await project.close()
        sent = json.dumps(server.bodies[-1])
    tools = [line for line in world.lines if line.startswith("tool:")]
    for words in ("cut.png looks like an image, but is damaged", "really.png: image/jpeg", "Not found"):
        assert sum(words in line for line in tools) == 1
    assert "image/jpeg" in sent and "base64,iVBOR" not in sent
    assert world.lines[-2:] == ["assistant: Seen.", "stop: end_turn"]


class Picky(ModelServer):
    """A service that refuses every request with a picture, in the words of a real one."""

    def __init__(self, replies: Any, status: int, words: str) -> None:
        super().__init__(replies, strict=False)
        self.status = status
        self.words = words

    async def _answer(self, request: Any, reader: Any, writer: Any) -> None:
        if pictures_in(request.body):
            self.requests.append(request)
            error = {"type": "invalid_request_error", "message": self.words}
            writer.write(json_answer(self.status, {"type": "error", "error": error}))
        else:
            await super()._answer(request, reader, writer)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "messages.0.content.1.image.source.base64: Could not process image"),
        (400, "You uploaded an unsupported image. Please make sure your image is valid."),
        (404, "No endpoints found that support image input"),
        (500, "image input is not supported - hint: you may need to provide the mmproj"),
    ],
)
async def test_a_picture_that_the_service_refuses_becomes_a_note_and_the_session_goes_on(
    tmp_path, model, status, words
):
    async with Picky([{"text": "Without it, then."}, {"text": "Yes."}], status, words) as server:
        world, project = await in_project(tmp_path, model, {}, server)
        session = await project.sessions.get()
        picture = await asyncio.to_thread(Image.of_bytes, drawn("PNG"))
        result = await session.prompt(Prompt("Look.", (Attachment("a.png", image=picture),)))
        assert (result.stop_reason, result.reply) == ("end_turn", "Without it, then.")
        await project.close()
        project = await world.open()  # and after a restart, read from the journal
        again = await (await project.sessions.get()).prompt(Prompt("Still there?"))
        await project.close()
        assert again.reply == "Yes."
        assert [pictures_in(body) for body in server.bodies][-2:] == [0, 0]
    assert "the service did not take it" in json.dumps(server.bodies[-1])
    assert sum("An image was left out" in text for _, text in world.host.said) == 1


@pytest.mark.parametrize("model", MODELS)
async def test_words_that_the_service_refuses_do_not_poison_the_session(tmp_path, model):
    async with ModelServer([{"text": "Yes."}]) as server:
        answer = server._answer

        async def picky(request: Any, reader: Any, writer: Any) -> None:
            if "forbidden words" in json.dumps(request.body):
                error = {"type": "invalid_request_error", "message": "Blocked by our content policy."}
                writer.write(json_answer(400, {"type": "error", "error": error}))
            else:
                await answer(request, reader, writer)

        server._answer = picky  # type: ignore[method-assign]
        _, project = await in_project(tmp_path, model, {}, server)
        session = await project.sessions.get()
        refused = await session.prompt(Prompt("Some forbidden words."))
        assert refused.stop_reason == "refusal"
        assert "removed from the conversation" in refused.detail
        assert (await session.prompt(Prompt("Something else."))).reply == "Yes."
        await project.close()


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_a_model_that_the_settings_call_blind_is_sent_no_picture(tmp_path, provider):
    async with ModelServer([{"text": "I see nothing."}, {"text": "I see."}]) as server:
        for sees, count in ((False, 0), (True, 1)):
            entry = {"provider": provider, "model": "m", "base_url": f"{server.url}/v1", "sees_images": sees}
            _, project = await in_project(tmp_path, "mine", {"models": {"mine": entry}}, server)
            picture = await asyncio.to_thread(Image.of_bytes, drawn("PNG"))
            session = await project.sessions.new()
            await session.prompt(Prompt("Look.", (Attachment("a.png", image=picture),)))
            await project.close()
            assert pictures_in(server.bodies[-1]) == count


def test_a_picture_of_another_tool_that_is_none_becomes_a_sentence():
    from mazu_ls.tools.base import ToolOutput
    from mazu_ls.tools.output_limits import with_fit_pictures

    good = Image("image/png", base64.b64encode(drawn("JPEG")).decode())
    bad = Image("image/png", base64.b64encode(BROKEN["page"]).decode())
    output = with_fit_pictures(ToolOutput("Shot.", (good, bad, Image("image/png", "%"))))
    assert [image.media_type for image in output.images] == ["image/jpeg"]
    assert output.text.count("is not shown") == 2
