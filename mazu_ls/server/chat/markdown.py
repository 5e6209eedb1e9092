"""The text of a chat document: Markdown whose headings name the speaker. Pure functions over its text."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from mazu_ls.workspace.lazy_pattern import lazy_pattern

FOLDER = (".mazu", "chats")
SESSION = lazy_pattern(r"<!-- mazu session (?P<id>[A-Za-z0-9_]+) -->")
HEADING = lazy_pattern(r"^## (?P<who>You|Mazu)\b(?:[ \t]*<!-- (?P<turn>t_\w+) -->)?[^\n]*$", re.MULTILINE)
OURS_IN_TEXT = lazy_pattern(r"^## (?=You\b|Mazu\b)", re.MULTILINE)
MENTION = lazy_pattern(
    r'(?<![\w@`/])@(?:"(?P<quoted>(?:[^"\\\n]|\\[^\n])+)"|(?P<path>[\w./~+-]*[\w/~+-]))(?:(?:#L|:)(?P<first>\d+)(?:-L?(?P<last>\d+))?)?'
)
PLAIN_PATH = lazy_pattern(r"[\w./~+-]*[\w/~+-]")
"""A path that needs no quotes in a mention."""
_TO_ESCAPE, _ESCAPED = lazy_pattern(r'["\\]'), lazy_pattern(r'\\(["\\])')
UNDONE_TURNS = lazy_pattern(r"\*\d+ turns? (?:undone|taken back)\*")
"""The line in place of turns that were undone; documents of earlier versions say "taken back"."""
FOOTER = lazy_pattern(
    r"\*(?:\d++ files? changed \+\d++ -\d++[^*]*+|(?:(?:at least )?(?:about )?\$[\d.]++(?:, \d++ calls? of unknown cost)?|cost unknown) · [\d.]++k? tokens?[^*]*+)\*"
)
"""The line under a turn; another version may word the cost differently."""
HINT = '<!-- Write under the last heading, then run the code action or lens "Mazu: send". -->'


class ChatSection(Struct, frozen=True):
    """The text under one heading: characters `start` to `end` of the document, the heading excluded."""

    who: str
    turn: str | None
    start: int
    end: int


class Mention(Struct, frozen=True):
    """`@path`, `@"a path"` (in which a quote is `\\"`), `@path#L3-L9` or `@path:3-9`: lines are 1-based, both ends included."""

    path: str
    first: int | None
    last: int | None
    quoted: bool = False


def is_chat(path: Path | None) -> bool:
    """Return whether a file is a chat document, by its place."""
    return path is not None and path.suffix == ".md" and path.parent.parts[-2:] == FOLDER


def header(session_id: str) -> str:
    """Return the first lines of a chat document."""
    return f"<!-- mazu session {session_id} -->\n{HINT}\n\n"


def session_of(text: str) -> str | None:
    """Return the session that a chat document belongs to."""
    match = SESSION.search(text)
    return match["id"] if match else None


def escape_label(text: str, session_id: str) -> str:
    """Return a chat document that names its session."""
    return text if session_of(text) else f"<!-- mazu session {session_id} -->\n{text}"


def sections(text: str) -> list[ChatSection]:
    """Split the document at its headings."""
    heads = list(HEADING.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)][: len(heads)]
    return [
        ChatSection(head["who"], head["turn"], min(head.end() + 1, end), end)
        for head, end in zip(heads, ends, strict=True)
    ]


def pending_message(text: str) -> str:
    """Return the text under the last "You", if it has no answer."""
    found = sections(text)
    if not found or found[-1].who != "You":
        return ""
    return text[found[-1].start : found[-1].end].strip()


def mentions(message: str) -> list[Mention]:
    """Return the files that a message names with `@`."""
    return [
        Mention(
            mentioned_path(m),
            int(m["first"]) if m["first"] else None,
            int(m["last"]) if m["last"] else None,
            m["quoted"] is not None,
        )
        for m in MENTION.finditer(message)
    ]


def mentioned_path(match: re.Match[str]) -> str:
    """Return the path of a match of MENTION."""
    return match["path"] or _ESCAPED.sub(r"\1", match["quoted"])


def mention_of(path: str, first: int | None = None, last: int | None = None) -> str:
    """Return the mention of a file, or of some lines of it (0-based, end exclusive)."""
    if not PLAIN_PATH.fullmatch(path):
        escaped = _TO_ESCAPE.sub(r"\\\g<0>", path)
        path = f'"{escaped}"'
    if first is None or last is None:
        return f"@{path}"
    return f"@{path}#L{first + 1}-L{last}" if last > first + 1 else f"@{path}#L{first + 1}"


def reply_heading(turn_id: str, about: str = "") -> str:
    """Return the heading of a reply; `about` describes the turn."""
    return f"## Mazu <!-- {turn_id} -->{f' {about}' if about else ''}"


def opening(turn_id: str, draft: str = "") -> str:
    """Return what is appended when a message was sent: the reply's heading, and one for the next message or its draft."""
    return f"\n\n{reply_heading(turn_id)}\n\n\n\n" + (draft or "## You\n\n")


def reply_end(text: str, turn_id: str) -> int | None:
    """Return where the next piece of a turn's reply goes; None if its heading is missing.

    Line ends after the reply belong to the layout, so the writer of a reply holds back line ends at its end.
    """
    section = next((one for one in sections(text) if one.turn == turn_id), None)
    if section is None:
        return None
    body = text[section.start : section.end]
    if body.strip("\r\n"):
        return section.start + len(body.rstrip("\r\n"))
    blank = re.match(r"\r?\n?", body)
    return section.start + (blank.end() if blank else 0)


def reply_so_far(text: str, turn_id: str) -> str:
    """Return a turn's reply so far, without the line ends around it."""
    section = next((one for one in sections(text) if one.turn == turn_id), None)
    return text[section.start : section.end].strip("\r\n") if section else ""


def quoted(reply: str) -> str:
    """Escape a reply, so that its own headings cannot be taken for ours."""
    return OURS_IN_TEXT.sub("### ", reply)


def fenced(text: str, language: str = "") -> str:
    """Return a code block whose fence nothing in the text can close."""
    runs = re.findall(r"~{4,}", text)
    fence = "~" * max([4, *(len(run) + 1 for run in runs)])
    return f"{fence}{language}\n{text}\n{fence}"


_MARKUP = lazy_pattern(r"[\\`*<\[\]]|(?<![^\W_])_|_(?![^\W_])|~(?=~)|&(?=#?\w+;)")
_AT_LINE_START = lazy_pattern(r"^([^\S\n]*+)(?:([-+#>=|:~])|(\d{1,9})([.)]))", re.MULTILINE)


def escape(text: str) -> str:
    """Escape untrusted text as Markdown that shows it literally: no links, images, HTML, headings or lists (CommonMark
    2.4)."""
    text = _MARKUP.sub(r"\\\g<0>", re.sub("\r\n?", "\n", text))
    return _AT_LINE_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[2] else f"{m[1]}{m[3]}\\{m[4]}", text)
