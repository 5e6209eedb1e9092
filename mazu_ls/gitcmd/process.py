"""Starts every git process of mazu-ls, with everything executable switched off.

Git obeys the configuration of the repository it runs in, which whoever made the repository wrote: fsmonitor, filters, textconv,
hooks, helpers, lazy fetches. So git is never run *in* somebody else's repository. GIT_DIR is always named and always a directory of
ours (a checkpoint store, or an empty one, see `isolated`), which means that git neither searches for a repository nor reads a
configuration that we did not write. The user's index, objects and ignore lists are passed as files. The settings below are a second
line of defence, should the first one fail.

`run` and `start` reach no network and no program; `transport.run_with_transport` is for what the user started explicitly (memory
sync) in a repository of ours.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import process_limits
from mazu_ls.platform.process_group import CREATION_FLAGS, NEW_SESSION
from mazu_ls.workspace.fifos import LOOK, POKE, IdleWatch, end_input, find_fifos

if TYPE_CHECKING:
    from git import Git

Argument = str | bytes | Path
SECONDS = 600.0
"""Seconds after which a git process is killed; scanning 100,000 files takes a few."""
SCAN_CPU_SECONDS = 60
"""CPU seconds of a git process that reads the project's ignore rules; 1,000,000 files take ten."""
SCAN_BYTES = 2 * 2**30
"""Address space in bytes of such a process: git before 2.46 reads a `.gitignore` of any size into memory, twice."""
_SCANS = frozenset(("ls-files", "check-ignore", "status", "add"))
_NO_MEMORY = re.compile(rb"ut of memory|Cannot allocate memory")
"""What git prints at the limit: its own words if malloc(3) fails, strerror(3) if mmap(2) or a thread's stack does."""

# What git needs to start at all; any other variable could change what it does.
PASSED = ("PATH", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "SYSTEMROOT", "DEVELOPER_DIR")
ALWAYS_SET = {
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "GIT_EDITOR": "false",
    "GIT_PAGER": "cat",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ADVICE": "0",
}
_SET_ALONE = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",  # git 2.45; before, no promisor remote can be configured in a GIT_DIR of ours
    "GIT_ALLOW_PROTOCOL": "",  # no transport at all, whatever protocol.*.allow says
    "GIT_SSH_COMMAND": "false",
    "GIT_CEILING_DIRECTORIES": "/",
}
# Git opens each `.gitignore` it finds, and these of an apparent nested repository, and would block at a fifo forever.
_READ_BY_GIT = frozenset((".gitignore", ".gitattributes", "HEAD", "commondir", "packed-refs", "alternates"))
_FIFOS: dict[Path, Sequence[str]] = {}

SETTINGS = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "safe.bareRepository=explicit",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
_SETTINGS_ALONE = (
    *SETTINGS,
    "protocol.allow=never",
    "core.sshCommand=false",
    "core.askPass=false",
    "core.gitProxy=false",
    "core.alternateRefsCommand=false",
    "core.editor=false",
    "core.pager=cat",
    f"core.attributesFile={os.devnull}",
    "credential.helper=",
    "gpg.program=false",
    "sequence.editor=false",
)


_OPENED: set[str] = set()


def distrust_programs(roots: Iterable[Path]) -> None:
    """From now on start no program below these folders for mazu-ls itself: projects are opened there.

    PATH may name such a folder (`node_modules/.bin`, a virtual environment): a clone could then provide our git.
    """
    for root in roots:
        real = os.path.realpath(root)
        if real != os.path.realpath(os.sep):
            _OPENED.add(real)


def find_program(name: str) -> str | None:
    """Return the absolute path of an installed program.

    Unlike `shutil.which`, it takes none from a relative entry of PATH, and none that lies in an opened project or leads there.
    """
    return _found(name, trusted_path(os.environ.get("PATH", os.defpath)), frozenset(_OPENED))


def trusted_path(path: str) -> str:
    """Return PATH without relative entries and without those below an opened project."""
    return _trusted_path(path, frozenset(_OPENED))


@lru_cache(16)
def _trusted_path(path: str, _: frozenset[str]) -> str:
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if _is_trusted(folder))


def _is_trusted(place: str) -> bool:
    real = os.path.realpath(place)
    return os.path.isabs(place) and not any(real == root or real.startswith(f"{root}/") for root in _OPENED)  # noqa: PTH117


@lru_cache(64)
def _found(name: str, path: str, _: frozenset[str]) -> str | None:
    for folder in path.split(os.pathsep):
        program = os.path.join(folder, name)  # noqa: PTH118 - as execvp joins it
        if os.path.isfile(program) and os.access(program, os.X_OK) and _is_trusted(program):  # noqa: PTH113
            return program
    return None


def find_git() -> str | None:
    """Return the git program, None if none is installed."""
    return find_program("git")


def require_git() -> str:
    """Return the git program. Raises MazuError(git) that says what to install."""
    if (program := find_git()) is None:
        raise MazuError(
            Kind.GIT,
            "Checkpoints need git, which is not installed.",
            "Install git 2.30 or newer (for example `apt install git` or `brew install git`) and restart.",
        )
    return program


def environment(
    git_dir: Path, work_tree: Path | None = None, index: Path | None = None, objects: Path | None = None
) -> dict[str, str]:
    """Return the whole environment of a git process that reaches no network, no program and no configuration but ours.

    `index` and `objects` (an additional object directory) may be the user's.
    """
    env = passed_environment(PASSED) | ALWAYS_SET | _SET_ALONE | {"GIT_DIR": str(git_dir)}
    if work_tree is not None:
        env["GIT_WORK_TREE"] = str(work_tree)
    if index is not None:
        env["GIT_INDEX_FILE"] = str(index)
    if objects is not None:
        env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = str(objects)
    return env


