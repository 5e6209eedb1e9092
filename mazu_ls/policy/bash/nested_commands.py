"""Command lines inside the words of a command: `sh -c`, `eval`, options that name a command; and in the input of `xargs`."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise

from mazu_ls.policy.bash.expansions import UNKNOWN, ansi
from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables.wrappers import SHELLS, inner, unwrapped
from mazu_ls.workspace.text import split_lines

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
    if name in ("mapfile", "readarray", "compgen", "complete"):
        return [following for word, following in pairwise(rest) if word == "-C"]
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
    """Return what `env -S` splits into words; where it begins with options of `env`, with what they lead to."""
    found: list[str] = []
    for at, word in enumerate(rest):
        if word.startswith(("-S", "--split-string=")) and word != "-S":
            text, behind = word.split("=", 1)[-1] if word.startswith("--") else word[2:], rest[at + 1 :]
        elif re.fullmatch(r"-\w*S|--split-string", word):
            text, behind = "".join(rest[at + 1 : at + 2]), rest[at + 2 :]
        else:
            continue
        spend(1 + len(rest) // 20)
        found.append(text)
        if text.lstrip().startswith("-"):
            found.append(f"env {text} {shlex.join(behind)}")
    return list(filter(None, found))


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


FEEDERS = frozenset(("xargs", "gxargs", "parallel"))
MAX_ITEMS = 64
_ON_THE_LINE = (":::", ":::+")
_FROM_FILES = ("::::", "::::+", "-a", "--arg-file")
_PLACEHOLDER = re.compile(r"^(?:-[0ortpx]*(?:I(?P<next>.*)|i(?P<optional>.*))|--repl\w*(?:=(?P<long>.*))?)$")
_DELIMITER = re.compile(r"^(?:-[0ortpx]*d(.*)|--delim\w*(?:=(.*))?)$", re.DOTALL)
_PARALLEL = re.compile(r"\{[\d.,/+#%-]*\}")


@dataclass(frozen=True)
class FedScripts:
    """Scripts that run the input. `known`: the whole input is known; otherwise `UNKNOWN` stands in its place."""

    scripts: list[str]
    known: bool


def feeder_words(argv: list[str]) -> list[str] | None:
    """Return the words from `xargs` or `parallel` on, behind wrappers such as `env`; None for another command."""
    return next((words for words in unwrapped(argv) if words[0] in FEEDERS), None)


def fed_scripts(argv: list[str], text: str | None) -> FedScripts:
    """Return what runs when `argv` (see `feeder_words`) reads `text`; None: its input is unknown."""
    words, items = argv, None if text is None else _items(argv, text)
    if any(word.startswith(_FROM_FILES) for word in argv if word.startswith((":", "-"))):
        items = None
    if (at := next((i for i, word in enumerate(argv) if word in _ON_THE_LINE), None)) is not None:
        words = argv[:at]
        items = None if items is None and "::::" in argv else [w for w in argv[at + 1 :] if w[:3] != ":::"]
    words = [word for i, word in enumerate(words) if not word.startswith("::::") or i < 1]
    known = items is not None and len(items) <= MAX_ITEMS
    puts = _placeholders(words)
    scripts: list[str] = []
    for command in inner(words):
        replaced = [put for put in puts if any(put in word for word in command)]
        if not known:
            scripts.append(_with_item(command, UNKNOWN, replaced))
        for at, item in enumerate(items or ()) if known else ():
            spend(1 + len(command))
            # However many items are taken at once, each command line begins with some item and continues with those
            # behind it.
            fed = item if replaced else " ".join((items or [])[at:])
            scripts.append(_with_item(command, fed, replaced))
    if argv[0] == "parallel" and len(words) == 1:
        scripts += items if known and items else [UNKNOWN]
    return FedScripts(scripts, known)


def _items(argv: list[str], text: str) -> list[str]:
    for word, following in pairwise([*argv, ""]):
        if word in ("--null",) or re.fullmatch(r"-[0ortpx]*0[ortpx]*(n\d*|I.*)?", word):
            return [item for item in text.split("\0") if item]
        if match := _DELIMITER.match(word):
            separator = ansi(next(filter(None, match.groups()), "") or following) or "\n"
            return [item for item in text.split(separator[0]) if item]
    lines = [line.strip() for line in split_lines(text, ends=False) if line.strip()]
    return lines if argv[0] == "parallel" or _placeholders(argv) else text.split()


def _placeholders(argv: list[str]) -> list[str]:
    """Return the placeholders of an item: `{}` for parallel, the values of `-I`, `-i`, `--replace` for xargs."""
    found: list[str] = []
    if argv[0] == "parallel":
        found += dict.fromkeys(match for word in argv for match in _PARALLEL.findall(word))
    for word, following in pairwise([*argv[1:], ""]):
        if match := _PLACEHOLDER.match(word):
            given = match["next"] if match["next"] is not None else match["optional"] or match["long"] or "{}"
            found.append(given or following)
    return found


def _with_item(command: list[str], item: str, replaced: list[str]) -> str:
    """Return one command line as bash would read it, so that an item's quotes and blanks count."""
    if not replaced:
        return " ".join([*map(shlex.quote, command), item])
    words: list[str] = []
    for word in command:
        full = word
        for put in replaced:
            full = full.replace(put, item)
        words.append(item if word in replaced else shlex.quote(full))
    return " ".join(words)
