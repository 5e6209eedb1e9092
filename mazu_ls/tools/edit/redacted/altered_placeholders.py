"""Placeholders that a model altered: those that can be recognised are repaired, and no other text takes a secret's place.

A secret that the model is not shown may go with its whole line, or give way to code that reads it from elsewhere. Any
other text where it stood is a placeholder that lost its form, and is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from mazu_ls.errors import ToolError
from mazu_ls.redact import KINDS, MARK, PLACEHOLDER
from mazu_ls.tools.edit.shown_text import Placeholder, ShownText
from mazu_ls.workspace.lazy_pattern import lazy_pattern
from mazu_ls.workspace.text import REPLACEMENT, split_lines

MOST_LOST = 200
"""Maximum number of removed secrets whose places are looked for."""
_OPEN = r"(?:\\?[\[<({]|&(?:\#91|\#x5b|lsqb|lbrack|lt);|%5b|\\u005b|[\uff3b\u3010\u3014\u27e6\u27e8])"
_CLOSE = r"(?:\\?[\]>)}]|&(?:\#93|\#x5d|rsqb|rbrack|gt);|%5d|\\u005d|[\uff3d\u3011\u3015\u27e7\u27e9])"
_SPACE = r"(?:[^\S\n]|[_\u200b-]|%20|&nbsp;|&\#(?:160|32);|\\xa0|\\u00a0)"
_REDACTED = r"(?:redacted|edacted|dacted)"
_BETWEEN = rf"(?:{_SPACE}{{0,3}}(?:[:;=|\uff1a]|&colon;|&\#58;|%3a|->|-){_SPACE}{{0,3}}|{_SPACE}{{1,3}})"
_NUMBER = rf"{_SPACE}{{0,2}}[#(]?\d{{1,3}}\)?"
_FRAME = rf"(?:{_OPEN}{_SPACE}{{0,2}}(?P<quote>[\"'`]?)|(?<![^\W_]))BODY(?:(?(quote)(?P=quote)){_SPACE}{{0,2}}{_CLOSE})?"
_DOUBLED = lazy_pattern(
    rf"(?P<quote>[\"'`])\[({PLACEHOLDER.pattern})\](?P=quote)|(?<==)\[({PLACEHOLDER.pattern})\](?!\S)"
)
_ALTERED = re.compile(
    r"\[\s*redacted\b[^\]\n]{0,60}\]|<\s*(?:redacted|masked|hidden|omitted)\b[^>\n]{0,60}>|\(\s*redacted\b[^)\n]{0,60}\)|\{\s*redacted\b[^}\n]{0,60}\}"
    # Cut.
    r"|[\[<({]\s{0,2}redac[a-z]{0,3}\b|\bredacted[ \t]{0,2}:"
    # As a value, also a mask, or the word alone.
    r"|(?:\A|[:=>])[ \t]{0,4}[\"'`]?(?:\*{3,}|\u2022{3,}|\u2026|\.{3}|(?:redacted|masked|hidden|omitted|unchanged)\b)(?=[\s\"'`,;<]|\Z)",
    re.IGNORECASE,
)
"""Placeholders in other words, as models write them."""
_NAME = re.compile(r"(?P<name>[\w.-]*\w)(?P<sign>\W{1,12})\Z")
_PREFIX = re.compile(r"\b[fbru]{1,2}(?=[\"']{1,3}\Z)", re.IGNORECASE)
_VALUE = r"(?!\w)(?P<sign>[\"'`\])]*\s*[^\w\s\"'`$%{<(\[*!\u2022\u2026]{0,3}\s*)(?:[fbru]{1,2}(?=[\"']))?(?P<quote>[\"'`]?)(?=(?P<value>.{0,200}))"
_REFERENCE = re.compile(r"[$!]|\{|<%|%\(|%\w+%|@\w+@|(?:env|vault|secret|file|op|ssm|sops):", re.IGNORECASE)
"""How a value begins that names another place; `{{ x }}`, `${X}`, `!vault`."""
_CALL = re.compile(r"\w[\w.]*[(\[]|[\w.]+\{")
_KEY_BLOCK = "-----BEGIN "


def _kind_pattern(kind: str) -> str:
    """Return a pattern of a kind's words, with any white space, and of what is left of them where they are cut."""
    letters = [_SPACE + "{1,3}" if char == " " else re.escape(char) for char in kind]
    pattern = ""
    for letter in reversed(letters[3:]):
        pattern = f"(?:{letter}{pattern})?"
    return "".join(letters[:3]) + pattern + r"(?![^\W_])"


@cache
def _look_alike(kind: str) -> re.Pattern[str]:
    # Numbered before its kind or behind it: `[redacted 2: secret]`.
    ends = rf"(?:{_NUMBER}(?={_SPACE}{{0,2}}(?:{_CLOSE}|[\"'`]|$)))?"
    body = f"{_REDACTED}(?:{_NUMBER})?{_BETWEEN}{_kind_pattern(kind)}{ends}"
    return re.compile(_FRAME.replace("BODY", body), re.IGNORECASE | re.MULTILINE)


_RESEMBLING = lazy_pattern(
    "(?:{1}{0}|(?<!\\w){0}{2})".format(
        rf"{_REDACTED}(?:{_NUMBER})?{_BETWEEN}(?:{'|'.join(kind.replace(' ', _SPACE + '{1,3}') for kind in KINDS)})(?:{_NUMBER})?",
        rf"{_OPEN}{_SPACE}{{0,2}}[\"'`]?",
        rf"[\"'`]?{_SPACE}{{0,2}}{_CLOSE}",
    ),
    re.IGNORECASE,
)


