"""Recognises tool calls that a model wrote as text, as small local models do if their server supports no native calls.

Four shapes, from chat templates: a fenced block of JSON, `<tool_call>…</tool_call>` (Hermes, Qwen; also `<function=name>…`),
`[TOOL_CALLS]…` (Mistral), and an answer that is nothing but JSON (Llama); those of single families of models are in
`call_templates.py`, those with incomplete marks in `loose_calls.py`. In shapes that an ordinary text may have, only calls of offered
tools count, only at the end of the answer. No call in an example (`examples.py`) counts, and none that repeats what a file, a page or a
tool showed the model.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from mazu_ls.messages import Message, Part, Text, ToolCall, ToolResult
from mazu_ls.models.model import ModelAnswer, ModelRequest
from mazu_ls.models.tool_arguments import find_tool, parse_arguments
from mazu_ls.models.written_calls.call_templates import (
    WRAPPERS,
    WrittenCall,
    api_calls,
    glm_call,
    python_calls,
    template_calls,
)
from mazu_ls.models.written_calls.element_calls import call_of_elements, element_calls
from mazu_ls.models.written_calls.examples import is_example, sub_outside_examples, without_examples
from mazu_ls.models.written_calls.lenient_json import rebracketed, value_at
from mazu_ls.models.written_calls.loose_calls import loose_calls
from mazu_ls.models.written_calls.thoughts import without_thoughts

NAMES = ("name", "tool", "tool_name", "function", "function_name", "recipient_name", "action")
ARGUMENTS = ("arguments", "parameters", "args", "input", "params", "tool_input", "kwargs", "action_input")
BESIDE = frozenset({"id", "type", "call_id", "tool_call_id", "thought", "reasoning", *NAMES, *ARGUMENTS})
AROUND = frozenset(
    {"tool_calls", "tool_call", "function_call", "tool_uses", "functionCall", "toolCall", "toolCalls"}
)
"""Keys that hold nothing but calls."""
IN_A_MESSAGE = frozenset(
    {"role", "content", "refusal", "thought", "reasoning", "reasoning_content", "tool_calls"}
)
"""Keys of a whole message with calls, as the wire formats have it."""
MOST_CALLS = 32

_FENCE = re.compile(
    r"^[ \t]*+(```++|~~~++)[ \t]*+([\w+-]*+)[^\n]*+\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_FENCE_LINE = re.compile(r"^[ \t]*```\w*[ \t]*\n?", re.MULTILINE)
_COMMENT_LINE = re.compile(r"^[ \t]*#[^\n]*\n?", re.MULTILINE)
_FENCE_WORDS = frozenset(
    {
        "",
        "json",
        "jsonc",
        "json5",
        "tool",
        "tool_call",
        "tool_calls",
        "tool_use",
        "tool_code",
        "function_call",
        "action",
        "function",
        "text",
        "txt",
        "plaintext",
    }
)
_PYTHON_FENCES = frozenset({"tool_code", "tool_call", "tool_calls", "function_call"})
_TAG = re.compile(
    r"[<\[](\|?)((?:(?!end_)[a-z]{2,12}_)?tool[_-]?calls?|function[_-]?calls?|tools|tool_request|tool_use|tool_code|execute_tool)"
    r"(\|?)(?:\s+(?!name=)\w{1,20}=\"[^\"<>]{0,80}\")*[>\]](.*?)(?:</\2(?:>|\s*\Z)|<\|?/\2\|?>|\[/\2\]|[<\[]\|?end_\2\|?[>\]]|(?<!\s)\s*+<\2>\s*+\Z|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_FUNCTION = re.compile(r"<function=\"?([\w.:-]+)\"?>(.*?)(?:</?function>|\Z)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([\w.:-]+)>(.*?)(?:</parameter>|(?=<parameter=)|\Z)", re.DOTALL)
_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*")
_MISTRAL_NAME = re.compile(r"([\w.:-]++)\s*+(?:\[CALL_ID\]\s*+\w*+\s*+)?(?:\[ARGS\]\s*+|\()?(?=\{)")
_NAME_IN_JSON = re.compile(r'"(?:name|tool|tool_name)"\s*:\s*"([\w.:-]{1,64})"')
_MAY_BE_CALLS = re.compile(r"\s*(?:[{\[]|[A-Za-z_][\w.]*\()")
_NAME_BEFORE_JSON = re.compile(r"\s*([\w.:-]{1,80})\s*(?=\{)")
_LAST_JSON = re.compile(r"\n(?=[\[{])")
_BETWEEN_VALUES = re.compile(r"[ \t\r\n;,]*+")
MOST_PLACES = 40
"""Lines that begin like JSON, from the end, of which one may start the calls at the end of an answer."""
_STOP_MARK = re.compile(
    r"(?:<\|(?:im_end|eot_id|eom_id|end|endoftext|return|call)\|>|</s>|<end_of_turn>|\nObservation:"
    r"|<\uff5cend\u2581of\u2581sentence\uff5c>)\Z"
)
_ORPHAN = re.compile(r"</(?:tool_calls?|function_calls?)>\s*\Z")
"""The end of a call whose first mark a server removed."""

_LINE_PLACE = re.compile(r"^(?:\d+\t|[^\n:]{1,300}[:-]\d+[:-])", re.MULTILINE)
"""The prefix that read_file and grep write before each line."""


def recognise_written_calls(answer: ModelAnswer, request: ModelRequest) -> ModelAnswer:
    """Return the answer with the calls in its text converted, `written` of them; unchanged if there are none.

    An answer with native calls, or one that was cut, is left alone.
    """
    text = answer.message.text
    if answer.stop != "end_turn" or answer.message.calls or not request.tools or not text:
        return answer
    offered = {tool.name for tool in request.tools}
    try:
        thoughtless = without_thoughts(text, lambda text: _marked(text, offered) or _at_end(text, offered))
        visible = _without_stop_marks(thoughtless)
        marked = _marked(without_examples(visible), offered)
        found = [call for call in marked if not is_example(call, visible, marked)]
        found = found if marked else _at_end(visible, offered)
    except RecursionError:  # no call is nested that deeply
        return answer
    found = [
        call for call in found[:MOST_CALLS] if not _is_quoted(text[call.start : call.end], request.messages)
    ]
    if not found:
        return answer
    rest = text
    for start, end in sorted({(call.start, call.end) for call in found}, reverse=True):
        rest = rest[:start] + rest[end:]
    parts: list[Part] = [part for part in answer.message.parts if not isinstance(part, Text)]
    rest = sub_outside_examples(WRAPPERS, rest).strip()
    parts += [Text(rest)] if rest else []
    parts += [
        ToolCall(
            f"call_{secrets.token_hex(8)}",
            find_tool(call.name, offered) or call.name,
            call.arguments,
            call.invalid,
        )
        for call in found
    ]
    message = Message("assistant", tuple(parts), answer.message.model)
    return msgspec.structs.replace(answer, message=message, stop="tool_use", written=len(found))


def _without_stop_marks(text: str) -> str:
    """Replace the end marks that a server left in the text by spaces."""
    whole = end = len(text.rstrip())
    while (match := _STOP_MARK.search(text[max(0, end - 20) : end])) is not None:
        end -= len(match[0])
        while end and text[end - 1].isspace():
            end -= 1
    text = text if end == whole else text[:end] + " " * (len(text) - end)
    orphan = _ORPHAN.search(text, max(0, end - 40))
    if orphan is not None and orphan[0].strip().replace("/", "") not in text:
        text = text[: orphan.start()] + " " * (len(text) - orphan.start())
    return text


def _marked(text: str, offered: set[str], *, within: bool = False) -> list[WrittenCall]:
    """Return calls between marks that mean nothing else; an unparsable one is a call with an error.

    `within`: the text itself is inside such marks, which may enclose several calls.
    """
    found: list[WrittenCall] = []
    for tried, match in enumerate(_TAG.finditer(text)):
        start, end = match.span()
        if (found and start < found[-1].end) or match[0].startswith("[TOOL_CALLS]"):
            continue  # in the arguments of the one before, or Mistral's
        if tried < MOST_CALLS and (longer := _ends_behind(text, match)) is not None:
            found.append(longer)
            continue
        inner = list(_functions(match[4], start, end)) or glm_call(match[4], start, end)
        inner = inner or list(_of_json(match[4], start, end))
        inner = inner or list(_of_json(match[4], start, end, offered)) or python_calls(match[4], start, end)
        inner = inner or _named_before(_FENCE_LINE.sub("", match[4]), start, end, offered)
        inner = inner or call_of_elements(match[4], start, end)
        if not inner and not within and _TAG.match(match[4].strip()):
            inner = [call._replace(start=start, end=end) for call in _marked(match[4], offered, within=True)]
        inner = inner or list(_of_json(rebracketed(match[4]), start, end))
        found += inner or _unreadable(match[4], start, end)
    if not found:
        found += _functions(text)
    if not found and (match := _MISTRAL.search(text)):
        found += _mistral(text, match.start(), match.end())
    found = found or template_calls(text, offered, _of_json) or element_calls(text, offered)
    return found or loose_calls(text, offered, _of_json)


def _ends_behind(text: str, match: re.Match[str]) -> WrittenCall | None:
    """Return the call between marks whose arguments hold the last mark themselves."""
    at = match.end(4) - len(match[4].lstrip())
    if match.end() == len(text) or not text.startswith("{", at):
        return None
    value, end = value_at(text, at)
    calls = list(_calls_of(value, match.start(), end)) if end > match.end(4) else []
    behind = re.compile(rf"\s*</{re.escape(match[2])}>").match(text, end) if calls else None
    return calls[0]._replace(end=behind.end() if behind else end) if len(calls) == 1 else None


def _functions(text: str, start: int | None = None, end: int | None = None) -> Iterator[WrittenCall]:
    """Yield `<function=name>` with JSON or with `<parameter=name>` inside."""
    for match in _FUNCTION.finditer(text):
        span = (match.start() if start is None else start, match.end() if end is None else end)
        given = {name: value.strip("\n") for name, value in _PARAMETER.findall(match[2])}
        arguments, invalid = (given, None) if given else parse_arguments(_unfenced(match[2]))
        yield WrittenCall(*span, match[1], arguments, invalid)


def _mistral(text: str, start: int, at: int) -> list[WrittenCall]:
    """Return what follows `[TOOL_CALLS]`: a list of calls, or names each with its arguments."""
    if text[at : at + 1] in ("[", "{"):
        value, end = value_at(text, at)
        calls = list(_calls_of(value, start, end)) if end else []
        return calls or _unreadable(text[at:], start, len(text))
    found: list[WrittenCall] = []
    while (match := _MISTRAL_NAME.match(text, at)) is not None:
        value, end = value_at(text, match.end())
        if not end:
            return [*found, *_unreadable(text[at:], start, len(text), match[1])]
        end += match[0].endswith("(") and text.startswith(")", end)
        found.append(WrittenCall(start, end, match[1], *parse_arguments(value)))
        again = _MISTRAL.match(text, end)
        start, at = end, again.end() if again else end
    return found


def _at_end(text: str, offered: set[str]) -> list[WrittenCall]:
    """Return fenced or bare JSON of calls of offered tools at the end of the answer."""
    end = len(text.rstrip())
    fences = [match for match in _FENCE.finditer(text) if match[2].lower() in _FENCE_WORDS]
    found = api_calls(text, end, offered)
    for match in () if found else reversed(fences):
        if text[match.end() : end].strip():
            break
        calls = list(_of_json(match[3], *match.span(), offered))
        if not calls and match[2].lower() in _PYTHON_FENCES:
            calls = python_calls(match[3], *match.span(), offered)
        if not calls and match[2].lower() not in ("", "json"):
            calls = _named_before(match[3], *match.span(), offered)
        if not calls:
            break
        found = calls + found
        end = match.start()
    if found:
        return found
    start = len(text) - len(text.lstrip())
    whole = text[start:end].strip("`") if text[start:end].count("`") == 2 else text[start:end]
    if _MAY_BE_CALLS.match(whole):
        found = list(_of_json(whole, start, end, offered)) or python_calls(whole, start, end, offered)
    found = found or _named_before(whole, start, end, offered)
    for match in [] if found else list(_LAST_JSON.finditer(text, 0, end))[-MOST_PLACES:]:
        found = list(_of_json(text[match.end() : end], match.end(), end, offered))
        if found:
            break
    return found


def _named_before(text: str, start: int, end: int, offered: set[str]) -> list[WrittenCall]:
    """Return a call of the form: the name of an offered tool, its arguments as JSON behind it, and nothing else."""
    match = _NAME_BEFORE_JSON.match(text)
    if match is None or find_tool(match[1], offered) is None:
        return []
    value, after = value_at(text, match.end())
    if not isinstance(value, dict) or text[after:].strip():
        return []
    return [WrittenCall(start, end, match[1], *parse_arguments(value))]


def _of_json(text: str, start: int, end: int, offered: set[str] | None = None) -> Iterator[WrittenCall]:
    """Yield the calls of a text that consists of JSON values only; none if one is no call."""
    text = _unfenced(text)
    at, found = 0, list[WrittenCall]()
    while at < len(text):
        value, after = value_at(text, at)
        calls = list(_calls_of(value, start, end, offered)) if after else []
        if not calls or (
            offered is not None and any(find_tool(call.name, offered) is None for call in calls)
        ):
            return
        found += calls
        between = _BETWEEN_VALUES.match(text, after)
        at = between.end() if between else after
    yield from found


def _calls_of(value: Any, start: int, end: int, offered: set[str] | None = None) -> Iterator[WrittenCall]:
    """Yield the calls in a JSON value: an object with a name and arguments, `{"tool_calls": […]}`, a list of them, or `{name:
    arguments}` of an offered tool."""
    if isinstance(value, list):
        calls = [call for item in value for call in _calls_of(item, start, end, offered)]
        if len(calls) == len(value):
            yield from calls
        return
    if not isinstance(value, dict):
        return
    if len(value) == 1:
        ((key, inner),) = value.items()
        if key in AROUND:
            yield from _calls_of(inner, start, end, offered)
            return
        if offered is not None and isinstance(inner, dict) and find_tool(key, offered) is not None:
            yield WrittenCall(start, end, key, *parse_arguments(inner))
            return
    if "tool_calls" in value and set(value) <= IN_A_MESSAGE:
        yield from _calls_of(value["tool_calls"], start, end, offered)
        return
    if offered is not None and (name := _named_beside(value, offered)):
        yield WrittenCall(
            start, end, value[name], *parse_arguments({k: v for k, v in value.items() if k != name})
        )
        return
    if isinstance(inner := value.get("function"), dict) and set(value) <= BESIDE:
        yield from _calls_of(inner, start, end, offered)
        return
    name = next((value[key] for key in NAMES if isinstance(value.get(key), str)), "")
    key = next((key for key in ARGUMENTS if key in value), None)
    if name and key is not None and set(value) <= BESIDE:
        yield WrittenCall(start, end, name, *parse_arguments(value[key]))


def _named_beside(value: dict[str, Any], offered: set[str]) -> str:
    """Return the key that names an offered tool, where the arguments stand next to it; "" if there is none."""
    if len(value) < 2 or not BESIDE.isdisjoint(value.keys() - {"tool", "tool_name"}):
        return ""
    named = [
        key for key in ("tool", "tool_name") if isinstance(value.get(key), str) and value[key] in offered
    ]
    return named[0] if len(named) == 1 else ""


def _unfenced(text: str) -> str:
    match = _FENCE.fullmatch(text.strip())
    return (match[3] if match else text).strip()


def _unreadable(text: str, start: int, end: int, name: str = "") -> list[WrittenCall]:
    """Return a call between marks whose JSON is broken, so that the model is informed, if it is clear which tool was meant."""
    known = _NAME_IN_JSON.search(text)
    name = name or (known[1] if known else "")
    return [WrittenCall(start, end, name, {}, "the call is not valid JSON")] if name else []


def _is_quoted(written: str, messages: Iterable[Message]) -> bool:
    """Return whether the model only repeats what it was shown."""
    first, last = written.find("{"), written.rfind("}") + 1
    braces = "".join(written[first:last].split()) if 0 <= first < last else ""
    code = _COMMENT_LINE.sub(
        "", _FENCE_LINE.sub("", written)
    )  # the file has no fence, and the model explains
    wanted = braces if len(braces) > len("{}") else "".join(code.split())
    return any(wanted in "".join(text.split()) for text in _shown(messages))


def _shown(messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolResult) or (isinstance(part, Text) and part.untrusted):
                yield part.text
                yield _LINE_PLACE.sub("", part.text)
