"""Finding: ripgrep and our own walk find the same; what git ignores and what is secret is left out."""

import asyncio
import os
import re
import shutil
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.errors import ToolError
from mazu_ls.tools.search import content_search
from mazu_ls.tools.search.bounded_pattern import compile_pattern
from mazu_ls.tools.search.name_pattern import name_matcher
from mazu_ls.tools.search.tools import glob_files, grep

FILES = {
    "a.py": "import os\nneedle = 1\n", "src/b.py": "x\nneedle()\ny\n", "src/c.txt": "Needle\n", "build/d.py": "needle\n",
    "src/skipped.log": "needle\n", "src/kept.log": "needle\n", ".gitignore": "build/\n*.log\n!kept.log\n", ".env": "needle=secret\n",
    "src/.hidden/e.py": "needle\n",
}  # fmt: skip


@pytest.fixture(params=["ripgrep", "own"])
def searcher(request, monkeypatch) -> None:
    if request.param == "own":
        monkeypatch.setattr("mazu_ls.tools.search.content_search.find_program", lambda _: None)
    elif shutil.which("rg") is None:
        pytest.skip("no ripgrep here")


async def test_matches_are_found_with_file_and_line(made, searcher) -> None:
    text = await made(FILES).text(grep, pattern="needle")
    assert sorted(text.splitlines()) == [
        "a.py:2:needle = 1", "src/.hidden/e.py:1:needle", "src/b.py:2:needle()", "src/kept.log:1:needle",
    ]  # fmt: skip


async def test_users_are_told_how_much_was_found(made, searcher) -> None:
    project = made(FILES)
    assert (await project.call(grep, pattern="needle", context=1)).summary == "4 matches in 4 files"
    assert (await project.call(grep, pattern="import")).summary == "1 match in 1 file"
    assert (await project.call(grep, pattern="needle", limit=1)).summary == "more than 1 match in 1 file"
    assert (await project.call(grep, pattern="nothing")).summary == ""
    assert (await project.call(glob_files, pattern="*.py")).summary == "3 files"


async def test_a_fifo_that_ripgrep_reads_by_itself_does_not_stop_it(made, searcher, monkeypatch) -> None:
    monkeypatch.setattr(content_search, "TIME_LIMIT", 15.0)
    project = made({"a.py": "needle\n", "nested/b.py": "needle\n"})
    for folder in (project.root, project.root / "nested"):
        (folder / ".git/info").mkdir(parents=True)
        os.mkfifo(folder / ".git/info/exclude")
    text = await project.text(grep, pattern="needle")
    assert sorted(text.splitlines()) == ["a.py:1:needle", "nested/b.py:1:needle"]


async def test_options_of_a_search(made, searcher) -> None:
    project = made(FILES)
    assert "src/c.txt:1:Needle" in await project.text(grep, pattern="needle", ignore_case=True)
    assert (await project.text(grep, pattern="needle", glob="*.py", path="src")).splitlines() == [
        "src/.hidden/e.py:1:needle", "src/b.py:2:needle()"
    ]  # fmt: skip
    assert await project.text(grep, pattern="needle()", fixed=True) == "src/b.py:2:needle()"
    assert (
        await project.text(grep, pattern="needle\\(", context=1)
        == "src/b.py-1-x\nsrc/b.py:2:needle()\nsrc/b.py-3-y"
    )
    assert (await project.text(grep, pattern="nowhere")).startswith("no match for nowhere")
    assert "[more than 1 matches" in await project.text(grep, pattern="needle", limit=1)


async def test_unsaved_text_is_searched_instead_of_the_disk(made, searcher) -> None:
    project = made(FILES)
    project.host.open[project.root / "a.py"] = "import os\n\n\nneedle = 2\n"
    text = await project.text(grep, pattern="needle = ")
    assert text == "a.py:4:needle = 2"


async def test_binary_files_and_patterns_that_cannot_be_read(made, searcher) -> None:
    project = made({"a.txt": "needle\n"})
    (project.root / "b.bin").write_bytes(b"needle\0\0")
    assert await project.text(grep, pattern="needle") == "a.txt:1:needle"
    with pytest.raises(ToolError, match="fixed=true"):
        await project.call(grep, pattern="needle(")


