"""Expands `${...}`, `$'...'` and `{a,b}` as bash does: POSIX 2.6 and the bash manual, "Shell Expansions"."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from itertools import chain, pairwise, repeat

from mazu_ls.policy.bash import UNKNOWN
from mazu_ls.policy.data import pattern
from mazu_ls.policy.step_budget import spend

FIELD = "\ue001"  # marks where an unquoted expansion is split into words
_QUOTED = {char: chr(0xE010 + index) for index, char in enumerate("{},*?[]~.-!^=:\\")}
_UNQUOTED = {ord(code): char for char, code in _QUOTED.items()}
_PROTECT = str.maketrans(_QUOTED)
MAX_BRACES = 256
_ANSI = pattern("expansions.ansi", re.DOTALL)
_SIMPLE = dict(zip("abeEfnrtv", "\a\b\x1b\x1b\f\n\r\t\v", strict=True))
_RANGE = re.compile(r"^(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.(-?\d+))?$")
_SLICE = re.compile(r"^:\s*(-?\d+)\s*(?::\s*(-?\d+)\s*)?$")


_CASES: dict[str, Callable[[str], str]] = {
    "^^": str.upper, "@U": str.upper, ",,": str.lower, "@L": str.lower, "^": lambda value: value[:1].upper() + value[1:],
    "@u": lambda value: value[:1].upper() + value[1:], ",": lambda value: value[:1].lower() + value[1:],
}  # fmt: skip


def protect(text: str) -> str:
    """Quote text, so that its special characters lose their meaning."""
    return text.translate(_PROTECT)


def unprotect(text: str) -> str:
    """Return the text as the program will see it."""
    return text.translate(_UNQUOTED)


def ansi(text: str) -> str:
    """Expand the inside of `$'...'`, or the backslashes of `printf` and `echo -e`."""

    def one(match: re.Match[str]) -> str:
        hex2, hex4, hex8, octal, control, other = match.groups()
        if digits := hex2 or hex4 or hex8:
            code = int(digits, 16)
            return chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else UNKNOWN
        if octal:
            return chr(int(octal, 8) & 0xFF)
        if control:
            return chr(ord(control) & 0x1F)
        return _SIMPLE.get(other, other if other in "\\'\"?" else "\\" + other)

    return _ANSI.sub(one, text)


def modified(value: str, operation: str) -> str:
    """Return `${x<operation>}` of one known value, if the operation is plain text; UNKNOWN for what is not evaluated."""
    if UNKNOWN in value:
        return UNKNOWN
    if match := _SLICE.match(operation):
        start, length = int(match[1]), match[2]
        rest = value[start:]
        return rest if length is None else rest[: int(length)]
    if (change := _CASES.get(operation)) is not None:
        return change(value)
    if operation.startswith(("#", "%", "/")):
        spend(20 + len(value) * (len(value) + len(operation)) // 100)  # a pattern is tried at every position
    if operation.startswith(("#", "%")):
        return _trimmed(value, operation)
    if operation.startswith("/"):
        return _replaced(value, operation[1:])
    return UNKNOWN


def sliced(fields: list[str], operation: str) -> list[str] | None:
    """Return `${a[@]<operation>}` of a known list; None for a place or length that is not a plain number."""
    if (match := _SLICE.match(operation)) is None:
        return None
    start, length = int(match[1]), match[2]
    rest = fields[start:] if -len(fields) <= start else []
    return rest if length is None else rest[: int(length)] if not length.startswith("-") else None


def _trimmed(value: str, operation: str) -> str:
    sign = operation[0]
    longest = operation.startswith(sign * 2)
    pattern = re.compile(translate(operation[2 if longest else 1 :]))
    cuts = range(len(value) + 1)
    if sign == "#":
        order = reversed(cuts) if longest else cuts
        return next((value[cut:] for cut in order if pattern.match(value[:cut])), value)
    order = cuts if longest else reversed(cuts)
    return next((value[:cut] for cut in order if pattern.match(value[cut:])), value)


def _replaced(value: str, operation: str) -> str:
    everywhere = operation.startswith("/")
    pattern, _, new = operation.removeprefix("/").partition("/")
    anchor = pattern[:1] if pattern[:1] in "#%" and not everywhere else ""
    body = translate(pattern.removeprefix(anchor)).removesuffix(r"\Z").removesuffix(r"\z")
    expression = {"#": rf"\A{body}", "%": rf"{body}\Z"}.get(anchor, body)
    return re.sub(expression, lambda _: new, value, count=0 if everywhere else 1)


def braces(text: str) -> list[str]:
    """Return every word that unquoted braces make of one. At most MAX_BRACES are expanded."""
    done: list[str] = []
    todo = [text]
    while todo and len(done) <= MAX_BRACES:
        word = todo.pop(0)
        parts = _first_braces(word)
        if parts is None:
            done.append(word)
        else:
            todo[:0] = parts
    return done + todo


def _first_braces(word: str) -> list[str] | None:
    start = -1
    while (start := word.find("{", start + 1)) >= 0:
        depth, commas = 0, []
        spend(1 + (len(word) - start) // 20)
        for index in range(start, len(word)):
            char = word[index]
            if char == "{":
                depth += 1
            elif char == "," and depth == 1:
                commas.append(index)
            elif char == "}":
                depth -= 1
                if depth == 0:
                    if items := _items(word, start, index, commas):
                        return [word[:start] + item + word[index + 1 :] for item in items]
                    break
    return None


def _items(word: str, start: int, end: int, commas: list[int]) -> list[str]:
    if commas:
        edges = [start, *commas, end]
        return [word[left + 1 : right] for left, right in pairwise(edges)]
    match = _RANGE.match(word[start + 1 : end])
    if not match:
        return []
    if match[1].lstrip("-").isdigit() and match[2].lstrip("-").isdigit():
        first, last = int(match[1]), int(match[2])
        step = abs(int(match[3] or 1)) or 1
        numbers = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
        return [str(number) for number in numbers[:MAX_BRACES]]
    first, last = ord(match[1][0]), ord(match[2][0])
    return [chr(code) for code in (range(first, last + 1) if first <= last else range(first, last - 1, -1))]


def printed(argv: list[str]) -> str | None:
    """Return what this command prints, if it is an `echo` or `printf` and everything in it is known."""
    if not argv or any(UNKNOWN in word for word in argv):
        return None
    name, *arguments = argv
    if name == "echo":
        escapes = False
        while arguments and re.fullmatch(r"-[neE]+", arguments[0]):
            escapes = escapes or "e" in arguments.pop(0)
        text = " ".join(arguments)
        if escapes and "\\c" in text:  # it ends the output
            return None
        # An octal number has a 0 before it here.
        return ansi(re.sub(r"\\0(?=[0-7])", r"\\", text)) if escapes else text
    if name == "printf" and arguments:
        pattern, *values = arguments
        if pattern == "--" and values:
            pattern, *values = values
        *pairs, last = re.split(r"(%[^a-zA-Z%]*[a-zA-Z%])", ansi(pattern))
        if not pairs:
            return last
        made: list[str | None] = []
        left, taking = len(values), len([one for one in pairs[1::2] if one != "%%"])
        given = chain(values, repeat(""))
        while not made or (left > 0 < taking):
            spend(1 + len(pairs))
            for piece, conversion in zip(pairs[::2], pairs[1::2], strict=True):
                made += (piece, "%" if conversion == "%%" else _converted(conversion, next(given)))
            made.append(last)
            left -= taking
        return None if None in made else "".join(filter(None, made))
    return None


def _converted(conversion: str, value: str) -> str | None:
    """Return what `printf` makes of a value; None for a conversion that is not evaluated."""
    if conversion == "%b" and "\\c" in value:  # it ends the output
        return None
    if conversion in ("%b", "%c"):
        return ansi(value) if conversion == "%b" else value[:1]
    if conversion == "%q" and re.fullmatch(r"[\w./-]+", value):
        return value
    if (cut := re.fullmatch(r"%(-?)(\d{0,3})(?:\.(\d{1,3}))?s", conversion)) is not None:
        text = value if cut[3] is None else value[: int(cut[3])]
        return text.ljust(int(cut[2] or 0)) if cut[1] else text.rjust(int(cut[2] or 0))
    return value if re.fullmatch("%[di]", conversion) and re.fullmatch(r"-?[1-9]\d*|0", value) else None
