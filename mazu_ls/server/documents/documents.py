"""The open documents: the text the user sees, kept as lines so that a key stroke costs the same in any file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mazu_ls.errors import InvalidArguments
from mazu_ls.server import uris
from mazu_ls.server.rpc.lsp_types import ContentChange, DocumentItem, LspPosition, LspRange, TextEdit
from mazu_ls.server.rpc.positions import Encoding, to_index, to_units
from mazu_ls.workspace.text import split_lines

LINE_ENDS = "\r\n"


class OpenDocument:
    """One open document. `version` is the client's; `text` is what the editor shows, line ends as they are."""

    def __init__(self, item: DocumentItem, encoding: Encoding) -> None:
        self.uri = item.uri
        self.path: Path | None = uris.to_path(item.uri)
        self.language_id = item.language_id
        self.version = item.version
        self.lines = split_lines(item.text)
        self._text: str | None = item.text
        self._encoding: Encoding = encoding
        self.saved_version: int | None = None
        self.base = item.text
        """The text when it last agreed with the file, as far as is known: opened, saved, or reloaded."""
        self.is_at_base = True
        self._loaded: tuple[int, str] | None = None
        self._on_disk: str | None = None

    @property
    def text(self) -> str:
        """The whole text; joined once per version."""
        if self._text is None:
            self._text = "".join(self.lines)
        return self._text

    @property
    def is_unmodified(self) -> bool:
        """Whether the text is the file's last known content: if the file holds another one now, that is newer."""
        return self._on_disk is not None and self._on_disk == self.text

    def note_on_disk(self, version: int, text: str) -> None:
        """Record that the file holds the document's text of a version, unless a newer one is recorded."""
        if version == self.version:
            self._on_disk = text

    def count_as_typed(self) -> None:
        """The user works on the shown text: it counts, even if the file was changed below it."""
        self._on_disk = None

    def note_loaded(self, version: int, text: str) -> None:
        """Record that the file holds the document's text of a version: the editor has reloaded it, unless it reports
        that it saved that version."""
        if self.saved_version is None or self.saved_version < version:
            self._loaded = version, text
            self.is_at_base = self.version == version

    def take_base(self) -> tuple[str, str]:
        """The document was saved: return the text that it was based on, and its own, which is the next base."""
        if self._loaded and self._loaded[0] != self.version:
            self.base = self._loaded[1]
        before, self.base, self._loaded, self.is_at_base = self.base, self.text, None, True
        self._on_disk = self.base
        return before, self.base

    def apply(self, change: ContentChange) -> None:
        """Apply one content change of a didChange."""
        self._text = None
        if change.range is None:
            self._text = change.text
            self.lines = split_lines(change.text)
            return
        line, column = self.locate(change.range.start)
        end_line, end_column = self.locate(change.range.end)
        if (end_line, end_column) < (line, column):
            line, column, end_line, end_column = end_line, end_column, line, column
        head = self.lines[line][:column] if line < len(self.lines) else ""
        tail = self.lines[end_line][end_column:] if end_line < len(self.lines) else ""
        if not head and line and self.lines[line - 1].endswith("\r"):
            # A line feed inserted after a lone carriage return joins it as one line end.
            line -= 1
            head = self.lines[line]
        self.lines[line : end_line + 1] = split_lines(head + change.text + tail)

    def locate(self, position: LspPosition) -> tuple[int, int]:
        """Return line and character index of a position, clamped to the text; never between CR and LF."""
        if position.line >= len(self.lines):
            if self.lines and self.lines[-1][-1] not in LINE_ENDS:
                return len(self.lines) - 1, len(self.lines[-1])
            return len(self.lines), 0
        line = self.lines[position.line]
        if position.character == 0:
            return position.line, 0
        return position.line, to_index(line.rstrip(LINE_ENDS), position.character, self._encoding)

    def line(self, number: int) -> str:
        """Return one line with its end; "" beyond the last."""
        return self.lines[number] if number < len(self.lines) else ""

    def offset(self, position: LspPosition) -> int:
        """Return the number of characters before a position in the whole text."""
        line, column = self.locate(position)
        return sum(map(len, self.lines[:line])) + column

    def position_at(self, offset: int) -> LspPosition:
        """Return the position `offset` characters into the text."""
        for number, line in enumerate(self.lines):
            if offset < len(line) or (number == len(self.lines) - 1 and line[-1] not in LINE_ENDS):
                return self.position(number, min(offset, len(line)))
            offset -= len(line)
        return LspPosition(len(self.lines), 0)

    def position(self, line: int, column: int) -> LspPosition:
        """Return the position of a character index in a line; one past the last line means the end of the text."""
        if line >= len(self.lines):
            return LspPosition(line, 0)
        return LspPosition(line, to_units(self.lines[line], column, self._encoding))

    def slice(self, span: LspRange) -> str:
        """Return the text in a range."""
        line, column = self.locate(span.start)
        end_line, end_column = self.locate(span.end)
        if (end_line, end_column) <= (line, column) or line >= len(self.lines):
            return ""
        if line == end_line:
            return self.lines[line][column:end_column]
        tail = self.lines[end_line][:end_column] if end_line < len(self.lines) else ""
        return self.lines[line][column:] + "".join(self.lines[line + 1 : end_line]) + tail

    def with_edits(self, text: str, edits: Sequence[TextEdit]) -> str:
        """Return `text` after edits in this document's position encoding, all relative to the same text."""
        for step in self.steps(text, edits):
            text = step
        return text

    def steps(self, text: str, edits: Sequence[TextEdit]) -> Iterator[str]:
        """Yield `text` after each of the edits, the last one in the text first, as editors apply them."""
        other = OpenDocument(DocumentItem(self.uri, 0, text), self._encoding)
        for edit in sorted(edits, key=lambda edit: edit.range.start, reverse=True):
            other.apply(ContentChange(edit.new_text, edit.range))
            yield other.text


