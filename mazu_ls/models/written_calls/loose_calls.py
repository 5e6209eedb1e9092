"""Calls of offered tools whose marks are incomplete: a server dropped some of their tokens, or a small model mixed up templates.

Llama as served by several services (`<function=name{…}</function>`), Mistral without its first token (`name[ARGS]{…}`),
Functionary (`>>>name`), and calls behind a label (`Tool call: …`) or in an element (`<tool>…</tool>`) at the end of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from mazu_ls.models.tool_arguments import find_tool, parse_arguments
from mazu_ls.models.written_calls.call_templates import python_calls
from mazu_ls.models.written_calls.element_calls import WrittenCall
from mazu_ls.models.written_calls.lenient_json import value_at

_NAME = r"([\w.:-]{1,80}+)"
_BEFORE_JSON = re.compile(
    rf'(?:<function[=(/ ]\s*+"?{_NAME}"?\)?\s*+>?\s*+[=,(]?|^[ \t]*+{_NAME}\[ARGS\]|>>>{_NAME}\n'
    rf"|<\|recipient\|>\s*+{_NAME}\s*+<\|content\|>|\bto=(?:functions\.){_NAME}<\|message\|>"
    rf"|(?:<\|tool_call:begin\|>\w{{0,20}})?<\|tool_call:name\|>{_NAME}<\|tool_call:args\|>|^```{_NAME}\n)\s*+(?=\{{)",
    re.MULTILINE,
)
_AFTER_JSON = re.compile(r"\s*+\)?\s*+>?\s*+(?:</?function>|<\|(?:stop|call|tool_call:end)\|>|```(?=\s*\Z))?")
_OTHER_OR_END = re.compile(r"\s*+(?:>>>|```\w|\Z)")
_BEFORE_LIST = re.compile(r"^[ \t]*+TOOL_CALLS\]?\s*+(?=[\[{])", re.MULTILINE)
_LABEL = re.compile(
    r"^[ \t]*+(?:\*\*)?(?:(?:tool|function)[ _-]?call|action|call)(?::\*\*|\*\*:|:)[ \t]*+|<<function>>",
    re.IGNORECASE | re.MULTILINE,
)
_THOUGHT_BEHIND = re.compile(r"\s*(?:<bot_end>|\nThought:[^\n]*)\s*\Z")
_ELEMENT_END = re.compile(r"</(function|tool|action|call|api_call)>\s*\Z")
_FENCE_IN_LINE = re.compile(r"^[ \t]*+```(?:json|tool_call)?[ \t]*+([\[{][^\n`]*+)```\s*\Z", re.MULTILINE)
MOST_TRIED = 32
"""Places in an answer at which a call may begin that are looked at."""
OfJson = Callable[[str, int, int, set[str]], Iterator[WrittenCall]]


def loose_calls(text: str, offered: set[str], of_json: OfJson) -> list[WrittenCall]:
    """Return the calls in such shapes; `of_json` reads those that are JSON with name and arguments."""
    found = list(_named(text, offered))
    if not found and (match := _BEFORE_LIST.search(text)):
        found = list(of_json(text[match.end() :], match.start(), len(text), offered))
    for start, end, inner in () if found else _at_the_end(text):
        found = list(of_json(inner, start, end, offered)) or python_calls(inner, start, end, offered)
        found = found or list(_only_named(inner, start, end, offered))
        if found:
            break
    return found


def _named(text: str, offered: Collection[str]) -> Iterator[WrittenCall]:
    """Yield what is a name in marks, and its arguments as JSON behind it."""
    at = 0
    for _ in range(MOST_TRIED):
        match = _BEFORE_JSON.search(text, at)
        if match is None:
            return
        name = next(filter(None, match.groups()))
        value, end = value_at(text, match.end()) if find_tool(name, offered) else (None, 0)
        if not isinstance(value, dict):
            at = match.end()
            continue
        after = _AFTER_JSON.match(text, end)
        at = after.end() if after else end
        if match[0].startswith((">", "`")) and not _OTHER_OR_END.match(text, at):
            continue
        yield WrittenCall(match.start(), at, name, *parse_arguments(value))


def _only_named(text: str, start: int, end: int, offered: Collection[str]) -> Iterator[WrittenCall]:
    """Yield the call of a text that is a name with JSON behind it, and nothing else."""
    match = re.match(rf"\s*+{_NAME}\s*+(?=\{{)", text)
    if match is None or find_tool(match[1], offered) is None:
        return
    value, after = value_at(text, match.end())
    if isinstance(value, dict) and not text[after:].strip():
        yield WrittenCall(start, end, match[1], *parse_arguments(value))


def _at_the_end(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the parts at the end of an answer that say themselves that they are a call: where they begin and end, and their content."""
    for label in list(_LABEL.finditer(text))[-1:]:
        inner = text[label.end() :]
        behind = _THOUGHT_BEHIND.search(inner, max(0, len(inner) - 1_000))
        yield label.start(), len(text), inner[: behind.start()] if behind else inner
    if (begun := text.find("<|tools_prefix|>")) >= 0:
        yield begun, len(text), text[begun + 16 :].removesuffix("<|tools_suffix|>")
    if (last := _ELEMENT_END.search(text, max(0, len(text.rstrip()) - 20))) is not None:
        start = text.rfind(f"<{last[1]}>", 0, last.start())
        if start >= 0 and not text[text.rfind("\n", 0, start) + 1 : start].strip():
            yield start, len(text), text[start + len(last[1]) + 2 : last.start()]
    if (match := _FENCE_IN_LINE.search(text, text.rfind("\n", 0, len(text.rstrip())) + 1)) is not None:
        yield match.start(), len(text), match[1]
