"""What a message was meant to attach and does not: said to the user, who would believe that the model has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mazu_ls.errors import MazuError
from mazu_ls.server.chat import markdown
from mazu_ls.syntax.languages import language_of
from mazu_ls.workspace.text import split_lines
from mazu_ls.workspace.visible_text import make_line

if TYPE_CHECKING:
    from mazu_ls.agent.turn.prompt import Attachment
    from mazu_ls.server.state import ServerState


async def tell_missing(server: ServerState, message: str, attached: Sequence[Attachment]) -> None:
    """Warn about each file that the message names and that is not there, and about attachments that are empty or cut."""
    sentences = [*_missing(server, message), *_incomplete(attached)]
    if sentences:
        project = await server.wait_opened()
        for sentence in sentences:
            await project.host.say("warning", sentence)  # each time: it is said of this message


def _missing(server: ServerState, message: str) -> Iterator[str]:
    for mention in markdown.mentions(message):
        try:
            path = server.workspace.resolve(mention.path, typed=True)
        except MazuError:
            path = None
        if (path is None or not path.exists()) and _means_file(server, mention):
            yield f"There is no file {make_line(mention.path, 80)}: the message was sent with its name alone."


def _means_file(server: ServerState, mention: markdown.Mention) -> bool:
    """Return whether a mention of what does not exist reads as a file: not as a name, host, time, package or decorator."""
    folders, _, name = mention.path.rpartition("/")
    _, dot, ending = name.rpartition(".")
    is_usual = name in _USUAL_NAMES or language_of(name) is not None or (dot and ending in _USUAL_ENDINGS)
    first = folders.partition("/")[0]
    if not folders:
        is_lines = mention.first is not None and bool(dot) and ending[:1].isalpha()
        return bool(mention.quoted or is_usual or (is_lines and ending not in _DOMAINS))
    if first in ("", ".", "..", "~") or any((root / first).is_dir() for root in server.workspace.roots):
        return True
    return mention.quoted or bool(is_usual and ("/" in folders or ending not in _OF_PACKAGES))


def _incomplete(attached: Iterable[Attachment]) -> Iterator[str]:
    from mazu_ls.agent.turn.prompt import MAX_ATTACHMENT_CHARS

    for one in attached:
        size = len(one.text)
        if one.first_line is not None and not size:
            yield f"{one.name} has no line {one.first_line + 1}: nothing of it is attached."
        elif size > MAX_ATTACHMENT_CHARS:
            yield f"{one.name} is too long: its first {MAX_ATTACHMENT_CHARS} of {size} characters are attached; the agent can read the rest."


_USUAL_NAMES = frozenset(
    ("LICENSE", "README", "CHANGELOG", "NOTICE", "AUTHORS", "Procfile", "Justfile", "justfile", ".env")
)
_USUAL_ENDINGS = frozenset(
    "txt csv tsv json jsonl log env lock rst adoc pdf png jpg jpeg gif webp ipynb patch diff".split()  # noqa: SIM905
)
_DOMAINS = frozenset(("com", "org", "net", "io", "dev", "ai", "app", "local"))
_OF_PACKAGES = frozenset(("js", "ts", "css"))
"""Endings that names of packages have, too: `@scope/chart.js`."""
WITHHELD = "[not attached: this file may hold secrets; read_file asks the user first]"
_NAMED_VALUE = re.compile(r"""([ \t]*(?:export[ \t]+)?["']?[\w.-]{1,200}["']?[ \t]*[=:][ \t]*)(\S.*)?""")
_PLAIN_NAME = re.compile(
    r"""[ \t]*(?:export[ \t]+)?["']?(?:[A-Z0-9_.-]{1,40}|[a-z0-9_.-]{1,40})["']?[ \t]*[=:][ \t]*"""
)
_NO_VALUE = re.compile(r"[ \t]*(?:[{}]?,?|---)?[ \t]*")
_COMMENT = re.compile(r"[ \t]*[#;]")
_GOES_ON = re.compile(r"[|>][+-]?\d?[ \t]*(?:#.*)?|.*\\|[\[{(]")


class NamesAlone(NamedTuple):
    """A text in which `hidden` values were replaced."""

    text: str
    hidden: int


def names_without_values(text: str) -> NamesAlone | None:
    """Return a file of names and values, one on each line, with every value replaced; None if a line is anything else.

    Then a value may stand anywhere: nothing of such a file is sent.
    """
    lines: list[str] = []
    hidden = 0
    for line in split_lines(text, ends=False):
        if _NO_VALUE.fullmatch(line):
            lines.append(line)
        elif _COMMENT.match(line):  # often a value that held before
            lines.append("# ...")
        elif (found := _NAMED_VALUE.fullmatch(line)) is None or (found[2] and _is_open(found[2])):
            return None
        elif not (found[2] or "").strip("= \t") and (found[2] or not _PLAIN_NAME.fullmatch(found[1])):
            return None  # the padding of a key in base64
        else:
            hidden += found[2] is not None
            lines.append(found[1] + ("[redacted: secret]" if found[2] else ""))
    return NamesAlone("\n".join(lines), hidden) if hidden else None


def _is_open(value: str) -> bool:
    """Return whether a value may go on in the next line."""
    quote = value[0] if value[0] in "\"'`" else ""
    is_closed = not quote or (len(value) > 1 and quote in value[1:])
    return not is_closed or _GOES_ON.fullmatch(value) is not None
