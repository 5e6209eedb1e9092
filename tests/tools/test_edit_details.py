"""Edits at their edges: how far a miss is looked for, which lines count as left out, what keeps its line end, its secret, its place."""

from pathlib import Path

import pytest

from mazu_ls.agent.turn.reviewed_host import RecordedEdit, unified_diff
from mazu_ls.errors import ToolError
from mazu_ls.server.documents.editor_encoding import editor_encoding
from mazu_ls.tools.edit import file_syntax
from mazu_ls.tools.edit.file_syntax import has_parser, syntax_problem
from mazu_ls.tools.edit.line_ends import COMPARED, common_ends, line_ends, with_line_ends
from mazu_ls.tools.edit.long_lines import show_around, show_columns
from mazu_ls.tools.edit.omitted_text import MOST_LINES, find_omission
from mazu_ls.tools.edit.rebased_edit import rebase_edit
from mazu_ls.tools.edit.redacted.placeholders import refuse_placeholders, restore_secrets
from mazu_ls.tools.edit.replace import Replacement, replace_all_text, replace_passage, replace_passages
from mazu_ls.tools.edit.shown_text import ShownText, numbered_lines
from mazu_ls.tools.edit.text_or_notebook import edited_text
from mazu_ls.workspace.text import REPLACEMENT

pytestmark = pytest.mark.portable


def numbers(count: int, end: str = "\n") -> str:
    return "".join(f"value {n}{end}" for n in range(count))


def miss(text: str, old: str) -> str:
    with pytest.raises(ToolError) as caught:
        replace_passage(text, Replacement(old, "x"), "a.txt")
    return str(caught.value).removeprefix("`old` does not occur in a.txt")


@pytest.mark.parametrize(
    ("lines", "quoted", "shown"), [(4000, 60, True), (4001, 60, False), (4000, 61, False), (61, 61, False)]
)
def test_the_nearest_passage_is_looked_for_where_that_is_quick(lines: int, quoted: int, shown: bool) -> None:
    old = numbers(quoted).replace("value 7\n", "valve 7\n")
    said = miss(numbers(lines), old)
    assert said.startswith(". The nearest passage is at line 1:\nvalue 0\nvalue 1\n") is shown
    assert (said == "; read that part of the file again") is not shown
    assert not shown or said.endswith(f"value {quoted - 1}")


def test_json_that_looks_like_a_notebook_is_one_by_its_name_alone() -> None:
    source = '{"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "source": ["x = 1"]}], "metadata": {}, "nbformat": 4}'
    edit, cell = Replacement('"x = 1"', '"x = 2"'), Replacement("x = 1", "x = 2\ny")
    assert (
        edited_text(source, [edit], "a.json")
        == source.replace("x = 1", "x = 2")
        == edited_text(source, [edit], "a.IPYNB")
    )
    assert edited_text(source, [cell], "a.ipynb") == source.replace('"x = 1"', '"x = 2\\n", "y"')
    assert edited_text(source, [cell], "a.json") == source.replace("x = 1", "x = 2\ny")


@pytest.mark.parametrize(
    ("text", "old", "said"),
    [
        ("say \u201chi\u201d\n", 'say "hi"', "the file has LEFT DOUBLE QUOTATION MARK (U+201C), RIGHT DOUBLE QUOTATION MARK (U+201D)"),
        ("it's\n", "it\u2019s", "`old` has RIGHT SINGLE QUOTATION MARK (U+2019)"),
        ("a \u2013 b\n", "a - b", "the file has EN DASH (U+2013)"),
        ("a\u00a0b\n", "a b", "the file has NO-BREAK SPACE (U+00A0)"),
        ("wait\u2026\n", "wait...", "the file has HORIZONTAL ELLIPSIS (U+2026)"),
    ],
)  # fmt: skip
def test_a_miss_names_characters_that_look_alike(text: str, old: str, said: str) -> None:
    found = miss(f"first\n{text}", old)
    assert (
        found
        == f": at line 2 it differs only in characters that look alike: {said}. There it reads:\n{text.strip()}"
    )


def test_a_miss_names_the_most_similar_passage_or_none() -> None:
    text = "alpha = 1\nbeta = 2\ngamma = 3\n"
    assert miss(text, "beta = 3") == ". The nearest passage is at line 2:\nbeta = 2"
    assert (
        miss(text, "  gamma = 3") == ": at line 3 it differs only in white space. There it reads:\ngamma = 3"
    )
    assert miss(text, "beta = 2\ngamma = 4") == ". The nearest passage is at line 2:\nbeta = 2\ngamma = 3"
    assert miss(text, "qqqqqqqqqqqq") == ", nor anything like it; read the file again"
    assert miss("", "x") == ", nor anything like it; read the file again"
    assert miss("a = 1\n", "a = 2\nb = 3\nc = 4\n") == ", nor anything like it; read the file again"


