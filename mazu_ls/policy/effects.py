"""What builtins change for the rest of a line: variables, arrays, positional parameters, the directory."""

from __future__ import annotations

import re
from itertools import pairwise

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.lexer import lex
from mazu_ls.policy.bash.line_files import DOWNLOADED
from mazu_ls.policy.bash.pipeline_taint import Stage, fetches
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.bash.words import evaluate, printed
from mazu_ls.policy.tables import targets
from mazu_ls.policy.tables.wrappers import program

_GROUPS = 10  # of a regular expression, whose matches are parts of the text
ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)(\[.*?\])?(\+?=)(.*)$", re.DOTALL)
DECLARING = frozenset(("export", "declare", "typeset", "local", "readonly", "let"))


def apply(argv: list[str], scope: ShellScope, stage: Stage) -> None:
    """Apply a command's effect to the scope."""
    name, rest = argv[0], argv[1:]
    if (folder := _entered(name, rest, scope)) is not None:
        entered = targets.places(folder, scope)
        scope.go(folder, entered)
        for place in entered:
            scope.enter(place)
    if name in DECLARING or name in ("alias", "env"):
        _declare(rest, scope, alias=name == "alias")
    elif name == "set":
        scope.set_positional([word for word in rest if word != "--"])
    elif name in ("read", "mapfile", "readarray"):
        _read(rest, scope, stage)
    elif name == "getopts":
        for word in rest[2:] or [word for fields in scope.positional for word in fields]:
            scope.assign("OPTARG", word)
            scope.assign("OPTARG", word[2:])
    elif name == "[[" and "=~" in rest[1:]:
        for found in (rest[rest.index("=~") - 1], UNKNOWN):
            scope.assign_array("BASH_REMATCH", [found] * _GROUPS)
    elif name == "printf" and "-v" in rest[:-2]:
        at = rest.index("-v")
        scope.assign(rest[at + 1], printed(["printf", *rest[at + 2 :]]) or UNKNOWN)
    elif name == "hash" and rest[:1] == ["-p"] and len(rest) > 2:
        scope.assign(f"alias {rest[2]}", rest[1])
    elif name in ("ln", "cp", "install"):
        _other_name(rest, scope)
    if rest:
        scope.assign("_", rest[-1])


def _other_name(rest: list[str], scope: ShellScope) -> None:
    """Record `ln -s /usr/bin/git g`: from here on `./g` may be git."""
    named = [program(word) for word in rest if not word.startswith("-")]
    if len(named) == 2 and named[0] != named[1]:
        scope.assign(f"alias {named[1]}", named[0])


def _entered(name: str, rest: list[str], scope: ShellScope) -> str | None:
    """Return the directory that `cd` enters, or `env -C` for the command behind it."""
    if name in ("cd", "pushd", "chdir"):
        return next((word for word in rest if not word.startswith("-")), str(scope.place.home))
    if name == "env":
        for word, following in pairwise([*rest, ""]):
            if match := re.match(r"(?:-C|--chdir=?)(.*)", word, re.DOTALL):
                return match[1] or following
    return None


def _declare(rest: list[str], scope: ShellScope, *, alias: bool) -> None:
    named = any(re.fullmatch(r"-\w*n\w*", option) for option in rest)
    for word in rest:
        if match := ASSIGNMENT.match(word):
            name, _, _, value = match.groups()
            if alias:
                scope.assign(f"alias {name}", value)
            if value.startswith("("):
                scope.assign_array(name, array(value, scope))
            elif named:
                scope.references.setdefault(name, []).append(value)
            else:
                scope.assign(name, value)


def array(raw: str, scope: ShellScope) -> list[str]:
    """Return the fields of `(a b [2]=c)`."""
    words = [word for segment in lex(raw[1:].removesuffix(")")).segments for word in segment.words]
    fields = [text for word in words for text in (evaluate(word, scope).candidates or [[]])[0]]
    return [re.sub(r"^\[[^\]]*\]\+?=", "", text) for text in fields]


def _read(rest: list[str], scope: ShellScope, stage: Stage) -> None:
    texts = stage.bodies or stage.given
    fetched = any(map(fetches, stage.scripts)) or DOWNLOADED in texts
    for variable in [word for word in rest if re.fullmatch(r"[A-Za-z_]\w*", word)] or ["REPLY", "MAPFILE"]:
        if fetched:
            scope.tainted.add(variable)
        for text in texts or [UNKNOWN]:
            lines = text.split("\n")
            for piece in (*text.split(), *lines, text):
                scope.assign(variable, piece)
            scope.assign_array(variable, lines)
