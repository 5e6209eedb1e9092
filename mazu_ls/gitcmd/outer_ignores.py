"""What git ignores in a folder by lists that stand outside of it: the user's own, the repository's, and those of the folders above."""

from __future__ import annotations

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
        rebased = (None if alone and _is_all_stars(one) else rebase_pattern(one, inside) for one in patterns)
        lines += filter(None, rebased)
    return tuple(lines)


def rebase_pattern(pattern: str, inside: str) -> str | None:
    """Rewrite a `.gitignore` pattern of an outer folder for the folder `inside` it; None if it cannot match there.

    A pattern without an inner slash matches at every depth and stays; one with a slash is anchored.
    """
    text = pattern.rstrip("\n")
    if not text or text.startswith("#"):
        return None
    sign, body = ("!", text[1:]) if text.startswith("!") else ("", text)
    if "/" not in body.rstrip("/") or body.startswith("**/"):
        return text
    parts, folders = body.strip("/").split("/"), inside.split("/")
    for depth, folder in enumerate(folders):
        if depth >= len(parts) or parts[depth] == "**":
            break
        if not fnmatchcase(folder, parts[depth]):
            return None
    rest = parts[len(folders) :] if "**" not in parts[: len(folders)] else parts[parts.index("**") :]
    if not rest:
        return None  # it names the folder itself, and the user chose to open that one
    return f"{sign}/{'/'.join(rest)}{'/' if body.endswith('/') else ''}"


def _is_all_stars(pattern: str) -> bool:
    return bool(body := pattern.strip()) and not body.strip("*/")


def _names_folder_by_stars(patterns: Sequence[str], inside: str) -> bool:
    """Return whether `*` ignores the folder itself, as in a home folder that is a repository: the user chose to open it, so that
    such a pattern does not count inside of it."""
    after = next((count for count, one in enumerate(reversed(patterns)) if _is_all_stars(one)), None)
    if after is None:
        return False
    later = patterns[len(patterns) - after :]
    excepted = [one[1:].strip().strip("/").rpartition("/")[2] for one in later if one.startswith("!")]
    return not all(any(fnmatchcase(part, one) for one in excepted) for part in inside.split("/"))
