"""What git ignores in a folder by lists that stand outside of it: the user's own, the repository's, and those of the folders above."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from mazu_ls.gitcmd.user_repository import UserRepository
from mazu_ls.workspace.text import split_lines


def outer_patterns(user: UserRepository) -> tuple[str, ...]:
    """Return the patterns as a `.gitignore` in the folder would have them; later ones override earlier ones."""
    info, own = user.exclude_texts()
    return _rebased(own, ((info, user.inside), *user.parents()))


@lru_cache(8)
def _rebased(own: str, above: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Each text of `above` comes with the path from its folder to the one in question, "." for that itself."""
    lines = split_lines(own, ends=False)
    for text, inside in above:
        patterns = split_lines(text, ends=False)
        if inside == ".":
            lines += patterns
            continue
        alone = _names_folder_by_stars(patterns, inside)
        for one in patterns:
            if not (alone and _is_star_for(one, inside)):
                lines += rebase_pattern(one, inside)
    return tuple(lines)


def rebase_pattern(pattern: str, inside: str) -> list[str]:
    """Rewrite a `.gitignore` pattern of an outer folder for the folder `inside` it; [] if it cannot match there.

    A pattern without an inner slash matches at every depth and stays; one with a slash is anchored. One with `**` can become several:
    it may have matched some of the folders on the way, or none.
    """
    text = pattern.rstrip("\n")
    if not text or text.startswith("#"):
        return []
    sign, body = ("!", text[1:]) if text.startswith("!") else ("", text)
    if "/" not in body.rstrip("/"):
        return [text]
    parts, end = body.strip("/").split("/"), "/" if body.endswith("/") else ""
    at = {0}
    for folder in inside.split("/"):
        for n in range(len(parts) - 1):
            if n in at and parts[n] == "**":  # it matches no folder, too
                at.add(n + 1)
        at = {
            n if parts[n] == "**" else n + 1
            for n in at
            if parts[n] == "**" or fnmatchcase(folder, _LITERAL.sub(_unescaped, parts[n]))
        } - {len(parts)}  # that names the folder itself, and the user chose to open that one
    return [f"{sign}/{'/'.join(parts[n:])}{end}" for n in sorted(at)]


_LITERAL = re.compile(r"\\(.)")


def _unescaped(found: re.Match[str]) -> str:
    """Return an escaped letter as `fnmatch` reads it: that knows no backslash."""
    return f"[{found[1]}]" if found[1] in "*?[" else found[1]


def _is_star_for(pattern: str, inside: str) -> bool:
    """Return whether a pattern of nothing but stars matches the folder itself, or one above it: `*` does, `*/*` not in the first."""
    body = pattern.strip()
    parts = body.strip("/").split("/")
    if not body.strip("/") or body.strip("*/"):
        return False
    shallowest = sum(part == "*" for part in parts) + (parts[-1] != "*")
    return shallowest <= inside.count("/") + 1


def _names_folder_by_stars(patterns: Sequence[str], inside: str) -> bool:
    """Return whether `*` ignores the folder itself, as in a home folder that is a repository: the user chose to open it, so that
    such a pattern does not count inside of it."""
    after = next((count for count, one in enumerate(reversed(patterns)) if _is_star_for(one, inside)), None)
    if after is None:
        return False
    later = patterns[len(patterns) - after :]
    excepted = [one[1:].strip().strip("/").rpartition("/")[2] for one in later if one.startswith("!")]
    return not all(any(fnmatchcase(part, one) for one in excepted) for part in inside.split("/"))
