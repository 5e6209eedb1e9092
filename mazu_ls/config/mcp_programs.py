"""Which files of a folder the programs start that the entry of an MCP server names, where the folder alone is named or none is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

SUFFIXES = (".js", ".mjs", ".cjs", ".py", ".ts", ".mts", ".cts", ".tsx", ".jsx")
_IN_PYTHON = ("__main__.py", "__init__.py")
_IN_NODE = ("package.json", *(f"{name}{suffix}" for name in ("index", "main") for suffix in SUFFIXES))
_IN_PACKAGE = ("pyproject.toml", "setup.py", "setup.cfg", *_IN_PYTHON)


class _Starts(NamedTuple):
    """`here` says that the programs look for these files where they are started as well."""

    programs: str
    names: tuple[str, ...]
    here: bool = True


_STARTED = (
    _Starts(r"(pythonw?|pypyw?|pyw?)[\d.]*|uv|fastmcp|mcp|poetry|pdm|hatch|pipenv|rye", _IN_PYTHON, here=False),
    _Starts(r"node|nodejs|deno|tsx|ts-node.*|tsnd|vite-node|babel-node|jiti|esno|electron", _IN_NODE, here=False),
    _Starts(r"pm2(-runtime)?|forever|supervisor", _IN_NODE, here=False),
    _Starts(r"bun|nodemon", _IN_NODE),
    _Starts(r"nodemon", ("nodemon.json",)),
    _Starts(r"bun", ("bunfig.toml",)),
    _Starts(r"deno", ("deno.json", "deno.jsonc", "package.json")),
    _Starts(r"npm|pnpm|yarn|concurrently|npm-run-all2?|run-[sp]|turbo|nx|lerna", ("package.json",)),
    _Starts(r"fastmcp", ("fastmcp.json",)),
    _Starts(r"uv|poetry|pdm|hatch|rye|poe|poethepoet", ("pyproject.toml",)),
    _Starts(r"pipenv", ("Pipfile",)),
    _Starts(r"g?make", ("GNUmakefile", "makefile", "Makefile")),
    _Starts(r"just", ("justfile", "Justfile", ".justfile")),
    _Starts(r"go", ("main.go",), here=False),
    _Starts(
        r"(go-)?task",
        tuple(f"{stem}{end}" for stem in ("Taskfile", "taskfile") for end in (".yml", ".yaml", ".dist.yml", ".dist.yaml")),
    ),
    _Starts(r"mise|rtx", ("mise.toml", ".mise.toml", "mise.local.toml", ".mise.local.toml")),
    _Starts(r"rake", ("Rakefile", "rakefile", "Rakefile.rb", "rakefile.rb")),
    _Starts(r"gradlew?", ("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts")),
    _Starts(r"mvnw?", ("pom.xml",)),
    _Starts(r"cargo", ("Cargo.toml", "build.rs", "src/main.rs", ".cargo/config.toml")),
    _Starts(
        r"((docker|podman)-)?compose",
        tuple(f"{stem}{end}" for stem in ("compose", "docker-compose") for end in (".yaml", ".yml", ".override.yaml", ".override.yml")),
    ),
)  # fmt: skip
_OF_PACKAGES = {"npx": _IN_NODE, "pnpx": _IN_NODE, "bunx": _IN_NODE, "uvx": _IN_PACKAGE, "pipx": _IN_PACKAGE}
"""They start a package, or a program that has its name: a folder behind one that is not in the table is what the server works on."""
_LAUNCHERS = frozenset(
    str.split("env cross-env cross-env-shell dotenv nice nohup timeout exec bash sh zsh dash ksh fish cmd")
)
"""They start a program that their arguments name, or a line of a shell does."""
_BETWEEN_WORDS = re.compile(r"""[\s'"&|;()]+""")
_CONTAINERS = frozenset(("docker", "podman"))
_PACKAGE_OPTIONS = frozenset(("-p", "--package", "--from", "--with", "--with-editable", "--spec"))
_FLAGS = frozenset(("-y", "--yes", "-q", "--quiet", "--bun", "--no-install", "--offline", "--isolated", "--no-cache"))  # fmt: skip
"""Options of these launchers without a value; of each other one the next word may be the value."""
_LOCAL = re.compile(r"[./~]|(file|link|git\+file):|[A-Za-z]:[\\/]")


def started_names(command: str, args: Sequence[str], words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the names of files that are started in a named folder, and of those that are where the server is started.

    `words` are what may be a word of a command line in the entry, the command included.
    """
    program = program_name(command)
    names: list[str] = []
    if program in _CONTAINERS:
        words = ["compose"] if "compose" in args else []
    elif program in _OF_PACKAGES:
        words = [word for word in words if word != command and not _LOCAL.match(word)]
        names += _OF_PACKAGES[program] if _is_local(program, args) else ()
    elif program in _LAUNCHERS:
        names += _behind_a_launcher(
            [word for one in args for word in _BETWEEN_WORDS.split(one[:65536]) if word]
        )
    programs = {program_name(word) for word in words}
    rows = [row for row in _STARTED if any(re.fullmatch(row.programs, one) for one in programs)]
    names += [name for row in rows for name in row.names]
    return list(dict.fromkeys(names)), [name for row in rows if row.here for name in row.names]


def _behind_a_launcher(words: Sequence[str]) -> list[str]:
    """Return what is started in a folder that is given to one of the words as its package."""
    found: list[str] = []
    for at, word in enumerate(words):
        names = _OF_PACKAGES.get(program_name(word), ())
        found += names if names and _is_local(program_name(word), words[at + 1 : at + 30]) else ()
    return found


def _is_local(program: str, args: Sequence[str]) -> bool:
    """Return whether a program of `_OF_PACKAGES` is told to take its package from a folder."""
    if program == "pipx" and "run" in args[:1]:
        args = args[1:]
    for before, word in pairwise(["", *args]):
        option, _, value = word.partition("=")
        if option in _PACKAGE_OPTIONS and _LOCAL.match(value):
            return True
        if word.startswith("-"):
            continue
        if _LOCAL.match(word):
            return True
        if not before.startswith("-") or before in _FLAGS:
            return False
    return False


def program_name(word: str) -> str:
    """Return the name of the program that a word may be, without a folder, a version, and the ending that it has on Windows."""
    name = word.replace("\\", "/").rpartition("/")[2].lower()
    return re.split(r"[@\[]", name)[0].removesuffix(".exe").removesuffix(".cmd").removesuffix(".bat")