def test_several_edits_say_which_of_them_failed_and_how_often_a_passage_occurs() -> None:
    edits = [Replacement("a", "b"), Replacement("c", "d")]
    with pytest.raises(ToolError, match=r"^edit 2 of 2: `old` occurs 2 times in x; quote more context$"):
        replace_passages("a c c", edits, "x")
    with pytest.raises(ToolError, match=r"^`old` occurs 3 times in x, and the occurrences overlap"):
        replace_passage("aaaa", Replacement("aa", "b", True), "x")
    assert replace_passage("aa aa", Replacement("aa", "b", True), "x") == "b b"
    assert replace_passages("a c c", [edits[0], Replacement("c", "d", True)], "x") == "b d d"


def left_out(
    lines: int, comment: str = "# everything else stays as it was", suffix: str = ".py"
) -> str | None:
    old = "first()\n" + "".join(f"step_{n}()\n" for n in range(lines)) + "last()\n"
    return find_omission(f"first()\n{comment}\nlast()\n", old, suffix)


def test_text_counts_as_left_out_from_three_unreplaced_lines_on() -> None:
    assert left_out(4) == "# everything else stays as it was"
    assert left_out(3) is None
    assert left_out(MOST_LINES) is not None and left_out(MOST_LINES + 1) is None
    assert left_out(9, "# " + "everything else stays the same".ljust(118, "-")) is not None
    assert left_out(9, "# " + "everything else stays the same".ljust(119, "-")) is None
    assert left_out(9, "# a b c d e f g h everything else") is not None
    assert left_out(9, "# a b c d e f g h i everything else") is None
    old = "first()\n" + "".join(f"step_{n}()\n" for n in range(8)) + "last()\n"
    new = "first()\none()\ntwo()\nthree()\n# everything else stays as it was\nlast()\n"
    assert find_omission(new.replace("three()\n", ""), old) is not None, "8 lines for 3"
    assert find_omission(new, old) is not None, "8 lines for 4"
    assert find_omission(new.replace("one()", "one()\nmore()"), old) is None, "8 lines for 5"
    assert find_omission(old.replace("step_3()", "# everything else stays as it was"), old) is None


def test_a_file_is_checked_up_to_a_size_and_only_if_it_was_right_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file_syntax, "MAX_CHARS", 20)
    right, wrong, long = '{"a": 1}', '{"a": }', '{"a": "0123456789abcdef"}'
    assert syntax_problem("a.json", right, wrong) is not None
    assert (
        syntax_problem("a.json", None, wrong) is not None
        and syntax_problem("a.json", " \n", wrong) is not None
    )
    assert syntax_problem("a.json", wrong, wrong) is None and syntax_problem("a.json", right, " \n") is None
    assert (
        syntax_problem("a.json", long, wrong) is None and syntax_problem("a.json", right, long[:-1]) is None
    )
    assert syntax_problem("a.json", right, wrong.ljust(20)) is not None
    assert syntax_problem("a.json", right, wrong.ljust(21)) is None
    assert syntax_problem("a.txt", right, wrong) is None


