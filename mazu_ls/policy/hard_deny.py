"""Hard deny: what is never run, whatever the mode and the rules say; one command at a time."""

from __future__ import annotations

import re
from collections.abc import Callable

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.rules import Decision
from mazu_ls.policy.tables import credential_paths, git_config, removal, writes
from mazu_ls.policy.tables.argv import abbreviates

_PRIVILEGE = word_set("privilege_programs")
_MACHINE = word_set("machine_programs")


def deny(argv: list[str], scope: ShellScope) -> Decision | None:
    """Return the hard deny that one command meets, if any. `argv[0]` is the program's name without its folder."""
    name, rest = argv[0].casefold(), argv[1:]
    for rule, check in _CHECKS:
        if (reason := check(name, rest, scope)) is not None:
            return Decision("deny", reason, rule=rule)
    return None


def _rights(name: str, rest: list[str], _: ShellScope) -> str | None:
    raises = name == "setpriv" and any(word.startswith(("--re", "--eu", "--amb", "--inh")) for word in rest)
    return f"{name} changes the user that commands run as" if name in _PRIVILEGE or raises else None


def _machine(name: str, rest: list[str], _: ShellScope) -> str | None:
    if name in _MACHINE or name.startswith(("mkfs", "fsck.", "newfs")):
        return f"{name} acts on the machine, its disks or its network"
    return None


def _removal(name: str, rest: list[str], scope: ShellScope) -> str | None:
    check = removal.CHECKS.get(name, removal.looks_like_rm if UNKNOWN in name else None)
    return check(rest, scope) if check is not None else None


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


_OVERWRITES = ("--force", "--force-with-lease", "--mirror", "--delete", "--prune")


def _force_push(name: str, rest: list[str], _: ShellScope) -> str | None:
    """Refuse a `git push` that overwrites or removes what others have: forced, mirrored, deleting, pruning, `+ref`,
    `:ref`."""
    if name not in ("git", "hub", "gh", "yadm") or not {"push", "send-pack"} & set(rest):
        return None
    at = min(rest.index(verb) for verb in ("push", "send-pack") if verb in rest)
    for word in rest[at + 1 :]:
        long = word.startswith("--") and any(abbreviates(word, option, 4) for option in _OVERWRITES)
        short = re.match(r"^-[a-z]+", word) is not None and bool(set("fd") & set(word[1:].split("o")[0]))
        if long or short or (word.startswith(("+", ":")) and len(word) > 1):
            return f"`git push {word}` overwrites or removes what others have"
    return None


_SHELL_PATH = pattern("hard_deny.shell_path", re.IGNORECASE)


def _reverse_shell(name: str, rest: list[str], _: ShellScope) -> str | None:
    if name == "ztcp" or any("zsh/net/tcp" in word for word in rest):
        return "a shell would be connected to the network"
    if any(re.search(r"/(dev|inet)/(tcp|udp)\d?/", word) for word in rest):
        return "a shell would be connected to the network"
    if name in ("nc", "ncat", "netcat", "nc.traditional", "nc.openbsd", "cryptcat", "pwncat"):
        short = any(re.fullmatch(r"-[a-zA-Z]*[ec].*", w) and not w.startswith("--") for w in rest)
        if short or any(abbreviates(w, o, 4) for w in rest for o in ("--exec", "--sh-exec", "--lua-exec")):
            return "a shell would be connected to the network"
    if name == "socat" and any(_SHELL_PATH.search(word) for word in rest):
        return "a shell would be connected to the network"
    return None


_CHECKS: tuple[tuple[str, Callable[[str, list[str], ShellScope], str | None]], ...] = (
    ("no other rights", _rights),
    ("never destructive", _machine),
    ("the user's permissions are the user's", _own_program),
    ("never destructive", _removal),
    ("no force push", _force_push),
    ("no reverse shell", _reverse_shell),
    ("git runs nothing unseen", git_config.refused),
    ("writes stay inside the workspace", writes.refused),
    ("keys are not read", credential_paths.read),
)
