"""The bare repository that holds the checkpoints, outside the project; git runs here in an isolated environment."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import subprocess
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from mazu_ls import gitcmd
from mazu_ls.checkpoints.git.pack import PackWriter
from mazu_ls.checkpoints.git.packed_refs import pack_refs, set_loose_ref
from mazu_ls.checkpoints.git.trees import TreeStore
from mazu_ls.checkpoints.git.unwritten_objects import UnwrittenObjects
from mazu_ls.checkpoints.store import lock
from mazu_ls.errors import Kind, MazuError
from mazu_ls.state.paths import private_folder
from mazu_ls.workspace.text import split_lines

log = logging.getLogger(__name__)
REFS = "refs/mazu/c/"
_TRIES = 5
MANY_PACKS = 50
_WITHOUT_NEWEST = frozenset(("ls-files", "check-ignore", "merge-file", "pack-objects", "rev-list"))
"""Commands that need no object which only the database may hold. The last two may run on another thread, see gc.py, which had everything
written out before."""
_AHEAD = 500  # ids asked for at once: few enough to fit into a pipe
_CONFIG = """[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tlogallrefupdates = false
\thooksPath = /dev/null
\tautocrlf = false
\tsymlinks = true
\tprecomposeunicode = false
\tfsync = reference
\tprotectHFS = false
\tprotectNTFS = false
\tuntrackedCache = true
\tfsmonitor = false
[index]
\tversion = 4
[status]
\tshowUntrackedFiles = all
\trenames = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[pack]
\twriteReverseIndex = false
"""
_ATTRIBUTES = "* -text -filter -ident !eol -working-tree-encoding\n"


def lines(oids: Iterable[bytes]) -> bytes:
    """Return ids as git reads them from a list."""
    return b"".join(b"%s\n" % oid.hex().encode() for oid in oids)


def _answers(process: subprocess.Popen[bytes], oids: Sequence[bytes]) -> Iterator[bytes | None]:
    """Yield what `cat-file --batch` answers for these ids; None if the object is missing or the process has died."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(lines(oids))
        process.stdin.flush()
        for _ in oids:
            header = process.stdout.readline().split()
            yield process.stdout.read(int(header[2]) + 1)[:-1] if len(header) == 3 else None
    except OSError:
        yield None


def _put(file: Path, text: str) -> None:
    """Replace a small file of the store atomically; again if another process, which tidies it, takes the draft away."""
    for attempt in range(_TRIES):
        draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}.new")
        draft.write_text(text, encoding="utf-8")
        try:
            draft.replace(file)
            return
        except FileNotFoundError:
            if attempt == _TRIES - 1:
                raise


