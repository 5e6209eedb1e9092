"""Hard deny: what is never run, whatever the mode and the rules say; one command at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mazu_ls.policy import hard_deny_git
from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import pattern, read_table, word_set
from mazu_ls.policy.rules import Decision
from mazu_ls.policy.tables import containers, links, targets, writes
from mazu_ls.policy.tables.global_options import without_global_options
from mazu_ls.policy.tables.options import flags, operands


@dataclass(frozen=True)
class _DeniedCommand:
    """A row of denied.toml."""

    rule: str
    reason: str
    programs: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    word: re.Pattern[str] | None = None
    line: re.Pattern[str] | None = None

    def matches(self, name: str, rest: list[str], line: str) -> bool:
        named = not self.programs or name in self.programs or name.startswith(self.beginnings)
        return (
            named
            and (self.word is None or any(map(self.word.fullmatch, rest)))
            and (self.line is None or self.line.search(line) is not None)
        )


def _read_row(rule: str, reason: str, programs: str = "", **patterns: str) -> _DeniedCommand:
    names = programs.split()
    beginnings = tuple(name[:-1] for name in names if name.endswith("*"))
    compiled = {key: re.compile(text.replace("\n", ""), re.DOTALL) for key, text in patterns.items()}
    return _DeniedCommand(rule, reason, frozenset(names), beginnings, **compiled)


_DENIED = [_read_row(**row) for row in read_table("denied")["commands"]]
_UNCLEAR = [_read_row("", **row) for row in read_table("denied")["unclear"]]


_GIT_VARIABLES = pattern("git_config.variables")


def deny(argv: list[str], scope: ShellScope) -> Decision | None:
    """Return the hard deny that one command meets, if any. `argv[0]` is the program's name without its folder."""
    name, rest = argv[0].casefold(), argv[1:]
    forms = [[name, *rest], *without_global_options([name, *rest])[0]]  # `git -C . credential fill`
    if name == "git" and (variables := hard_deny_git.options_of_variables(scope)):
        rest = [*variables, *rest]
        forms.append([name, *rest])
    for form in forms:
        line = " ".join(form)
        if (row := next((row for row in _DENIED if row.matches(name, form[1:], line)), None)) is not None:
            return Decision("deny", row.reason.replace("{}", name), rule=row.rule)
    for rule, check in _CHECKS:
        if (reason := check(name, rest, scope)) is not None:
            return Decision("deny", reason, rule=rule)
    return None


def unclear(argv: list[str], scope: ShellScope) -> str | None:
    """Return why nobody can say whether one command meets a hard deny; mode bypass asks about it."""
    name, rest = argv[0], argv[1:]
    if UNKNOWN in name:
        return "which program runs cannot be known"
    if writes.works_on_unknown(name, rest):
        return f"what {name} works on cannot be known"
    if name == "git" and (set_here := next(filter(_GIT_VARIABLES.match, scope.values), None)) is not None:
        return f"what git does with {set_here} cannot be known"
    if name == "git" and (reason := hard_deny_git.unclear(argv, scope)) is not None:
        return reason
    if (path := links.leads_outside(name, rest, scope)) is not None:
        return f"it makes a link to {path}, outside the workspace"
    line = " ".join(argv)
    row = next((row for row in _UNCLEAR if row.matches(name, rest, line)), None)
    return row.reason.replace("{}", name) if row is not None else None


# Subcommands of mazu-ls that only print. Others may grant a permission, agree to something, or read such a request from
# input.
_TELLS = frozenset(("status", "doctor", "version", "help", "--version", "--help", "-h"))
_NAMES = frozenset(("mazu-ls", "mazu_ls"))
_MODULES = frozenset(("mazu_ls", "mazu_ls.__main__"))
_RUNNERS = frozenset(("pdb", "cProfile", "profile", "trace", "runpy", "coverage", "debugpy"))
_FLAGS = word_set("installer_flags")
_INSTALLERS = frozenset(("pipx", "uv", "uvx", "poetry", "pdm", "hatch", "rye", "pixi"))


def _own_program(name: str, rest: list[str], _: ShellScope) -> str | None:
    """Refuse `mazu-ls permissions allow`, `python -m mazu_ls --stdio`, `uvx mazu-ls`: what could act for the user."""
    arguments: list[str] | None = None
    if name in _NAMES:
        arguments = rest
    elif name.startswith(("python", "pypy")):
        arguments = _after_module(rest)
    elif name in _INSTALLERS:
        arguments = _after_program(name, rest)
    if arguments is None or (arguments and arguments[0] in _TELLS and "--fix" not in arguments):
        return None
    return "mazu-ls could change what you allowed; run it yourself"


