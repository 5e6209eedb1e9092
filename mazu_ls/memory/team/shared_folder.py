"""The project's folder of shared memories as Markdown: reading, writing, and making git track it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.gitcmd import user_repository
from mazu_ls.memory.team import shared_file
from mazu_ls.memory.team.shared_memory import SharedMemories, SharedMemory
from mazu_ls.state.paths import PROJECT_FOLDER, project_folder
from mazu_ls.workspace import project_files

NAME = "shared"
FOLDER = PurePosixPath(PROJECT_FOLDER, NAME)
_IGNORE = PurePosixPath(PROJECT_FOLDER, ".gitignore")
MAX_FOLDER_BYTES = 16 << 20
"""Bytes that are read of all files together, each at most `shared_file.MAX_BYTES`."""
_ALL, _ALL_BUT_SHARED = b"*\n", f"*\n!/{NAME}/\n!/{NAME}/*.md\n".encode()


@dataclass
class FolderContent:
    """The content of the folder; `names` are the files of each memory, `problems` name what cannot be read and why."""

    memories: SharedMemories = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    """Files that must not be changed."""

    def add(self, name: str, text: str) -> None:
        """Add one file."""
        try:
            memory = shared_file.read(text, name)
        except InvalidArguments as error:
            self.problems.append(str(error))
            self.unreadable.add(name)
            return
        self.add_memory(name, memory)

    def add_memory(self, name: str, memory: SharedMemory) -> None:
        """Take in what the file of this name says."""
        known = self.memories.get(memory.id)
        self.memories[memory.id] = memory if known is None else known.with_versions(memory.fields)
        self.names.setdefault(memory.id, []).append(name)


def read_files(files: Mapping[str, bytes]) -> FolderContent:
    """Parse files with these names. Takes a while for many."""
    content = FolderContent()
    for name, data in files.items():
        content.add(name, data.decode("utf-8", "replace"))
    return content


def read_folder(root: Path, known: SharedMemories | None = None) -> FolderContent:
    """Read the files of the folder. Files that say exactly what is `known` are not parsed. Blocks."""
    content = FolderContent()
    written = {shared_file.file_name(memory): memory for memory in (known or {}).values()}
    if not project_files.is_folder(root, FOLDER):
        return content
    try:
        entries = project_files.list_folder(root, FOLDER)
    except OSError as error:
        content.problems.append(f"{FOLDER}: {error.strerror}.")
        return content
    left = MAX_FOLDER_BYTES
    for entry in entries:
        if entry.kind != "file" or not entry.name.endswith(".md"):
            continue
        try:
            text = project_files.read_text(root, FOLDER / entry.name, min(shared_file.MAX_BYTES, left))
            left -= len(text.encode())
            ours = written.get(entry.name)
            if ours is not None and text == shared_file.write(ours):
                content.add_memory(entry.name, ours)
            else:
                content.add(entry.name, text)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            content.problems.append(f"{entry.name}: {reason}.")
            content.unreadable.add(entry.name)
    return content


def write_folder(root: Path, content: FolderContent, memories: Iterable[SharedMemory]) -> int:
    """Write the files of memories that differ from the disk, each under its one name; return how many. Blocks.

    Raises MazuError(storage).
    """
    written = 0
    try:
        for memory in memories:
            name, there = shared_file.file_name(memory), content.names.get(memory.id, [])
            if name in content.unreadable:
                continue
            if there == [name] and content.memories[memory.id] == memory and not _by_hand(root, name, memory):
                continue
            if not written:
                _prepare(root)
            project_files.write_file(root, FOLDER / name, shared_file.write(memory).encode(), mode=0o644)
            for other in there:
                if other != name:
                    project_files.remove_file(root, FOLDER / other, missing_ok=True)
            written += 1
    except OSError as error:
        raise MazuError(
            Kind.STORAGE, f"{root / FOLDER} cannot be written: {error.strerror}.", "Look at its permissions."
        ) from error
    return written


def is_ignored(root: Path) -> bool:
    """Return whether git would ignore a new file of the folder."""
    repository = user_repository.find(root)
    name = (FOLDER / "example.md").as_posix().encode()
    return repository is not None and bool(repository.ignored([name]))


def _by_hand(root: Path, name: str, memory: SharedMemory) -> bool:
    """Return whether the file has the same content in another form than ours: edited by hand, or with conflict markers."""
    try:
        return project_files.read_text(root, FOLDER / name, shared_file.MAX_BYTES) != shared_file.write(
            memory
        )
    except (OSError, UnicodeDecodeError):
        return True


def _prepare(root: Path) -> None:
    """Create the folder, and make git see it: `.mazu/.gitignore` as we write it ignores everything."""
    project_folder(root, NAME)
    try:
        held = project_files.read_file(root, _IGNORE, 1 << 16)
    except OSError:
        return
    if held == _ALL:
        project_files.write_file(root, _IGNORE, _ALL_BUT_SHARED, expect=held)
