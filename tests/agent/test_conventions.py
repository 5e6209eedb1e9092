"""AGENTS.md and CLAUDE.md: nesting, parents, imports, links, changes, and what a project may not bring in."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from mazu_ls.agent.project.cached_files import CachedFiles
from mazu_ls.agent.project.conventions import MOST_IMPORTS, ConventionsReader, imported_paths
from mazu_ls.policy import Rule
from tests.scenario import check


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    return root


def put(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def told(
    root: Path, touched: Iterable[str] = (), opened: str = "", rules: tuple[Rule, ...] = ()
) -> list[str]:
    """The texts in their order."""
    what = [root / opened], [root / name for name in touched], rules
    reader = ConventionsReader(CachedFiles())
    text = reader.read(*what)
    assert reader.known(*what) in (text, None)
    return [
        block.partition("\n")[2].partition("\n</conventions>")[0]
        for block in text.split("<conventions file=")[1:]
    ]


def test_what_is_known_holds_until_a_file_that_was_looked_for_changes(repository):
    put(repository, AGENTS_md="top @imported.md @later.md", imported_md="imported", src__x_py="")
    reader, what = ConventionsReader(CachedFiles()), ([repository], [repository / "src/x.py"], ())
    assert reader.known(*what) is None
    changes = [
        lambda: (repository / "imported.md").write_text("other text"),
        lambda: (repository / "later.md").write_text("it is there now"),
        lambda: (repository / "src/CLAUDE.md").write_text("nearer"),
        lambda: (repository / "CLAUDE.md").symlink_to("imported.md"),
        (repository / "AGENTS.md").unlink,
        (repository / ".git").rmdir,
    ]
    for change in changes:
        text = reader.read(*what)
        assert reader.known(*what) == text
        change()
        assert reader.known(*what) is None
    reader.read(*what)
    assert reader.known([repository], [repository / "y.py"], ()) is None
    assert reader.known([repository], [repository / "src/other.py"], ()) is not None
    assert reader.known(*what[:2], [Rule("read_file", ("CLAUDE.md",), "deny")]) is None


def test_parents_up_to_the_root_of_the_repository_come_first_and_the_nearest_last(repository):
    put(repository.parent, AGENTS_md="outside of the repository")
    put(
        repository,
        AGENTS_md="top",
        a__AGENTS_md="a",
        a__b__CLAUDE_md="b",
        a__c__AGENTS_md="c",
        other__AGENTS_md="other",
    )
    assert told(repository) == ["top"]
    assert told(repository, opened="a/b") == ["top", "a", "b"]
    assert told(repository, ["a/b/x.py"]) == ["top", "a", "b"]
    assert told(repository, ["a/b/deep/er/x.py", "a/c/y.py"]) == ["top", "a", "b", "c"]
    assert told(repository, ["x.py"]) == ["top"]


def test_without_a_repository_only_the_folder_that_is_open_counts(tmp_path):
    put(tmp_path, AGENTS_md="parent", project__AGENTS_md="own")
    assert told(tmp_path, opened="project") == ["own"]


@pytest.mark.parametrize("link", ["AGENTS.md", "CLAUDE.md"])
def test_links_between_the_two_are_told_once(repository, link):
    (other,) = {"AGENTS.md", "CLAUDE.md"} - {link}
    (repository / other).write_text("one")
    (repository / link).symlink_to(other)
    assert told(repository) == ["one"]


def test_the_same_text_twice_and_an_import_of_the_other_are_told_once(repository):
    put(
        repository,
        AGENTS_md="one",
        a__AGENTS_md="one",
        a__CLAUDE_md="See @AGENTS.md",
        b__CLAUDE_md="@../AGENTS.md\nb",
    )
    assert told(repository, ["a/x", "b/x"]) == ["one", "See @AGENTS.md", "@../AGENTS.md\nb"]


def test_imports_come_before_what_brings_them_in_to_a_limited_depth(repository):
    put(repository, CLAUDE_md="top @docs/1.md", **{f"docs__{n}_md": f"{n} @{n + 1}.md" for n in range(1, 9)})
    texts = told(repository)
    assert texts[-1] == "top @docs/1.md"
    assert [text[0] for text in texts[:-1]] == ["5", "4", "3", "2", "1"]


def test_imports_in_a_circle_end(repository):
    put(repository, CLAUDE_md="a @x.md", x_md="x @CLAUDE.md @x.md")
    assert told(repository) == ["x @CLAUDE.md @x.md", "a @x.md"]


@pytest.mark.parametrize(
    "text",
    [
        "@../secret.md", "@/etc/passwd", "@~/.ssh/id_rsa.pub", "@docs/../../secret.md", "@.env", "@keys/id_rsa",
        "@link.md", "@linked/secret.md", "@.git/config", "@https://example.org/a.md", "@missing.md", "@denied.md",
    ],
)  # fmt: skip
def test_an_import_neither_leaves_the_project_nor_reads_secrets(repository, text):
    put(repository.parent, secret_md="SECRET")
    (repository / ".env").write_text("KEY=SECRET")
    (repository / "keys").mkdir()
    (repository / "keys" / "id_rsa").write_text("SECRET")
    (repository / ".git" / "config").write_text("SECRET")
    (repository / "link.md").symlink_to(repository.parent / "secret.md")
    (repository / "linked").symlink_to(repository.parent)
    put(repository, AGENTS_md=text, denied_md="SECRET")
    assert told(repository, rules=(Rule.parse("read_file", "denied.md", "deny"),)) == [text]


def test_a_link_that_stays_in_the_project_is_followed(repository):
    put(repository, docs__rules_md="rules")
    (repository / "AGENTS.md").symlink_to("docs/rules.md")
    assert told(repository) == ["rules"]


def test_what_stands_in_code_or_is_an_address_is_no_import():
    text = "Mail me@example.org or `@a.md`.\n```\n@b.md\n```\n@c.md, and (@d/e.md). @decorator @types/node `x @f.md`\n\n@./g.md"
    assert [*imported_paths(text)] == ["c.md", "d/e.md", "types/node", "g.md"]


def test_code_spans_and_fences_of_every_kind_are_no_imports():
    text = "``a @a.md ` b`` @b.md ```c @c.md @d.md\n- ~~~~\n  @e.md\n  ```\n  ~~~~\n@f.md\n```x``` @g.md\n```\n@h.md"
    assert [*imported_paths(text)] == ["b.md", "c.md", "d.md", "f.md", "g.md"]


@pytest.mark.parametrize(
    "text",
    ["`" * 4_000 + "a" * 59_000, "`" * 32_000 + "\n" + "a\n" * 16_000, "`a ``b " * 9_000, "> " * 32_000, "~" * 32_000 + "\n~~~" * 8_000],
)  # fmt: skip
def test_a_hostile_line_is_searched_for_imports_in_linear_time(text):
    began = time.process_time()
    assert imported_paths(text) == ()
    assert time.process_time() - began < 1


def test_imports_that_lead_nowhere_are_not_looked_up_without_end(repository, monkeypatch):
    looked: list[str] = []
    real = os.path.realpath
    monkeypatch.setattr(
        os.path, "realpath", lambda path, **how: looked.append(str(path)) or real(path, **how)
    )
    put(repository, AGENTS_md=" ".join(f"@x/{n}" for n in range(8_000)), sub__AGENTS_md="nested")
    assert told(repository, ["sub/a.py"])[-1] == "nested"
    assert len({path for path in looked if "/x/" in path}) <= MOST_IMPORTS


def test_keys_in_conventions_are_not_sent(repository):
    key = "sk-ant-api03-" + "a1B2" * 20
    put(repository, AGENTS_md=f"Use {key} for the tests.")
    (text,) = told(repository)
    assert key not in text and "redacted" in text


def test_conventions_of_a_touched_folder_and_changes_are_noticed_in_the_next_call():
    world = check(
        """
        -- answers --
        allow_once write_file: pkg/AGENTS.md
        -- AGENTS.md --
        Top rule.
        -- pkg/AGENTS.md --
        Nested rule.
        -- pkg/a.py --
        one
        -- model calls read_file --
        path: pkg/a.py
        -- model calls write_file --
        path: pkg/AGENTS.md
        content: Changed rule.
        -- model says --
        Done.
        """,
        "tool: …\ntool: …\nassistant: Done.\nstop: end_turn\n",
    )
    first, second, third = (json.dumps(body["system"]) for body in world.bodies)
    assert "Top rule" in first and "Nested rule" not in first
    assert second.index("Top rule") < second.index("Nested rule")
    assert "Changed rule" in third and "Nested rule" not in third
