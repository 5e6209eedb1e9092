"""What builtins change for the rest of a line: variables, arrays, positional parameters, the directory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, product

from mazu_ls.policy.bash import elements
from mazu_ls.policy.bash.expansions import UNKNOWN, printed
from mazu_ls.policy.bash.lexer import Segment, lex
from mazu_ls.policy.bash.scope import MAX_ARRAYS, ShellScope
from mazu_ls.policy.bash.texts.line_files import DOWNLOADED
from mazu_ls.policy.bash.texts.pipeline_taint import Stage, fetches
from mazu_ls.policy.bash.texts.wandering import entered
from mazu_ls.policy.bash.words import evaluate
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables import links, targets

MAX_STARTS = 32  # of the last variable of `read` in a line
_PLAIN_FOLDER = re.compile(r"[\w./][\w./-]*\Z")
_READS_A_PART = re.compile(r"-\w*[nNdu]")
"""Options of `read` and `mapfile` by which it is not the next line of the input: so many characters, up to another sign, of a descriptor."""
_GROUPS = 10  # of a regular expression, whose matches are parts of the text
ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)(\[.*?\])?(\+?=)(.*)$", re.DOTALL)
_MOVING = frozenset(
    ("cd", "chdir", "pushd", "popd", "dirs", "eval", "source", ".", "alias", "trap", "mapfile", "readarray", "enable", "shopt", "set",
    "function", "for", "while", "until", "select", "case", "if", "do", "coproc")
)  # fmt: skip
"""What may lead elsewhere where that is not seen."""
_AHEAD = frozenset(("!", "time", "command", "builtin", "exec", "then", "else", "elif"))
"""Behind these the shell itself runs the next word."""
DECLARING = frozenset(("export", "declare", "typeset", "local", "readonly", "let"))


def all_follows_cd(segments: Sequence[Segment]) -> bool:
    """Return whether a script, or a subshell that is all of it, begins with `cd FOLDER &&` and runs nothing if that fails: all else
    is joined by `&&` and pipes, so that no loop is there, and nothing but another `cd FOLDER` in it leads elsewhere."""
    alone = [one for one in segments[:1] if one.after == "(" and not one.words and not one.redirects]
    begin, ends = ("(", (")",)) if alone else ("", ("", ";", "\n"))
    first, *rest = segments[len(alone) :] or [Segment("")]
    leads = (first.before, first.after) == (begin, "&&") and _enters(first)
    joined = all(one.before in ("&&", "|", "|&") for one in rest)
    stays = all(_enters(one) or not _may_move(one) for one in rest)
    if any(map(_enters, rest)) and any(map(_may_take_away, rest)):
        return False
    return leads and joined and rest[-1:] != [] and rest[-1].after in ends and stays


def _enters(segment: Segment) -> bool:
    """Return whether it is `cd FOLDER` in the shell itself, the folder as it is written."""
    plain = segment.words[:1] == ["cd"] and len(segment.words) == 2 and _PLAIN_FOLDER.match(segment.words[1])
    piped = segment.before in ("|", "|&") or segment.after in ("|", "|&")
    return bool(plain) and not piped and not segment.redirects


def _may_take_away(segment: Segment) -> bool:
    """Return whether a command may remove or move the folder that the shell is in: `cd ..` then leads elsewhere than it says."""
    words = re.sub(r"""["'\\]""", "", " ".join(segment.words)).split()
    elsewhere = any(re.search(r"\.\.|^[/~]|[$`*?\[{]", word) for word in words)
    return not {"mv", "rmdir", "rename", "ln"}.isdisjoint(words) or ("rm" in words and elsewhere)


def _may_move(segment: Segment) -> bool:
    """Return whether a command may change the folder, or what runs later; also behind `command` and in quotes. Words behind the
    first that the shell runs are arguments, and what a launcher (`env`, `xargs`) starts has a folder of its own."""
    words = [word for word in segment.words if not ASSIGNMENT.match(word)]
    plain = [re.sub(r"""["'\\]""", "", word) for word in words]
    run = next(
        (at for at, word in enumerate(plain) if word not in _AHEAD and not word.startswith("-")), len(plain)
    )
    unknown = any(re.search(r"[$`*?\[{~]", word) for word in words[: run + 1])
    return unknown or not _MOVING.isdisjoint(plain[: run + 1])


