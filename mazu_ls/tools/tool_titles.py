"""Plain titles of tool calls: the verb for each built-in tool, and the argument that says what a call is about.

All surfaces show these titles; editors receive them with each call and question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mazu_ls.workspace.text import split_lines
from mazu_ls.workspace.visible_text import make_tool_name, shorten

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
    "graph_neighbours": ("Show relations of", "node"),
    "graph_path": ("Connect", "start"),
    "diagnostics": ("Check problems", "path"),
    "definition": ("Find definition of", "symbol"),
    "references": ("Find uses of", "symbol"),
    "symbols": ("List symbols of", "path"),
    "list_skills": ("List skills", "name"),
    "run_skill": ("Run skill", "name"),
    "save_skill": ("Save skill", "name"),
}
"""By tool. Tools of MCP servers and of a project are shown by their own names."""
OBJECTS = ("path", "command", "pattern", "query", "url", "title", "name", "slug")
"""Arguments that say what a call of any other tool is about, the first that it has."""
MAX_STEP_CHARS = 60
"""Characters of one call in the title of a checkpoint."""
_DOUBLED = ("Run", "Stop")
"""Verbs whose last letter is doubled before -ing."""


def tool_verb(tool: str) -> str:
    """Return the verb of a tool: "Edit", "Search memory for"; for one that is not built in "Use" and its name."""
    return TOOL_TITLES[tool][0] if tool in TOOL_TITLES else f"Use {make_tool_name(tool)}"


def tool_gerund(tool: str) -> str:
    """Return the verb as a gerund, for what may be allowed: "editing", "searching memory for"."""
    verb, _, rest = tool_verb(tool).partition(" ")
    stem = verb + verb[-1] if verb in _DOUBLED else verb.removesuffix("e")
    return f"{stem.lower()}ing {rest}".strip()


def call_object(tool: str, arguments: Mapping[str, object]) -> str:
    """Return what a call is about, uncut: the path, the command, "TODO in src"; "" where no argument says it."""
    first = TOOL_TITLES[tool][1:] if tool in TOOL_TITLES else ()
    named = (arguments.get(name) for name in (*first, *OBJECTS))
    found = next((value for value in named if isinstance(value, str) and value.strip()), "")
    place = arguments.get("path")
    if first == ("pattern",) and found and isinstance(place, str) and place.strip() not in ("", ".", found):
        return f"{found} in {place}"
    return found


def call_title(tool: str, arguments: Mapping[str, object]) -> str:
    """Return one line that says what a call does: "Run pytest -q"; it ends with " …" where more lines follow."""
    lines = [line.strip() for line in split_lines(call_object(tool, arguments), ends=False) if line.strip()]
    shown = f"{lines[0]} …" if len(lines) > 1 else "".join(lines)
    return f"{tool_verb(tool)} {shown}".strip()


def step_title(calls: Sequence[tuple[str, Mapping[str, object]]]) -> str:
    """Describe the calls of one step, given by name and arguments: "edit app.py", "run pytest -q and 2 more"."""
    titles = list(dict.fromkeys(call_title(tool, arguments) for tool, arguments in calls))
    if not titles:
        return ""
    shown = shorten(titles[0][:1].lower() + titles[0][1:], MAX_STEP_CHARS)
    return f"{shown} and {len(titles) - 1} more" if len(titles) > 1 else shown
