"""Suggests saved skills that fit a task before the turn begins, so that the model runs what works instead of writing it
again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.messages import escape_closing_tag
from mazu_ls.state.paths import has_extension_folder
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.tools.skills.skill_store import Skill

MOST = 3
LINE_CHARS = 200
NAME_WEIGHT = 2  # a word of the name counts more than one of the docstring
ENOUGH = 2


def has_skills(folders: Sequence[Path], env: Mapping[str, str]) -> bool:
    """Return whether any folder with skills exists; needs no imports."""
    return has_extension_folder("skills", folders, env)


def suggest_skills(task: str, folders: Sequence[Path], env: Mapping[str, str], tokens: int) -> str:
    """Return a block that names at most MOST skills whose names and docstrings share words with `task`, best first;
    else "".

    It costs at most `tokens`. Of a skill without the user's consent only the name is given: the rest is untrusted text.
    Reads files: call it off the event loop.
    """
    if not has_skills(folders, env):
        return ""
    from mazu_ls.memory.search.tokens import query_terms
    from mazu_ls.messages import estimate_tokens
    from mazu_ls.tools.skills.skill_store import SkillStore

    wanted = frozenset(query_terms(task[:20_000]))
    skills, _ = SkillStore(folders, env).list()
    ranked = sorted(((_score(skill, wanted), skill) for skill in skills), key=lambda one: -one[0])
    lines = [_line(skill) for score, skill in ranked if score >= ENOUGH][:MOST]
    while lines:
        block = (
            "<skills>\nSaved skills that may fit; call one by its name.\n" + "\n".join(lines) + "\n</skills>"
        )
        if estimate_tokens(block) <= tokens:
            return block
        lines.pop()
    return ""


def _score(skill: Skill, wanted: frozenset[str]) -> int:
    from mazu_ls.memory.search.tokens import query_terms

    name = frozenset(query_terms(skill.name.replace("_", " ")))
    said = frozenset(query_terms(f"{skill.description} {' '.join(skill.schema['properties'])}"))
    return NAME_WEIGHT * len(name & wanted) + len((said - name) & wanted)


def _line(skill: Skill) -> str:
    if skill.trust != "agreed":
        return f"- {skill.name} [not agreed to by the user, so it cannot run]"
    said = f"- {skill.signature}: {split_lines(skill.description, ends=False)[0]}"
    return escape_closing_tag(said[:LINE_CHARS], "skills")
