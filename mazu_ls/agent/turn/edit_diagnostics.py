"""New diagnostics from the editor's language servers for files that the agent edited, for the version that the edit
made."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.host import Diagnosed
from mazu_ls.tools.language_servers import diagnostic_lines

if TYPE_CHECKING:
    from mazu_ls.host import EditorDiagnostic, LanguageServices
    from mazu_ls.workspace import Workspace

log = logging.getLogger(__name__)
WAIT_SECONDS = 1.5
"""Seconds to wait for diagnostics of the version that an edit made."""
BEFORE_SECONDS = 2.0
"""Seconds to wait for diagnostics of the version before it."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.3
MOST_LINES = 20
Keys = Counter[tuple[str, str, str, str]]


@dataclass
class DiagnosticsBaseline:
    """Diagnostics of one open file: `heard` are known to the model; `last` are those before the last edit, at
    `version`."""

    heard: Keys
    last: Keys
    version: int


class EditDiagnostics:
    """The diagnostics of one turn. Files that are not open are left out: their diagnostics belong to no known text.

    Most editors report the version of the text, not that of the diagnostics. Until an answer has proved otherwise (see
    `LanguageServices.dated`), diagnostics count as those of the new version only once they differ from those before the
    edit.
    """

    def __init__(self, lender: LanguageServices | None, workspace: Workspace) -> None:
        self._lender = lender if lender and "diagnostics" in lender.lends else None
        self._workspace = workspace
        self._known: dict[Path, DiagnosticsBaseline] = {}
        self._edited: set[Path] = set()

    async def capture_baseline(self, path: Path) -> None:
        """Record a file's diagnostics before it is edited."""
        if self._lender is None or (version := self._lender.version(path)) is None:
            return
        try:
            async with asyncio.timeout(BEFORE_SECONDS):
                last = keys((await self._diagnosed(self._lender, path)).diagnostics)
        except (MazuError, TimeoutError) as error:
            log.info("no diagnostics of %s before the edit: %s", path.name, error)
            return
        heard = self._known[path].heard if path in self._known else last
        self._known[path] = DiagnosticsBaseline(
            heard & last, last, version
        )  # a diagnostic that disappears and returns is new
        self._edited.add(path)

    async def report_new(self) -> str:
        """Return new diagnostics since `capture_baseline` as text, most severe first; "" if there are none or they came
        too late."""
        lender, edited = self._lender, sorted(self._edited)
        self._edited.clear()
        if lender is None:
            return ""
        paths = [path for path in edited if lender.version(path) not in (None, self._known[path].version)]
        found = await asyncio.gather(*(self._new(lender, path) for path in paths))
        blocks: list[str] = []
        left = MOST_LINES
        for path, (version, new) in zip(paths, found, strict=True):
            lines = diagnostic_lines(new, self._workspace)
            if lines:
                more = [f"[{len(lines) - left} more]"] if len(lines) > left else []
                head = f"[new diagnostics of {self._workspace.relative(path)}, version {version}]"
                blocks += [head, *lines[:left], *more]
                left = max(0, left - len(lines))
        return "\n\n" + "\n".join(blocks) if blocks else ""

    async def _new(self, lender: LanguageServices, path: Path) -> tuple[int | None, list[EditorDiagnostic]]:
        version = lender.version(path)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                diagnosed = await self._diagnostics_of_version(lender, path, version)
        except (MazuError, TimeoutError) as error:
            log.info("no new diagnostics of %s, version %s: %s", path.name, version, error)
            return version, []
        if diagnosed is None:
            return version, []
        known, now = self._known[path], keys(diagnosed.diagnostics)
        new = new_diagnostics(diagnosed.diagnostics, known.heard)
        known.heard = now
        return version, new

    async def _diagnostics_of_version(
        self, lender: LanguageServices, path: Path, version: int | None
    ) -> Diagnosed | None:
        """Return the diagnostics of that version as soon as they arrive; None once the user has typed."""
        known, pause = self._known[path], FIRST_PAUSE
        while lender.version(path) == version:
            found = await self._diagnosed(lender, path)
            if lender.version(path) != version:
                break
            if found.version == version and lender.dated:
                return found
            changed = keys(found.diagnostics) != known.last
            if (
                found.version in (version, None)
                and changed
                and new_diagnostics(found.diagnostics, known.heard)
            ):
                return found
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return None

    async def _diagnosed(self, lender: LanguageServices, path: Path) -> Diagnosed:
        """Return a file's diagnostics without hints, which only grey out names and the like; an absent document has
        none."""
        real = path.resolve()
        for one in await lender.diagnostics(path):
            if one.path is not None and one.path.resolve() == real:
                return Diagnosed(
                    one.uri, path, one.version, tuple(d for d in one.diagnostics if d.severity != "hint")
                )
        return Diagnosed("", path, None, ())


def keys(found: tuple[EditorDiagnostic, ...]) -> Keys:
    """Count equal diagnostics regardless of their place, since an edit moves what is below it."""
    return Counter(_key(one) for one in found)


def new_diagnostics(found: tuple[EditorDiagnostic, ...], heard: Keys) -> list[EditorDiagnostic]:
    """Return diagnostics that occur more often than before; of equal ones those later in the file."""
    left = keys(found) - heard
    new: list[EditorDiagnostic] = []
    for one in sorted(found, key=lambda one: (one.spot.line, one.spot.column), reverse=True):
        if left[_key(one)] > 0:
            left[_key(one)] -= 1
            new.append(one)
    return new


def _key(one: EditorDiagnostic) -> tuple[str, str, str, str]:
    return one.severity, one.source, one.code, one.message
