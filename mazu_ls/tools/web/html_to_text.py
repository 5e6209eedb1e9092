"""Converts HTML to readable text: headings, paragraphs, lists, tables, code, links; no scripts, menus or footers."""

from __future__ import annotations

import contextlib
import re
import sys
from html.parser import HTMLParser
from urllib.parse import urljoin

_SKIPPED = frozenset(
    str.split(
        "script style noscript template svg canvas iframe nav footer aside form button select dialog head"
    )
)
_BLOCKS = frozenset(
    str.split(
        "p div section article main header ul ol dl dt dd table tr blockquote figure figcaption details summary address hr"
    )
)
_VOID = frozenset(str.split("area base br col embed hr img input link meta param source track wbr"))


class _Reader(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base = base
        self.title = ""
        self.out: list[str] = []
        self.skipped: list[str] = []
        self.lists: list[int | None] = []
        self.links: list[tuple[int, str]] = []
        self.pre = 0
        self.main = -1
        self.in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self.in_title = True
        if self.skipped or (tag in _SKIPPED and tag != "head"):
            if tag not in _VOID:
                self.skipped.append(tag)
            return
        given = dict(attrs)
        match tag:
            case "main" | "article" if self.main < 0:
                self.main = len(self.out)
            case "br":
                self.out.append("\n")
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                self.out.append(f"\n\n{'#' * int(tag[1])} ")
            case "ul" | "ol":
                self.lists.append(0 if tag == "ol" else None)
            case "li":
                self._item()
            case "pre":
                self.pre += 1
                self.out.append("\n\n```\n")
            case "code" if not self.pre:
                self.out.append("`")
            case "td" | "th":
                self.out.append(" | ")
            case "a":
                self.links.append((len(self.out), given.get("href") or ""))
            case "img" if given.get("alt"):
                self.out.append(f"[image: {given['alt']}]")
        if tag in _BLOCKS and not self.pre:
            self.out.append("\n" if tag in ("tr", "dt", "dd") else "\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self.in_title = False
        if self.skipped:
            if tag in self.skipped:
                del self.skipped[len(self.skipped) - 1 - self.skipped[::-1].index(tag) :]
            return
        match tag:
            case "ul" | "ol" if self.lists:
                self.lists.pop()
                self.out.append("\n")
            case "pre" if self.pre:
                self.pre -= 1
                self.out.append("\n```\n\n")
            case "code" if not self.pre:
                self.out.append("`")
            case "a" if self.links:
                self._link(*self.links.pop())
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                self.out.append("\n\n")
        if tag in _BLOCKS and not self.pre:
            self.out.append("\n\n")

    def handle_data(self, data: str) -> None:
        if self.in_title:
            self.title += data
        elif not self.skipped:
            self.out.append(data if self.pre else re.sub(r"\s+", " ", data))

    def _item(self) -> None:
        indent = "  " * max(0, len(self.lists) - 1)
        if self.lists and (number := self.lists[-1]) is not None:
            self.lists[-1] = number + 1
            self.out.append(f"\n{indent}{number + 1}. ")
        else:
            self.out.append(f"\n{indent}- ")

    def _link(self, start: int, href: str) -> None:
        text = "".join(self.out[start:]).strip()
        if text and href and not href.startswith(("#", "javascript:", "data:")) and "\n" not in text:
            self.out[start:] = [f"[{text}]({urljoin(self.base, href)})"]


def html_to_text(html: str, base: str) -> str:
    """Return the text of a page; of its main part if that is marked. `base` is the address that links are relative to."""
    reader = _Reader(base)
    reader.feed(html)
    reader.close()
    text = _tidy("".join(reader.out[max(0, reader.main) :]))
    if reader.main > 0 and len(text) < 200:
        text = _tidy("".join(reader.out))
    title = re.sub(r"\s+", " ", reader.title).strip()
    return f"# {title}\n\n{text}" if title and title not in text[:300] else text


def _tidy(text: str) -> str:
    parts = text.split("```")  # code keeps its white space
    for index in range(0, len(parts), 2):
        part = (
            re.sub(r"[ \t]*\n[ \t]*(?=\S|\n)", "\n", parts[index])
            if "- " not in parts[index]
            else parts[index]
        )
        parts[index] = re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", part))
    return "```".join(parts).strip()


MEMORY_BYTES = 1024**3
CPU_SECONDS = 10
OUTPUT_CHARS = 8 * 2**20


def main() -> None:
    """Run as a separate process, which may be slow: the page on standard input, its address as the argument."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    text = html_to_text(sys.stdin.buffer.read().decode("utf-8", "replace"), sys.argv[1])
    sys.stdout.buffer.write(text[:OUTPUT_CHARS].encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