class StoreRepository:
    """Objects and refs of one store. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.packs = path / "objects" / "pack"
        """The folder of the packs."""
        gitcmd.require_git()
        self.trees = TreeStore(self.read)
        self.unwritten: UnwrittenObjects | None = None
        """What the database holds of the newest steps; None for whoever reads the files alone."""
        self._reader: subprocess.Popen[bytes] | None = None

    @classmethod
    def open(cls, path: Path) -> StoreRepository:
        """Create what is missing of the store and open it."""
        repository = cls(path)
        private_folder(path)
        for folder in ("objects/pack", "objects/info", "refs/heads", REFS, "info"):
            (path / folder).mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("config", _CONFIG),
            ("info/attributes", _ATTRIBUTES),
            ("HEAD", "ref: refs/heads/none\n"),
        ):
            file = path / name
            if not file.exists() or file.read_text(encoding="utf-8", errors="replace") != text:
                _put(file, text)
        return repository

    def run(
        self,
        *arguments: str | bytes,
        input: bytes | None = None,
        git_dir: Path | None = None,
        work_tree: Path | None = None,
        settings: Sequence[str] = (),
        accept: Sequence[int] = (0,),
    ) -> bytes:
        """Return the output of one git command on the store. Raises MazuError(git) with git's own words.

        `git_dir` is a directory of ours that shares the store's objects; with `work_tree` git works in that folder.
        """
        process = self._spawn(arguments, input, git_dir, work_tree, settings)
        if process.returncode not in accept:
            words = split_lines(process.stderr.decode("utf-8", "replace").strip(), ends=False)
            what = next((a for a in arguments if isinstance(a, str) and a[:1] != "-" and "=" not in a), "")
            raise MazuError(
                Kind.GIT,
                f"git {what} failed in the checkpoint store: {words[-1] if words else process.returncode}",
                "Nothing in the project was changed. See the log; `mazu-ls doctor` checks the store.",
            )
        return process.stdout

    def run_unchecked(self, *arguments: str) -> tuple[int, bytes]:
        """Return exit status and output, for commands whose status is an answer and not a failure."""
        process = self._spawn(arguments, None, None, None, ())
        return process.returncode, process.stdout

    def _spawn(
        self,
        arguments: Sequence[str | bytes],
        input: bytes | None,
        git_dir: Path | None,
        work_tree: Path | None,
        settings: Sequence[str],
    ) -> subprocess.CompletedProcess[bytes]:
        if arguments[0] not in _WITHOUT_NEWEST:
            self.write_out()
        env = gitcmd.environment(git_dir or self.path, work_tree)
        return gitcmd.run(arguments, env, work_tree or self.path, input=input, settings=settings)

    def python_git(self) -> gitcmd.PythonGit:
        """Return git on the store through GitPython, which sees all objects that are there now."""
        self.write_out()
        return gitcmd.PythonGit(self.path)

    def writer(self) -> PackWriter:
        """Return a writer that collects new objects into one pack."""
        return PackWriter(self.packs)

    def write_out(self, most: int = 1) -> bool:
        """Write to the store what only the database holds of it, see `UnwrittenObjects.write_out`."""
        return self.unwritten is not None and self.unwritten.write_out(most)

    def read(self, oid: bytes) -> bytes:
        """Return one object's data. Raises MazuError(storage) if the store does not hold it."""
        with closing(self.read_all([oid])) as found:
            return next(found)

    def read_all(self, oids: Sequence[bytes]) -> Generator[bytes, None, None]:
        """Yield the data of several objects in this order. Raises MazuError(storage).

        Close the generator before reading anything else: unread answers would be taken for the next ones.
        """
        known = self.unwritten.get if self.unwritten is not None else lambda _: None
        held = {oid: data for oid in oids if (data := known(oid)) is not None}
        with closing(self._read_files([oid for oid in oids if oid not in held])) as stored:
            for oid in oids:
                yield held[oid] if oid in held else next(stored)

    def _read_files(self, oids: Sequence[bytes]) -> Generator[bytes, None, None]:
        """Yield the data of objects that the files hold, requested from git in batches."""
        if not oids:
            return
        process, left = self._batch(), len(oids)
        try:
            for start in range(0, len(oids), _AHEAD):
                asked = oids[start : start + _AHEAD]
                for oid, data in zip(asked, _answers(process, asked), strict=True):
                    if data is None:
                        raise MazuError(
                            Kind.STORAGE,
                            f"The checkpoint store misses the object {oid.hex()[:12]}.",
                            f"It was damaged from outside; the store is {self.path}.",
                        )
                    left -= 1
                    yield data
        finally:
            if left:
                self.forget_reader()

    def missing(self, oids: Iterable[bytes]) -> set[bytes]:
        """Return which of these objects the store does not hold."""
        out = self.run("cat-file", "--batch-check", input=lines(oids))
        return {bytes.fromhex(line[:40].decode()) for line in out.split(b"\n") if line.endswith(b" missing")}

    def set_ref(self, name: str, oid: bytes) -> None:
        """Write one loose ref, see `set_loose_ref`."""
        set_loose_ref(self.path, name, oid)

    def refs(self, prefix: str = REFS) -> dict[str, bytes]:
        """Return object ids by ref name below `prefix` (names without it)."""
        out = self.run("for-each-ref", "--format=%(refname) %(objectname)", prefix)
        pairs = (line.split() for line in split_lines(out.decode(), ends=False))
        return {name.removeprefix(prefix): bytes.fromhex(oid) for name, oid in pairs}

    def delete_refs(self, names: Iterable[str]) -> None:
        """Remove refs, loose or packed."""
        commands = "".join(f"delete {name}\n" for name in names)
        if commands:
            self.run("update-ref", "--stdin", input=commands.encode())

    def bytes(self) -> int:
        """Return the size of the objects on disk."""
        total = 0
        for folder, _, names in os.walk(self.path / "objects"):
            for name in names:
                try:
                    total += (Path(folder) / name).stat().st_size
                except FileNotFoundError:  # a pack that a repack just replaced
                    continue
        return total

    def holds_packs(self) -> bool:
        """Return whether any pack is there; the first checkpoint makes one."""
        return any(self.packs.glob("*.pack"))

    def collected(self) -> str:
        """Return a value that changes whenever a process removes objects from the store."""
        try:
            return (self.path / "collected").read_text(encoding="ascii")
        except FileNotFoundError:
            return ""

    def start_gc_generation(self) -> None:
        """Record that objects are being removed, so that no process relies on earlier checks of what is stored."""
        (self.path / "collected").write_text(secrets.token_hex(8), encoding="ascii")

    @property
    def collecting(self) -> Path:
        """The lock of the process that removes objects; it may be held without the store's own lock."""
        return self.path / "collecting"

    def consolidate(self) -> bool:
        """Merge small packs into few: each git command opens them all. Cheap, because large packs are left alone.

        Return whether that was done.
        """
        if lock.is_held(self.collecting):
            return False
        if sum(path.suffix == ".pack" for path in self.packs.iterdir()) < MANY_PACKS:
            return False
        pack_refs(self.path, REFS)
        if shutil.disk_usage(self.packs).free <= 2 * self.bytes():
            return False
        self.forget_reader()
        self.run("repack", "--geometric=2", "-d", "-q")
        return True

    def sweep(self) -> None:
        """Remove what a killed process left behind. Only for the holder of the lock."""
        patterns = ["*.lock", "objects/??/tmp_obj_*", "*.new"]
        if not lock.is_held(self.collecting):
            patterns.append("objects/pack/tmp_*")
        for pattern in patterns:
            for path in self.path.rglob(pattern) if pattern == "*.lock" else self.path.glob(pattern):
                path.unlink(missing_ok=True)

    def forget_reader(self) -> None:
        """End the `cat-file` child; the next read starts one that sees the store as it is then."""
        if self._reader is not None:
            for pipe in (self._reader.stdin, self._reader.stdout):
                if pipe is not None:
                    pipe.close()
            self._reader.wait()
            self._reader = None

    def forget_objects(self) -> None:
        """Read objects anew: some may have been collected, or a transaction that added some was rolled back."""
        self.forget_reader()
        if self.unwritten is not None:
            self.unwritten.forget()

    def close(self) -> None:
        """Write out what only the database holds, and end the child process. What cannot be written stays in the database."""
        import apsw

        try:
            self.write_out()
        except (OSError, apsw.Error) as error:
            log.warning("the newest checkpoints stay in the database: %s", error)
        self.forget_reader()

    def _batch(self) -> subprocess.Popen[bytes]:
        if self._reader is None or self._reader.poll() is not None:
            env = gitcmd.environment(self.path)
            self._reader = gitcmd.start(["cat-file", "--batch"], env, self.path)
        return self._reader
