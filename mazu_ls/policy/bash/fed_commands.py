"""Commands that `xargs` and `parallel` build from their input."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise

from mazu_ls.policy.bash.expansions import UNKNOWN, ansi
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables.wrappers import inner, unwrapped
from mazu_ls.workspace.text import split_lines

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
