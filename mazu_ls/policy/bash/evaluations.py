"""Texts with a substitution in them, which bash runs if it evaluates the text once more: arithmetic, subscripts, prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mazu_ls.policy.bash.expansions import ansi
from mazu_ls.policy.data import pattern
from mazu_ls.policy.step_budget import spend

RUN_BY_OTHERS = pattern("evaluations.run_by_others")
"""Variables whose value a shell, git or another program runs."""
_SUBSTITUTION = re.compile(r"\$\(|`|[<>]\(|\$\{(?=[\s|])")
# In `x[$(ls)]` it runs wherever the text is taken for a number or a name, so nobody asks whether the line does that.
_IN_SUBSCRIPT = re.compile(r"\w\[[^\]]*?(?:\$\(|`|[<>]\(|\$\{[\s|])")
_EVALUATES = re.compile(r"\(\(|\$\[|@P|\b(?:let|compgen|complete)\b")
DECLARES = frozenset(str.split("declare typeset local readonly export"))


def evaluates(script: str) -> bool:
    """Return whether something in a script makes bash run the substitutions of any text."""
    return _EVALUATES.search(script) is not None


def holds_substitution(text: str) -> bool:
    """Return whether bash would run something if it evaluated the text; `$` may be written as `\\044` in a prompt."""
    return _SUBSTITUTION.search(text) is not None or (
        "\\" in text and _SUBSTITUTION.search(ansi(text)) is not None
    )


def in_subscript(text: str) -> bool:
    """Return whether a substitution of the text is in a subscript."""
    return _IN_SUBSCRIPT.search(text) is not None


def substitutions(text: str) -> Iterator[str]:
    """Yield the scripts that bash would run if it evaluated the text. Each is a copy of the rest of it, which costs steps."""
    for form in dict.fromkeys((text, ansi(text) if "\\" in text else text)):
        for match in _SUBSTITUTION.finditer(form):
            spend(10 + (len(form) - match.end()) // 20)
            yield form[match.end() :].rstrip(")`]}")


def run_by_others(
    values: Mapping[str, Sequence[str]], arrays: Mapping[str, Sequence[Sequence[str]]]
) -> Iterator[str]:
    """Yield what variables and arrays hold that a shell, git or another program runs."""
    for name in filter(RUN_BY_OTHERS.match, [*values, *(name for name in arrays if name not in values)]):
        fields = [text for one in arrays.get(name, ()) for text in one]
        for text in dict.fromkeys([*values.get(name, ()), *fields]):
            yield from (text, *substitutions(text))
            if name.startswith("GIT_CONFIG_"):  # the value of an alias, among others
                setting = text.replace("'", "").split("=", 1)[-1] if name.endswith("S") else text
                yield from (setting.removeprefix("!"), f"git {setting}")
