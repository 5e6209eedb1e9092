"""Attachments of a message: documents as the editor shows them, or some of their lines."""

from __future__ import annotations

import asyncio
import mimetypes
import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError
from mazu_ls.messages import Image
from mazu_ls.server import uris
from mazu_ls.server.chat import markdown
from mazu_ls.server.chat.attached_in_part import WITHHELD, names_without_values, tell_missing
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.rpc.lsp_types import DocumentItem, LspPosition, LspRange
from mazu_ls.server.wire.common import AttachedText, DocumentRange
from mazu_ls.workspace import path_rules
from mazu_ls.workspace.pictures import LARGEST_FILE, UnreadablePicture
from mazu_ls.workspace.project_files import FileTooLarge, read_file
from mazu_ls.workspace.visible_text import make_line

if TYPE_CHECKING:
    from mazu_ls.agent.turn.prompt import Attachment
    from mazu_ls.journal.events import Attached
    from mazu_ls.server.state import ServerState

LONGEST_NAME = 80
MOST_NAMES = 200
"""Files of a folder that are named."""
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff", "image/avif")


async def attachments(server: ServerState, places: Sequence[DocumentRange]) -> tuple[Attachment, ...]:
    """Read each place. Raises MazuError(not_found) for a missing file."""
    return tuple([await _attachment(server, place, index) for index, place in enumerate(places)])


async def attached(
    server: ServerState, places: Sequence[DocumentRange], message: str, texts: Sequence[AttachedText] = ()
) -> tuple[Attachment, ...]:
    """Return a command's attachments, and those that its message mentions."""
    documents = (*await attachments(server, places), *await mentioned(server, message))
    await tell_missing(server, message, documents)
    beyond_end = [one for one in documents if one.first_line is not None and not one.text]
    kept = (one for one in documents if one not in beyond_end)
    return (*kept, *(text_attachment(one.name, one.text) for one in texts))


def text_attachment(name: str, text: str) -> Attachment:
    """Return an attached text that is no document: not the user's own words, so the model sees it marked as untrusted."""
    from mazu_ls.agent.turn.prompt import Attachment

    return Attachment(make_line(name, LONGEST_NAME), text, is_file=False)


async def attached_before(
    server: ServerState, session_id: str, turn_id: str, message: str
) -> tuple[Attachment, ...]:
    """Return what the message of a turn had attached, for sending it again, in whichever branch that turn is.

    Files are read as they are now; what is no file, or is gone, is as it was. What `message` itself mentions is left
    out. Raises MazuError(not_found) where there is no such turn.
    """
    from mazu_ls.agent.turn.prompt import read_attachments
    from mazu_ls.journal.events import UserSaid

    project = await server.wait_opened()
    shot = await project.sessions.snapshot(session_id, now=lambda _: None)
    said = next(
        (one.body for one in shot.events if one.turn == turn_id and isinstance(one.body, UserSaid)), None
    )
    if said is None:
        raise MazuError(Kind.NOT_FOUND, "The message to send again was not found.", "Write it again.")
    named = {(one.name, one.first_line) for one in await mentioned(server, message)}
    found: list[Attachment] = []
    for one, before in zip(said.attached, read_attachments(said.message.parts, said.attached), strict=False):
        place = None if one.text is not None or before.image else place_of(server, one)
        if (one.path, one.first) not in named:
            found.extend((before,) if place is None else await attachments(server, [place]))
    return tuple(found)


def place_of(server: ServerState, attached: Attached) -> DocumentRange | None:
    """Return the present place of an attachment; None if it is no longer a file."""
    try:
        path = server.workspace.resolve(attached.path, typed=True)
    except MazuError:
        return None
    if not path.is_file():
        return None
    if attached.first is None:
        return DocumentRange(uris.from_path(path))
    return DocumentRange(
        uris.from_path(path),
        LspRange(LspPosition(attached.first, 0), LspPosition(attached.last or attached.first, 0)),
    )


async def mentioned(server: ServerState, message: str) -> tuple[Attachment, ...]:
    """Return the files that a message names as `@path`, of a folder the names of its files; a word with an @ that names
    neither is just a word."""
    found: dict[str, DocumentRange] = {}
    folders: dict[Path, None] = {}
    for mention in markdown.mentions(message):
        try:
            path = server.workspace.resolve(mention.path, typed=True)
        except MazuError:
            continue
        if path.is_dir():
            folders[path] = None
        if not path.is_file():
            continue
        span = None
        if mention.first is not None:
            last = max(mention.first, mention.last or mention.first)
            span = LspRange(LspPosition(mention.first - 1, 0), LspPosition(last, 0))
        found.setdefault(f"{mention}", DocumentRange(uris.from_path(path), span))
    listings = [await asyncio.to_thread(_listing, server, path) for path in folders]
    return (*await attachments(server, list(found.values())), *listings)


