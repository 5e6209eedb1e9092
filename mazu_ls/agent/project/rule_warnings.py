"""Rules of the settings that are about no tool: a mistyped name would leave a deny off without a word."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mazu_ls.agent.project.toolbox import builtin_tools

if TYPE_CHECKING:
    from mazu_ls.config import Config

OF_EDITORS = ("diagnostics", "definition", "references", "symbols")
"""Tools that are there while an editor lends its language servers; a terminal has none."""


def rules_without_tool(config: Config) -> list[str]:
    """One sentence for each rule of the settings whose tool does not exist."""
    rules = [rule for rule in config.permissions.rules if not rule.tool.startswith("mcp__")]
    names = sorted([*OF_EDITORS, *(tool.name for tool in builtin_tools())]) if rules else []
    return [
        f"permissions.rules: there is no tool {rule.tool}{_suggestion(rule.tool, names)}, so the rule `{rule.verdict} {rule.tool}`"
        f" {rule.pattern} does nothing. Correct the name in config.toml; `mazu-ls tools` lists them."
        for rule in rules
        if not any(fnmatchcase(name, rule.tool) for name in names)
    ]


def _suggestion(tool: str, names: list[str]) -> str:
    close = get_close_matches(tool, names, 1, 0.5)
    return f" (did you mean {close[0]}?)" if close else ""