def _after_module(rest: list[str]) -> list[str] | None:
    """Return the arguments of mazu-ls if Python runs it: `-m mazu_ls`, `-Immazu_ls`, `.venv/bin/mazu-ls`."""
    program = True  # whether the next word that is no option is the script
    for at, word in enumerate(rest):
        if not word.startswith("-"):
            if program and _is_ours(word):
                return rest[at + 1 :]
            program = program and rest[at - 1 : at] in (["-W"], ["-X"], ["--check-hash-based-pycs"])
        elif cluster := re.match(r"-[A-Za-z]*?m", word):
            attached = word[cluster.end() :]
            module, after = (attached, at + 1) if attached else ("".join(rest[at + 1 : at + 2]), at + 2)
            if module in _MODULES:
                return rest[after:]
            if module in _RUNNERS and (ours := [n for n in range(after, len(rest)) if _is_ours(rest[n])]):
                return rest[ours[0] + 1 :]
            program = False
    return None


def _after_program(name: str, rest: list[str]) -> list[str] | None:
    """Return the arguments of mazu-ls if an installer runs it: `pipx run mazu-ls`, `uv tool run mazu-ls@latest`."""
    verbs = [rest.index(verb) + 1 for verb in ("run", "x") if verb in rest]
    if name != "uvx" and not verbs:
        return None
    for at in range(0 if name == "uvx" else min(verbs), len(rest)):
        word, before = rest[at], rest[at - 1] if at else ""
        if before in ("-m", "--module") and word in _MODULES:
            return rest[at + 1 :]
        if word.startswith("-") or before.startswith("--with"):
            continue
        if _is_ours(re.split(r"[@=<>~!\[]", word, maxsplit=1)[0]):
            return rest[at + 1 :]
        if word.rpartition("/")[2].startswith(("python", "pypy")):
            return _after_module(rest[at + 1 :])
        if not before.startswith("-") or before in _FLAGS or before.startswith(("--no-", "--all-")):
            return None  # here it is the program; after any other option it may be the option's value
    return None


def _is_ours(word: str) -> bool:
    """Return whether a word is a path or name of the program, or its folder or `__main__.py`, which Python runs as
    well."""
    parts = word.casefold().rstrip("/").split("/")
    return parts[-1].removesuffix(".exe") in _NAMES or parts[-2:] == ["mazu_ls", "__main__.py"]


_TEXT_PROGRAMS = word_set("text_programs")
_PATTERN_PROGRAMS = word_set("pattern_programs")


def _read_secrets(name: str, rest: list[str], scope: ShellScope) -> str | None:
    """Return why the command would read keys.

    Checks words that name a place with keys outside the workspace (as they are, and after `=`, `@`, `:` or an option
    letter), and reading all of the home.
    """
    if (reason := _sweeps(name, rest, scope)) is not None:
        return reason
    if name in _TEXT_PROGRAMS:
        return None
    skipped = False
    for word in rest:
        if name in _PATTERN_PROGRAMS - {"sed"} and not skipped and not word.startswith("-"):
            skipped = True
            continue
        read = re.findall(r"[rRwW]\s+([^\s;}]+)", word) if name in ("sed", "gsed") else []
        for part in (*_parts(word), *read):
            if (found := targets.secret(part, scope)) is not None:
                return f"{found} holds keys or passwords"
    return None


def _parts(word: str) -> list[str]:
    parts = [word]
    for separator in ("=", "@", ":", ","):
        if separator in word:
            parts += [piece for piece in word.split(separator) if piece]
    if re.match(r"^-[A-Za-z][/~.]", word):
        parts.append(word[2:])
    return [part.removeprefix("file://").lstrip("@<") for part in parts if part and not part.startswith("--")]


_READS_ALL = word_set("reads_all")


def _sweeps(name: str, rest: list[str], scope: ShellScope) -> str | None:
    """Return why a command would read everything below the home, keys included."""
    deep = name in _READS_ALL or (
        name in ("grep", "egrep", "fgrep", "zgrep", "cp", "cat") and set(flags(rest)) & {"r", "R", "a"}
    )
    if name == "find" and any(word in ("-exec", "-execdir", "-ok", "-okdir") for word in rest):
        deep = True
    if not deep:
        return None
    home = str(scope.place.home)
    for word in operands(rest):
        for path in targets.places(word.rstrip("*") or ".", scope):
            outside = not targets.inside(path, scope.place)
            if outside and (path == home or home.startswith(path.rstrip("/") + "/")):
                return "it would read all of your home, keys included"
    return None


_CHECKS: tuple[tuple[str, Callable[[str, list[str], ShellScope], str | None]], ...] = (
    ("the user's permissions are the user's", _own_program),
    ("never destructive", writes.refused_loss),
    ("never destructive", containers.refused_mount),
    ("no force push", hard_deny_git.force_push),
    ("git runs nothing unseen", hard_deny_git.set_program),
    ("writes stay inside the workspace", writes.refused),
    ("keys are not read", _read_secrets),
)