def test_a_parser_is_the_strictest_that_took_the_file_before() -> None:
    assert syntax_problem("a.json", '{"a": 1,} // c', '{"a": } // c') is not None
    assert syntax_problem("a.json", '{"a": 1,} // c', '{"a": 2,} // c') is None
    assert syntax_problem("a.json", '{"a": 1}', '{"a": 1,}') is not None
    assert syntax_problem("a.yml", "a: 1\n", "a: 1\nb: 2\na: 3\n") == "the key 'a' comes again in line 3"
    assert syntax_problem("a.yml", "- {a: 1}\n", "- {b: 1, b: 2}\n") == "the key 'b' comes again in line 1"
    assert syntax_problem("a.yml", "a: 1\na: 2\n", "a: 1\na: 3\n") is None
    assert syntax_problem("a.yml", "a: 1\n", "<<: *x\n") is not None
    assert syntax_problem("a.yml", "a: &x {b: 1}\n", "a: &x {b: 1}\nc: {<<: *x, <<: *x}\n") is None
    assert syntax_problem("a.yml", "a: &x [1]\n", "a: &x [*x]\n") is None
    assert (
        syntax_problem("a.jsonl", "{}\n\n[]\n", "{}\n\n[\n")
        == "line 3: Expecting value: line 2 column 1 (char 2)"
    )
    assert (
        syntax_problem("a.xml", "<a/>", "<x:a/>") is not None
        and syntax_problem("a.xml", "<x:a/>", "<y:a/>") is None
    )
    assert syntax_problem("a.ipynb", '{"cells": []}', "{}") == "it has no list of cells"
    assert syntax_problem("a.ipynb", '{"worksheets": []}', '{"worksheets": }') is not None
    assert syntax_problem("a.json", "[]", "[" * 100_000) is None, "too deep to be judged"
    names = (
        "a.IPYNB",
        "package.json",
        "a.json5",
        "a.ndjson",
        "pyproject.toml",
        ".clang-format",
        "a.svg",
        "flake.lock",
        "tsconfig.app.json",
        "a.jsonc",
    )
    assert [name for name in names if not has_parser(name)] == []
    assert not has_parser("a.py") and not has_parser("lock")


@pytest.mark.parametrize(
    ("before", "after", "now", "merged"),
    [
        ("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"), ("a\nb\nc\n", "a\nb\nC\n", "A\nb\nc\n", "A\nb\nC\n"),
        ("a\nb\nc\n", "A\nb\nc\n", "a\nB\nc\n", None), ("a\nb\n", "A\nb\n", "a\nB\n", None),
        ("a\nb\nc\n", "x\na\nb\nc\n", "a\nb\nc\ny\n", "x\na\nb\nc\ny\n"), ("a\nb\n", "A\nb\n", "a\nb\n", "A\nb\n"),
        ("a\nb\nc\nd\n", "a\nd\n", "a\nb\nc\nd\ne\n", "a\nd\ne\n"), ("a\nb\n", "a\nx\nb\n", "a\ny\nb\n", None),
        ("a\nb", "a\nx", "a\nb", "a\nx"),
    ],
)  # fmt: skip
def test_an_edit_is_placed_beside_what_the_user_typed_with_a_line_between(
    before: str, after: str, now: str, merged: str | None
) -> None:
    assert rebase_edit(before, after, now) == merged


@pytest.mark.parametrize(
    ("source", "new", "result"),
    [
        ("a\r\nb\nc\r", "a\nX\nc\n", "a\r\nX\nc\r"), ("a\r\nb\r\n", "a\nb\nc\n", "a\r\nb\r\nc\r\n"), ("a\rb\r\nc\r\n", "x\na\nb\nc\n", "x\r\na\rb\r\nc\r\n"),
        ("a\r\nb\nc\n", "b\nc\na\n", "b\nc\na\n"), ("a\nb\r\nc\nd", "a\nc\nd\n", "a\nc\nd\n"), ("a\r\nb\r\nc\nd\n", "a\nd\n", "a\r\nd\n"),
        ("a\r\nb\n", "", ""), ("\r\na\nb\n", "\na\nb\n", "\r\na\nb\n"), ("a\r\nb\nc\nd\r\n", "a\n1\n2\n3\nd\n", "a\r\n1\n2\n3\r\nd\r\n"),
    ],
)  # fmt: skip
def test_each_line_keeps_its_own_end(source: str, new: str, result: str) -> None:
    assert replace_all_text(new, source, "x.unknown") == result


def test_a_long_rewrite_gets_the_usual_end_in_its_middle() -> None:
    old = ["first", *(f"o{n}" for n in range(COMPARED)), "last"]
    ends = ["\r"] + ["\n"] * COMPARED + ["\r\n"]
    source = "".join(line + end for line, end in zip(old, ends, strict=True))
    assert line_ends(source) == ends
    new = "\n".join(["first", *(f"n{n}" for n in range(COMPARED + 1)), "last", ""])
    made = with_line_ends(new, "\n".join([*old, ""]), ends, "\r")
    assert made.startswith("first\rn0\n") and made.endswith(f"n{COMPARED}\nlast\r\n")
    assert with_line_ends("a\nb", "", [], "\r") == "a\rb"
    assert (
        common_ends("abcd", "abXd") == (2, 1)
        and common_ends("aa", "aaa") == (2, 0)
        and common_ends("", "a") == (0, 0)
    )


