"""Which files git need not be asked about: never one that a rule matches."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mazu_ls.checkpoints.scan.ignore_list import maybe_ignored
from mazu_ls.gitcmd.outer_ignores import outer_patterns
from mazu_ls.gitcmd.user_repository import find
from tests.checkpoints.bed import bed

LETTERS = [
    "a",
    "b",
    "A",
    ".",
    "*",
    "?",
    "/",
    "**",
    "[",
    "]",
    "!",
    "#",
    "\\",
    " ",
    "-",
    "[ab]",
    "[!a]",
    "[a/b]",
    "é",
    "\r",
]
RULES = st.lists(
    st.lists(st.sampled_from(LETTERS), min_size=1, max_size=6).map("".join), min_size=1, max_size=3
)
NAMES = st.lists(
    st.sampled_from(["a", "b", "A", ".", "-", "é", "[", "]", "!", "#", " ", "\\"]), min_size=1, max_size=3
)
PATHS = st.lists(NAMES.map("".join).filter(lambda name: name not in (".", "..")), min_size=1, max_size=3).map(
    "/".join
)


def ignored(folder: Path, rules: bytes, paths: list[str]) -> set[bytes]:
    (folder / ".gitignore").write_bytes(rules)
    listed = "\0".join(paths).encode()
    command = ["git", "-C", str(folder), "check-ignore", "-z", "--stdin", "--no-index"]
    done = subprocess.run(command, input=listed, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return set(done.stdout.split(b"\0")) - {b""}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@settings(max_examples=250, deadline=None)
@given(RULES, st.lists(PATHS, min_size=4, max_size=20, unique=True))
def test_whatever_git_ignores_it_is_asked_about(repository: Path, rules: list[str], paths: list[str]):
    text = "\n".join(rules).encode()
    found = ignored(repository, text, paths)
    assert found <= set(maybe_ignored(repository, b"", "", [path.encode() for path in paths])), rules


ODD = {
    "*.log": ["x.log", "x.LOG.log"], "build/": ["build/x", "a/build/b/x"], "/only/here.txt": ["only/here.txt"], "**/deep": ["a/deep/x"],
    "a/**/z": ["a/z", "a/b/c/z"], "doc/**": ["doc/x/y"], "*": ["anything"], "[ab].c": ["b.c"], "[!a].c": ["b.c"], "x[a/b]": ["xa"],
    r"\#notes": ["#notes"], r"\!loud": ["!loud"], "end\\ ": ["end "], "blank   ": ["blank"], "[[:digit:]].n": ["7.n"], r"a\*b": ["a*b"],
    "\ufefffirst": ["first"], "crlf\r": ["crlf"], "a*b*c*d": ["a-b-c-d"], "na\u00efve": ["na\u00efve"], "?": ["x", "y/z"],
}  # fmt: skip


def test_rules_of_every_form_lead_to_a_question(repository: Path):
    for rule, paths in ODD.items():
        found = set(maybe_ignored(repository, b"", rule, [path.encode() for path in paths]))
        asked = ignored(repository, rule.encode(), paths)
        assert asked <= found, rule
    (repository / ".gitignore").write_text("*.log\nbuild/\n/docs/*.html\n!kept.log\n# all\n")
    paths = [b"src/main.py", b"README.md", b"docs/index.md", b"builder/x"]
    assert maybe_ignored(repository, b"", ".*.sw[a-p]\n\\#*\\#\n*~", paths) == []


def test_rules_that_cannot_be_read_lead_to_a_question(tmp_path: Path):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/.gitignore").symlink_to("/etc/passwd")
    (tmp_path / "long").mkdir()
    (tmp_path / "long/.gitignore").write_text("no-such-name\n" * 10_000)
    (tmp_path / "nul").mkdir()
    (tmp_path / "nul/.gitignore").write_bytes(b"a\0b\n")
    paths = [b"linked/a", b"long/a", b"nul/a", b"plain/a"]
    assert maybe_ignored(tmp_path, b"", "", paths) == paths[:3]


async def test_a_new_file_that_no_rule_can_match_costs_no_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, command: Sequence[str], **given: Any) -> None:
            asked.extend(map(str, command))
            super().__init__(command, **given)

    async with bed(tmp_path) as project:
        project.write(".gitignore", "*.log\nbuild/\n")
        await project.take()
        await project.take()
        monkeypatch.setattr(subprocess, "Popen", Recorded)
        for name, held in (("new.txt", 1), ("new.log", 0)):
            project.write(name, "new\n")
            taken = await project.take(kind="step", touched=[name])
            assert taken.files.added == held
            assert ("check-ignore" in asked) is (name == "new.log")


@pytest.mark.parametrize(
    ("outer", "counts"),
    [
        ("*", []),
        ("*.log\n*\n!*.md\n**/\n", ["*.log", "!*.md"]),
        ("/*\n", []),
        ("*\n!*/\n!*.c\n", ["*", "!*/", "!*.c"]),  # folders are not ignored
        ("*\n!/a/\n", []),
        ("*\n!/a/\n!/a/b/\n", ["*"]),
        ("b\n", ["b"]),  # one below is
    ],
)
def test_stars_that_ignore_the_folder_itself_do_not_count_inside(
    tmp_path: Path, outer: str, counts: list[str]
):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / ".gitignore").write_text(outer)
    user = find(tmp_path / "a" / "b")
    assert user is not None
    exclude = user.info_exclude().splitlines()
    assert [one for one in outer_patterns(user) if one not in exclude] == counts


@pytest.mark.parametrize(
    "outer",
    [
        "*/*\n!a/keep.txt\n",
        "/*/*\n!/*/src/\n",
        "*/**\n",
        "**/*/*\n!**/src/\n",
        "**/a/*.txt\n",
        "**/a/**/x.txt\n",
        "\\a/x.txt\n",
        "*.txt\n*/*/*\n",
    ],
)
def test_what_git_ignores_below_the_outer_list_is_ignored_inside(tmp_path: Path, outer: str):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    inside, names = tmp_path / "a", ["x.txt", "keep.txt", "x.py", "src/x.txt", "src/x.py", "src/deep/x.py"]
    inside.mkdir()
    (tmp_path / ".gitignore").write_text(outer)
    asked = subprocess.run(
        ["git", "-C", inside, "check-ignore", "--no-index", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    user = find(inside)
    assert user is not None
    rules = "\n".join(outer_patterns(user)).encode()
    subprocess.run(["git", "init", "-q", str(inside)], check=True)
    found = ignored(inside, rules, names)
    assert asked.stdout
    assert found == set(asked.stdout.encode().split())