def apply(argv: list[str], scope: ShellScope, stage: Stage) -> None:
    """Apply a command's effect to the scope."""
    name, rest = argv[0], argv[1:]
    for folder in entered(argv, scope):
        led = targets.places(folder, scope)
        if "-" not in rest or "OLDPWD" in scope.values:  # back to where it was
            scope.go(folder, led)
        if scope.is_joined:
            scope.left += scope.cwds
            scope.cwds = []
        for place in led:
            scope.enter(place)
        for variable in ("PWD", "OLDPWD"):  # a value of the line's own does not outlive a `cd`
            for place in scope.cwds if variable in scope.values else ():
                scope.assign(variable, place)
    if name in DECLARING or name in ("alias", "env"):
        _declare(rest, scope, alias=name == "alias")
    elif name == "set":
        _set(rest, scope)
    elif name == "shift":
        scope.shift(rest[0] if rest else "1")
    elif name == "unset":
        _unset(rest, scope)
    elif name in ("read", "mapfile", "readarray"):
        _read(rest, scope, stage)
    elif name == "getopts":
        for word in rest[2:] or [word for fields in scope.positional for word in fields]:
            scope.assign("OPTARG", word)
            scope.assign("OPTARG", word[2:])
    elif name == "[[" and "=~" in rest[1:]:
        for found in (rest[rest.index("=~") - 1], UNKNOWN):
            scope.assign_array("BASH_REMATCH", [found] * _GROUPS)
    elif name == "printf" and rest[:1] and re.match("-v.", rest[0]):
        _put(rest[0][2:], printed(["printf", *rest[1:]]) or UNKNOWN, scope)
    elif name == "printf" and "-v" in rest[:-2]:
        at = rest.index("-v")
        _put(rest[at + 1], printed(["printf", *rest[at + 2 :]]) or UNKNOWN, scope)
    elif name == "hash" and rest[:1] == ["-p"] and len(rest) > 2:
        scope.assign(f"alias {rest[2]}", rest[1])
    elif name == "enable":  # after `enable -n cd` that is another program
        for word in rest:
            scope.assign(f"alias {word}", word)
    elif name in ("ln", "cp", "install"):
        links.note(name, rest, scope)
    if rest:
        scope.assign("_", rest[-1])


def _declare(rest: list[str], scope: ShellScope, *, alias: bool) -> None:
    named = any(re.fullmatch(r"-\w*n\w*", option) for option in rest)
    if any(re.fullmatch(r"-\w*A\w*", option) for option in rest):
        scope.loose |= {word.partition("=")[0] for word in rest if not word.startswith("-")}
    for word in rest:
        if match := ASSIGNMENT.match(word):
            name, index, _, value = match.groups()
            if alias:
                scope.assign(f"alias {name}", value)
            if value.startswith("("):
                for fields in arrays(name, value, scope):
                    scope.assign_array(name, fields)
            elif index:
                elements.assign_element(scope, name, index[1:-1], value)
            elif named:
                scope.references.setdefault(name, []).append(value)
            else:
                scope.assign(name, value)


def _set(rest: list[str], scope: ShellScope) -> None:
    """Apply `set`: what follows its options are the positional parameters, and `--` alone leaves none."""
    at = 0
    while at < len(rest) and re.match(r"[-+]\w", rest[at]):
        at += 2 if re.fullmatch(r"[-+]\w*o", rest[at]) else 1
    ends = rest[at : at + 1] in (["--"], ["-"])
    if ends or at < len(rest):
        scope.set_positional(rest[at + ends :])


