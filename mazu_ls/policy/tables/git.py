"""The git commands that only read, and the options under which they run no program that a repository or a word may
name."""

from __future__ import annotations

import re

from mazu_ls.policy.tables.options import (
    NotProvablySafe,
    ParsedOptions,
    ProgramSpec,
    read_specs,
    require,
    split,
)

COMMANDS = read_specs("git")
# Listing commands that would create something if they got a name.
_LIST_ONLY = {tuple(name.split()): spec for name, spec in read_specs("git_lists", COMMANDS).items()}
_CHANGES_LOG = frozenset(str.split("expire delete drop write migrate exists list prune"))
_CONFIG_READ = frozenset(
    ("user.name", "user.email", "core.autocrlf", "init.defaultbranch", "core.eol", "remote.origin.fetch")
)
_HARMLESS_GLOBAL = ("--no-pager", "--no-optional-locks", "--literal-pathspecs", "-P")
_MAGIC = re.compile(r"^(?:\([^)]*\)|[/!^]+)")
_EXCLUDES = re.compile(r"^:(?:/*[!^]|\([^)]*\bexclude\b[^)]*\))")


def named_paths(word: str) -> list[str]:
    """Return the paths that a revision, `REV:PATH`, `:0:PATH`, `1,5:PATH` or pathspec may name, without the leading
    magic."""
    if _EXCLUDES.match(word):
        return []
    rests = [word[at + 1 :] for at, char in enumerate(word) if char == ":"]
    return [word, *rests, *(_MAGIC.sub("", rest) for rest in rests)]


def judge(words: list[str]) -> tuple[ProgramSpec, ParsedOptions, list[str]]:
    """Return what `git WORDS` reads: its spec, its parsed words, folders named by -C.

    Raises NotProvablySafe if it may do more than read.
    """
    folders: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "-C" and rest:
            folders.append(rest.pop(0))
        elif word in ("--version", "--help") and not rest:
            return ProgramSpec(), ParsedOptions([], [], []), folders
        else:
            require(word in _HARMLESS_GLOBAL, f"git {word.split('=')[0]} is not known to be harmless")
    require(rest, "git without a command")
    verb, *arguments = rest
    spec = COMMANDS.get(verb)
    require(verb != "reflog" or not _CHANGES_LOG & set(arguments), "git reflog would change the log")
    if arguments and (verb, arguments[0]) in _LIST_ONLY:
        spec, arguments = _LIST_ONLY[verb, arguments[0]], arguments[1:]
    reads = len(arguments) == 1 or (len(arguments) == 2 and arguments[0] in ("--get", "get"))
    if verb == "config" and reads and arguments[-1].casefold() in _CONFIG_READ:
        return ProgramSpec(operands="text"), ParsedOptions([], [], []), folders
    if spec is None:
        raise NotProvablySafe(f"git {verb} is not known to only read")
    return spec, split(spec, arguments, f"git {verb}"), folders


def only_reads(words: list[str]) -> bool:
    """Return whether `git WORDS` is known to only read."""
    try:
        judge(words)
    except NotProvablySafe:
        return False
    return True
