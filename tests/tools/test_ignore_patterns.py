"""Ignore rules of a cloned project: they mean what pathspec says they mean, and none takes for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from mazu_ls.tools.search.gitignore_walk import is_ignored
from mazu_ls.tools.search.ignore_patterns import compile_ignore_file

pytestmark = pytest.mark.portable


# Not `[!a]`: in pathspec, unlike in git, that matches a slash where it is tried often enough.
SEGMENTS = st.text("ab*?.", min_size=1, max_size=7) | st.sampled_from(("[ab]*a", "*[ab]*b", "**"))
RULES = st.lists(st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join), min_size=1, max_size=3)
PATHS = st.lists(st.text("ab.", min_size=1, max_size=7), min_size=1, max_size=4).map("/".join)


@given(RULES, PATHS, st.booleans(), st.booleans())
def test_a_rule_means_what_it_means_to_git(rules: list[str], path: str, negated: bool, folder: bool):
    lines = [*rules[:-1], ("!" if negated else "") + rules[-1] + ("/" if folder else "")]
    lines = [line for line in lines if line.count("**") <= 3]
    assert (
        compile_ignore_file(lines).check_file(path).include
        == GitIgnoreSpec.from_lines(lines).check_file(path).include
    )


@pytest.mark.parametrize(
    "rule", ["*a" * 12 + "b", "**/" + "a*" * 10 + "b/**", "/".join(["**", "a"] * 40), "*" * 5000]
)
def test_no_rule_takes_for_ever(rule: str):
    spec = compile_ignore_file([rule, "kept.log"])
    assert spec.check_file("a" * 200).include is None
    assert spec.check_file("kept.log").include
    assert not is_ignored("/p/" + "a/" * 1500 + "c", False, [("/p", spec)])


def test_a_line_that_is_no_rule_takes_no_other_with_it():
    spec = compile_ignore_file(["a\\", "[z-a", "kept.log"])
    assert spec.check_file("kept.log").include
