"""Plain titles of tool calls: the verb for each built-in tool, and the argument that identifies the call."""

from __future__ import annotations

TOOL_TITLES: dict[str, tuple[str, str]] = {
    "read_file": ("Read", "path"),
    "list_dir": ("List", "path"),
    "glob_files": ("Find", "pattern"),
    "grep": ("Search", "pattern"),
    "edit_file": ("Edit", "path"),
    "write_file": ("Write", "path"),
    "run_shell": ("Run", "command"),
    "shell_output": ("Read output of", "id"),
    "shell_stop": ("Stop", "id"),
    "web_fetch": ("Fetch", "url"),
    "recall": ("Recall", "query"),
    "remember": ("Remember", "title"),
    "memory_search": ("Search memory for", "query"),
    "wiki_read": ("Read page", "slug"),
    "wiki_write": ("Write page", "slug"),
    "wiki_list": ("List pages", "prefix"),
    "wiki_search": ("Search pages for", "query"),
    "graph_add": ("Relate", "source"),
    "graph_match": ("Search relations", "relation"),
    "graph_neighbours": ("Relations of", "node"),
    "graph_path": ("Connect", "start"),
    "diagnostics": ("Check problems", "path"),
    "definition": ("Find definition of", "symbol"),
    "references": ("Find uses of", "symbol"),
    "symbols": ("List symbols of", "path"),
    "list_skills": ("List skills", "name"),
    "run_skill": ("Run skill", "name"),
    "save_skill": ("Save skill", "name"),
}
"""Verbs by tool. Tools of MCP servers and of a project are shown by their own names. The editors' plugins have the same
table."""


def tool_verb(tool: str) -> str | None:
    """Return the verb of a built-in tool; None for any other."""
    return TOOL_TITLES[tool][0] if tool in TOOL_TITLES else None
