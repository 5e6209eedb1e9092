"""What a command substitution prints, where that is known without running it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from pathlib import PurePosixPath

from mazu_ls.policy.bash.expansions import UNKNOWN, printed
from mazu_ls.policy.bash.lexer import lex
from mazu_ls.policy.bash.scope import ShellScope

MAX_DEPTH = 12


def static_output(
    script: str, scope: ShellScope, depth: int, first_words: Callable[[str, ShellScope, int], list[str]]
) -> str | None:
    """Return what `echo` or `printf` of known words prints, or `cat` of a text behind it; None for any other script.

    `first_words` evaluates one raw word.
    """
    if depth >= MAX_DEPTH:
        return None
    segments = lex(script).segments
    if len(segments) != 1 or not segments[0].words:
        return None
    if segments[0].redirects:
        return quoted_text(script)
    argv = [word for raw in segments[0].words for word in first_words(raw, scope, depth + 1)]
    if len(argv) > 1 and argv[:-1] in (["which"], ["type", "-p"], ["type", "-P"], ["command", "-v"]):
        return argv[-1]
    if argv == ["git", "rev-parse", "--show-toplevel"]:
        return _repository(scope)
    if argv[:1] == ["dirname"] and len(argv) == 2 and UNKNOWN not in argv[1]:
        return posixpath.dirname(argv[1].rstrip("/")) or ("/" if argv[1].startswith("/") else ".")
    return printed(argv)


def _repository(scope: ShellScope) -> str:
    """Return the folder of the repository that the line is in, or the workspace if there is none on the disk."""
    cwd = PurePosixPath(scope.cwds[-1])
    found = (str(one) for one in (cwd, *cwd.parents) if os.path.lexists(one / ".git"))
    return next(found, str(scope.place.roots[0]) if scope.place.roots else UNKNOWN)


def quoted_text(script: str) -> str | None:
    """Return what `cat <<'EOF'` prints; None for any other script, and for a text in which something is expanded."""
    lexed = lex(script)
    if (
        lexed.broken
        or [segment.words for segment in lexed.segments] != [["cat"]]
        or len(lexed.segments[0].redirects) != 1
    ):
        return None
    redirect = lexed.segments[0].redirects[0]
    plain = redirect.op == "<<" and not redirect.fd and not redirect.is_expanded()
    return f"{redirect.body}\n" if plain else None