def test_a_part_of_a_long_line_says_where_the_rest_is() -> None:
    line = "".join(chr(97 + n % 26) for n in range(5000))
    more = " ... [{} more characters in this line; column={} shows them]"
    assert show_columns(line) == line[:2000] + more.format(3000, 2001)
    assert show_columns(line, 2001) == "... " + line[2000:4000] + more.format(1000, 4001)
    assert show_columns(line, 3001) == "... " + line[3000:] and show_columns(line, 5000) == "... " + line[-1]
    assert show_columns(line, 5001) == "[this line has 5000 characters]" and show_columns("") == ""
    assert show_columns(line[1000:4000], 1501, low=1000, length=9000) == "... " + line[
        1500:3500
    ] + more.format(5500, 3501)
    assert show_around("x" * 2000, 3, 4) == "x" * 2000
    assert (
        show_around(line, 1000, 1010)
        == f"... {line[700:1310]} ... [column 1001 of 5000; read_file with column=701 shows more]"
    )
    assert (
        show_around(line, 300, 310)
        == f"{line[:610]} ... [column 301 of 5000; read_file with column=1 shows more]"
    )
    assert (
        show_around(line, 4690, 4700)
        == f"... {line[4390:]} [column 4691 of 5000; read_file with column=4391 shows more]"
    )
    assert (
        show_around(line, 1000, 3000)
        == f"... {line[700:1600]} ... [column 1001 of 5000; read_file with column=701 shows more]"
    )


def test_a_diff_counts_from_the_beginning_of_the_file() -> None:
    before = numbers(20)
    after = before.replace("value 10\n", "VALUE 10\nvalue new\n")
    edit = RecordedEdit.from_texts(Path("/p/a"), "a", before, after)
    assert edit.whole.split("\n")[:4] == ["--- a/a", "+++ b/a", "@@ -8,7 +8,8 @@", " value 7"]
    assert (edit.added, edit.removed, edit.creates) == (2, 1, False)
    assert edit.fits(before) and edit.fits("new\n" + before) and not edit.fits(before.replace("10", "ten"))
    made = RecordedEdit.from_texts(Path("/p/a"), "a", None, "--x\n++y")
    assert (made.added, made.removed, made.creates) == (2, 0, True)
    assert made.diff == "--- /dev/null\n+++ b/a\n@@ -0,0 +1,2 @@\n+--x\n+++y\n\\ No newline at end of file"
    gone = RecordedEdit.from_texts(Path("/p/a"), "a", "x\r\n", None)
    assert (gone.added, gone.removed, gone.creates) == (0, 1, False)
    assert gone.diff == "--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x" and gone.whole.endswith("-x\r")
    assert (
        unified_diff("a", "x\n", "x") == "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+x\n\\ No newline at end of file"
    )
    assert unified_diff("a", "x", "x") == "" and unified_diff("a", None, "") == ""
    late = unified_diff("a", numbers(9), numbers(10)).split("\n")
    assert late[2] == "@@ -7,3 +7,4 @@"


KEY = "sk-ant-api03-{}B3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5g"
A, B, C = (KEY.format(letter) for letter in "abc")
MARK = "[redacted: anthropic key]"


def restored(new: str, before: str, span: tuple[int, int] | None = None) -> str | None:
    """The text with its secrets; None where it is refused."""
    shown = ShownText.from_source(before)
    assert shown.text.count(MARK) == sum(before.count(key) for key in (A, B, C))
    try:
        return restore_secrets(new.replace("?", MARK), shown, "a.env", span).text
    except ToolError as error:
        assert str(error).endswith(("around them with edit_file.", "to put it in.", "out of the edit."))
        return None


