"""Warns about permission rules that name no existing tool: a mistyped name would silently disable a deny."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.agent.project.toolbox import builtin_tools
from mazu_ls.state.paths import has_extension_folder

if TYPE_CHECKING:
    from mazu_ls.config.config import Config

OF_EDITORS = ("diagnostics", "definition", "references", "symbols")
"""Tools that exist while an editor shares its language servers; a terminal has none."""

NEARLY = 0.85
"""Similarity (difflib ratio) from which a name counts as mistyped although it may be one of the user's own tools."""


def rules_without_tool(config: Config, folders: Sequence[Path], env: Mapping[str, str]) -> list[str]:
    """Return one sentence for each rule of the settings whose tool does not exist, or has another name.

    If there are custom tools, skills or MCP servers, their names are not known yet: then only names that nearly match a
    built-in tool are reported, and only as a possibility.
    """
    return _rules_of_renamed(config) + _rules_of_no_tool(config, folders, env)


def _rules_of_renamed(config: Config) -> list[str]:
    """Name the rules for the tools of an MCP server as they would be called if its name could not be confused with another's."""
    from mazu_ls.tools.mcp.tools import tool_prefix

    found: list[str] = []
    servers = [(f"mcp__{one.name}__", tool_prefix(one.name)) for one in config.mcp_servers]
    for rule in config.permissions.rules:
        for plain, prefix in servers:
            meant = rule.tool.startswith(plain) or fnmatchcase(f"{plain}x", rule.tool)
            if prefix != plain and meant and not fnmatchcase(f"{prefix}x", rule.tool):
                tool = rule.tool.removeprefix(plain) if rule.tool.startswith(plain) else "*"
                found.append(
                    f"permissions.rules: the tools of that MCP server are called {prefix}…, so the rule `{rule.verdict} {rule.tool}`"
                    f" {rule.pattern} does nothing. Write {prefix}{tool} in config.toml."
                )
    return found


def _rules_of_no_tool(config: Config, folders: Sequence[Path], env: Mapping[str, str]) -> list[str]:
    rules = [rule for rule in config.permissions.rules if not rule.tool.startswith("mcp__")]
    names = sorted([*OF_EDITORS, *(tool.name for tool in builtin_tools())]) if rules else []
    unknown = [rule for rule in rules if not any(fnmatchcase(name, rule.tool) for name in names)]
    extended = bool(config.mcp_servers) or any(
        has_extension_folder(name, folders, env) for name in ("tools", "skills")
    )
    if extended:
        return [
            f"permissions.rules: mazu-ls has no tool {rule.tool}{_suggestion(rule.tool, names)}. Unless a tool or skill of your"
            f" own has that name, the rule `{rule.verdict} {rule.tool}` {rule.pattern} does nothing; `mazu-ls tools` lists them."
            for rule in unknown
            if get_close_matches(rule.tool, names, 1, NEARLY)
        ]
    return [
        f"permissions.rules: there is no tool {rule.tool}{_suggestion(rule.tool, names)}, so the rule `{rule.verdict} {rule.tool}`"
        f" {rule.pattern} does nothing. Correct the name in config.toml; `mazu-ls tools` lists them."
        for rule in unknown
    ]


def _suggestion(tool: str, names: list[str]) -> str:
    close = get_close_matches(tool, names, 1, 0.5)
    return f" (did you mean {close[0]}?)" if close else ""
