"""The encoding in which the editor will save an open document: from the editor if it says so, else from the file."""

from __future__ import annotations

import logging
import re

from mazu_ls.errors import MazuError
from mazu_ls.server.client.editor import ConnectedEditor
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.documents.file_io import DiskFiles
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.workspace.text import DecodedText, known_encoding

logger = logging.getLogger(__name__)
ANSWER_SECONDS = 5.0
_SPELLINGS = (
    (re.compile(r"windows-?(\d{3,4})"), r"cp\1"),
    (re.compile(r"iso-?8859-?(\d{1,2})"), r"iso8859-\1"),
    (re.compile(r"utf-?(16|32)(le|be)"), r"utf-\1-\2"),
    (re.compile(r"utf-?8-?bom"), "utf-8"),
    (re.compile(r"koi8-?([rut])"), r"koi8-\1"),
    (re.compile(r"macroman"), "mac-roman"),
)
"""Names that VS Code and Vim have and Python's codecs have not."""
_WIDER = {"shift_jis": "cp932", "euc_kr": "cp949", "gb2312": "gbk"}
"""Names that editors use for a larger character set than Python's codec of that name."""


async def require_encodable(
    editor: ConnectedEditor, disk: DiskFiles, document: OpenDocument, after: str
) -> None:
    """Raise MazuError(unsupported) if the editor would save a `?` for a character that `after` adds to an open
    document."""
    new = "".join(sorted({char for char in set(after) - set(document.text) if not char.isascii()}))
    if not new:
        return
    encoding = await _editor_encoding(editor, document)
    if encoding is not None:
        DecodedText("", encoding).encode(new)
    elif document.path is not None:
        await disk.require_encodable(document.path, document.text, new)


async def _editor_encoding(editor: ConnectedEditor, document: OpenDocument) -> str | None:
    """Return Python's name of the encoding; None if the editor does not say."""
    if "encoding" not in editor.profile.lends:
        return None
    try:
        answer = await editor.link.ask("mazu/editor/encoding", {"uri": document.uri}, ANSWER_SECONDS)
    except (ClientError, MazuError, TimeoutError) as error:
        logger.info("The editor does not say how it saves %s: %s", document.uri, error)
        return None
    name = answer.get("encoding") if isinstance(answer, dict) else None
    return editor_encoding(name) if isinstance(name, str) else None


def editor_encoding(name: str) -> str | None:
    """Return Python's name of an encoding that an editor names; None if it is not known."""
    plain = name.strip().lower().replace("_", "-")
    for spelling, meant in _SPELLINGS:
        if match := spelling.fullmatch(plain):
            plain = match.expand(meant)
    found = known_encoding(plain)
    return _WIDER.get(found, found) if found else None
