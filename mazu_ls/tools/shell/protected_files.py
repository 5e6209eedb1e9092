"""The parts of a project that an unapproved command must leave alone, found by a scan that caches each folder.

Read-only: what programs run by themselves or obey, and what no checkpoint holds: ignored files that are no build output, and untracked
or tracked files that are too large. Ignored is also what the last commit ignores. Hidden: files whose names suggest secrets. Paths are absolute, below the real path of the root.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from mazu_ls.gitcmd import user_repository
from mazu_ls.gitcmd.committed_ignores import committed_ignores
from mazu_ls.gitcmd.nested_repositories import RepositoryStamp, find_repositories
from mazu_ls.gitcmd.outer_ignores import outer_patterns
from mazu_ls.tools.program_files import is_program
from mazu_ls.tools.search.gitignore_walk import is_ignored
from mazu_ls.workspace import path_rules, project_files
from mazu_ls.workspace.autorun import is_obeyed, runs_by_itself
from mazu_ls.workspace.openat import folder_beneath
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MAX_FOLDERS = 50_000
MAX_IGNORED_FOLDERS = 2_000
MAX_IGNORED_SECRETS = 100
CACHES = frozenset((".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".tox", ".nox", ".eggs"))
"""Folders to which their tools give an ignore list of their own, so that the parts are ignored, not the folder."""
MAX_PROTECTED = 1_000  # maximum of mounts; bubblewrap needs seconds for more
IGNORE_BYTES = 1 << 20
_UNREACHABLE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.EACCES, errno.EPERM))
"""What says that a folder is gone, became a link, or is closed to this user, and so to commands."""
# Folders and files that a build creates again.
BUILD_OUTPUT: tuple[str, ...] = tuple(
    str.split(
        "node_modules bower_components jspm_packages target build dist out output bin obj lib-cov coverage htmlcov .coverage"
        " .coverage.* .nyc_output __pycache__ .venv venv env .tox .nox .eggs *.egg-info *.egg .pytest_cache .mypy_cache"
        " .ruff_cache .hypothesis .cache .parcel-cache .turbo .next .nuxt .output .svelte-kit .astro .angular .vite .docusaurus"
        " .gradle .kotlin .bloop .metals .dart_tool .stack-work dist-newstyle _build deps .elixir_ls .zig-cache zig-out"
        " cmake-build-* CMakeFiles CMakeCache.txt Debug Release x64 DerivedData Pods .build .swiftpm bazel-* .bundle vendor"
        " .terraform.lock.hcl log logs tmp temp .tmp .temp .sass-cache _site site public .ipynb_checkpoints .serverless"
        " *.pyc *.pyo *.o *.obj *.a *.lib *.so *.so.* *.dylib *.dll *.exe *.class *.jar *.war *.wasm *.rlib *.d *.tsbuildinfo"
        " *.log *.tmp *.swp *.bak~ *~ *.min.js *.map .eslintcache .stylelintcache .DS_Store Thumbs.db *.gcda *.gcno *.profraw"
        " .phpunit.result.cache .phpunit.cache .rspec_status .scannerwork .dmypy.json junit.xml coverage.xml *.prof tags"
        " coverage.out cover.out lcov.info test-results playwright-report TestResults .testmondata compile_commands.json config.status"
        " *_pb2.py *_pb2.pyi *_pb2_grpc.py *.pb.go *.gen.go _version.py *.aux *.fls *.fdb_latexmk *.synctex.gz *.gcov *.pyd *.whl"
    )
)
# Never searched, ignored or not.
NEVER_OURS = frozenset(
    ("node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox", "site-packages", ".eggs")
)
_VERSION_CONTROL = frozenset((".git", ".mazu", ".hg", ".svn", ".jj"))
_OFTEN_TEST_DATA = re.compile(r"\.(pem|key|p8|p12|pfx|jks|keystore|asc|gpg)$", re.IGNORECASE)


class Identity(NamedTuple):
    """Which file or folder was at a path: `above` has the inodes of the folders that lead to it below the root.

    `changed` (st_ctime_ns) distinguishes it from a later one with the same inode; moving a folder above leaves it.
    """

    above: tuple[int, ...]
    inode: int
    changed: int


class Protected(Struct):
    """The result of the scan. `large`: those of the read-only files that are so for their size alone. `run_by_others`: each file or
    folder that programs run by themselves, or obey.

    `outputs`: folders that are not scanned (ignored ones, `node_modules`); `repositories`: each `.git` in them or directly below.
    `complete` is False if there were too many folders to scan.
    """

    read_only: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    large: list[Path] = field(default_factory=list)
    run_by_others: dict[Path, Identity] = field(default_factory=dict)
    repositories: dict[Path, RepositoryStamp] = field(default_factory=dict)
    outputs: list[Path] = field(default_factory=list)
    complete: bool = True


class _Folder(Struct, frozen=True):
    key: tuple[object, ...]
    inode: int
    read_only: tuple[str, ...]
    hidden: tuple[str, ...]
    run_by_others: tuple[tuple[str, int, int], ...]
    folders: tuple[str, ...]
    not_walked: tuple[str, ...]
    plain: tuple[str, ...]
    searched: tuple[str, ...]
    """Folders that are mounted as a whole, in which files with secrets are hidden."""


def starts_programs(parts: Sequence[str]) -> bool:
    """Return whether programs run what is at a path of the project by themselves; version control folders included."""
    return parts[-1] in _VERSION_CONTROL or runs_by_itself(parts) is not None


_seen: dict[str, _Folder] = {}
MAX_REMEMBERED = 100_000
_once_ignored: dict[str, int] = {}
"""The inode of each path that was ignored. A file that git or the user put in its place is another one."""
_once_hidden: set[int] = set()
"""The inodes of files that were hidden, in this process."""
Rules = tuple[tuple[str, "GitIgnoreSpec"], ...]
Chains = tuple[Rules, ...]
"""The rules as they are on the disk, and, where those of the last commit differ, these. Ignored is what either ignores."""


def find_protected(
    root: Path, outputs: Sequence[str] = (), largest: tuple[int, int] | None = None
) -> Protected:
    """Scan `root`. `outputs` are further names of build output folders, as the project's settings have them; `largest` the
    bytes up to which checkpoints hold an untracked file, and a tracked one."""
    top = os.path.realpath(root)
    committed = committed_ignores(Path(top))
    found = Protected()
    patterns = (*BUILD_OUTPUT, *outputs)
    outer, outer_stamp = _outer_rules(top)
    stack: list[tuple[str, Chains, tuple[object, ...], tuple[int, ...]]] = [(top, (outer,), outer_stamp, ())]
    looked = 0
    not_walked: list[str] = []
    while stack:
        folder, chains, stamp, chain = stack.pop()
        looked += 1
        if looked > MAX_FOLDERS:
            found.complete = False
            break
        chains, stamp = _with_own_rules(top, folder, chains, stamp, committed)
        try:
            entries = _look(top, folder, chains, (stamp, outputs), patterns)
        except OSError as error:
            found.complete = found.complete and error.errno in _UNREACHABLE
            continue
        above = Path(folder).relative_to(top).parts
        kept = [Path(folder, name) for name in entries.read_only]
        found.read_only += [
            one for one in kept if starts_programs((*above, one.name)) or not is_program(Path(top), one)
        ]
        if (
            largest is not None
        ):  # a file grows without a change of its folder, so that its size is never remembered
            sizes = ((Path(folder, name), _size(f"{folder}/{name}")) for name in entries.plain)
            found.large += [
                path
                for path, size in sizes
                if size > min(largest) and size > largest[is_tracked(Path(top), path)]
            ]
        found.hidden += [Path(folder, name) for name in entries.hidden]
        for name in entries.searched:
            found.hidden += _secrets_below(top, f"{folder}/{name}")
        chain = chain if folder == top else (*chain, entries.inode)
        found.run_by_others |= {
            Path(folder, name): Identity(chain, *identity) for name, *identity in entries.run_by_others
        }
        stack += [(f"{folder}/{name}", chains, stamp, chain) for name in entries.folders]
        not_walked += [f"{folder}/{name}" for name in entries.not_walked]
    found.read_only += found.large
    found.repositories = find_repositories(top, not_walked)
    found.outputs = [Path(folder) for folder in not_walked]
    found.hidden += _sockets_below(top, {str(path) for path in found.hidden})
    if len(_seen) > 4 * MAX_FOLDERS:
        _seen.clear()
    return found


def remember_ignored(roots: Sequence[Path]) -> None:
    """Note what is ignored before a list of ignored files is edited: for the commands of this process it stays protected."""
    for root in roots:
        find_protected(root)


def _outer_rules(top: str) -> tuple[Rules, tuple[object, ...]]:
    """Return the rules of lists outside of the folder, as checkpoints follow them: what those ignore no checkpoint holds."""
    user = user_repository.find(Path(top))
    text = "\n".join(outer_patterns(user)) if user is not None else ""
    return ((top, _spec(text)),) if text else (), (hash(text),)


def _spec(text: str) -> GitIgnoreSpec:
    from mazu_ls.tools.search.ignore_patterns import compile_ignore_file

    return compile_ignore_file(split_lines(text, ends=False))


def _with_own_rules(
    top: str, folder: str, chains: Chains, stamp: tuple[object, ...], committed: Mapping[str, str] | None
) -> tuple[Chains, tuple[object, ...]]:
    """Add the rules of the folder's `.gitignore`; where the last commit has others there, they continue a chain of their own."""
    try:
        path = os.path.relpath(f"{folder}/.gitignore", top)
        text = project_files.read_text(Path(top), path, IGNORE_BYTES, "replace")
    except OSError:
        text = None
    then = committed.get(folder) if committed is not None else text
    if text is None and then is None:
        return chains, stamp
    texts = (text,) if len(chains) == 1 and text == then else (text, then)
    added = [() if one is None else ((folder, _spec(one)),) for one in texts]
    longer = ((*chains[0], *added[0]), (*chains[-1], *added[-1]))
    return longer[: len(texts)], (*stamp, folder, *map(hash, texts))


