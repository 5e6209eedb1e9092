"""Redraws a chat document around what the user wrote into it. Pure functions over texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mazu_ls.agent.proposals.hunks import line_changes
from mazu_ls.server.chat import markdown
from mazu_ls.workspace.text import split_lines


def split_draft(text: str) -> tuple[str, str]:
    """Split off the draft: the document above the heading of the next message, and that heading with its text (""
    without one)."""
    heads = list(markdown.HEADING.finditer(text))
    if not heads or heads[-1]["who"] != "You":
        return text, ""
    return text[: heads[-1].start()], text[heads[-1].start() :]


def redrawn(text: str, drawn: str, known: Sequence[str]) -> str:
    """Return the document with `drawn` in place of all generated text; the user's own lines stay where they are.

    `known` is every line that was ever generated. Text before the first of them, or the first heading, is not changed.
    """
    above, draft = split_draft(text)
    begin = _first_drawn(above, known)
    head, body = above[:begin], above[begin:]
    after = "\n".join(
        merged_lines(split_lines(body, ends=False), split_lines(drawn, ends=False), known)
    ).strip("\n")
    parts = [head.rstrip("\n"), after, draft if draft.partition("\n")[2].strip() else "## You\n\n"]
    return "\n\n".join(part for part in parts if part)


def _first_drawn(text: str, known: Sequence[str]) -> int:
    """Return where the first heading or generated line begins. Undone turns leave lines without a heading."""
    drawn, at = {line.strip() for line in known} - {""}, 0
    for line in split_lines(text):
        if markdown.HEADING.match(line) or line.strip() in drawn:
            return at
        at += len(line)
    return len(text)


def merged_lines(mine: Sequence[str], drawn: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return `drawn` with those lines of `mine` that nobody generated, each at its place among the others."""
    ours = _generated(mine, known)
    base = [line for line, own in zip(mine, ours, strict=True) if own]
    put: dict[int, list[str]] = {}
    place = 0
    for line, own in zip(mine, ours, strict=True):
        if own:
            place += 1
        else:
            put.setdefault(place, []).append(line)
    after: list[str] = []
    at = 0
    for change in [*line_changes(base, list(drawn)), None]:
        end = change.start if change else len(base)
        for number in range(at, end):
            _put(after, put.pop(number, []))
            after.append(base[number])
        if change:
            # A line between removed ones follows what replaces them.
            after += change.lines
            for number in range(change.start, change.end):
                _put(after, put.pop(number, []))
            at = change.end
    for lines in put.values():
        _put(after, lines)
    return after


def _put(after: list[str], lines: Sequence[str]) -> None:
    """Append lines of the user's, separated from the line before."""
    if lines and after and after[-1].strip():
        after.append("")
    after.extend(lines)


def _generated(mine: Sequence[str], known: Sequence[str]) -> list[bool]:
    """Return which lines were generated: ours as they are, our headings, blanks, and a line that was cut while it
    streamed.

    A blank after a line of the user's is the user's, and so is a heading without a turn and with nothing else under it.
    """
    left = Counter(line.rstrip() for line in known)
    found: list[bool] = []
    for number, line in enumerate(mine):
        bare = line.rstrip()
        if not bare:
            found.append(not found or found[-1])
        elif markdown.HEADING.match(line) or any(
            pattern.fullmatch(bare) for pattern in (markdown.UNDONE_TURNS, markdown.FOOTER)
        ):
            found.append(True)
        elif left[bare] > 0:
            left[bare] -= 1
            found.append(True)
        else:
            found.append(_ends_section(mine, number) and any(one.startswith(bare) for one in left))
    for number in range(len(mine)):
        head = markdown.HEADING.match(mine[number])
        if not head or head["turn"]:
            continue
        section = range(number + 1, _section_end(mine, number))
        said = [at for at in section if mine[at].strip()]
        if said and not any(found[at] for at in said):
            found[number] = False
            found[number + 1 : said[0]] = [False] * (said[0] - number - 1)
    return found


def _below(mine: Sequence[str], number: int) -> int | None:
    """Return the first non-blank line after a heading."""
    return next((n for n in range(number + 1, len(mine)) if mine[n].strip()), None)


def _section_end(mine: Sequence[str], number: int) -> int:
    """Return the next heading after a line, or the end."""
    below = (at for at in range(number + 1, len(mine)) if markdown.HEADING.match(mine[at]))
    return next(below, len(mine))


def _ends_section(mine: Sequence[str], number: int) -> bool:
    """Return whether nothing follows a line before the next heading."""
    below = _below(mine, number)
    return below is None or markdown.HEADING.match(mine[below]) is not None