async def test_files_are_found_by_name(made) -> None:
    project = made(FILES)
    assert set((await project.text(glob_files, pattern="*.py")).splitlines()) == {
        "a.py",
        "src/b.py",
        "src/.hidden/e.py",
    }
    assert await project.text(glob_files, pattern="src/*.{py,txt}", limit=1) in (
        "src/b.py\n[1 more; narrow the pattern, or raise limit]", "src/c.txt\n[1 more; narrow the pattern, or raise limit]"
    )  # fmt: skip
    assert await project.text(glob_files, pattern="*.zig") == "no file matches *.zig"


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.py", ["a.py", "x/y/a.py"], ["a.pyc"]), ("src/**/*.py", ["src/a.py", "src/x/y/a.py"], ["a.py", "xsrc/a.py"]),
        ("src/*.py", ["src/a.py"], ["src/x/a.py"]), ("**", ["a", "b/c"], []), ("[ab]?.py", ["a1.py"], ["c1.py"]),
        ("{a,b}/x", ["a/x", "b/x"], ["c/x"]), ("a.b", ["a.b"], ["aXb"]),
    ],
)  # fmt: skip
def test_globs(pattern: str, yes: list[str], no: list[str]) -> None:
    matcher = name_matcher(pattern)
    assert all(matcher.match(path) for path in yes)
    assert not any(matcher.match(path) for path in no)


@given(
    pattern=st.text("ab.+*?[](){}^$\\|x_ 1", min_size=1, max_size=10),
    line=st.text("abx_ 1.", max_size=12),
    fixed=st.booleans(),
)
def test_a_file_without_the_literal_of_a_pattern_has_no_match(pattern: str, line: str, fixed: bool) -> None:
    try:
        compiled = re.compile(re.escape(pattern) if fixed else pattern)
    except re.error:
        return
    needed = content_search.literal(
        content_search.SearchRequest(
            compile_pattern(pattern, fixed=fixed), pattern, fixed, False, None, None, 0, 10
        )
    )
    if needed is not None and compiled.search(line):
        assert needed in line.encode()


SLOW = r"(?:a|aa|aaa)+$"
"""Tries every way to cut a run of letters: more ways than there is time."""


async def test_a_pattern_that_takes_for_ever_is_given_up_and_nothing_waits_for_it(made, monkeypatch) -> None:
    monkeypatch.setattr("mazu_ls.tools.search.content_search.find_program", lambda _: None)
    project = made({"a.txt": "a" * 400 + "!\n"})
    running = asyncio.create_task(project.text(grep, pattern=SLOW))
    turns = 0
    while not running.done():
        await asyncio.sleep(0.01)
        turns += 1
    with pytest.raises(ToolError, match="use a simpler one"):
        await running
    assert turns > 10  # the loop was free meanwhile


async def test_a_slow_pattern_is_given_up_in_unsaved_text_too(made, searcher) -> None:
    project = made({"a.txt": "b\n"})
    project.host.open[project.root / "a.txt"] = "a" * 400 + "!\n"
    with pytest.raises(ToolError, match="use a simpler one"):
        await project.text(grep, pattern=SLOW)


async def test_a_glob_of_many_stars_ends(made, searcher) -> None:
    project = made({"a" * 200: "needle\n"})
    pattern = "*a" * 12 + "b"
    assert "no file matches" in await project.text(glob_files, pattern=pattern)
    assert "no match" in await project.text(grep, pattern="needle", glob=pattern)


RIPGREP = """#!%s
import base64, json, os, re, sys
pattern = next(a[9:] for a in sys.argv if a.startswith("--regexp=")).encode()
def value(data):
    try: return {"text": data.decode()}
    except UnicodeDecodeError: return {"bytes": base64.b64encode(data).decode()}
for folder, _, names in os.walk(os.fsencode(sys.argv[-1])):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            for number, line in enumerate(file, 1):
                if re.search(pattern, line):
                    data = {"path": value(os.path.join(folder, name)), "lines": value(line), "line_number": number}
                    print(json.dumps({"type": "match", "data": data}))
"""
"""What ripgrep says of files, where it is not at hand: bytes divided at LF, in base64 where they are no UTF-8."""


async def test_lines_that_ripgrep_reads_otherwise_are_those_of_the_editor(
    project, monkeypatch, tmp_path
) -> None:
    stub = tmp_path / "rg"
    stub.write_text(RIPGREP % sys.executable)
    stub.chmod(0o755)
    monkeypatch.setattr("mazu_ls.tools.search.content_search.find_program", lambda _: str(stub))
    (project.root / "mac.txt").write_bytes(b"one\rneedle\rtwo\r")
    (project.root / "legacy.txt").write_bytes("# настройки сервера\nneedle настройки\n".encode("cp1251"))
    (project.root / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"needle\n")
    text = await project.text(grep, pattern="needle")
    assert sorted(text.splitlines()) == [
        "caf\\xe9.txt:1:needle",
        "legacy.txt:2:needle настройки",
        "mac.txt:2:needle",
    ]


@pytest.mark.skipif(shutil.which("rg") is None, reason="no ripgrep here")
async def test_a_match_in_a_line_of_many_megabytes_is_no_error_of_ours(made, monkeypatch) -> None:
    monkeypatch.setattr(content_search, "FILE_BYTES", 1 << 16)
    project = made({"long.js": "x" * (1 << 18) + "/* footer */\nneedle\n"})
    text = await project.text(grep, pattern="footer", path="long.js")
    assert "line of several megabytes" in text and "column" in text
