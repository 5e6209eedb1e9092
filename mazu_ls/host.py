"""The host interface: what the agent may request from its environment, which is an editor over LSP, a terminal or a test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import force_setattr

from mazu_ls.workspace.visible_text import make_diff_visible, make_line, make_visible

GrantKind = Literal["allow_once", "allow_session", "allow_always", "deny"]
Severity = Literal["error", "warning", "info", "hint"]
TITLE = 160
"""Characters of a question's title; `detail` holds what was cut of it."""
MAX_LABEL_CHARS = 160
"""Characters on a button."""


class Buffer(Struct, frozen=True):
    """The text of one open document. `path` is None for an untitled one.

    `dirty`: it differs from the disk and holds what was typed or edited. `stale`: it differs because the file was changed,
    and the editor, in which it is unmodified, has not loaded it again; then what counts is the file. `is_notebook`: the editor
    shows it as cells, and `text` is that of the file; an edit can change the text of cells and nothing else.
    """

    uri: str
    path: Path | None
    version: int
    language_id: str
    text: str
    dirty: bool
    stale: bool = False
    is_notebook: bool = False


class Choice(Struct, frozen=True):
    """One answer that a permission question offers."""

    id: str
    label: str
    kind: GrantKind | Literal["choice"]
    """`choice`: of something else than a call; no key that allows takes it, only its label."""


class HunkOption(Struct, frozen=True):
    """One hunk of an edit that is asked about; the answer may take some of them."""

    id: str
    diff: str


class Question(Struct, frozen=True):
    """Asks the user whether one tool call may happen; `diff` is a unified diff of what it would do, all of it.

    Whatever its texts are made of, in them nothing is invisible, reorders what follows or moves a cursor. `rule` says what a standing answer would allow, `document` is the file that would change, `editable` names the
    arguments that the answer may replace. `still_fits` says whether the change can be made in a later text of `document`: if not, the
    question is void. `reason`: why it is asked, in our own words, with which `detail` ends.
    """

    session_id: str
    call_id: str
    tool: str
    title: str
    detail: str
    choices: tuple[Choice, ...]
    diff: str | None = None
    hunks: tuple[HunkOption, ...] = ()
    rule: str | None = None
    document: Path | None = None
    editable: tuple[str, ...] = ()
    still_fits: Callable[[str], bool] | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        visible = {
            "reason": make_visible(self.reason),
            "title": make_line(self.title, TITLE),
            "detail": make_visible(self.detail),
            "choices": tuple(Choice(c.id, make_line(c.label, MAX_LABEL_CHARS), c.kind) for c in self.choices),
            "diff": None if self.diff is None else make_diff_visible(self.diff),
            "hunks": tuple(HunkOption(one.id, make_diff_visible(one.diff)) for one in self.hunks),
            "rule": None if self.rule is None else make_visible(self.rule),
        }
        for name, value in visible.items():
            force_setattr(self, name, value)


class UserReply(Struct, frozen=True):
    """The chosen `Choice`, and the user's note for the model; None means no answer in time.

    `arguments` replace those of the same name; of the hunks of an edit only those in `hunks` are taken.
    `unreachable`: there is nobody who could be asked, which is not the same. `answered_in`: the client in which it was given.
    `void`: why the question no longer applies.
    """

    choice: Choice | None
    note: str = ""
    arguments: Mapping[str, Any] | None = None
    hunks: tuple[str, ...] | None = None
    unreachable: bool = False
    answered_in: str | None = None
    void: str = ""


UNDECIDED = "Nobody can be asked here, so for now it is not: a conversation asks about it."
"""What is said behind a question about what a project brings, where its `UserReply` is `unreachable`."""


class Spot(Struct, frozen=True):
    """A place in a document; line and column count from zero, columns in characters.

    `path` is None for what is no file. `text` is the line, "" where it is not at hand.
    """

    uri: str
    path: Path | None
    line: int
    column: int
    text: str = ""


class EditorDiagnostic(Struct, frozen=True):
    """What a language server says about one spot."""

    spot: Spot
    severity: Severity
    message: str
    source: str = ""
    code: str = ""


class Diagnosed(Struct, frozen=True):
    """All diagnostics of one document. `version` is the one the editor names for them, None where it names none."""

    uri: str
    path: Path | None
    version: int | None
    diagnostics: tuple[EditorDiagnostic, ...]


class EditorSymbol(Struct, frozen=True):
    """A name that a document defines; `kind` is LSP's word, such as "Function"."""

    name: str
    kind: str
    container: str
    spot: Spot


class LanguageServices(Protocol):
    """The editor's other language servers. Every method raises MazuError if the editor does not answer."""

    @property
    def lends(self) -> frozenset[str]:
        """Which of "diagnostics", "definition", "references", "symbols" are available."""
        ...

    @property
    def dated(self) -> bool:
        """Whether an answer has proved that versions are those of the diagnostics, not just those of the text."""
        ...

    def version(self, path: Path) -> int | None:
        """Return the version of the open document of a file; None if it is not open."""
        ...

    async def text(self, path: Path) -> str:
        """Return the text those servers see. Raises FileNotFoundError."""
        ...

    async def diagnostics(self, path: Path | None = None) -> Sequence[Diagnosed]:
        """Return the diagnostics of one file, or of all that have some."""
        ...

    async def definition(self, path: Path, line: int, column: int) -> Sequence[Spot]:
        """Return where the name at a place (0-based line and column) is defined."""
        ...

    async def references(self, path: Path, line: int, column: int) -> Sequence[Spot]:
        """Return where the name at a place is used, its declaration included."""
        ...

    async def symbols(self, path: Path | None, query: str = "") -> Sequence[EditorSymbol]:
        """Return the symbols of one file, or those of the workspace that match `query`."""
        ...


@runtime_checkable
class GuardedHost(Protocol):
    """A host that checks before each edit whether the file may be edited; the call raises MazuError if it may not."""

    require_editable: Callable[[Path], Awaitable[None]] | None


class Host(Protocol):
    """The user's side of a turn. Implementations: LspHost, TerminalHost, and a plain one in the tests.

    Paths are absolute and already checked by the Workspace. Text is decoded text with the line ends of the
    file or buffer as they are.
    """

    @property
    def lender(self) -> LanguageServices | None:
        """The editor's other language servers; None if it shares none."""
        ...

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody who could be asked, as far as is known."""
        ...

    async def read(self, path: Path) -> str:
        """Return the text the user sees: the open buffer if there is one, else the file. Raises FileNotFoundError."""
        ...

    async def edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Replace the whole text `before` by `after`; None for `before` creates, None for `after` deletes.

        Raises MazuError(conflict) where the text is no longer `before`, or where the editor refused, or reports
        back something else than `after`.
        """
        ...

    async def buffers(self) -> Sequence[Buffer]:
        """Return every open document."""
        ...

    async def save(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Ask for these buffers to be written to disk; returns those that are still unsaved."""
        ...

    async def ask(self, question: Question, timeout: float) -> UserReply:
        """Ask the user; no answer within `timeout` seconds is a Reply without a choice."""
        ...

    async def say(self, level: Literal["info", "warning", "error"], text: str) -> None:
        """Show the user one sentence."""
        ...

    async def show(self, path: Path, line: int | None = None) -> bool:
        """Open a file in front of the user, at a zero-based line; False where that cannot be done."""
        ...
