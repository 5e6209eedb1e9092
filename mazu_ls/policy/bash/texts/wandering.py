"""Whether `cd`, or a text that `eval`, `source`, an alias or a trap runs in the line's own shell, may lead elsewhere; when in doubt, it may."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.functions import RESERVED
from mazu_ls.policy.bash.lexer import Segment, lex
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.bash.texts.line_files import DOWNLOADED
from mazu_ls.policy.bash.words import evaluate
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables.wrappers import SHELLS

# What changes the folder, where `cd` looks, or what a later word means.
_LEADS = frozenset(
    ("cd", "chdir", "pushd", "popd", "dirs", "eval", "source", "alias", "trap", "mapfile", "readarray", "enable", "shopt", "fc",
    "CDPATH", "DIRSTACK", "BASH_ALIASES", "BASH_CMDS")
)  # fmt: skip
_ENTERS = frozenset(("cd", "chdir", "pushd", "popd", "eval", "source", "."))
_FOLDER = re.compile(r"([\w./][\w./-]*|'[\w./][\w./ -]*'|\"[\w./][\w./ -]*\")\Z")
_BLOCKS = frozenset(("for", "while", "until", "select", "function", "{", "case"))
_AHEAD = frozenset(("command", "builtin", "exec", "time", "coproc", "!"))
_ASSIGNED = re.compile(r"[A-Za-z_]\w*(\[.*\])?\+?=", re.DOTALL)
_MADE = re.compile(r"[$`*?\[{~<]")
_AT_EXIT = frozenset(("EXIT", "0"))
_ENDING = _AT_EXIT | set(str.split("INT TERM HUP QUIT 1 2 3 15"))
_SEARCHED = ("CDPATH", "DIRSTACK")
"""Variables by which `cd`, `pushd` and `popd` go elsewhere than their words say."""
_START_FILES = ("BASH_ENV", "ENV")
_FOLDER_OPTION = re.compile(r"(?:-[a-zA-Z0]*C|--c[hdir]*(?:=|$))(.*)", re.DOTALL)
"""The option of `env` that names the folder of its command."""
_CLIMBS = re.compile(r"(?:^|/)\.[^/]*[*?\[]")
"""A wildcard that some versions of bash expand to `..`."""


def may_wander(
    text: str, scope: ShellScope, functions: Set[str] = frozenset(), *, followed: bool = True
) -> bool:
    """Return whether nobody can be certain where the shell is once it has run this text: it may hold what leads elsewhere, and that is
    not just `cd FOLDER`, unless that is not `followed`. `functions` are those of the line that may lead elsewhere."""
    spend(20 + len(text) // 10)
    if UNKNOWN in text or DOWNLOADED in text:
        return True
    lexed = lex(text)
    once = followed and all(_BLOCKS.isdisjoint(segment.words) for segment in lexed.segments)
    unseen = (one for one in lexed.segments if not (once and _is_followed(one)))
    return lexed.broken or any(_leads(segment, scope, _LEADS | functions) for segment in unseen)


def enters_unseen(script: str) -> bool:
    """Return whether a command of a script, in a function perhaps, may enter a folder that its own words do not say."""
    spend(20 + len(script) // 10)
    return any(not _ENTERS.isdisjoint(one.words) and not _is_followed(one) for one in lex(script).segments)


def _is_followed(segment: Segment) -> bool:
    """Return whether it is `cd FOLDER` or `pushd FOLDER` alone, the folder as it is written."""
    name, folder = segment.words if len(segment.words) == 2 else ("", "")
    return name in ("cd", "pushd") and _FOLDER.match(folder) is not None


def _leads(segment: Segment, scope: ShellScope, leads: Set[str]) -> bool:
    words = [raw for raw in segment.words if raw not in RESERVED and not _ASSIGNED.match(raw)]
    while words and (words[0] in _AHEAD or words[0].startswith("-")):
        words.pop(0)
    spend(10 * len(segment.words))
    if words and (_MADE.search(words[0]) or re.sub(r"[\\'\"]", "", words[0]) == "."):
        return True
    return not leads.isdisjoint(_names(segment.words, scope))


def _names(raws: Iterable[str], scope: ShellScope) -> Iterator[str]:
    """Yield what may be a name in these words as they stand, and as the shell reads them."""
    for raw in raws:
        read = (" ".join(fields) for fields in evaluate(raw, scope).candidates)
        for text in (re.sub(r"[\\'\"]", "", raw), *read):
            yield from re.split(r"[^\w./-]+", text)


def entered(argv: Sequence[str], scope: ShellScope) -> list[str]:
    """Return the folders of which `cd` enters one, or `env -C` for the command behind it."""
    name, rest = argv[0], argv[1:]
    if name in ("cd", "pushd", "chdir"):
        folder = next((word for word in rest if word == "-" or not word.startswith("-")), None)
        if folder == "-":
            return scope.lookup("OLDPWD")
        return [str(scope.place.home) if folder is None else folder]
    if name == "env":
        for word, following in pairwise([*rest, ""]):
            if match := _FOLDER_OPTION.match(word):
                return [match[1] or following]
    return []


def is_led_elsewhere(words: Sequence[str], scope: ShellScope) -> bool:
    """Return whether a `cd` enters a folder that nobody knows, or looks in other places than in the current folder, or a command makes
    it do so."""
    if words[0] in ("shopt", "fc"):
        return words[0] == "fc" or "cdable_vars" in words
    if any(UNKNOWN in folder or _CLIMBS.search(folder) for folder in entered(words, scope)):
        return True
    if words[0] not in ("cd", "chdir", "pushd", "popd"):
        return False
    known = {*scope.values, *scope.arrays, *(name for names in scope.references.values() for name in names)}
    return any(name in known and any(scope.values.get(name, (UNKNOWN,))) for name in _SEARCHED)


def starts_elsewhere(words: Sequence[str], scope: ShellScope) -> bool:
    """Return whether a shell with these words may be in another folder once it has run its start files."""
    if words[0] not in SHELLS:
        return False
    spend(len(words))
    named = any(word.startswith(("--rcfile", "--init-file")) or "cdable_vars" in word for word in words)
    return named or any(map(scope.values.get, _START_FILES))


def runs_at_the_end(words: Sequence[str], *, signals: bool = True) -> bool:
    """Return whether `trap` with these words runs something when the line ends, or, with `signals`, when it is told to end."""
    rest = [word for word in words[1:] if word != "--"]
    named = {word.upper().removeprefix("SIG") for word in rest[1:]}
    split = rest[:1] != [] and rest[0].startswith("$")  # a raw word that may become several
    return not split and (_ENDING if signals else _AT_EXIT).issuperset(named)