def _look(
    top: str,
    folder: str,
    chains: Chains,
    stamp: tuple[object, ...],
    patterns: Sequence[str],
) -> _Folder:
    """Return the classified entries of one folder, cached for as long as neither it nor the rules change. Raises OSError."""
    inside = os.path.relpath(folder, top)
    # Below the root and through no link: a command may have put one in the place of a folder meanwhile.
    with folder_beneath(Path(top), PurePosixPath(inside)) as opened:
        status = os.fstat(opened)
        # A command can set the modification time, but not the ctime.
        key = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, stamp)
        if (known := _seen.get(folder)) is not None and known.key == key:
            return known
        with os.scandir(opened) as listing:
            entries = list(listing)
            return _sort(folder, inside, entries, chains, key=key, inode=status.st_ino, patterns=patterns)


def _sort(
    folder: str,
    inside: str,
    entries: Sequence[os.DirEntry[str]],
    chains: Chains,
    *,
    key: tuple[object, ...],
    inode: int,
    patterns: Sequence[str],
) -> _Folder:
    read_only: list[str] = []
    hidden: list[str] = []
    others: list[tuple[str, int, int]] = []
    folders: list[str] = []
    not_walked: list[str] = []
    plain: list[str] = []
    searched: list[str] = []
    above = () if inside == "." else tuple(inside.split("/"))
    in_output = any(part in CACHES for part in above)
    for entry in entries:
        name = entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        ignored = _is_or_was_ignored(f"{folder}/{name}", entry, is_folder, chains)
        obeyed = name in _VERSION_CONTROL or is_obeyed((*above, name))
        if obeyed and name not in NEVER_OURS:
            with contextlib.suppress(FileNotFoundError):  # it has gone since it was listed
                others.append((name, entry.inode(), entry.stat(follow_symlinks=False).st_ctime_ns))
        if starts_programs((*above, name)):
            if not entry.is_symlink():
                (hidden if _is_secret((*above, name), entry, ignored) else read_only).append(name)
                searched += [name] * (is_folder and name not in _VERSION_CONTROL)
        elif entry.is_symlink():
            continue
        elif _is_secret((*above, name), entry, ignored) or _is_socket(entry):
            hidden.append(name)
        elif (ignored and (in_output or _is_output(name, patterns))) or name in NEVER_OURS:
            not_walked += [name] * is_folder
        elif ignored or obeyed:
            read_only.append(name)
            not_walked += [name] * is_folder
            searched += [name] * is_folder
        elif is_folder:
            folders.append(name)
        else:
            plain.append(name)
    sorted_names = (
        tuple(read_only),
        tuple(hidden),
        tuple(others),
        tuple(folders),
        tuple(not_walked),
        tuple(plain),
        tuple(searched),
    )
    found = _Folder(key, inode, *sorted_names)
    _seen[folder] = found
    return found


