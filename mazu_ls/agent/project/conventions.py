"""A project's conventions for agents: AGENTS.md and CLAUDE.md, the nearest to a touched file last.

As specified by https://agents.md and Claude Code: the files of the opened folder, of its parents up to the root of the
repository, and of the folders in which files were read or changed; `@path` in one of them imports another file. All are
untrusted project files: nothing is read that lies outside the repository, has a name that suggests secrets, or may not
be read by the user's rules.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mazu_ls.messages import escape_closing_tag
from mazu_ls.policy import PolicyContext, Rule, ToolCallInfo
from mazu_ls.redact import redact
from mazu_ls.tools.base import Effect
from mazu_ls.workspace.lazy_pattern import lazy_pattern
from mazu_ls.workspace.path_rules import is_secret

if TYPE_CHECKING:
    from mazu_ls.agent.project.cached_files import CachedFiles

NAMES = ("AGENTS.md", "CLAUDE.md")
MOST_HOPS = 5
MOST_FILES = 64
MOST_IMPORTS = 512
"""Maximum of `@path` imports looked up for one prompt, whether or not the files exist."""
MOST_CHARS = 160_000
MOST_STAMPS = 32
"""Maximum of files whose status the event loop compares; more are read again in a thread."""
MOST_FOLDERS = 64
"""Maximum of folders with touched files that are searched, the newest first."""
NEAREST = "Where these disagree, the one nearest to the file you work on counts."

_FENCE = lazy_pattern(r"(?:[ \t>]|[-+*][ \t]|\d{1,9}[.)][ \t])*+(`{3,}+(?=[^`]*$)|~{3,}+)")
_TICKS = lazy_pattern("`+")
_IMPORT = lazy_pattern(r"(?:^|(?<=[\s(\[]))@(?!@)([^\s@]+)", re.MULTILINE)


class _Collection(Struct):
    """The texts found so far, in the order of the prompt, each file and each text once."""

    documents: CachedFiles
    may_read: Callable[[Path], bool] = field(default=lambda path: False)
    blocks: list[tuple[str, str]] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    size: int = 0
    imports: int = 0
    stamps: dict[str, object] = field(default_factory=dict)

    def add(self, name: str, text: str) -> None:
        """Add a text, unless it is already included or there is no room."""
        if text in self.texts or self.size + len(text) > MOST_CHARS:
            return
        self.texts.add(text)
        self.size += len(text)
        self.blocks.append((name, text))


class ConventionsReader:
    """The conventions for each call of a turn; they are read again only if a file that was looked for is another one now."""

    def __init__(self, documents: CachedFiles) -> None:
        self._documents = documents
        self._last: tuple[object, dict[str, object], str] | None = None

    def known(self, roots: Sequence[Path], touched: Iterable[Path], rules: Sequence[Rule]) -> str | None:
        """Return what `read` returned if it would do so again. Takes a few calls of stat(2), which the event loop may do."""
        if self._last is None or self._last[0] != _key(roots, touched, rules):
            return None
        _, stamps, text = self._last
        return text if all(_stamp(path) == stamp for path, stamp in stamps.items()) else None

    def read(self, roots: Sequence[Path], touched: Iterable[Path], rules: Sequence[Rule]) -> str:
        """Return the conventions, see `collect_conventions`. Blocks."""
        stamps: dict[str, object] = {}
        key, text = (
            _key(roots, touched, rules),
            collect_conventions(self._documents, roots, touched, rules, stamps),
        )
        self._last = (key, stamps, text) if len(stamps) <= MOST_STAMPS else None
        return text


def _key(roots: Sequence[Path], touched: Iterable[Path], rules: Sequence[Rule]) -> object:
    return [*roots], [*dict.fromkeys(map(_folder_of, touched))], [*rules]


_folder_of = lru_cache(4096)(os.path.dirname)  # a long session names hundreds of files at each call


def _stamp(path: str) -> object:
    """Return what changes when the file does; of a repository only whether there is one."""
    if path.endswith("/.git"):
        return os.path.lexists(path)
    try:
        status = os.stat(path)  # noqa: PTH116 - at each call of a model
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def collect_conventions(
    documents: CachedFiles, roots: Sequence[Path], touched: Iterable[Path], rules: Sequence[Rule], stamps: dict[str, object] | None = None,
) -> str:  # fmt: skip
    """Return the conventions for work on these files, marked as the project's words; empty if there are none.

    `touched` are files that were read or changed, the oldest first; `rules` are the user's permission rules, which may
    forbid reading a file. The current content is used: files are read again when they changed. `stamps` gets what was looked for.
    """
    found = _Collection(documents, stamps={} if stamps is None else stamps)
    paths = list(touched)
    for root in roots:
        top = repository_root(root)
        for place in (
            root,
            *(parent for parent in root.parents if parent.is_relative_to(top) or top == root),
        ):
            found.stamps[f"{place}/.git"] = _stamp(f"{place}/.git")
        found.may_read = partial(
            _may_read, rules, PolicyContext(tuple(dict.fromkeys((*roots, top))), root, Path.home())
        )
        for folder in [*_down_to(root, top), *_folders_of(paths, root)]:
            for name in NAMES:
                _read(folder / name, top, found, MOST_HOPS)
    return render_conventions(found.blocks)


def render_conventions(blocks: Sequence[tuple[str, str]]) -> str:
    """Render names and texts of files for the model; no text can close its own block."""
    told = [
        f'<conventions file="{_attribute(name)}">\n{escape_closing_tag(text, "conventions")}\n</conventions>'
        for name, text in blocks
    ]
    return "\n\n".join([*told, NEAREST] if len(told) > 1 else told)


def _may_read(rules: Sequence[Rule], place: PolicyContext, path: Path) -> bool:
    call = ToolCallInfo("read_file", Effect.READ, {"path": str(path)})
    # imported here because it brings the shell's grammar along, which few commands need
    from mazu_ls.policy.decide import decide

    return decide(call, "plan", rules, place).verdict == "allow"


def repository_root(folder: Path) -> Path:
    """Return the nearest folder from `folder` upwards that holds a `.git`; `folder` itself if none does."""
    return next((place for place in (folder, *folder.parents) if os.path.lexists(place / ".git")), folder)


@lru_cache(maxsize=16)
def _down_to(root: Path, top: Path) -> tuple[Path, ...]:
    above = [place for place in root.parents if place == top or place.is_relative_to(top)]
    return (*reversed(above), root)


def _folders_of(touched: Sequence[Path], root: Path) -> list[Path]:
    """Return the folders below `root` on the way to the touched files, outer ones first."""
    newest: dict[Path, None] = {}
    parents = dict.fromkeys(map(os.path.dirname, reversed(touched)))  # few for many files
    for parent in map(Path, parents):
        if parent.is_relative_to(root):
            for folder in (parent, *parent.parents):
                if folder == root or len(newest) >= MOST_FOLDERS:
                    break
                newest.setdefault(folder)
    return sorted(newest, key=lambda folder: (len(folder.parts), folder))


def _read(path: Path, top: Path, found: _Collection, hops: int) -> None:
    """Add a file and, before it, what it imports. A link is read if it stays in the repository."""
    found.stamps.setdefault(str(path), _stamp(str(path)))
    if not os.path.lexists(path):  # common case: checked in every step of a turn
        return
    real = _inside(path, top)
    if real is None or real in found.files or len(found.files) >= MOST_FILES:
        return
    relative = PurePosixPath(real.relative_to(top))
    if is_secret(relative.parts) or (".git" in relative.parts) or not found.may_read(real):
        return
    text = found.documents.text(top, str(relative))
    if not text.strip() or "\0" in text:
        return
    found.files.add(real)
    text = _without_secrets(text.strip())
    if hops:
        for name in imported_paths(text):
            if found.imports >= MOST_IMPORTS:
                break
            found.imports += 1
            _read(real.parent / name, top, found, hops - 1)
    found.add(relative.as_posix(), text)


def _inside(path: Path, top: Path) -> Path | None:
    """Resolve a path; None unless it is a file below `top`."""
    try:
        real = Path(os.path.realpath(path))
        base = Path(os.path.realpath(top))
        return top / real.relative_to(base) if real != base else None
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=256)
def imported_paths(text: str) -> tuple[str, ...]:
    """Return the paths that a text imports with `@path`: not those in code, never absolute ones or those of a home
    folder.

    Takes time linear in the length of the text.
    """
    prose = "\n".join(_without_code_spans(line) for line in _lines_outside_fences(text))
    names = (match[1].rstrip(".,;:!?)]}\"'").removeprefix("./") for match in _IMPORT.finditer(prose))
    return tuple(
        name
        for name in names
        if name and not name.startswith(("/", "~", "\\")) and ("." in name or "/" in name)
    )


def _lines_outside_fences(text: str) -> Iterator[str]:
    """Return the lines outside fenced blocks; an unclosed block extends to the end (CommonMark 4.5)."""
    fence = ""
    for line in text.split("\n"):
        bare = line.strip(" \t\r>")
        if fence:
            if len(bare) >= len(fence) and not bare.strip(fence[0]):
                fence = ""
        elif found := _FENCE.match(line):
            fence = found[1]
        else:
            yield line


def _without_code_spans(line: str) -> str:
    """Return a line without its code spans: the code between two runs of equally many backticks (CommonMark 6.1)."""
    runs = [found.span() for found in _TICKS.finditer(line)]
    closing: dict[int, int] = {}
    later: dict[int, int] = {}
    for start, end in reversed(runs):
        if end - start in later:
            closing[start] = later[end - start]
        later[end - start] = end
    kept, at = [], 0
    for start, _ in runs:
        if start >= at and start in closing:
            kept.append(line[at:start])
            at = closing[start]
    return "".join([*kept, line[at:]])


@lru_cache(maxsize=256)
def _without_secrets(text: str) -> str:
    return redact(text)


def _attribute(name: str) -> str:
    return " ".join(name.replace('"', "'").replace(">", "&gt;").split())