Watcher = Callable[[OpenDocument], None]


class OpenDocuments:
    """All open documents, found by any spelling of their URI."""

    def __init__(self) -> None:
        self.encoding: Encoding = "utf-16"
        self._open: dict[str, OpenDocument] = {}
        self._watchers: dict[str, list[Watcher]] = {}
        self.changes = 0
        """How often a document was opened, changed or closed: the number of the change that the watchers are called with."""

    def __iter__(self) -> Iterator[OpenDocument]:
        return iter(list(self._open.values()))

    def get(self, uri: str) -> OpenDocument | None:
        """Return the open document of a URI."""
        return self._open.get(uris.key(uri))

    def at(self, path: Path) -> OpenDocument | None:
        """Return the open document of a file; a symbolic link to it, or to a folder above it, counts as the same file. If it is open
        under several names, the file's own goes first, then the one that was opened first."""
        if found := self._open.get(uris.key(uris.from_path(path))):
            return found
        if (real := path.resolve()) != path and (found := self._open.get(uris.key(uris.from_path(real)))):
            return found
        return next((d for d in self if d.path and _may_be(d.path, real) and _resolved(d.path) == real), None)

    def open(self, item: DocumentItem) -> OpenDocument:
        """didOpen. A second one without didClose replaces the text."""
        document = OpenDocument(item, self.encoding)
        self._open[uris.key(item.uri)] = document
        self._notify(document)
        return document

    def change(self, uri: str, version: int, changes: list[ContentChange]) -> OpenDocument:
        """didChange. Raises InvalidArguments for a document that is not open."""
        document = self._get_open(uri)
        document.is_at_base = False
        for change in changes:
            document.apply(change)
        document.version = version
        self._notify(document)
        return document

    def save(self, uri: str, text: str | None) -> OpenDocument:
        """didSave, with the saved text where the client sends it."""
        document = self._get_open(uri)
        if text is not None and text != document.text:
            document.apply(ContentChange(text))
            self._notify(document)
        document.saved_version = document.version
        return document

    def close(self, uri: str) -> OpenDocument | None:
        """didClose."""
        document = self._open.pop(uris.key(uri), None)
        if document:
            self._notify(document)
        return document

    def watch(self, uri: str, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` after every change of one document; return a function that stops that."""
        watchers = self._watchers.setdefault(uris.key(uri), [])
        watchers.append(watcher)
        return lambda: watchers.remove(watcher)

    def _get_open(self, uri: str) -> OpenDocument:
        document = self.get(uri)
        if document is None:
            raise InvalidArguments(f"{uri} is not open: a didOpen must come first", "textDocument.uri")
        return document

    def _notify(self, document: OpenDocument) -> None:
        self.changes += 1
        for watcher in list(self._watchers.get(uris.key(document.uri), ())):
            watcher(document)


def _may_be(path: Path, real: Path) -> bool:
    """Return False at once for most paths that do not lead to `real`: only a link to the file itself may have another name."""
    return path.name == real.name or path.is_symlink()


def _resolved(path: Path) -> Path | None:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, a NUL in the name
        return None