@pytest.mark.parametrize(
    ("before", "new", "after"),
    [
        (f"x = {A}\n", "y = ?\nz = ?\n", f"y = {A}\nz = {A}\n"),
        (f"x = {A}\ny = {A}\n", "z = ?\n", f"z = {A}\n"),
        (f"x = {A}\ny = {B}\n", "y = ?\nx = ?\n", f"y = {B}\nx = {A}\n"),
        (f"x = {A}\ny = {B}\n", "x = ?\ny = ?\nz = ?\n", None),
        (f"x = {A}\ny = {B}\n", "x = ?\nnew = ?\n", f"x = {A}\nnew = {B}\n"),
        (f"x = {A}\ny = {B}\n", "new = ?\nother = ?\n", None),
        (f"x = {A}\ny = {B}\nz = {C}\n", "z = ?\n", f"z = {C}\n"),
        (f"x = {A}\ny = {B}\nz = {C}\n", "x = ?\nnew = ?\n", None),
        (f"x = {A}\nx = {B}\n", "x = ?\nx = ?\n", f"x = {A}\nx = {B}\n"),
        (f"x = {A}\nx = {B}\n", "x = ?\n", None),
        (f"one:\nx = {A}\ntwo:\nx = {B}\n", "two:\nx = ?\n", f"two:\nx = {B}\n"),
        (f"one:\nx = {A}\ntwo:\nx = {B}\n", "two:\nx = ?\none:\nx = ?\n", f"two:\nx = {B}\none:\nx = {A}\n"),
        (f"one:\nx = {A}\ntwo:\nx = {B}\n", "three:\nx = ?\nfour:\nx = ?\n", f"three:\nx = {A}\nfour:\nx = {B}\n"),
        (f"a {{ x: {A}, end: 1 }}\nb {{ x: {B}, end: 2 }}\n", "b { x: ?, end: 2 }\n", f"b {{ x: {B}, end: 2 }}\n"),
        (f"x = {A}\n", "x = [REDACTED]\n", None), (f"x = {A}\n", "x = '***'\n", None), (f"x = {A}\n", "y = 1\n", "y = 1\n"),
        ("y = '***'\n", "x = '***'\n", "x = '***'\n"), ("a\n", "x = [REDACTED]\n", "x = [REDACTED]\n"),
        (f"x = {A}\n# like ***\n", "x = ?\n# like ***\n", f"x = {A}\n# like ***\n"),
        (f"one:\nx = {A}\n{'# far ' * 400}\ntwo:\nx = {B}\n", "one:\nx = ?\n", f"one:\nx = {A}\n"),
        ("a\n", "x = ?\n", None),
    ],
)  # fmt: skip
def test_a_placeholder_gets_the_only_value_that_it_can_mean(before: str, new: str, after: str | None) -> None:
    assert restored(new, before) == after


def test_a_placeholder_in_a_passage_means_a_value_of_that_passage() -> None:
    before = f"x = {A}\ny = {B}\n"
    text = ShownText.from_source(before).text
    second = (text.index("y"), len(text))
    assert restored("z = ?\n", before, second) == f"z = {B}\n"
    assert restored("x = ***\n", before, (0, 3)) == "x = ***\n", "no secret is lost"
    for wrong, meant in (
        (MARK, "'[redacted: anthropic key]' stands for a secret"),
        (REPLACEMENT, "stands for a byte that is no text"),
    ):
        source = f"x = {A}\nx = {B}\n" if wrong == MARK else "x \ue4e4\nx \ue4f6\n"
        with pytest.raises(ToolError) as caught:
            restore_secrets(f"q {wrong}", ShownText.from_source(source), "a")
        assert meant in str(caught.value) and "which of its 2 values" in str(caught.value)
    with pytest.raises(
        ToolError, match=r"'\[redacted: anthropic key\]' is a placeholder .* the wiki would hold"
    ):
        refuse_placeholders(f"x {MARK}", "the wiki")
    refuse_placeholders("x [redacted]", "the wiki")


@pytest.mark.parametrize("old", ["x = [redacted: anth", "key]\ny", "redacted", "[redacted: anthropic key"])
def test_a_passage_that_cuts_a_placeholder_is_refused(old: str) -> None:
    with pytest.raises(ToolError, match="`old` begins or ends within a placeholder"):
        replace_passage(f"x = {A}\ny = 1\n", Replacement(old, "z"), "a.env")


def test_lines_within_a_secret_have_no_number() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nAAAA\n-----END PRIVATE KEY-----"
    lines = numbered_lines(f"a\n{key}\nb\n\nc", first=5)
    assert [number for number, _ in lines] == [5, 6, 10, 11, 12]
    assert [line for _, line in lines][0::2] == ["a", "b", "c"] and lines[1][1].startswith("[redacted: ")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("windows1252", "cp1252"), ("Windows-1251", "cp1251"), ("iso88591", "iso8859-1"), ("utf16le", "utf-16-le"), ("utf8bom", "utf-8"),
        ("koi8r", "koi8-r"), ("shiftjis", "cp932"), ("gb2312", "gbk"), ("euckr", "cp949"), ("macroman", "mac-roman"), ("klingon", None), (" UTF-8 ", "utf-8"),
    ],
)  # fmt: skip
def test_the_editors_name_of_an_encoding_is_pythons(said: str, meant: str | None) -> None:
    assert editor_encoding(said) == meant
