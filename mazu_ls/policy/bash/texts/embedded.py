"""Commands named among the words of a program that no table knows: it may run them by an option, an operand or its own language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mazu_ls.policy.data import word_set
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables.allowed_commands import PROGRAMS
from mazu_ls.policy.tables.wrappers import INTERPRETERS, SHELLS

MAX_EMBEDDED = 300  # characters of one
_RUN_INPUT = word_set("run_input")
_LOOK_ONLY = {name for name in PROGRAMS if not INTERPRETERS.match(name)} - word_set("runs_others")
_RUN_NOTHING = (
    _LOOK_ONLY
    | SHELLS
    | word_set("pattern_programs")
    | word_set("embeds_nothing")
    | word_set("about_programs")
) - _RUN_INPUT
_NAMES = word_set("embedded_names")
_BEGINS = re.compile(rf"(?<![\w.-])(?:{'|'.join(sorted(_NAMES))})(?=[\s,'\"\\)\]]|$)")
_SEPARATES = re.compile(r"[\[\](){}'\",\\]+")
_ENDS = re.compile(r"[\n;|&]")


def spoken(argv: Sequence[str]) -> list[str]:
    """Return the words of a command that it may run as command lines: those with a blank, of a program that no table knows."""
    known = argv[0] in _RUN_NOTHING or INTERPRETERS.match(argv[0])
    return [] if known else [word for word in argv[1:] if " " in word]


def embedded(argv: Sequence[str], given: Sequence[str], input_texts: Sequence[str]) -> Iterator[str]:
    """Yield what the words of a command may run: from each name of a program that can destroy, to the end of its text.

    `given`: values of variables that are set for this command alone; `input_texts`: what it reads.
    """
    if argv[0] in _RUN_NOTHING or argv[0] in _NAMES:
        return
    for text in (" ".join(argv[1:]), *given, *(input_texts if argv[0] in _RUN_INPUT else ())):
        spend(len(text) // 20)
        for match in _BEGINS.finditer(text):
            spend(30)
            rest = _ENDS.split(text[match.start() : match.start() + MAX_EMBEDDED], maxsplit=1)[0]
            if " " in (command := _SEPARATES.sub(" ", rest).strip()):  # a name alone is talked about
                yield command
