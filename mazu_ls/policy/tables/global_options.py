"""The equivalent forms of one command, so that a rule on `git push` also matches `git -C . push` and `git send-pack`."""

from __future__ import annotations

from msgspec import Struct

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.data import read_table, word_set


class GlobalOptions(Struct, frozen=True):
    """Options before the subcommand: `values` take the next word (or `=value`), `flags` take none."""

    values: frozenset[str]
    flags: frozenset[str]


def _read_options() -> dict[str, GlobalOptions]:
    found: dict[str, GlobalOptions] = {}
    for name, row in read_table("global_options").items():
        found[name] = (
            found[row]
            if isinstance(row, str)
            else GlobalOptions(*(frozenset(row[kind].split()) for kind in ("values", "flags")))
        )
    return found


PROGRAMS = _read_options()
_NESTED = {(name, "compose"): PROGRAMS["docker-compose"] for name in ("docker", "podman")}
MAX_FORMS = 16
_SAME = {tuple(name.split()): other.split() for name, other in read_table("same_commands").items()}
_GIT = word_set("git_commands")


def without_global_options(argv: list[str]) -> tuple[list[list[str]], str | None]:
    """Return every form that the command may have with its subcommand right after the program, and the first unknown
    option.

    An unknown option may take a value or not, so there is one form for each. A program that is not in the table keeps
    its form.
    """
    options = PROGRAMS.get(argv[0])
    if options is None or len(argv) < 2:
        return _with_other_names([argv]), None
    forms, unknown = _stripped(argv[:1], argv[1:], options)
    nested: list[list[str]] = []
    for form in forms:
        inner = _NESTED.get((form[0], form[1])) if len(form) > 2 else None
        if inner is None:
            nested.append(form)
            continue
        found, more = _stripped(form[:2], form[2:], inner)
        nested += found
        unknown = unknown or more
    return _with_other_names(nested[:MAX_FORMS]), unknown


def may_be_alias(form: list[str]) -> bool:
    """Return whether git would look for an alias of this name."""
    return form[0] == "git" and len(form) > 1 and form[1] not in _GIT and not form[1].startswith("-")


def _with_other_names(forms: list[list[str]]) -> list[list[str]]:
    others = [
        [*other, *form[size:]]
        for form in forms
        for size in (2, 3)
        if (other := _SAME.get(tuple(form[:size]))) is not None
    ]
    return [*forms, *others]


def _stripped(head: list[str], rest: list[str], options: GlobalOptions) -> tuple[list[list[str]], str | None]:
    forms: list[list[str]] = []
    unknown: str | None = None
    todo, seen = [0], set[int]()
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        word = rest[at] if at < len(rest) else ""
        if at >= len(rest) or not word.startswith(("-", "+")) or word == "--":
            forms.append(head + rest[at + (word == "--") :])
        elif word in options.values and "=" not in word:
            # Unquoted, an unknown value may be several words.
            todo += [at + 2, at + 1] if UNKNOWN in "".join(rest[at + 1 : at + 2]) else [at + 2]
        elif word in options.flags or word.startswith("+") or _carries_value(word, options):
            todo.append(at + 1)
        else:
            unknown = unknown or word
            todo += [at + 2, at + 1]
    return forms, unknown


def _carries_value(word: str, options: GlobalOptions) -> bool:
    """Return whether a word that is no known option by itself carries its value: `--namespace=prod`, `-nprod`, `-Dkey=value`."""
    name = word.partition("=")[0]
    if name in options.values or name in options.flags:
        return True
    return (
        not word.startswith("--")
        and (word[:2] in options.values or word[:2] in ("-D", "-P"))
        and len(word) > 2
    )
