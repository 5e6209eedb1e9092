"""Comments, so that a request can be written in any language."""

from __future__ import annotations

import pytest

from mazu_ls.syntax import comments

pytestmark = pytest.mark.portable


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("python", 'x = "# no"  # AI! split this', ["# AI! split this"]),
        ("javascript", "f('// no') // AI! yes\n/* a\n b */", ["// AI! yes", "/* a\n b */"]),
        ("tsx", "<p>{/* AI! bigger */}</p>", ["/* AI! bigger */"]),
        ("rust", "/// doc AI!\nfn f() {} // end", ["/// doc AI!", "// end"]),
        ("go", "`// no` // yes\n", ["// yes"]),
        ("bash", 'echo "# no" $# # yes', ["# yes"]),
        ("php", "<?php # one\n// two\n", ["# one", "// two"]),
        ("kotlin", 'val s = "// no" /* yes */', ["/* yes */"]),
        ("sql", "select '-- no' -- yes AI!", ["-- yes AI!"]),
        ("lua", "--[[ a\nb ]] x = '--' -- c", ["--[[ a\nb ]]", "-- c"]),
        ("html", '<a href="#no"> <!-- AI! translate -->', ["<!-- AI! translate -->"]),
        ("yaml", "url: http://a#b # yes", ["# yes"]),
        ("haskell", "f' = 1 -- yes\n{- block -}", ["-- yes", "{- block -}"]),
        ("clojure", "(f 'x) ; yes", ["; yes"]),
        ("tex", "100\\% sure % AI! shorten", ["% AI! shorten"]),
        ("vb", "x = \"'no\" ' yes", ["' yes"]),
        (None, "who knows # yes\nhttp://no", ["# yes"]),
    ],
)
def test_comments_of(name: str | None, text: str, found: list[str]):
    assert [comment.text for comment in comments(text, name)] == found


def test_where_they_stand():
    (first, second) = comments("é = 1  # ein\n\nx = 2  # zwei\n", "python")
    assert (first.start_line, first.start_char, first.end_line, first.end_char) == (0, 7, 0, 12)
    assert (second.start_line, second.start_char, second.end_char) == (2, 7, 13)
    (block,) = comments("a = 1\n  --[[ b\n c ]]", "lua")
    assert (block.start_line, block.start_char, block.end_line, block.end_char) == (1, 2, 2, 5)


def test_text_too_long_for_a_parser_is_still_searched():
    (only,) = comments("x = 1\n" * 200_000 + "# AI! tidy up\n", "python")
    assert (only.text, only.start_line) == ("# AI! tidy up", 200_000)
