"""What a command attaches to a message: documents as the editor shows them, or the given lines of them."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError
from mazu_ls.messages import Image
from mazu_ls.server import chats, uris
from mazu_ls.server.documents import Document
from mazu_ls.server.lsp import DocumentItem, Position, Range
from mazu_ls.server.wire.common import Place

if TYPE_CHECKING:
    from mazu_ls.agent.prompt import Attachment
    from mazu_ls.server.server import Server

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
PICTURE_BYTES = 5 * 1024**2


async def attachments(server: Server, places: Sequence[Place]) -> tuple[Attachment, ...]:
    """Read each place. Raises MazuError(not_found) for a file that is not there."""
    return tuple([await _attachment(server, place, index) for index, place in enumerate(places)])


async def mentioned(server: Server, message: str) -> tuple[Attachment, ...]:
    """The files that a message names as `@path`; a word with an @ that names no file is just a word."""
    found: dict[str, Place] = {}
    for mention in chats.mentions(message):
        try:
            path = server.workspace.resolve(mention.path)
        except MazuError:
            continue
        if not path.is_file():
            continue
        span = None
        if mention.first is not None:
            last = max(mention.first, mention.last or mention.first)
            span = Range(Position(mention.first - 1, 0), Position(last, 0))
        found.setdefault(f"{mention}", Place(uris.from_path(path), span))
    return await attachments(server, list(found.values()))


async def _attachment(server: Server, place: Place, index: int) -> Attachment:
    from mazu_ls.agent.prompt import Attachment

    document = server.editor.documents.get(place.uri) if server.editor else None
    path = document.path if document else server.path_of(place.uri, f"attachments[{index}].uri")
    name = server.name_of(path) if path else place.uri
    media = mimetypes.guess_type(name)[0]
    if document is None and path and media in PICTURES:
        return Attachment(name, image=_picture(path, media))
    document = document or await read_document(server, place.uri, path)
    if place.range is None:
        return Attachment(name, document.text)
    last = place.range.end.line + (
        1 if place.range.end.character or place.range.end == place.range.start else 0
    )
    lines = "".join(document.lines[place.range.start.line : last])
    return Attachment(name, lines, place.range.start.line, last)


async def read_document(server: Server, uri: str, path: Path | None) -> Document:
    """A document that is not open, read from its file. Raises MazuError(not_found)."""
    assert path is not None
    try:
        text = await server.host.read(path)
    except OSError as error:
        raise MazuError(
            Kind.NOT_FOUND, f"{path} cannot be read: {error.strerror or error}.", "Check the path."
        ) from error
    encoding = server.editor.documents.encoding if server.editor else "utf-16"
    return Document(DocumentItem(uri, 0, text), encoding)


def _picture(path: Path, media: str) -> Image:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MazuError(
            Kind.NOT_FOUND, f"{path} cannot be read: {error.strerror}.", "Check the path."
        ) from error
    if len(data) > PICTURE_BYTES:
        raise MazuError(Kind.UNSUPPORTED, f"{path.name} is larger than 5 MiB.", "Attach a smaller picture.")
    return Image(media, base64.b64encode(data).decode("ascii"))
