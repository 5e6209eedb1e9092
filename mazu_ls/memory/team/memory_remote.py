"""A ref of any git repository that holds shared memories: fetched into, and pushed from, a bare repository of our own.

The user's own repository is not involved: neither its configuration nor its objects, and nothing is written to it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from threading import Event

from mazu_ls import gitcmd
from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.gitcmd import user_repository
from mazu_ls.memory.team.shared_file import MAX_BYTES
from mazu_ls.platform import open_flags
from mazu_ls.platform.file_lock import wait_for_lock
from mazu_ls.redact import redact
from mazu_ls.state.paths import private_folder
from mazu_ls.workspace.lazy_pattern import lazy_pattern
from mazu_ls.workspace.text import split_lines
from mazu_ls.workspace.visible_text import plural

REF = "refs/mazu/memory"
SECONDS, LOCK_SECONDS = 120.0, 300.0
MAX_FILES = 20_000
MAX_TOTAL = 256 << 20
_CONFIG = (
    "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[fetch]\n\tfsckObjects = true\n[gc]\n\tauto = 0\n"
)
_SCP = lazy_pattern(r"[\w.-]+@[\w.-]+:[^:]*|[\w-]+(?:\.[\w-]+)+:[^:/][^:]*")
_NAME = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_ENTRY = lazy_pattern(rb"100644 blob ([0-9a-f]{40,64}) +(\d+)\t([^\0/]+)\0")
_STALE = (
    "[rejected]",
    "cannot lock ref",
    "failed to update ref",
    "incorrect old value",
    "reference already exists",
)


class MemoryRemote:
    """One remote, used between `open` and `close`; every method blocks. `git_dir` is ours."""

    def __init__(self, git_dir: Path, url: str, protocols: tuple[str, ...]) -> None:
        self._git_dir = git_dir
        self._url = url
        self._protocols = protocols
        self._lock: int | None = None
        self.stop = Event()

    def open(self) -> None:
        """Create the repository if it is missing, and lock it against other processes of this project until `close`.

        Raises MazuError(busy) if another process holds it for too long.
        """
        self._lock = os.open(
            private_folder(self._git_dir) / "lock", os.O_RDWR | os.O_CREAT | open_flags.CLOEXEC, 0o600
        )
        if not wait_for_lock(self._lock, LOCK_SECONDS):
            self.close()
            raise MazuError(
                Kind.BUSY, "Another process synchronizes memories of this project.", "Try again later."
            )
        self._create()

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def fetch(self) -> tuple[str | None, dict[str, bytes]]:
        """Return the remote's commit, None if it has none, and its files.

        Raises MazuError(git) if it cannot be reached, MazuError(unsupported) if it holds too much.
        """
        # A pattern, so that a ref that does not exist yet is no error.
        options = ("--quiet", "--no-tags", "--prune", "--no-write-fetch-head")
        self._transport("fetch", *options, "--", self._url, f"+{REF}*:{REF}*")
        done = self._run("rev-parse", "--verify", "--quiet", f"{REF}^{{commit}}")
        commit = done.stdout.decode().strip()
        return (commit, self._files(commit)) if commit else (None, {})

    def push(self, commit: str | None, files: Mapping[str, bytes | None], by: str) -> bool:
        """Push a commit of these files after `commit` (None deletes one); False if the remote has moved on since."""
        stream = _commit_stream(commit, files, by)
        done = self._run("fast-import", "--quiet", "--force", input=stream)
        if done.returncode:
            raise MazuError(Kind.GIT, f"The commit could not be made: {_last_line(done.stderr)}")
        try:
            self._transport("push", "--quiet", "--porcelain", "--", self._url, f"{REF}:{REF}")
        except PushRejected:
            return False
        return True

    def _files(self, commit: str) -> dict[str, bytes]:
        listed = self._run("ls-tree", "-z", "-l", commit).stdout
        wanted = [
            (oid, name.decode())
            for oid, size, name in _ENTRY.findall(listed)
            if name.endswith(b".md") and int(size) <= MAX_BYTES and _is_text(name)
        ]
        total = sum(int(size) for _, size, _ in _ENTRY.findall(listed))
        if len(wanted) > MAX_FILES or total > MAX_TOTAL:
            raise MazuError(
                Kind.UNSUPPORTED, f"{REF} holds too much: {plural(len(wanted), 'file')}, {total} bytes."
            )
        asked = b"".join(oid + b"\n" for oid, _ in wanted)
        answers, files = self._run("cat-file", "--batch", input=asked).stdout, {}
        at = 0
        for _, name in wanted:
            end = answers.index(b"\n", at)
            size = int(answers[at:end].rsplit(b" ", 1)[1])
            files[name] = answers[end + 1 : end + 1 + size]
            at = end + 1 + size + 1
        return files

    def _create(self) -> None:
        if (self._git_dir / "HEAD").is_file():
            return
        for name in ("objects", "refs"):
            private_folder(self._git_dir / name)
        (self._git_dir / "config").write_text(_CONFIG, encoding="ascii")
        (self._git_dir / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")

    def _run(self, *arguments: str, input: bytes | None = None) -> CompletedProcess[bytes]:
        env = gitcmd.environment(self._git_dir)
        return gitcmd.run(arguments, env, self._git_dir, input=input, seconds=SECONDS)

    def _transport(self, *arguments: str) -> None:
        done = gitcmd.run_with_transport(
            arguments,
            self._git_dir,
            self._git_dir,
            protocols=self._protocols,
            seconds=SECONDS,
            stop=self.stop,
        )
        if done.returncode == 0:
            return
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        if arguments[0] == "push" and any(sign in said for sign in _STALE):
            raise PushRejected
        raise MazuError(
            Kind.GIT,
            f"git {arguments[0]} of {redact(self._url)} failed: {_last_line(done.stderr)}",
            "Check that `git ls-remote` reaches it without a question, and that you may push there.",
        )


class PushRejected(Exception):
    """The remote has a commit that is not an ancestor of ours."""


def resolve_remote(name: str, root: Path) -> tuple[str, tuple[str, ...]]:
    """Return the URL of a remote that the user named, and the protocols that may be used for it.

    `name` is a URL (https, ssh, file), a path, or the name of a remote of the repository at `root`: of that repository
    only a network URL is accepted, since git would run the hooks of a repository on the disk, which may come with the
    project. Raises InvalidArguments.
    """
    scheme, separator, _ = name.partition("://")
    if name.startswith("-") or "::" in name or any(ord(c) < 32 for c in name):
        raise InvalidArguments(f"{name[:80]!r} is not a remote.", "remote")
    if separator:
        if re.search(r"://[^/@]*:[^/@]*@", name):
            raise InvalidArguments(
                "The URL holds a password; use a credential helper of git instead.", "remote"
            )
        if scheme not in ("https", "ssh", "file"):
            raise InvalidArguments(f"{scheme}:// is not used for memory: use https, ssh or a path.", "remote")
        return name, (scheme,)
    if _SCP.fullmatch(name):
        return name, ("ssh",)
    if _NAME.fullmatch(name) and (url := _configured(name, root)) is not None:
        scheme = url.partition("://")[0]
        if scheme in ("https", "ssh") or ("://" not in url and _SCP.fullmatch(url)):
            return url, (scheme if "://" in url else "ssh",)
        raise InvalidArguments(
            f"The remote {name} is {redact(url)[:200]}: only https and ssh are taken from a repository's configuration. Name"
            " a path yourself: --remote PATH.", "remote",
        )  # fmt: skip
    place = (root / name).resolve()
    if place.is_dir() and not place.is_relative_to(root.resolve()):
        return str(place), ("file",)
    raise InvalidArguments(
        f"{name[:80]!r} is no remote of this repository, no URL and no folder outside it.", "remote"
    )


def _configured(name: str, root: Path) -> str | None:
    repository = user_repository.find(root)
    if repository is None:
        return None
    return gitcmd.setting_in(repository.common_dir / "config", f"remote.{name}.url")


def _commit_stream(commit: str | None, files: Mapping[str, bytes | None], by: str) -> bytes:
    """Return the input of `git fast-import` for one commit."""
    name, _, email = by.partition("<")
    clean = [re.sub(r"[<>\n\0]", "", part).strip() for part in (name or "mazu-ls", email or "unknown")]
    who = f"{clean[0] or 'mazu-ls'} <{clean[1]}> {int(time.time())} +0000"
    message = b"memory: synchronized by mazu-ls\n"
    parts = [f"commit {REF}\ncommitter {who}\ndata {len(message)}\n".encode(), message]
    parts.append(f"from {commit}\n".encode() if commit else b"")
    for path, data in files.items():
        quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if data is None:
            parts.append(f"D {quoted}\n".encode())
        else:
            parts += [f"M 100644 inline {quoted}\ndata {len(data)}\n".encode(), data, b"\n"]
    return b"".join((*parts, b"\ndone\n"))


def _is_text(name: bytes) -> bool:
    try:
        return name.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _last_line(err: bytes) -> str:
    lines = [line for line in split_lines(err.decode("utf-8", "replace"), ends=False) if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:"))]
    return redact((fatal or lines or ["no reason was given"])[0])[:300]