def _is_output(name: str, patterns: Sequence[str]) -> bool:
    """Return whether builds make a file or folder of this name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_or_was_ignored(path: str, entry: os.DirEntry[str], is_folder: bool, chains: Chains) -> bool:
    """Return whether a file or folder is ignored, or was when this process first saw it: a command that nobody approved may
    write `.gitignore`, and the next one must not see or destroy more than it did."""
    if any(is_ignored(path, is_folder, rules) for rules in chains):
        if len(_once_ignored) >= MAX_REMEMBERED:
            _once_ignored.clear()
        _once_ignored[path] = entry.inode()
        return True
    return _once_ignored.get(path) == entry.inode()


def _size(path: str) -> int:
    """Return the bytes of a file, of the link itself if it is one; 0 if it has gone."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def is_tracked(top: Path, path: Path) -> bool:
    """Return whether the user's git tracks a file: a checkpoint then holds more of it."""
    repository = user_repository.find(top)
    return repository is not None and repository.tracks(os.fsencode(path.relative_to(top)))


def _is_secret(parts: Sequence[str], entry: os.DirEntry[str], ignored: bool) -> bool:
    """Judge a file by its path, as `read_file` asks about it; certificates that are not ignored are most often test data.

    One that was hidden stays so where a command moved it, though no ignore rule names it there.
    """
    if entry.is_dir(follow_symlinks=False):
        return path_rules.fold_case(parts[-1]) in (".ssh", ".gnupg", ".aws")
    if path_rules.is_secret(parts) is None:
        return False
    if ignored or not _OFTEN_TEST_DATA.search(parts[-1]):
        if len(_once_hidden) >= MAX_REMEMBERED:
            _once_hidden.clear()
        _once_hidden.add(entry.inode())
        return True
    return entry.inode() in _once_hidden


