"""Functions of a script: with what they are called, and whether one only multiplies itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mazu_ls.policy.bash.lexer import Segment
from mazu_ls.policy.data import word_set
from mazu_ls.policy.step_budget import spend

RESERVED = word_set("reserved")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*(\[[^\]]*\])?\+?=")
_OPEN_SUBSCRIPT = re.compile(r"[A-Za-z_]\w*\[[^\]]*$")
_END_OF_SUBSCRIPT = re.compile(r"[^=]*\]\+?=")


def unread_commands(segment: Segment) -> Iterator[str]:
    """Yield the commands that bash finds where blanks do not separate words (`x[a b]=2 COMMAND`), and behind `esac`, which needs no `;`;
    `!(x)` is as good as `*`."""
    words, at = segment.words, 0
    while at < len(words) and (words[at] in RESERVED or _ASSIGNED.match(words[at])):
        at += 1
    if at < len(words) and words[at] == "esac":
        yield " ".join(words[at + 1 :])
    elif at < len(words) and _OPEN_SUBSCRIPT.match(words[at]):
        spend(len(words))
        ends = (end for end in range(at + 1, len(words)) if _END_OF_SUBSCRIPT.match(words[end]))
        yield " ".join(words[next(ends, len(words)) + 1 :])
    command = words[at:]  # not the `!` of `if ! (make)`, nor a pattern of `case`
    opens = segment.after == "(" and len(words) > 1 and words[-1][-1:] in ("?", "*", "+", "@", "!")
    if opens and command and command[0] != "case":
        yield " ".join([*words[:-1], f"{words[-1][:-1]}*"])


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