def _listing(server: ServerState, folder: Path) -> Attachment:
    """Return the names of a folder's files, without those that git ignores."""
    from mazu_ls.tools.search.gitignore_walk import walk

    root = next((one for one in server.workspace.roots if folder.is_relative_to(one)), folder)
    names = [os.path.relpath(one.path, folder) for one in islice(walk(root, folder), MOST_NAMES + 1)]
    if len(names) > MOST_NAMES:
        names[MOST_NAMES:] = ["(there are more: glob_files finds them)"]
    elif not names:
        names = ["(it holds no files but those that git ignores)"]
    return text_attachment(
        f"{server.name_of(folder).rstrip('/')}/", "\n".join(make_line(name, 200) for name in names)
    )


async def _attachment(server: ServerState, place: DocumentRange, index: int) -> Attachment:
    from mazu_ls.agent.turn.prompt import Attachment

    document = server.editor.documents.get(place.uri) if server.editor else None
    if document is None:
        path = server.path_of(place.uri, f"attachments[{index}].uri")
        if mimetypes.guess_type(path.name)[0] in PICTURES:
            picture = await asyncio.to_thread(_picture, path)
            if picture is not None:
                return Attachment(server.name_of(path), image=picture)
        document = await read_document(server, place.uri, path)
    name = server.title_of(document)
    if place.range is None:
        return Attachment(name, await _without_values(server, name, document.text))
    last = last_line(place.range)
    lines = "".join(document.lines[place.range.start.line : last])
    return Attachment(name, await _without_values(server, name, lines), place.range.start.line, last)


async def _without_values(server: ServerState, name: str, text: str) -> str:
    """Return the text of a file that holds secrets by its name without its values, and tell the user; others as they are."""
    if path_rules.is_secret(name.split("/")) is None or not text.strip():
        return text
    shown, named = make_line(name, LONGEST_NAME), names_without_values(text)
    project = await server.wait_opened()
    if named is None:
        await project.warn_once(
            f"{shown} may hold secrets, so it is not attached: the agent asks before it reads it."
        )
        return WITHHELD
    if named.hidden:
        values = "1 value is" if named.hidden == 1 else f"{named.hidden} values are"
        await project.warn_once(f"{shown} may hold secrets: {values} not sent, only the names.")
    return named.text


def last_line(span: LspRange) -> int:
    """Return the end (exclusive) of the lines that a range touches; a line of which it holds no character does not
    count."""
    return span.end.line + (1 if span.end.character or span.end == span.start else 0)


async def read_document(server: ServerState, uri: str, path: Path) -> OpenDocument:
    """Return a document that is not open, read from its file. Raises MazuError(not_found)."""
    try:
        text = await server.host.read(path)
    except OSError as error:
        raise MazuError(
            Kind.NOT_FOUND, f"{path} cannot be read: {error.strerror or error}.", "Check the path."
        ) from error
    except MazuError as error:  # its hint is for a model, which has other tools
        if error.kind is not Kind.UNSUPPORTED:
            raise
        raise MazuError(error.kind, error.message, "Choose a text file.") from error
    encoding = server.editor.documents.encoding if server.editor else "utf-16"
    return OpenDocument(DocumentItem(uri, 0, text), encoding)


def _picture(path: Path) -> Image | None:
    """Return the picture in a file, prepared for sending; None if the file is text in spite of its name."""
    data = b""
    try:
        real = path.resolve()
        data = read_file(real.parent, real.name, LARGEST_FILE)
        return Image.of_bytes(data)
    except FileTooLarge as error:
        raise MazuError(
            Kind.UNSUPPORTED,
            f"{path.name} is larger than {LARGEST_FILE >> 20} MiB.",
            "Attach a smaller picture.",
        ) from error
    except UnreadablePicture as error:
        if b"\0" not in data:
            return None
        raise MazuError(
            Kind.UNSUPPORTED,
            f"{path.name} cannot be attached as a picture: it {error}.",
            "Attach another file.",
        ) from error
    except OSError as error:
        raise MazuError(
            Kind.NOT_FOUND, f"{path} cannot be read: {error.strerror}.", "Check the path."
        ) from error
