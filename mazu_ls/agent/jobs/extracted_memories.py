"""What an extraction found: where it comes from, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text, ToolResult
from mazu_ls.tools.context import COMMAND_OUTPUT, FILES_FOUND

if TYPE_CHECKING:
    from mazu_ls.memory.io.extract import ExtractedMemory, Extraction
    from mazu_ls.memory.models import RememberOutcome


_SHOWN_BY = {"read_file": "", "grep": FILES_FOUND, "run_shell": COMMAND_OUTPUT}
"""Tools that show text of the project, and its origin; "": the file that the call names."""


def mark_origins(found: Extraction, messages: Sequence[Message]) -> Extraction:
    """Set a file, a search or a command as the origin of memories that repeat what it showed and not the user's own words."""
    from mazu_ls.tools.knowledge.memory_origin import MOST_FILES, quoted_source

    calls = {call.id: call for message in messages for call in message.calls if call.name in _SHOWN_BY}
    outputs: list[tuple[str, str]] = []
    files: dict[str, str] = {}
    said: list[str] = []
    for part in (part for message in messages if message.role == "user" for part in message.parts):
        if isinstance(part, ToolResult) and part.call_id in calls:
            call = calls[part.call_id]
            if origin := _SHOWN_BY[call.name]:
                outputs.append((origin, part.text))
            else:
                path = str(call.arguments.get("path", ""))
                files[path] = f"{files.get(path, '')}\n{part.text}"
        elif isinstance(part, Text) and not part.untrusted:
            said.append(part.text)

    seen = [*outputs[-MOST_FILES:], *list(files.items())[-MOST_FILES:]]

    def mark(item: ExtractedMemory) -> ExtractedMemory:
        if item.untrusted_source:
            return item
        quoted = quoted_source(f"{item.title} {item.body}", seen, said)
        return replace(item, untrusted_source=quoted) if quoted else item

    return replace(found, memories=[mark(item) for item in found.memories])


def summarize_stored(stored: Sequence[RememberOutcome]) -> journal.MemoryTouched | None:
    """Return one notice about everything new, None if nothing is."""
    new = [one for one in stored if one.outcome != "duplicate"]
    if not new:
        return None
    more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
    return journal.MemoryTouched(new[0].memory.id, new[0].outcome, new[0].memory.title + more)


def tell_stored(stored: Sequence[RememberOutcome], session: str, cost_usd: float | None) -> str:
    """Return the sentence that tells the user what was remembered from a session, and what finding it cost."""
    new = [one.memory for one in stored if one.outcome != "duplicate"]
    named = "; ".join(f"{memory.title.rstrip('.')} ({memory.id})" for memory in new[:3])
    more = f" and {len(new) - 3} more" if len(new) > 3 else ""
    cost = "" if cost_usd is None else f" It cost about ${cost_usd:.4f}."
    return f"Mazu: remembered from “{session}”: {named}{more}.{cost} Forget it: mazu-ls memory forget {new[0].id}"