def find_placeholder(text: str) -> str | None:
    """Return the first placeholder of a secret in a text, also one that was altered but keeps a bracket; None if there is
    none."""
    match = PLACEHOLDER.search(text) or ("acted" in text.lower() and _RESEMBLING.search(text)) or None
    return match[0] if match else None


def repair_placeholders(new: str, shown: ShownText, passage: Sequence[Placeholder]) -> str:
    """Return `new` with the placeholders that it resembles in place of altered ones of the passage that it replaces.

    Where more resemble one than are missing, some are prose, which must not become a secret: all are left. So is one that fits several
    kinds, and what the file itself holds.
    """
    if "acted" not in new.lower() or not shown.placeholders:
        return new
    new = _DOUBLED.sub(lambda match: match[0] if match[0] in shown.text else _undoubled(match), new)
    found: dict[int, dict[str, int]] = {}
    kinds = Counter(one.mark for one in passage if one.mark != REPLACEMENT)
    missing = kinds - Counter(match[0] for match in PLACEHOLDER.finditer(new))
    for mark in missing:
        for match in _look_alike(mark.removeprefix(MARK.partition("{")[0])[:-1]).finditer(new):
            if match[0] != mark and match[0] not in shown.source:
                found.setdefault(match.start(), {})[mark] = match.end()
    chosen: list[tuple[int, int, str]] = []
    at = 0
    for start, ends in sorted(found.items()):
        longest = [mark for mark, end in ends.items() if end == max(ends.values())]
        if start >= at and len(longest) == 1:
            at = ends[longest[0]]
            chosen.append((start, at, longest[0]))
    count = Counter(mark for *_, mark in chosen)
    pieces: list[str] = []
    at = 0
    for start, end, mark in chosen:
        if count[mark] <= missing[mark]:
            pieces += [new[at:start], mark]
            at = end
    return "".join([*pieces, new[at:]])


def _undoubled(match: re.Match[str]) -> str:
    quote = match["quote"] or ""
    return f"{quote}{match[2] or match[3]}{quote}"


def refuse_lost_secrets(
    new: str, kept: Counter[str], passage: Sequence[Placeholder], shown: ShownText, path: str, *, where: str
) -> None:
    """Raise ToolError if `new`, in which placeholders stand for the secrets that are `kept`, writes other text where a
    secret of the passage stood."""
    held = Counter(one.value for one in passage if REPLACEMENT != one.mark != one.value)
    lost = [one for one in passage if held[one.value] > kept[one.value]][:MOST_LOST]
    if not lost:
        return
    for match in _ALTERED.finditer(PLACEHOLDER.sub("", new)):
        if match[0] not in shown.source:
            raise ToolError(
                f"{where}{match[0].lstrip(':=> ')!r} would take the place of a secret of {path} that you are not shown, so nothing was "
                "written. Copy its placeholder exactly as it is shown, or leave its line out of the edit."
            )
    known = {line.strip() for line in split_lines(shown.text)}
    lines = [line.strip() for line in split_lines(new)]
    added = [line for line in lines if line not in known]
    for one in {(place.mark, *_place(shown, place)): place for place in lost}.values():
        for line in added:
            if _takes_place(line, one, shown):
                raise ToolError(
                    f"{where}the line {line[:120]!r} would take the place of a secret of {path} that you are not shown, so nothing was "
                    "written. Copy its placeholder exactly as it is shown, or leave its line out of the edit. If the secret has to "
                    "go, remove its whole line with one edit, and add the new line with the next."
                )


def _place(shown: ShownText, one: Placeholder) -> tuple[str, str]:
    """Return the name before a placeholder in its line, and what stands between them."""
    before = shown.text[max(0, one.start - 200) : one.start].rpartition("\n")[2]
    match = _NAME.search(_PREFIX.sub("", before))
    return (match["name"], match["sign"]) if match else ("", before.strip())


def _takes_place(line: str, one: Placeholder, shown: ShownText) -> bool:
    """Return whether a new line has other text than code where the shown text has a placeholder."""
    name, sign = _place(shown, one)
    if not name:
        if not sign:
            return line.startswith(_KEY_BLOCK)
        rest = line.removeprefix(sign)
        return rest != line and not PLACEHOLDER.search(rest) and _is_literal(rest, sign[-1:].strip("-"))
    was_quoted = sign[-1:] in "\"'`"
    for match in re.finditer(rf"(?<!\w){re.escape(name)}{_VALUE}", line, re.IGNORECASE):
        value, quote = match["value"], match["quote"]
        if PLACEHOLDER.match(value) or _signs(match["sign"]) != _signs(sign) or not (quote or not was_quoted):
            continue
        literal = value.partition(quote)[0] + quote if quote else re.split(r"[\s,;}]", value)[0]
        stood_there = bool(literal) and match[0] + literal in shown.text
        if _is_literal(value, quote) and not stood_there:
            return True
    return False


def _signs(text: str) -> str:
    """Return the signs between a name and its value: an assignment is one, however it is written."""
    bare = re.sub(r"[\s\"'`]", "", text)
    return "=" if bare in ("=", ":", ":=", "=>", "]=") else bare


def _is_literal(value: str, quote: str) -> bool:
    if quote:
        value = value.partition(quote)[0]
        return _REFERENCE.match(value) is None
    return _REFERENCE.match(value) is None and _CALL.match(value) is None
