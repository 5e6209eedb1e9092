"""Runs git on the user's index and work tree, in a git directory of ours: the repository's configuration is never read.

The directory holds no objects, no refs and a configuration of three lines. Git takes the index from where the user's is
(GIT_INDEX_FILE), the work tree from where the files are, and `info/exclude` from a copy.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd import process, scratch_folder
from mazu_ls.workspace.lazy_pattern import lazy_pattern
from mazu_ls.workspace.project_files import is_regular, list_folder, open_file, read_file, stat_entry

SECONDS = 60.0
MAX_INDEX = 1 << 30
MAX_RULES = 1 << 20
_SHARED = lazy_pattern(r"sharedindex\.[0-9a-f]{40,64}")
_OBJECT_FORMAT = lazy_pattern(rb"^[^\S\n]*+objectformat\s*=\s*\"?sha256", re.IGNORECASE | re.MULTILINE)
_SPARSE_FOLDERS = (
    b"sdir\0\0\0\0"  # the index extension of `sparse-checkout --sparse-index`: folders represent files
)
_numbers = itertools.count()


class IsolatedGit:
    """Reads one user repository: `git_dir` and `common_dir` as git names them, `top` the root of its work tree."""

    def __init__(self, git_dir: Path, common_dir: Path, top: Path) -> None:
        self._user = git_dir
        self._common = common_dir
        self._top = top
        self._own: Path | None = None
        self._rules: str | None = None
        self._shared: set[str] = set()

    def run(
        self,
        *arguments: str,
        cwd: Path,
        input: bytes | None = None,
        exclude: str = "",
        excludes_file: Path | None = None,
        accept: Sequence[int] = (0,),
    ) -> bytes:
        """Return the output of one reading command; empty if git cannot read the index.

        `exclude` is the text of `info/exclude`, `excludes_file` the user's own `core.excludesFile`.
        """
        own = self._directory(exclude)
        index, objects = self._index(own)
        env = process.environment(own, self._top, index, objects)
        rules = f"core.excludesFile={excludes_file or own / 'nothing'}"
        done = process.run(
            arguments, env, cwd, input=input, settings=(rules, "core.bare=false"), seconds=SECONDS
        )
        # A repository too broken to list still has a work tree: its files are captured by the ignore rules.
        return done.stdout if done.returncode in accept else b""

    def read_history(self, *arguments: str, cwd: Path, input: bytes, seconds: float) -> bytes:
        """Return the output of one command that reads commits: with an unborn HEAD, so its starting points are in
        `input`.

        Raises MazuError(git) if git cannot read them, or does not end in time.
        """
        own = self._directory(self._rules or "")
        (own / "shallow").write_bytes(_read(self._common, "shallow"))
        env = process.environment(own, self._top, None, self._common / "objects")
        done = process.run(arguments, env, cwd, input=input, settings=("core.bare=false",), seconds=seconds)
        if done.returncode:
            raise MazuError(
                Kind.GIT, "The history of the repository cannot be read.", "Run `git fsck` in it."
            )
        return done.stdout

    def _directory(self, exclude: str) -> Path:
        while True:
            folder = scratch_folder.current()
            if self._own is not None and self._own.parent != folder:
                self._forget()
            try:
                return self._fill(folder, exclude)
            except OSError as error:
                self._forget()
                scratch_folder.move_on(folder, error)

    def _forget(self) -> None:
        self._own, self._rules = None, None
        self._shared.clear()

    def _fill(self, folder: Path, exclude: str) -> Path:
        if self._own is None:
            own = folder / str(next(_numbers))
            for name in ("objects", "refs", "info"):
                (own / name).mkdir(parents=True)
            (own / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
            (own / "config").write_text(self._config(), encoding="ascii")
            self._own = own
        if exclude != self._rules:
            data = exclude.encode("utf-8", "surrogateescape")
            (self._own / "info" / "exclude").write_bytes(data)
            self._rules = exclude
        return self._own

    def _config(self) -> str:
        """Read from the user's configuration only what is needed to read the index."""
        try:
            config = read_file(self._common, "config", MAX_RULES)
        except OSError:
            config = b""
        version = "[core]\n\trepositoryformatversion = 1\n\tsymlinks = true\n\tfilemode = true\n"
        return version + ("[extensions]\n\tobjectFormat = sha256\n" if _OBJECT_FORMAT.search(config) else "")

    def _index(self, own: Path) -> tuple[Path, Path | None]:
        """Return the index to read, and the objects if it names folders in place of their files."""
        try:
            status = stat_entry(self._user, "index")
        except OSError:
            status = None
        if status is None or status.st_size > MAX_INDEX or not is_regular(self._user, "index"):
            return own / "no-index", None
        for entry in list_folder(self._user):
            if _SHARED.fullmatch(entry.name) and entry.kind == "file" and entry.name not in self._shared:
                (own / entry.name).write_bytes(read_file(self._user, entry.name, MAX_INDEX))
                self._shared.add(entry.name)
        version = read_start(self._user, "index", 8)[4:8]
        sparse = version > b"\0\0\0\2" and _SPARSE_FOLDERS in read_file(self._user, "index", MAX_INDEX)
        return self._user / "index", self._common / "objects" if sparse else None


def _read(folder: Path, name: str) -> bytes:
    try:
        return read_file(folder, name, MAX_RULES)
    except OSError:
        return b""


def read_start(folder: Path, name: str, size: int) -> bytes:
    """Return the first bytes of a file in the user's git directory; empty if there is no such regular file."""
    try:
        with open_file(folder, name) as file:
            return file.read(size)
    except OSError:
        return b""
