"""What an agent writes into an open document is only what the editor can save in that document's encoding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.server.documents.editor_encoding import editor_encoding
from tests.server.test_lending import lending, results
from tests.server.test_turns import agent, edit_call

ASCII, CYRILLIC = b"a = 1\n", "# да\na = 1\n".encode("cp1251")


@pytest.mark.parametrize(
    "case",
    [
        ("shiftjis", ASCII, "漢字 ①", "edited"),
        ("shiftjis", ASCII, "é", "The file's encoding is cp932, which has no 'é'"),
        ("utf8", ASCII, "é", "edited"),
        ("windows1251", CYRILLIC, "ё", "edited"),
        ("windows1251", CYRILLIC, "漢", "The file's encoding is cp1251, which has no '漢'"),
        ("latin1", ASCII, "“", "has no '“'"),
        (None, ASCII, "é", "edited"),
        ("no-such", ASCII, "é", "edited"),
        (7, ASCII, "é", "edited"),
    ],
)
async def test_the_editor_says_what_it_can_save(
    env: dict[str, str], folder: Path, case: tuple[Any, bytes, str, str]
):
    said, data, added, told = case
    path, shown = folder / "app.py", data.decode("cp1251")
    path.write_bytes(data)
    replies = [{"calls": [edit_call("app.py", "a = 1", f"a = 1  # {added}")]}, {"text": "Done."}]
    async with agent(env, folder, replies, allow=["edit_file: app.py"], **lending("encoding")) as client:
        client.answers["mazu/editor/encoding"] = lambda params: {"encoding": said}
        client.open(path.as_uri(), shown)
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        assert client.notes("mazu/editor/encoding") == [{"uri": path.as_uri()}]
        (result,) = results(client)
        assert told in result
        after = shown.replace("a = 1", f"a = 1  # {added}") if told == "edited" else shown
        assert client.documents[path.as_uri()].text == after


@pytest.mark.parametrize(
    ("name", "python"),
    [
        ("utf8", "utf-8"), ("utf8bom", "utf-8"), ("utf16le", "utf-16-le"), ("utf16be", "utf-16-be"), ("windows1252", "cp1252"),
        ("iso88591", "iso8859-1"), ("iso885915", "iso8859-15"), ("macroman", "mac-roman"), ("cp437", "cp437"), ("shiftjis", "cp932"),
        ("eucjp", "euc_jp"), ("euckr", "cp949"), ("gbk", "gbk"), ("gb18030", "gb18030"), ("gb2312", "gbk"), ("big5hkscs", "big5hkscs"),
        ("koi8r", "koi8-r"), ("koi8u", "koi8-u"), ("windows874", "cp874"), ("utf-8", "utf-8"), ("latin1", "iso8859-1"), ("sjis", "cp932"),
        ("euc-jp", "euc_jp"), ("cp1251", "cp1251"), ("utf-16le", "utf-16-le"), ("iso-8859-2", "iso8859-2"), ("nonsense", None), ("", None),
    ],
)  # fmt: skip
def test_the_names_of_vs_code_and_vim(name: str, python: str | None):
    assert editor_encoding(name) == python
