"""Erases the whole old frame when a terminal became narrower: most terminals wrap lines again that no longer fit (reflow).

prompt_toolkit goes up as many rows as it drew. After a reflow those rows are more, and the upper ones would stay on the
screen.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point, Size
from prompt_toolkit.layout.screen import Screen as Frame

SETTLE_SECONDS = 0.15
"""Seconds without another size after which a frame is drawn again."""


class ReflowApplication(Application[None]):
    """An inline application whose old frame is erased whole when the terminal was resized.

    While a window is dragged nothing is drawn: where the frame is can be said of the last width alone.
    """

    def __init__(self, *, env: Mapping[str, str] = os.environ, **options: Any) -> None:
        super().__init__(**options)
        self._wraps_again = wraps_again(env)
        self._settling: asyncio.TimerHandle | None = None
        erase = self.renderer.erase

        def erase_all(leave_alternate_screen: bool = True) -> None:
            self._follow_reflow()
            erase(leave_alternate_screen)

        self.renderer.erase = erase_all

    def _on_resize(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        self._settling = asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._draw_resized)

    def _draw_resized(self) -> None:
        self._settling = None
        if self.is_running:
            super()._on_resize()

    def _redraw(self, render_as_done: bool = False) -> None:
        drawn = self.renderer._last_size
        if not render_as_done:
            if self._settling is not None:
                return
            if (
                drawn is not None and drawn.columns != self.output.get_size().columns
            ):  # before the signal came
                self._on_resize()
                return
        super()._redraw(render_as_done)

    def _follow_reflow(self) -> None:
        """Set the cursor's row to the one it has now; everything that erases goes up from there."""
        renderer, size = self.renderer, self.output.get_size()
        frame = renderer.last_rendered_screen
        drawn: Size | None = renderer._last_size
        if not self._wraps_again or frame is None or drawn is None or size.columns >= drawn.columns:
            return
        at: Point = renderer._cursor_pos
        styled = renderer._style_string_has_style or {}
        lengths = used_columns(frame, at.y + 1, lambda style: bool(styled[style]))
        row = row_after_reflow(lengths, at, size.columns)
        renderer._cursor_pos = Point(x=at.x, y=row)
        renderer._last_size = (
            size  # once for each size; a frame of another width is redrawn whole in any case
        )
        renderer._last_screen = None


def wraps_again(env: Mapping[str, str]) -> bool:
    """Return whether the terminal wraps its lines again when it becomes narrower. xterm, the Linux console and GNU screen
    cut them instead."""
    if "TMUX" in env:
        return True
    return "XTERM_VERSION" not in env and not env.get("TERM", "").startswith(("linux", "screen"))


def row_after_reflow(lengths: Sequence[int], cursor: Point, columns: int) -> int:
    """Return the row of the cursor below the first row of a frame whose rows have these lengths, in a terminal of so many
    columns."""
    above = sum(max(1, -(-length // columns)) for length in lengths[: cursor.y])
    return above + cursor.x // columns


def used_columns(frame: Frame, rows: int, is_drawn: Callable[[str], bool]) -> list[int]:
    """Return the length of each of the first rows as it was written: without spaces at its end whose style is not drawn."""
    return [
        max(
            (x + 1 for x, cell in frame.data_buffer[y].items() if cell.char != " " or is_drawn(cell.style)),
            default=0,
        )
        for y in range(rows)
    ]
