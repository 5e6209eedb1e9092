"""Command lines inside the words of a command: `sh -c`, `eval`, `trap`, options and settings that name a command."""

from __future__ import annotations

import re

from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables.wrappers import SHELLS

_GIVEN = re.compile(r"^(exec=|:?!|:|shell |\\! ?|\.shell )")
_RUN_THEIR_WORDS = frozenset(str.split("ssh watch parallel tmux screen"))
_RUN_AN_OPTION = word_set("run_an_option") | _RUN_THEIR_WORDS
_WITH_COMMANDS = word_set("with_commands")
_COMMAND_OPTION = pattern("nested_commands.command_option", re.DOTALL)


def scripts(argv: list[str]) -> list[str]:
    """Return every word, or run of words, that is a command line itself."""
    name, rest = argv[0], argv[1:]
    if name in SHELLS:
        return _of_shell(rest)
    if name in ("eval", "hash"):
        return [" ".join(rest)]
    if name == "trap" and rest:
        return [rest[1] if rest[0] == "--" and len(rest) > 1 else rest[0]]
    if name == "env":
        return _split_by_env(rest)
    if name in ("pwsh", "powershell"):
        return [rest[i + 1] for i, word in enumerate(rest[:-1]) if re.match(r"^-c", word, re.I)]
    if re.match(r"^g?sed$", name):
        return [found for word in rest for found in _of_sed(word)]
    if name == "alias":
        return [word.split("=", 1)[1] for word in rest if "=" in word]
    found = _of_options(name, rest) if name in _RUN_AN_OPTION else []
    if name in _RUN_THEIR_WORDS:
        spend(len(rest) * (2 + len(rest) // 20))
        found += [" ".join(rest[i:]) for i in range(len(rest))]
    if name == "git" and "config" in rest and any(word.startswith("alias.") for word in rest):
        found += [text for word in rest for text in (word.removeprefix("!"), f"git {word}")]
    return found + (_settings(name, rest) if name in _WITH_COMMANDS else [])


def _of_shell(rest: list[str]) -> list[str]:
    """Return the script of `bash -x -c -e SCRIPT`: the first word that is no option, once there is a `-c`."""
    if not any(re.fullmatch(r"[-+][A-Za-z]*c[A-Za-z]*|--command", word) for word in rest):
        return []
    return [word for word in rest if not word.startswith(("-", "+"))][:2]


def _split_by_env(rest: list[str]) -> list[str]:
    found = [
        w.split("=", 1)[-1] if w.startswith("--split-string=") else w[2:]
        for w in rest
        if w.startswith(("-S", "--split-string="))
    ]
    found += [rest[i + 1] for i, word in enumerate(rest[:-1]) if re.fullmatch(r"-\w*S|--split-string", word)]
    return [text for text in found if text]


def _of_sed(script: str) -> list[str]:
    """Return what `e COMMAND` and `s/x/COMMAND/e` run."""
    found = [match[1] for match in re.finditer(r"(?:^|[^A-Za-z\\])e\s+([^\n]+)", script)]
    for match in re.finditer(r"s([^\w\s\\])", script):
        parts = script[match.end() :].split(match[1])
        spend(1 + len(script) // 20)
        if len(parts) > 2 and "e" in re.split(r"[;}\s]", parts[2])[0]:
            found.append(parts[1])
    return found


def _of_options(name: str, rest: list[str]) -> list[str]:
    found = [
        w
        for i, w in enumerate(rest[1:])
        if rest[i] in ("--command", "--run") or re.fullmatch(r"-[a-z]*c", rest[i])
    ]
    return found + [word.split("=", 1)[1] for word in rest if word.startswith(("--command=", "--run="))]


def _settings(name: str, rest: list[str]) -> list[str]:
    """Return the values of options of tar, git, rsync, sort, ripgrep, ... that are run, and of configuration given on
    the line."""
    found = [
        match[1]
        for w in rest
        if (
            match := re.match(
                r"(?:-o)?\s*(?:Proxy|Local|Remote|KnownHosts|Match exec)\w*\s*[= ]\s*(.+)", w, re.I | re.S
            )
        )
    ]
    for index, word in enumerate(rest):
        following = rest[index + 1] if index + 1 < len(rest) else ""
        if match := _COMMAND_OPTION.match(word):
            found.append(match[4] or following)
        elif word in ("-c", "--config-env", "+") and following:
            value = following.split("=", 1)[-1]
            found += [value, f"git {value}"] if name == "git" else [value]
        elif "=" in word and not word.startswith("-"):
            found.append(word.split("=", 1)[1])
        elif word.startswith(("+!", "+:!", "!")) or name in ("psql", "sqlite3"):
            found.append(word.lstrip("+:!"))
    if name in ("npm", "pnpm", "yarn") and rest[:1] and rest[0] in ("exec", "x", "dlx"):
        found.append(" ".join(word for word in rest[1:] if not word.startswith("-")))
    if name == "git":
        for verb in ("run", "foreach"):
            if verb in rest:
                found.append(" ".join(w for w in rest[rest.index(verb) + 1 :] if w != "--recursive"))
    return [_GIVEN.sub("", text) for text in found]
