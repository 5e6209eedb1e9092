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
        self._line = ""
        self._given = 0
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
        for part in re.split("(?<=\n)", _LINE_ENDS.sub("\n", piece)):
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
        safe = self._safe(ended=ended)
        new = safe[self._given :]
        self._given = max(self._given, len(safe))
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
        self._line, self._given = "", 0

    def _safe(self, *, ended: bool) -> str:
        """Return the line so far, made safe, without an end that may still change its meaning."""
        line = self._line
        if self._fence and line.strip() and len(line) - len(line.lstrip(" ")) < self._indent:
            if not line.strip(" ") and not ended:
                return ""
            self._fence, self._odd = (
                "",
                True,
            )  # the list that the fence stood in has ended, and the fence with it
        if self._fence:
            return line if ended or line.strip(" ") else ""
        if ended and not self._odd and _FENCE.match(line.rstrip("\n")):
            return line
        if not ended and re.fullmatch(r"[ ]*", line):
            return ""
        if not ended and line.lstrip(" ").startswith(("`", "~")):
            return ""  # maybe the beginning of a fence
        return self._inline(line, ended=ended)

    def _inline(self, line: str, *, ended: bool) -> str:
        shown, at = "", 0
        while not (self._odd or self._odd_paragraph) and (tick := _TICKS.search(line, at)):
            shown += _made_text(line[at : tick.start()], ended=True)
            close = re.compile(rf"(?<!`){tick[0]}(?!`)").search(line, tick.end())
            escaped = (tick.start() - len(line[: tick.start()].rstrip("\\"))) % 2
            if not ended and (close is None or close.end() == len(line)):
                return shown  # the other end, or more backticks, may follow
            if close is None or escaped:
                self._odd_paragraph = ended  # a growing line is read again from its beginning
                at = tick.start()
                break
            shown, at = shown + line[tick.start() : close.end()], close.end()
        return shown + _made_text(line[at:], ended=ended)


def _made_text(text: str, *, ended: bool) -> str:
    undecided = None if ended else _UNDECIDED.search(text)
    until = undecided.start() if undecided else len(text)
    shown, at = "", 0
    for found in _ACTIVE.finditer(text):
        if found.start() >= until:
            break
        shown += text[at : found.start()] + _ESCAPED.get(found[0], found[0])
        at = found.end()
    return shown + text[at:until]


def make_safe(text: str) -> str:
    """Return a whole message, made safe."""
    stream = SafeMarkdown()
    return stream.feed(text) + stream.flush()
