"""What a question says about a tool call: all of its arguments, each in a form that no other one can imitate."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mazu_ls.tools.tool_titles import call_object, tool_verb

if TYPE_CHECKING:
    from mazu_ls.agent.turn.reviewed_host import RecordedEdit
    from mazu_ls.messages import ToolCall

_PLAIN_NAME = re.compile(r"[\w.-]+")


def question_title(call: ToolCall) -> str:
    """What would be done, whole: "Edit app.py"."""
    return f"{tool_verb(call.name)} {call_object(call.name, call.arguments)}".strip()


def describe_call(call: ToolCall, edit: RecordedEdit | None) -> str:
    """Describe in plain words what will happen; includes every argument, whatever its type, if no diff shows the effect."""
    arguments = dict(call.arguments)
    if edit is not None:
        name = arguments.get("path") or edit.path.name
        if edit.creates:
            return f"Creates {name} with {_lines(edit.added)}."
        return f"Changes {name}: {_lines(edit.added)} added, {_lines(edit.removed)} removed."
    told: list[str] = []
    command = arguments.get("command")
    if call.name == "run_shell" and isinstance(command, str) and command.strip():
        told.append(command)
        del arguments["command"]
    told += [_argument(name, value) for name, value in arguments.items()]
    if isinstance(url := arguments.get("url"), str) and not url.isascii():
        told.append(f"in ASCII: {_ascii_address(url)}")
    return "\n".join(told)


def _argument(name: str, value: object) -> str:
    """Return an argument with its name; further lines of a text are indented, so that none looks like another argument."""
    label = name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)
    if not isinstance(value, str) or _needs_quotes(value):
        return f"{label}: {json.dumps(value, ensure_ascii=False)}"
    if "\n" not in value:
        return f"{label}: {value}"
    return "\n  ".join([f"{label}:", *value.split("\n")])


def _needs_quotes(text: str) -> bool:
    """Return whether a text would look like nothing, or like a value that is no text: `true`, `5`, `["a"]`."""
    if not text.strip():
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _ascii_address(url: str) -> str:
    """Return the host in the form that is looked up (Punycode, RFC 3492), in which no letter can pass for another one."""
    try:
        return (urlsplit(url).hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError):
        return "the host has no spelling in ASCII"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"