def passed_environment(names: Sequence[str]) -> dict[str, str]:
    """Return these variables of our own environment; PATH without what an opened project may provide."""
    env = {name: os.environ[name] for name in names if name in os.environ}
    env["PATH"] = trusted_path(env.get("PATH", os.defpath))
    return env


def command_line(arguments: Sequence[Argument], settings: Sequence[str]) -> list[str | bytes]:
    """Return the whole command line of git, with these settings."""
    pinned = [part for setting in settings for part in ("-c", setting)]
    plain = [argument if isinstance(argument, bytes) else str(argument) for argument in arguments]
    return [require_git(), "--no-pager", *pinned, *plain]


def run(
    arguments: Sequence[Argument],
    env: Mapping[str, str],
    cwd: Path,
    *,
    input: bytes | None = None,
    settings: Sequence[str] = (),
    seconds: float = SECONDS,
) -> subprocess.CompletedProcess[bytes]:
    """Run one git command with an `environment()`; `settings` are `key=value`, for this command only.

    Raises MazuError(git) if git is missing or does not end in time.
    """
    command = command_line(arguments, (*_SETTINGS_ALONE, *settings))
    if arguments[0] in _SCANS and sys.platform == "linux":
        # Set before git starts: it may have read everything before the limit could be set from outside.
        command = ["/bin/sh", "-c", f'ulimit -v {SCAN_BYTES // 1024}; exec "$@"', "sh", *command]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(env),
        cwd=cwd,
    ) as process:
        if arguments[0] in _SCANS:
            process_limits.limit_cpu(process.pid, SCAN_CPU_SECONDS, SCAN_CPU_SECONDS + 5)
        try:
            out, err = _communicate(process, input, Path(env.get("GIT_WORK_TREE", cwd)), seconds)
        except BaseException:
            process.kill()
            raise
    if process_limits.ended_at_cpu_limit(process.returncode):
        raise MazuError(
            Kind.GIT,
            f"git took over {SCAN_CPU_SECONDS} s to scan the project.",
            "A rule with many `*` in a .gitignore makes it that slow; look at the project's ignore rules.",
        )
    if arguments[0] in _SCANS and process.returncode and _NO_MEMORY.search(err):
        raise MazuError(
            Kind.GIT,
            f"git needed over {SCAN_BYTES // 2**30} GiB of memory to scan the project.",
            "A huge .gitignore or index makes it so; look at the project's ignore rules.",
        )
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start(arguments: Sequence[Argument], env: Mapping[str, str], cwd: Path) -> subprocess.Popen[bytes]:
    """Start a git process that answers on pipes (`cat-file --batch`), in a session of its own."""
    return subprocess.Popen(
        command_line(arguments, _SETTINGS_ALONE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(env),
        cwd=cwd,
        start_new_session=NEW_SESSION,
        creationflags=CREATION_FLAGS,
    )


def create_repository(folder: Path, branch: str) -> None:
    """`git init` of a new, empty repository of our own in `folder`, without templates."""
    env = environment(folder / ".git")
    del env["GIT_DIR"]  # otherwise git records the work tree in the new configuration
    done = run(["init", "-q", "--template=", f"--initial-branch={branch}", folder], env, folder)
    if done.returncode:
        raise MazuError(Kind.GIT, f"git init failed: {done.stderr.decode('utf-8', 'replace').strip()}")


class PythonGit:
    """GitPython on a repository of ours, in a clean environment.

    By default GitPython passes on this process's whole environment; `env -i` keeps what `environment()` lists.
    """

    def __init__(self, git_dir: Path) -> None:
        self._git: Git = _gitpython()(str(git_dir))
        self._clean = [
            find_program("env") or "/usr/bin/env",
            "-i",
            *(f"{name}={value}" for name, value in environment(git_dir).items()),
        ]

    def bytes_of(self, *arguments: str, seconds: float | None = None) -> bytes:
        """Return the output of one command; it is killed after so many seconds. Raises git.GitCommandError."""
        command = [*self._clean, *command_line(arguments, _SETTINGS_ALONE)]
        out: Any = self._git.execute(
            command, stdout_as_string=False, strip_newline_in_stdout=False, kill_after_timeout=seconds
        )
        return out


def _gitpython() -> type[Git]:
    # GitPython looks for git and runs it when it is imported: by this name, and without an exception.
    os.environ["GIT_PYTHON_GIT_EXECUTABLE"] = require_git()
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    from git import Git

    return Git


def _communicate(
    process: subprocess.Popen[bytes], input: bytes | None, work_tree: Path, seconds: float
) -> tuple[bytes, bytes]:
    """Like `Popen.communicate`; a git process that waits at a fifo in the work tree is released."""
    deadline = time.monotonic() + seconds
    fifos = _FIFOS.get(work_tree, ())
    watch = IdleWatch(process.pid)
    while True:
        try:
            return process.communicate(input, timeout=POKE if fifos else LOOK)
        except subprocess.TimeoutExpired:
            input = None
        if time.monotonic() > deadline:
            raise too_slow(seconds)
        if not fifos and watch.is_due():
            fifos = _FIFOS[work_tree] = tuple(find_fifos(work_tree, _READ_BY_GIT))
        for fifo in fifos:
            end_input(fifo)


def too_slow(seconds: float) -> MazuError:
    """Return the error for a git process that did not end in time."""
    return MazuError(
        Kind.GIT,
        f"git did not end within {seconds:.0f} s.",
        "Look for a file system or a FIFO that does not respond.",
    )
