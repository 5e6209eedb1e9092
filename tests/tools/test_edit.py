"""Edits: exact, all or none, and helpful when they miss."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mazu_ls.errors import ToolError
from mazu_ls.tools.edit.replace import Replacement, replace_all_text, replace_passage
from mazu_ls.tools.edit.shown_text import WHOLE_CHARS, ShownText
from mazu_ls.tools.edit.tools import edit_file, write_file
from mazu_ls.tools.files import read_file
from mazu_ls.workspace import PathRefused

pytestmark = pytest.mark.portable


async def test_one_passage_is_replaced_where_the_user_sees_it(made) -> None:
    project = made({"a.py": "x = 1\n"})
    project.host.open[project.root / "a.py"] = "x = 1  # unsaved\n"
    assert await project.text(edit_file, path="a.py", old="x = 1", new="x = 2") == "edited a.py"
    assert project.host.open[project.root / "a.py"] == "x = 2  # unsaved\n"
    assert (project.root / "a.py").read_text() == "x = 1\n"


async def test_several_edits_are_all_made_or_none(made) -> None:
    project = made({"a.py": "a\nb\nc\n"})
    with pytest.raises(ToolError, match="edit 2 of 2: `old` does not occur"):
        await project.call(
            edit_file, path="a.py", edits=[{"old": "a", "new": "A"}, {"old": "zzz", "new": ""}]
        )
    assert (project.root / "a.py").read_text() == "a\nb\nc\n"
    await project.call(
        edit_file, path="a.py", edits=[{"old": "a\n", "new": "A\n"}, {"old": "A\nb", "new": "A\nB"}]
    )
    assert (project.root / "a.py").read_text() == "A\nB\nc\n"


@pytest.mark.parametrize(
    ("text", "old", "said"),
    [
        ("def f():\n\treturn 1\n", "def f():\n    return 1", "at line 1 it differs only in white space"),
        (
            "def total(items):\n    return sum(items)\n",
            "def total(item):\n    return sum(item)",
            "The nearest passage is at line 1",
        ),
        ("a = 1\n", "completely different text", "nor anything like it"),
        ("x\nx\n", "x", "occurs 2 times in a.py; quote more context"),
    ],
)
async def test_a_miss_says_what_stands_there_instead(made, text: str, old: str, said: str) -> None:
    with pytest.raises(ToolError) as caught:
        await made({"a.py": text}).call(edit_file, path="a.py", old=old, new="")
    assert said in str(caught.value)


def test_a_miss_in_a_long_text_quotes_no_line_of_a_key() -> None:
    body = "".join(f"{letter * 64}\n" for letter in "ABCDEFGH")
    key = f"-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----\n"
    text = "before = 1\n" + key + ("x" * 200 + "\n") * (WHOLE_CHARS // 200 + 1)
    for old in ("C" * 60 + "x", f"  {'C' * 64}\n  {'D' * 64}"):
        with pytest.raises(ToolError) as caught:
            replace_passage(text, Replacement(old, "new"), "a.txt")
        assert "CCCC" not in str(caught.value) and "DDDD" not in str(caught.value)
    with pytest.raises(ToolError, match="nearest passage") as caught:
        replace_passage(text, Replacement("before = 2", "new"), "a.txt")
    assert "before = 1" in str(caught.value)


async def test_line_ends_are_kept_when_the_model_quotes_lf(made) -> None:
    project = made({"a.txt": "one\r\ntwo\r\nthree"})
    await project.call(edit_file, path="a.txt", old="one\ntwo", new="1\n2")
    assert (project.root / "a.txt").read_bytes() == b"1\r\n2\r\nthree"
    await project.call(write_file, path="a.txt", content="x\ny\n")
    assert (project.root / "a.txt").read_bytes() == b"x\r\ny\r\n"


async def test_what_changed_since_it_was_read_is_read_again(made) -> None:
    project = made({"a.py": "x = 1\n"})
    await project.call(read_file, path="a.py")
    (project.root / "a.py").write_text("x = 2\ny = 2\n")
    refused = [
        (edit_file, {"old": "x = 1", "new": "z"}),
        (edit_file, {"old": "2", "new": "3"}),
        (edit_file, {"edits": [{"old": "2", "new": "3", "all": True}]}),
        (write_file, {"content": ""}),
    ]
    for tool, arguments in (*refused, *refused):
        with pytest.raises(ToolError, match="changed since you read it"):
            await project.call(tool, path="a.py", **arguments)
    assert (project.root / "a.py").read_text() == "x = 2\ny = 2\n"
    await project.call(read_file, path="a.py")
    await project.call(write_file, path="a.py", content="z\n")


async def test_a_change_elsewhere_in_the_file_is_kept_and_does_not_hold_up_an_edit(made) -> None:
    project = made({"a.py": "one\n\ntwo\n"})
    await project.call(read_file, path="a.py")
    (project.root / "a.py").write_text("one, by the user\n\ntwo\n")
    assert "read it again" in await project.text(edit_file, path="a.py", old="two", new="three")
    assert (project.root / "a.py").read_text() == "one, by the user\n\nthree\n"
    await project.call(edit_file, path="a.py", old="three", new="four")
    with pytest.raises(ToolError, match="changed since you read it"):
        await project.call(write_file, path="a.py", content="one\n\nfour\n")
    assert (project.root / "a.py").read_text() == "one, by the user\n\nfour\n"


async def test_a_new_file_gets_its_folders(project) -> None:
    assert (
        await project.text(write_file, path="new/deep/a.py", content="x\n")
        == "created new/deep/a.py (1 lines)"
    )
    assert (project.root / "new/deep/a.py").read_text() == "x\n"


async def test_protected_places_are_refused(project) -> None:
    for path in (".git/config", ".mazu/config.toml", "../x", "/etc/x"):
        with pytest.raises(PathRefused):
            await project.call(write_file, path=path, content="")


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.text(max_size=60), st.text(min_size=1, max_size=5), st.text(max_size=10), st.text(max_size=60))
def test_only_the_passage_changes(before: str, old: str, new: str, after: str) -> None:
    text = f"{before}{old}{after}"
    if text.count(old) == 1 and "\r" not in text + new:
        assert replace_passage(text, Replacement(old, new), "f", "") == f"{before}{new}{after}"


KEYS = 'db_password = "hunter2secretQ99z"\ntoken = "ghp_A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3"\n# notes\nx = 1\nx = 1\n'


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# notes", "# the colour is [redacted: secret]"),
        ("# notes", "# zz[redacted: github token]"),
        ("# notes", "# x_[redacted: github token]_x"),
        ('token = "[redacted: github token]"', "tok = x_[redacted: github token]"),
        ('db_password = "[redacted: secret]"', 'colour = "[redacted: secret]"'),
        ("db_password", "colour"),
    ],
)
def test_an_edit_cannot_put_a_secret_where_it_would_be_shown(old: str, new: str, long: bool) -> None:
    text = KEYS + "y = 2\n" * (WHOLE_CHARS // 6 if long else 0)
    with pytest.raises(ToolError, match="not recognized"):
        replace_passage(text, Replacement(old, new), "config.py")
    written = ShownText.from_source(text).text.replace(old, new)
    with pytest.raises(ToolError, match="not recognized"):
        replace_all_text(written, text, "config.py")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# notes", "# see [redacted: github token]"),
        ("db_password", "the_db_password"),
        ('"[redacted: secret]"', "'[redacted: secret]'"),
        ('db_password = "[redacted: secret]"\n', ""),
        ("x = 1", "x = 22"),
    ],
)
def test_an_edit_around_a_secret_that_stays_hidden_is_made(old: str, new: str) -> None:
    result = replace_passage(KEYS, Replacement(old, new, all=True), "config.py")
    assert ShownText.from_source(result).text == ShownText.from_source(KEYS).text.replace(old, new)
