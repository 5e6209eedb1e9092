"""How the time of each regular expression of the package grows with its input, for inputs made from the expression itself.

    python benchmarks/regex_growth.py [--words 3000] [--module mazu_ls.redact]

For every repetition in a pattern, texts are made that enter it and never come to its end: what stands before it once and the
repeated part many times, or both many times. Each is searched at one length and at four times that; linear patterns take four
times as long, quadratic ones sixteen. Prints those that took more than eight times as long, with the input that shows it, and the number
of patterns tried. Those in BOUNDED are timed with the longest input that their callers give them. Exit status 1: there is one.
"""

# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportUnusedExpression=false
# (the constants of the parser are made at run time)

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import re._constants as op
import re._parser as sre
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import mazu_ls
from mazu_ls.workspace.lazy_pattern import LazyPattern

LEAST_SECONDS = 0.004
"""Below this the clock says more about the machine than about the pattern."""
GROWTH = 8.0
STEP = 4
LIMIT_SECONDS = 1
LEAST_MEASURED = 0.02
"""Seconds that a measure takes at least, by repeating it: some systems' clocks of a process go in steps of milliseconds."""
ENDS = ("", "\x00", "\n!", '"')
MOST_REPEATED = 8
MOST_ROUNDS = 20
LINE = 20_000
"""Characters of a command line that the policy judges (`policy/bash/grammar.py`)."""
BOUNDED = {
    "policy.bash.interpreter_code._SECRETS": LINE,
    "server.chat.ai_comments.COMMENT": 2000, "tools.edit.redacted.placeholders._STATEMENT": 200, "workspace.path_rules._SECRET_NAME": 255,
    "workspace.text._DECLARED": 1024, "workspace.text._MODELINES": 1024,
}  # fmt: skip
"""Patterns whose caller gives them so many characters at most."""
MOST_BOUNDED_SECONDS = 1.0
"""What a pattern with a bounded input may take for all of it."""


def patterns(prefix: str) -> Iterator[tuple[str, re.Pattern[Any], bool]]:
    """Each compiled expression at the top of a module, or in a collection there, with its name and whether it is searched for."""
    everywhere = "\n".join(path.read_text() for path in Path(mazu_ls.__path__[0]).rglob("*.py"))
    seen: set[re.Pattern[Any]] = set()
    for module in pkgutil.walk_packages(mazu_ls.__path__, "mazu_ls."):
        if not module.name.startswith(prefix) or module.name.endswith("__main__") or ".demo" in module.name:
            continue
        try:
            loaded = importlib.import_module(module.name)
        except (ImportError, OSError) as error:
            print(f"not tried: {module.name} ({error})", file=sys.stderr)
            continue
        own = Path(str(loaded.__file__)).read_text()
        for name, value in vars(loaded).items():
            for found in compiled(value, 3):
                if found not in seen:
                    seen.add(found)
                    searched, anchored = uses(name, own)
                    if not searched and not anchored:
                        searched, anchored = uses(name, everywhere)
                    yield f"{module.name}.{name}", found, searched or not anchored


def uses(name: str, source: str) -> tuple[bool, bool]:
    """Whether a pattern of this name is searched for in a source, and whether it is matched at one place there."""
    searched = re.search(rf"\b{name}\.(?:search|finditer|findall|subn?|split)\b", source)
    return searched is not None, re.search(rf"\b{name}(?:\[\w+\])?\.(?:full)?match\b", source) is not None


def compiled(value: Any, depth: int) -> Iterator[re.Pattern[Any]]:
    """The expressions in a value and in what it holds."""
    if isinstance(value, LazyPattern):
        yield value.compiled()
    elif isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        yield from (found for inner in value.values() for found in compiled(inner, depth - 1))
        yield from (found for inner in value for found in compiled(inner, depth - 1))
    elif depth and isinstance(value, list | tuple | set | frozenset):
        yield from (found for inner in value for found in compiled(inner, depth - 1))
    elif depth and hasattr(value, "__struct_fields__") and not isinstance(value, type):
        for field in value.__struct_fields__:
            yield from compiled(getattr(value, field), depth - 1)


def sample(items: Iterable[Any], wide: int = 1) -> str:
    """A text that matches parsed items; a repetition that may be empty is taken `wide` times."""
    return "".join(sample_one(kind, argument, wide) for kind, argument in items)


def sample_one(kind: Any, argument: Any, wide: int) -> str:
    if kind is op.LITERAL:
        return chr(argument)
    if kind is op.NOT_LITERAL:
        return "a" if argument != ord("a") else "b"
    if kind is op.ANY:
        return "a"
    if kind is op.IN:
        return member(argument)
    if kind is op.BRANCH:
        return sample(argument[1][0], wide)
    if kind is op.SUBPATTERN:
        return sample(argument[3], wide)
    if kind is op.ATOMIC_GROUP:
        return sample(argument, wide)
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        least, most, body = argument
        return sample(body, wide) * min(max(least, min(wide, most)), MOST_REPEATED)
    return ""


def member(items: list[Any]) -> str:
    """A character of a set."""
    if items[0][0] is op.NEGATE:
        return next(
            (one for one in "a 0.\n" if re.match(f"[{one}]", one) and not contains(items[1:], one)), "~"
        )
    kind, argument = items[0]
    if kind is op.RANGE:
        return chr(argument[0])
    return (
        chr(argument)
        if kind is op.LITERAL
        else {op.CATEGORY_SPACE: " ", op.CATEGORY_DIGIT: "0"}.get(argument, "a")
    )


