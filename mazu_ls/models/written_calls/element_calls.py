"""Calls written as XML elements, with one element or attribute for each argument: `<read_file><path>a.py</path></read_file>`."""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from typing import Any, NamedTuple

from mazu_ls.models.tool_arguments import parse_arguments


class WrittenCall(NamedTuple):
    """One call in a text: its place, the tool, its arguments and what is wrong with them."""

    start: int
    end: int
    name: str
    arguments: dict[str, Any]
    invalid: str | None = None


_LAST_TAG = re.compile(
    r"(?:</([A-Za-z_]\w{2,60})>|<([A-Za-z_]\w{2,60})((?:\s+\w{1,60}=\"[^\"<>]{0,4000}\")+)\s*/>)\s*(?:```\s*)?\Z"
)
_CHILD = re.compile(r"\s*<(\w+)>(.*?)</\1>", re.DOTALL)
_CDATA = re.compile(r"\A\s*<!\[CDATA\[(.*)\]\]>\s*\Z", re.DOTALL)
_ATTRIBUTES = re.compile(r"((?:\s+\w{1,60}=\"[^\"<>]{0,4000}\")*)\s*>")
_ATTRIBUTE = re.compile(r"(\w+)=\"([^\"]*)\"")
_ENTITY = re.compile(r"&(?:quot|apos|lt|gt|amp|#\d{1,7}|#[xX][\da-fA-F]{1,6});")
_NAMES = ("name", "tool_name", "tool", "function")
_ARGUMENTS = ("arguments", "parameters", "args", "params", "input", "tool_input")
TAIL = 5_000
"""Characters at the end of an answer in which its last tag is looked for."""


def child_texts(text: str) -> dict[str, str] | None:
    """Return the text of each element, where a text consists of elements alone; None if there is anything else."""
    given: dict[str, str] = {}
    at = 0
    while (child := _CHILD.match(text, at)) is not None:
        given[child[1]] = _CDATA.sub(r"\1", child[2]).strip("\n")
        at = child.end()
    return given if given and not text[at:].strip() else None


def call_of_elements(inner: str, start: int, end: int) -> list[WrittenCall]:
    """Parse what stands between the marks of a call: an element for the name, and one for the arguments or for each of them."""
    given = child_texts(inner)
    if given is not None and list(given) in (["invoke"], ["tool_call"], ["tool_use"]):
        given = child_texts(next(iter(given.values())))
    key = next((key for key in _NAMES if key in given), None) if given else None
    if given is None or key is None or not re.fullmatch(r"[\w.:-]{1,80}", name := given.pop(key).strip()):
        return []
    around = next((one for one in _ARGUMENTS if list(given) == [one]), None)
    return [WrittenCall(start, end, name, *_arguments(given[around] if around else given))]


def _arguments(given: str | dict[str, str]) -> tuple[dict[str, Any], str | None]:
    if isinstance(given, str):
        return parse_arguments(given) if given.strip().startswith("{") else (child_texts(given) or {}, None)
    return dict(given), None


def _attributes(text: str) -> dict[str, Any]:
    """Return the attributes of a tag; quotes and angle brackets can stand there as entities alone. HTML's others, and those without a
    semicolon, may be the text itself: `?a=1&copy=2`."""
    return {
        name: _ENTITY.sub(lambda match: html.unescape(match[0]), value)
        for name, value in _ATTRIBUTE.findall(text)
    }


def _begins_a_line(text: str, start: int) -> bool:
    """Return whether nothing but a fence, a mark of a list or an element precedes it in its line: behind words it is an example."""
    before = text[text.rfind("\n", 0, start) + 1 : start].strip()
    return before.endswith(">") or re.fullmatch(r"(?:```\w*|[-*]|\d{1,3}\.)?", before) is not None


def element_calls(text: str, offered: Collection[str]) -> list[WrittenCall]:
    """Parse an element named like an offered tool, in lines of its own at the end of the answer; in it an element for each argument, or JSON, or attributes
    in its tag."""
    last = _LAST_TAG.search(text, max(0, len(text) - TAIL))
    if last is None or (last[1] or last[2]) not in offered:
        return []
    if last[2]:
        call = WrittenCall(last.start(), len(text), last[2], _attributes(last[3]))
        return [call] if _begins_a_line(text, call.start) else []
    start = max(text.rfind(f"<{last[1]}>"), text.rfind(f"<{last[1]} "))
    opened = _ATTRIBUTES.match(text, start + len(last[1]) + 1) if start >= 0 else None
    if opened is None or not _begins_a_line(text, start):
        return []
    inner, given = text[opened.end() : last.start()], _attributes(opened[1])
    if given and not inner.strip():
        return [WrittenCall(start, len(text), last[1], given)]
    if inner.strip().startswith("{"):
        arguments, invalid = parse_arguments(inner.strip())
        return [] if invalid else [WrittenCall(start, len(text), last[1], arguments)]
    children = child_texts(inner)
    return [WrittenCall(start, len(text), last[1], {**given, **children})] if children else []
