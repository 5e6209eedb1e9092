"""Hover: what is remembered about the code under the cursor."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mazu_ls.server.chat import markdown
from mazu_ls.server.features import feature
from mazu_ls.server.features.anchored_memories import anchored
from mazu_ls.server.rpc import lsp_types
from mazu_ls.workspace.visible_text import make_visible

if TYPE_CHECKING:
    from mazu_ls.memory.models import Memory
    from mazu_ls.server.state import ServerState

SHOWN = 5
STATES = {"check": " · **needs a check**: the code it is about changed", "current": ""}


@feature("textDocument/hover", lsp_types.PositionParams)
async def hover(server: ServerState, params: lsp_types.PositionParams) -> dict[str, Any] | None:
    """Return the memories anchored at a line, pinned ones first."""
    document = server.editor.documents.get(params.text_document.uri) if server.editor else None
    if document is None:
        return None
    found = await anchored(server, document, params.position.line)
    memories = list({at.memory.id: at.memory for at in found}.values())
    if not memories:
        return None
    shown = [described(memory) for memory in memories[:SHOWN]]
    if len(memories) > SHOWN:
        shown.append(f"*and {len(memories) - SHOWN} more*")
    return {"contents": {"kind": "markdown", "value": "\n\n---\n\n".join(shown)}}


def described(memory: Memory) -> str:
    """Render a memory as Markdown: title, text, and one line with its kind and age.

    The memory's text is escaped: an image in it would tell its server that somebody looked.
    """
    age = (datetime.now(UTC) - memory.updated_at).days
    when = "today" if age < 1 else "yesterday" if age == 1 else f"{age} days ago"
    pinned = " · pinned" if memory.pinned else ""
    origin = f" · from {markdown.escape(memory.origin)}, unchecked" if memory.origin else ""
    line = f"*{memory.category}, {memory.source}, {when}, `{memory.id}`*{pinned}{origin}{STATES.get(memory.state, '')}"
    body = (
        f"\n\n{_shown(memory.body.strip())}"
        if memory.body.strip() and memory.body.strip() != memory.title
        else ""
    )
    return f"**{_shown(memory.title)}**{body}\n\n{line}"


def _shown(text: str) -> str:
    """Escape text of a memory, keeping its lines (a backslash at the end of a line: CommonMark 6.7)."""
    return re.sub(r"(?<=\S)\n(?=\S)", "\\\\\n", markdown.escape(make_visible(text)))