def contains(items: list[Any], one: str) -> bool:
    for kind, argument in items:
        if kind is op.LITERAL and argument == ord(one):
            return True
        if kind is op.RANGE and argument[0] <= ord(one) <= argument[1]:
            return True
        if kind is op.CATEGORY:
            space, digit, word = one.isspace(), one.isdigit(), one.isalnum() or one == "_"
            table = {
                op.CATEGORY_SPACE: space, op.CATEGORY_NOT_SPACE: not space, op.CATEGORY_DIGIT: digit,
                op.CATEGORY_NOT_DIGIT: not digit, op.CATEGORY_WORD: word, op.CATEGORY_NOT_WORD: not word,
            }  # fmt: skip
            if table.get(argument):
                return True
    return False


def repetitions(items: Any, before: str) -> Iterator[tuple[str, str]]:
    """For each repetition without a small limit: what matches before it, and its repeated part."""
    for kind, argument in items:
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            _, most, body = argument
            if most > 50:
                yield before, sample(body)
                yield before, sample(body, 2)
            yield from repetitions(body, before)
        elif kind is op.SUBPATTERN:
            yield from repetitions(argument[3], before)
        elif kind is op.ATOMIC_GROUP:
            yield from repetitions(argument, before)
        elif kind is op.BRANCH:
            for branch in argument[1]:
                yield from repetitions(branch, before)
        before += sample_one(kind, argument, 1)


def inputs(pattern: re.Pattern[str]) -> set[tuple[str, str, str]]:
    """(once, many, end): texts that could make the pattern start or go on again and again."""
    parsed = sre.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    found: set[tuple[str, str, str]] = set()
    for before, body in repetitions(parsed, ""):
        for end in ENDS:
            found |= {(before, body, end), ("", before + body, end), ("", before or body, end)}
    return {made for made in found if made[1]}


class TooLong(Exception):
    """A search was given up."""


def give_up(number: int, frame: Any) -> None:
    raise TooLong


def seconds(pattern: re.Pattern[Any], text: str | bytes, searched: bool) -> float:
    """CPU seconds of going through all matches in the text, or of the one at its start; LIMIT_SECONDS where it takes longer."""
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_SECONDS)
    start, rounds = time.process_time(), 0
    try:
        while (spent := time.process_time() - start) < LEAST_MEASURED and rounds < MOST_ROUNDS:
            rounds += 1
            if searched:
                for _ in pattern.finditer(text):
                    pass
            else:
                pattern.match(text), pattern.fullmatch(text)
        return (time.process_time() - start) / rounds if spent else 0.0
    except TooLong:
        return float(LIMIT_SECONDS)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def growth(pattern: re.Pattern[Any], words: int, searched: bool) -> tuple[float, float, tuple[str, str, str]]:
    """The worst ratio of times for a text and for one STEP times as long, the longer time, and the input."""
    worst = (0.0, 0.0, ("", "", ""))
    is_text = isinstance(pattern.pattern, str)
    text_of = pattern if is_text else re.compile(pattern.pattern.decode("latin-1"), pattern.flags & ~re.ASCII)
    for once, many, end in sorted(inputs(text_of)):

        def text(count: int, once: str = once, many: str = many, end: str = end) -> str | bytes:
            made = once + many * (count // len(many) + 1) + end
            return made if is_text else made.encode("latin-1", "replace")

        after = seconds(pattern, text(words * STEP), searched)
        if after < LEAST_SECONDS:
            continue
        before = min(seconds(pattern, text(words), searched) for _ in range(2))
        after = min(after, seconds(pattern, text(words * STEP), searched))
        ratio = after / max(before, 1e-6)
        if ratio > worst[0] and after >= LEAST_SECONDS:
            worst = (ratio, after, (once, many, end))
        if ratio > GROWTH:
            break
    return worst


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--words", type=int, default=3000, help="characters of the shorter text")
    options.add_argument("--module", default="mazu_ls", help="only modules whose name begins so")
    given = options.parse_args()
    signal.signal(signal.SIGVTALRM, give_up)
    tried, grew, bounded = 0, 0, 0
    for name, pattern, searched in patterns(given.module):
        tried += 1
        ratio, took, (once, many, end) = growth(pattern, given.words, searched)
        if ratio > GROWTH and (most := BOUNDED.get(name.removeprefix("mazu_ls."))):
            bounded += 1
            made = (once + many * (most // len(many) + 1))[:most] + end
            took = seconds(pattern, made if isinstance(pattern.pattern, str) else made.encode("latin-1", "replace"), searched)  # fmt: skip
            print(f"{name}: bounded, {took * 1000:.0f} ms for the {most} characters that it may get")
            ratio = GROWTH + 1 if took > MOST_BOUNDED_SECONDS else 0.0
        if ratio > GROWTH:
            grew += 1
            print(f"{name}: x{ratio:.0f} for x{STEP} of text, {took * 1000:.0f} ms", f"  {once[:60]!r} + {many[:60]!r} * n + {end!r}", f"  {pattern.pattern[:200]!r}", sep="\n", flush=True)  # fmt: skip
    print(
        f"{tried} patterns tried, {grew} grew faster than their input, {bounded} are given bounded inputs alone"
    )
    return 1 if grew else 0


if __name__ == "__main__":
    sys.exit(main())
