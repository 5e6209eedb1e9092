"""An open question on the screen: the selected option, how far a long diff was paged, the answer."""

from __future__ import annotations

import asyncio

from mazu_ls.terminal.chat.question_keys import Answer, Ask
from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.styled_text import Line, clean, line, wrapped
from mazu_ls.workspace.text import split_lines

SETTLE_SECONDS = 0.35
"""Seconds without another key after which a letter that allows something counts: "stop" is no "s"."""
LONG_REASON = 200
"""Characters of a reason above which it is paged with the text: the answers have to fit on the screen."""
LAID_OUT = 500
"""Rows of the text that are laid out at once; what follows them, only when it is paged to."""


class ShownQuestion:
    """A question that is answered once; later answers do nothing."""

    def __init__(self, asked: Ask) -> None:
        self.asked = asked
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.selected = 0
        self.noting = False
        self.mistyped = ""
        """What was typed in place of a required word."""
        self._settling: tuple[str, asyncio.TimerHandle] | None = None
        self._top = 0
        self._room = 1
        self._details = split_lines(asked.detail, ends=False)
        self._reason = f"Needs approval because: {clean(asked.reason)}" if asked.reason else ""
        if len(self._reason) > LONG_REASON:
            self._details, self._reason = [*self._details, self._reason], ""
        self._diff = styled.diff_body(styled.without_git_heads(asked.diff))
        self._rows: list[Line] = []
        self._folded, self._width = 0, 0

    def press(self, key: str) -> bool:
        """Press the key of an option; return whether it is one. An option that takes a note waits for it."""
        for number, option in enumerate(self.asked.options):
            if option.key == key.lower():
                self.selected = number
                return True
        return False

    @property
    def takes_note(self) -> bool:
        """Return whether the selected option waits for words."""
        return self.asked.options[self.selected].takes_note

    @property
    def wants_word(self) -> bool:
        """Return whether one of the options needs a typed word, so that no line is a message while this is open."""
        return any(option.word for option in self.asked.options)

    @property
    def word(self) -> str:
        """Return the word to type for the selected option; empty if it needs none."""
        return self.asked.options[self.selected].word

    def confirm(self) -> None:
        """Answer with the selected option, unless it has to be typed."""
        if self.word:
            return
        self._answer(Answer(self.asked.options[self.selected].key))

    def confirm_later(self, letter: str) -> None:
        """Answer with the selected option, unless the letter is withdrawn soon."""
        later = asyncio.get_running_loop().call_later(SETTLE_SECONDS, self.confirm)
        self._settling = (letter, later)

    def withdraw(self) -> str:
        """Withdraw the letter that was about to become an answer and return it; "" if there is none."""
        if self._settling is None:
            return ""
        letter, later = self._settling
        self._settling = None
        later.cancel()
        return letter

    def give_note(self, note: str) -> None:
        """Answer with the selected option and these words; one that requires a word accepts only that, and waits on
        after others."""
        if self.wants_word and not self.noting:
            self.selected = next(number for number, option in enumerate(self.asked.options) if option.word)
        if self.word and note.strip() != self.word:
            self.noting = False
            self.mistyped = note.strip() or self.mistyped
            return
        self._answer(Answer(self.asked.options[self.selected].key, note.strip()))

    def give_up(self) -> None:
        """Close it without an answer."""
        self._answer(Answer(None))

    def _answer(self, answer: Answer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def move(self, step: int) -> None:
        """Select another option."""
        self.selected = (self.selected + step) % len(self.asked.options)

    def page(self, step: int) -> None:
        """Show the next or the previous part of a long text."""
        self._fold(self._top + 2 * self._room)
        last = max(0, len(self._rows) - self._room)
        self._top = 0 if step > 0 and self._top >= last else max(0, min(last, self._top + step * self._room))

    @property
    def _unfolded(self) -> int:
        return len(self._details) + len(self._diff) - self._folded

    def _fold(self, rows: int) -> None:
        """Lay out so many rows of the text, if it has them: a change may have more lines than anybody pages through."""
        while len(self._rows) < rows and self._unfolded:
            at = self._folded - len(self._details)
            one = styled.diff_line(self._diff[at]) if at >= 0 else line("  ", clean(self._details[at]))
            self._rows += _indented(one, self._width)
            self._folded += 1

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the drawn lines for `height` rows; text wider than the terminal continues in the next row."""
        answers = self._answers(width)
        rows = styled.folded(line(("bold yellow", "? "), ("bold", clean(self.asked.title))), width)
        self._room = max(3, height - len(answers) - len(rows) - 1)
        if width != self._width:
            self._width, self._rows, self._folded = width, [], 0
        self._fold(max(LAID_OUT, self._top + self._room + 1))
        rows += self._rows[self._top : self._top + self._room]
        if (count := len(self._rows) + self._unfolded) > self._room:
            until = min(count, self._top + self._room)
            about = "about " if self._unfolded else ""  # those that are not folded may take several rows
            rows.append(line(("dim", f"  lines {self._top + 1}-{until} of {about}{count} · space: more")))
        return rows + answers

    def _answers(self, width: int) -> list[Line]:
        """Return why it is asked, and the answers."""
        rows = [line(("dim", f"  {part}")) for part in wrapped(self._reason, width - 3) if self._reason]
        for number, option in enumerate(self.asked.options):
            mark, style = ("❯", "bold") if number == self.selected else (" ", "")
            note = " …" if option.takes_note else ""
            first, *rest = wrapped(clean(option.label) + note, width - 8)
            rows.append(line(f"  {mark} ", ("cyan", option.key), "  ", (style, first)))
            rows += [line(" " * 7, (style, part)) for part in rest]
        if self.mistyped:
            said = f"{styled.fit(clean(self.mistyped), 20)}: not the word. Type it, or choose another answer."
            rows += [line(("yellow", f"  {part}")) for part in wrapped(said, width - 3)]
        return rows


def _indented(one: Line, width: int) -> list[Line]:
    """Fold a line of the body; what continues it is indented as it is."""
    first, *rest = styled.folded(one, width - 2)
    return [first, *(line("  ", *row) for row in rest)]
