"""What an `AI!` comment asks for, in the language it is written in."""

from __future__ import annotations

import pytest

from mazu_ls.server.chat.ai_comments import comments, find_ai_comments, instruction_at

ASKED = [
    ("fortran", "! AI! use a loop\n", "use a loop"),
    ("FortranFreeForm", "x = 1 ! use a loop AI!\n", "use a loop"),
    ("fortran", "print *, '! AI! no'\n", None),
    ("sql", "select 1; -- add where AI!\n", "add where"),
    ("sql", "select '-- AI! no'\n", None),
    ("lua", "local a = 1; -- AI! b\n", "b"),
    ("ini", "; AI! b\n", "b"),
    ("erlang", "%% AI! b\n", "b"),
    ("vb", "x = 1 ' AI! b\n", "b"),
    ("bat", "REM AI! b\n", "b"),
    ("vim", '" AI! b\n', "b"),
    ("yaml", "a: 1 # AI! use {x}\n", "use {x}"),
    ("css", "/* AI! red */\n", "red"),
    ("clojure", ";; AI! b\n", "b"),
    ("ocaml", "(* b AI! *)\n", "b"),
    ("html", "<script>\n// b AI!\n</script>\n", "b"),
    ("plaintext", "! AI! b\n", "b"),
    ("kotlin", "val a = 1 /* AI! b */\n", "b"),
]


@pytest.mark.parametrize(("language", "text", "asked"), ASKED)
def test_an_instruction_is_read_without_its_comment_signs(language: str, text: str, asked: str | None):
    assert [found[3] for found in find_ai_comments(text, language)] == ([asked] if asked else [])
    if asked:
        assert instruction_at(text, language) == asked


def test_a_selection_may_start_inside_of_a_comment():
    assert instruction_at("# b AI!\n*/", "c") == "b"


def test_many_signs_and_no_request_are_read_in_no_time():
    assert list(comments("#;-- " * 2000 + "AI! ")) == []


@pytest.mark.parametrize("language", ["c", "python", "ini"])
@pytest.mark.parametrize("line", ["// AI!{}x */ y", "# AI!{}x y", "{}x {} AI! y{}z", "# {}x{}AI!"])
def test_a_line_of_blanks_is_read_in_one_pass(language: str, line: str):
    """Of two thousand blanks each minute-long reading hung the server when the file was opened."""
    text = "\n".join(line.replace("{}", " " * 600) for _ in range(20)) + "\n"
    found = [asked for *_, asked in find_ai_comments(text, language)]
    assert found in ([], ["x y"] * 20, ["x"] * 20, ["x */ y"] * 20), found[:1]