def _secrets_below(top: str, folder: str) -> list[Path]:
    """Return the files in an ignored folder whose names suggest secrets; the whole folder if it has too many to look through."""
    found: list[Path] = []
    stack = [folder]
    looked = 0
    while stack:
        looked += 1
        if looked > MAX_IGNORED_FOLDERS or len(found) > MAX_IGNORED_SECRETS:
            return [Path(folder)]
        place = stack.pop()
        inside = os.path.relpath(place, top)
        with contextlib.suppress(OSError), folder_beneath(Path(top), PurePosixPath(inside)) as opened:
            with os.scandir(opened) as listing:
                entries = list(listing)
            for entry in entries:
                if entry.is_symlink():
                    continue
                if _is_secret((*inside.split("/"), entry.name), entry, ignored=True):
                    found.append(Path(place, entry.name))
                elif entry.is_dir(follow_symlinks=False) and entry.name not in NEVER_OURS:
                    stack.append(f"{place}/{entry.name}")
    return found


def _sockets_below(top: str, known: set[str]) -> list[Path]:
    """Return unix sockets that programs listen at in folders that are not scanned, as the kernel lists them: proc_net_unix(5).

    A relative name is tried below the project alone; sockets of another network namespace are not listed.
    """
    try:
        rows = Path("/proc/net/unix").read_bytes().split(b"\n")[1:]
    except OSError:
        return []
    found: set[str] = set()
    for row in rows:
        fields = row.split(None, 7)
        if len(fields) < 8 or fields[7].startswith(b"@"):
            continue
        path = os.path.normpath(os.path.join(top, os.fsdecode(fields[7])))  # noqa: PTH118 - bytes of any name
        if path.startswith(f"{top}/") and path not in known and os.path.realpath(path) == path:
            with contextlib.suppress(OSError):
                if stat.S_ISSOCK(os.lstat(path).st_mode):
                    found.add(path)
    return [Path(path) for path in sorted(found)]


def _is_socket(entry: os.DirEntry[str]) -> bool:
    if entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False):
        return False
    try:
        return stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode)
    except OSError:
        return False
