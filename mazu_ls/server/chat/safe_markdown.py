"""Makes a model's Markdown safe, so that nothing is fetched, run or hidden: images, HTML and links to commands become
text."""

from __future__ import annotations

import re

from mazu_ls.workspace.lazy_pattern import lazy_pattern

_LINE_ENDS = lazy_pattern("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_FENCE = lazy_pattern(r" {0,3}(`{3,}+(?=[^`|]*$)|~{3,}+(?=[^|]*$))")
_FENCE_INSIDE = lazy_pattern(r"(?:[ \t>]|[-+*][ \t]|\d{1,9}[.)][ \t])*(?:`{3,}|~{3,})")
_TICKS = lazy_pattern("`+")
_PLAIN = r"\x00-\x20\x7f\s()<>\\"
_ANY = rf"(?:[^{_PLAIN}]|\\[^{_PLAIN}]|\((?:[^{_PLAIN}]|\\[^{_PLAIN}])*+\))*+"
_NAME = rf"(?:[^{_PLAIN}&%:/]|\([^{_PLAIN}&%:/]*+\))*+"
_DESTINATION = rf"(?:(?i:https?|mailto|file|mazu):{_ANY}|{_NAME}(?:/{_ANY})?)"
"""An allowed scheme, letter by letter, or a path before whose first slash there can be no scheme."""
_LINK = rf"[ \t]*{_DESTINATION}(?:[ \t]+(?:\"[^\"\\]*\"|'[^'\\]*'))?[ \t]*\)"
"""The rest of a link in the same line, without code: every reader agrees where it ends (CommonMark 6.3)."""
_DEFINITION = rf"[ \t]*(?=\S){_DESTINATION}(?:[ \t]|$)"
_ACTIVE = lazy_pattern(rf"\\.|!(?=\[)|<(?=[A-Za-z/!?])|\]\((?!{_LINK})|\]:(?!{_DEFINITION})")
_ESCAPED = {"!": "!\\", "<": "\\<", "](": "]\\(", "]:": "\\]:"}
_UNDECIDED = lazy_pattern(rf"(?:[!<\\]|\]|\]\((?!{_LINK}).*|\]:.*)\Z", re.DOTALL)
"""Text that may become one of these with the next piece."""


class SafeMarkdown:
    """Converts a message piece by piece, never revising emitted text (CommonMark 4.5, 6.1, 6.3-6.6).

    Code, between fences or backticks, stays as it is. Line ends other than a line feed become one, so that all programs
    see the same lines.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._after_return = False
        """The last piece ended with a carriage return: a line feed at the beginning of the next belongs to the same line end."""
        self._line = ""
        self._settled = 0
        """Characters of the line that are shown for good: a long line is not read again from its beginning for each piece."""
        self._given = 0
        """Characters that were shown of the rest of it, made safe."""
        self._plain = False
        """The rest of the line holds no code."""
        self._fence = ""
        self._indent = 0
        self._odd_paragraph = False
        """A backtick has no counterpart in its line: the line alone does not show which text is code."""
        self._odd = False
        """A fence was opened in a list or a quotation, where it may end without a closing fence: from here on nothing
        counts as code."""

    def feed(self, piece: str) -> str:
        """Add a piece; return what can be shown now."""
        shown: list[str] = []
        if piece:
            rest = piece.removeprefix("\n") if self._after_return else piece
            self._after_return, piece = piece.endswith("\r"), rest
        for part in re.split("(?<=\n)", _LINE_ENDS.sub("\n", piece)):
            if part == "\n" and not self._line:  # an empty line: a million of them are no work
                self._odd_paragraph = False
                shown.append(part)
                continue
            self._line += part
            ended = part.endswith("\n")
            shown.append(self._more(ended=ended))
            if ended:
                self._next_line()
        return "".join(shown)

    def flush(self) -> str:
        """The message has ended; return the rest of it."""
        rest = self._more(ended=True)
        self._begin()
        return rest

    def _more(self, *, ended: bool) -> str:
        safe, read = self._safe(ended=ended)
        new = safe[self._given :]
        self._given = max(self._given, len(safe))
        if self._given == len(safe) and read > self._settled:
            self._settled, self._given = read, 0
        return new

    def _next_line(self) -> None:
        line = self._line.rstrip("\n")
        bare = line.strip()
        if self._fence:
            if bare and not bare.strip(self._fence[0]) and len(bare) >= len(self._fence):
                self._fence = ""
        elif not self._odd and (found := _FENCE.match(line)):
            self._fence, self._indent = found[1], len(line) - len(line.lstrip(" "))
        self._odd = self._odd or (
            not self._fence and _FENCE_INSIDE.match(line) is not None and not _FENCE.match(line)
        )
        if not bare:
            self._odd_paragraph = False
        elif self._plain:
            self._odd_paragraph = True
        self._line, self._settled, self._given, self._plain = "", 0, 0, False

    def _safe(self, *, ended: bool) -> tuple[str, int]:
        """Return the line from the settled part on, made safe, without an end that may still change its meaning, and how far
        that reaches; 0 where it cannot be said."""
        line = self._line
        if self._settled:  # so it is neither blank, nor a fence, nor in one
            return self._inline(line, ended=ended)
        if self._fence and line.strip() and len(line) - len(line.lstrip(" ")) < self._indent:
            if not line.strip(" ") and not ended:
                return "", 0
            self._fence, self._odd = (
                "",
                True,
            )  # the list that the fence stood in has ended, and the fence with it
        if self._fence:
            return (line if ended or line.strip(" ") else ""), 0
        if ended and not self._odd and _FENCE.match(line.rstrip("\n")):
            return line, 0
        if not ended and re.fullmatch(r"[ ]*", line):
            return "", 0
        if not ended and line.lstrip(" ").startswith(("`", "~")):
            return "", 0  # maybe the beginning of a fence
        return self._inline(line, ended=ended)

    def _inline(self, line: str, *, ended: bool) -> tuple[str, int]:
        shown: list[str] = []
        at = self._settled
        while not (self._odd or self._odd_paragraph or self._plain) and (tick := _TICKS.search(line, at)):
            shown.append(_made_text(line[at : tick.start()], ended=True)[0])
            close = re.compile(rf"(?<!`){tick[0]}(?!`)").search(line, tick.end())
            escaped = _backslashes_before(line, tick.start()) % 2
            at = tick.start()
            if not ended and (close is None or close.end() == len(line)):
                return "".join(shown), at  # the other end, or more backticks, may follow
            if close is None or escaped:
                self._plain = True
                break
            at = close.end()
            shown.append(line[tick.start() : at])
        text, read = _made_text(line[at:], ended=ended)
        return "".join([*shown, text]), at + read


def _backslashes_before(line: str, at: int) -> int:
    before = at
    while before and line[before - 1] == "\\":
        before -= 1
    return at - before


def _made_text(text: str, *, ended: bool) -> tuple[str, int]:
    """Return text without code, made safe, and how many characters of it that is."""
    undecided = None if ended else _UNDECIDED.search(text)
    until = undecided.start() if undecided else len(text)
    shown: list[str] = []
    at = 0
    for found in _ACTIVE.finditer(text):
        if found.start() >= until:
            break
        shown += (text[at : found.start()], _ESCAPED.get(found[0], found[0]))
        at = found.end()
    return "".join([*shown, text[at:until]]), max(at, until)


def make_safe(text: str) -> str:
    """Return a whole message, made safe."""
    stream = SafeMarkdown()
    return stream.feed(text) + stream.flush()
