"""Functions of a script: with what they are called, and whether one only multiplies itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mazu_ls.policy.bash.lexer import Segment
from mazu_ls.policy.data import word_set
from mazu_ls.policy.step_budget import spend

RESERVED = word_set("reserved")


def function_calls(segments: Sequence[Segment]) -> Iterator[tuple[str, list[list[str]], bool]]:
    """Yield of each function its name, the raw words behind its name in every call, and whether it is a fork bomb: it is started more
    than once in a pipe or in the background."""
    for index, segment in enumerate(segments):
        named = [raw for raw in segment.words if raw not in RESERVED]
        defines = (segment.after == "(" and len(named) == 1) or segment.words[:1] == ["function"]
        if not defines or not named:
            continue
        spend(len(segments) - index)
        later = [s for s in segments[index + 1 :] if named[0] in s.words]
        calls = [[raw for raw in s.words if raw not in RESERVED] for s in later]
        multiplies = any(s.before in ("|", "|&") or s.after == "&" for s in later)
        yield named[0], [call[1:] for call in calls if call[0] == named[0]], multiplies and len(calls) > 1
