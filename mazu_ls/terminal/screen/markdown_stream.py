"""Streaming Markdown: finished blocks are drawn once, the unfinished rest is redrawn."""

from __future__ import annotations

import io
import re
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from mazu_ls.terminal.screen.styled_text import clean_prose

if TYPE_CHECKING:
    from markdown_it.token import Token
    from rich.markdown import Markdown

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)


class MarkdownStream:
    """Splits streaming text where a block ends: at an empty line outside code fences. Each line is examined once."""

    def __init__(self) -> None:
        self.tail = ""
        self.received = 0
        """A counter of changes: the tail is the same while it is."""
        self._looked = 0  # this much of the tail consists of whole lines that were examined
        self._fence = ""  # the marks that opened the fence the next line is in

    def feed(self, text: str) -> str:
        """Add a piece; return the blocks that it finishes, empty if none."""
        self.tail += text
        self.received += 1
        cut = 0
        while (end := self.tail.find("\n", max(self._looked, len(self.tail) - len(text)))) >= 0:
            line = self.tail[self._looked : end]
            if match := FENCE.match(line):
                self._toggle(match[1])
            elif line in ("", "\r") and self._looked and not self._fence:
                cut = end + 1
            self._looked = end + 1
        finished, self.tail = self.tail[:cut], self.tail[cut:]
        self._looked -= cut
        return finished

    def excerpt(self, rows: int, width: int) -> str:
        """Return the end of the unfinished block, at least enough to fill the rows, as a block of its own for drawing.

        Drawing costs as much as this is long, not as much as was received: a fence of thousands of lines is one block.
        """
        if len(self.tail) <= rows * width and self.tail.count("\n") <= rows:
            return self.tail
        lines = self.tail.split("\n")
        opened = ""
        for line in lines[:-rows]:
            if match := FENCE.match(line):
                closes = opened and match[1].startswith(opened.lstrip()[:3])
                opened = "" if closes else opened or line
        shown = lines[-rows:]
        size = sum(map(len, shown))
        while len(shown) > 1 and size - len(shown[0]) >= rows * width:
            size -= len(shown.pop(0))
        if size > 2 * rows * width:
            shown[0] = shown[0][-rows * width :].partition(" ")[2]
        if opened:
            return "\n".join([opened, *shown])
        head = lines[:2] if lines[0].startswith("|") and len(lines) > rows + 2 else []
        return "\n".join([*head, *shown])

    def finish(self) -> str:
        """The rest."""
        rest, self.tail = self.tail, ""
        self.received += 1
        self._looked, self._fence = 0, ""
        return rest

    def _toggle(self, marks: str) -> None:
        if not self._fence:
            self._fence = marks
        elif marks.startswith(self._fence):
            self._fence = ""


@cache
def _markdown_type() -> type[Markdown]:
    """Return rich's Markdown with headings on the left, tags shown as text and the addresses of links and images.

    rich drops raw HTML, so that `<Button>` and `List<String>` of an answer would be missing, and it hides addresses
    behind links that few terminals can open.
    """
    from markdown_it import MarkdownIt
    from rich import markdown
    from rich.console import Console, ConsoleOptions, RenderResult

    class LeftHeading(markdown.Heading):
        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            self.text.justify = "left"
            yield self.text

    class Left(markdown.Markdown):
        elements: ClassVar = {**markdown.Markdown.elements, "heading_open": LeftHeading}

        def __init__(self, markup: str) -> None:
            super().__init__("", code_theme="ansi_dark", hyperlinks=False)
            parser = MarkdownIt().enable(["strikethrough", "table"]).disable(["html_inline", "html_block"])
            self.markup = markup
            self.parsed = parser.parse(markup)
            for token in self.parsed:
                token.children = _with_addresses(token.children)

    return Left


def _with_addresses(tokens: list[Token] | None) -> list[Token] | None:
    """Return inline tokens with images as text in their place, and without links that show their address already."""
    if not tokens:
        return tokens
    shown: list[Token] = []
    for token in tokens:
        if token.type == "image":
            address = str(token.attrs.get("src", ""))
            token.type, token.tag, token.children = "text", "", None
            token.content = f"{token.content} ({address})" if token.content else address
        if token.type == "text":
            # An entity may have become a bidirectional or invisible character.
            token.content = clean_prose(token.content)
        if token.type in ("link_open", "link_close") and token.info == "auto":
            continue
        shown.append(token)
    return shown


def render_markdown(text: str, width: int, *, colours: bool) -> str:
    """Render Markdown as ANSI text of this width, without trailing blanks."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=colours, no_color=not colours, highlight=False,
        color_system="standard" if colours else None,
    )  # fmt: skip
    console.print(_markdown_type()(text))
    return "\n".join(row.rstrip() for row in out.getvalue().rstrip("\n").split("\n"))