def _unset(rest: list[str], scope: ShellScope) -> None:
    """Note that a variable may be empty from here on. Forget the places in an array of which an element goes; which fields are left
    is known only for a number."""
    for name in rest:
        if name in scope.values:
            scope.assign(name, "")
        if name in scope.arrays:
            scope.assign_array(name, [])
    for name, found in ((name, re.fullmatch(r"(\w+)\[(.*)\]", name, re.DOTALL)) for name in rest):
        if found is None or found[1] not in scope.arrays:
            if name in scope.arrays:
                scope.loose.add(name)
            continue
        scope.loose.add(found[1])
        for fields in list(scope.arrays[found[1]]):
            at = int(found[2]) if re.fullmatch(r"\d{1,4}", found[2]) else -1
            scope.assign_array(found[1], [*fields[:at], *fields[at + 1 :]] if at >= 0 else [UNKNOWN])


def _put(name: str, text: str, scope: ShellScope) -> None:
    """Assign to a variable or to an element of an array, as `read` and `printf -v` do."""
    if found := re.fullmatch(r"([A-Za-z_]\w*)\[(.*)\]", name, re.DOTALL):
        elements.assign_element(scope, found[1], found[2], text)
    else:
        scope.assign(name, text)


def arrays(name: str, raw: str, scope: ShellScope) -> list[list[str]]:
    """Return the lists that `(a $b [2]=c)` may be; notes where the places of its fields are not known."""
    words = [word for segment in lex(raw[1:].removesuffix(")")).segments for word in segment.words]
    choices: list[list[list[str]]] = []
    for word in words:
        found = evaluate(word, scope).candidates or [[]]
        if word.startswith("[") and (key := re.match(r"\[[^\]]*\]\+?=", word)):
            scope.loose.add(name)
            texts = [" ".join(fields) for fields in evaluate(word[key.end() :], scope).candidates]
            found = [[text] for text in texts or [""]]
        choices.append(found)
    lists = [
        [text for fields in chosen for text in fields] for chosen in islice(product(*choices), MAX_ARRAYS + 1)
    ]
    if len(lists) > MAX_ARRAYS or (name in scope.loose and any(len(fields) > 1 for fields in lists)):
        for text in (text for found in choices for fields in found for text in fields):
            scope.assign(name, text)
        lists = [*lists[:MAX_ARRAYS], [UNKNOWN]]
    return lists


def _read(rest: list[str], scope: ShellScope, stage: Stage) -> None:
    """Apply `read` and `mapfile`: a variable may hold a field of the text, what follows one, a line, or all of it."""
    texts = stage.bodies or stage.given or [UNKNOWN]
    if any(map(_READS_A_PART.match, rest)):
        texts = [*texts, UNKNOWN]
    fetched = bool(stage.tainted) or any(map(fetches, stage.scripts)) or DOWNLOADED in texts
    named = [word for word in rest if re.fullmatch(r"[A-Za-z_]\w*(?:\[.*\])?", word, re.DOTALL)]
    for variable in named or ["REPLY", "MAPFILE"]:
        if fetched:
            scope.tainted.add(variable)
        for text in texts:
            for piece in _pieces(text, scope):
                _put(variable, piece, scope)
            if "[" in variable:
                continue
            for separators in _separators(scope):
                scope.assign_array(variable, [part for part in re.split(separators, text) if part])
            scope.assign_array(variable, text.split("\n"))


def _separators(scope: ShellScope) -> list[str]:
    """Return the expressions by which `read` may split: all of IFS, and what is not blank of it."""
    every, visible = scope.separators, re.sub(r"\s", "", scope.separators)
    return [f"[{re.escape(one)}]" for one in dict.fromkeys((every, visible)) if one]


def _pieces(text: str, scope: ShellScope) -> list[str]:
    """Return what one variable may get of a text that is read."""
    found: dict[str, None] = {}
    for form in dict.fromkeys((text, text.replace("\\\n", "").replace("\\", ""))):
        lines = form.split("\n")
        found |= dict.fromkeys((*form.split(), *lines, form))
        for separators in _separators(scope):
            for line in lines:
                starts = [match.end() for match in islice(re.finditer(separators, line), MAX_STARTS + 1)]
                spend(1 + len(line) * len(starts) // 100)
                found |= dict.fromkeys(part for part in re.split(separators, line) if part)
                found |= dict.fromkeys(line[start:].strip() for start in starts)
                if len(starts) > MAX_STARTS:
                    found[UNKNOWN] = None
    return list(found)
