"""The ignore list of one scanned folder: our own patterns, the user's files, and the `.gitignore`s above the folder."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from mazu_ls.gitcmd.editor_files import EDITOR_FILES
from mazu_ls.gitcmd.user_repository import UserRepository
from mazu_ls.workspace.text import split_lines

# The last one is the temporary name of an atomic write by the agent.
_OURS = ".mazu/\n.mazu-staging-*/\n.git\n.*.????????????.mazu\n"


def exclude_text(user: UserRepository | None) -> str:
    """Return what git reads as `core.excludesFile` during the scan; later lines override earlier ones."""
    if user is None:
        return _joined((), ())
    return _joined(user.exclude_texts(), tuple(user.parents()))


@lru_cache(8)
def _joined(outside: tuple[str, ...], parents: tuple[tuple[str, str], ...]) -> str:
    # a folder with such a name is not excluded
    lines = [*EDITOR_FILES, *(f"!{pattern}/" for pattern in EDITOR_FILES)]
    for text in reversed(outside):
        lines += split_lines(text, ends=False)
    for text, inside in parents:
        lines += [
            line
            for pattern in split_lines(text, ends=False)
            if (line := rebase_pattern(pattern, inside)) is not None
        ]
    return "\n".join(lines) + "\n" + _OURS


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
