"""Windows as far as it can be simulated elsewhere: what POSIX alone has is taken away, what Windows has is put in its place.

`python -m tests.simulated_windows` imports every module of the package that way and prints which cannot be imported;
`python -m pytest -p tests.simulated_windows -m portable` runs the tests that need nothing of POSIX. It shows that nothing is
asked of the system at import that Windows does not have, and that the portable part works without it. It is no proof that
Windows itself behaves so: paths, file systems and processes stay POSIX ones.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import ctypes
import fcntl
import getpass
import importlib
import io
import multiprocessing
import os
import pkgutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import types
import urllib.request

_LOADED_BEFORE = (
    asyncio,
    concurrent.futures,
    ctypes,
    getpass,
    multiprocessing,
    ssl,
    tempfile,
    urllib.request,
)
"""Parts of the standard library that ask for the system when they are imported; these have to see the real one."""
_THIRD_PARTY = (
    "_pytest.capture", "_pytest.faulthandler", "_pytest.pathlib", "anthropic", "anyio", "apsw", "charset_normalizer", "git", "httpx2",
    "hypothesis", "lsprotocol.types", "mcp.client.session", "mcp.client.stdio", "msgspec", "numpy", "openai", "PIL.Image", "platformdirs",
    "prompt_toolkit.application", "prompt_toolkit.input.vt100", "prompt_toolkit.output.vt100", "prompt_toolkit.shortcuts",
    "pygls.lsp.server", "rich.console", "rich.markdown", "tree_sitter", "yaml",
)  # fmt: skip
_MODULES = ("fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog", "readline")
_OF_OS = [
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "setsid",
    "killpg",
    "getpgid",
    "setpgid",
    "getsid",
    "pipe2",
    "memfd_create",
    "fchmod",
    "fchown",
    "lchown",
    "mkfifo",
    "mknod",
    "getxattr",
    "setxattr",
    "listxattr",
    "removexattr",
    "statvfs",
    "sysconf",
    "wait4",
    "waitid",
    "pidfd_open",
    "sched_getaffinity",
    "getpriority",
    "setpriority",
    "nice",
    "copy_file_range",
    "O_DIRECTORY",
    "O_NOFOLLOW",
    "O_CLOEXEC",
    "O_NONBLOCK",
    "O_NOCTTY",
    "O_PATH",
    "MFD_CLOEXEC",
]
LINUX_SCRIPTS = (".tools.mcp.guard", ".tools.shell.supervisor")
"""Programs of their own, started only where the system has what they need."""
_SIGNALS = [
    "SIGKILL",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGHUP",
    "SIGQUIT",
    "SIGSTOP",
    "SIGCONT",
    "SIGTSTP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGPIPE",
    "SIGWINCH",
    "SIGCHLD",
    "SIGALRM",
    "setitimer",
    "alarm",
]


def become_windows() -> None:
    """Change this process for good."""
    for name in _THIRD_PARTY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    sys.modules["msvcrt"] = _msvcrt(fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for name in _MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # then `import` raises ModuleNotFoundError
    for module, names in ((os, _OF_OS), (signal, _SIGNALS), (socket, ("SO_PEERCRED",))):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    os.O_BINARY = os.O_NOINHERIT = 0  # type: ignore[attr-defined]
    subprocess.CREATE_NEW_PROCESS_GROUP = 0  # type: ignore[attr-defined]
    signal.CTRL_BREAK_EVENT = signal.SIGTERM  # type: ignore[attr-defined]
    io._WindowsConsoleIO = type("_WindowsConsoleIO", (), {})  # type: ignore[attr-defined]  # pytest asks for it
    sys.platform = "win32"


def _msvcrt(flock: object, exclusive: int) -> types.ModuleType:
    def locking(fd: int, mode: int, count: int) -> None:
        try:
            flock(fd, exclusive)  # type: ignore[operator]
        except BlockingIOError:
            raise PermissionError from None

    module = types.ModuleType("msvcrt")
    module.locking, module.LK_NBLCK = locking, 2  # type: ignore[attr-defined]
    return module


def unimportable() -> dict[str, str]:
    """Module -> error, for every module of the package that cannot be imported."""
    import mazu_ls

    failed: dict[str, str] = {}
    names = [m.name for m in pkgutil.walk_packages(mazu_ls.__path__, "mazu_ls.", onerror=lambda name: None)]
    for name in names:
        if not name.endswith(("__main__", *LINUX_SCRIPTS)):
            try:
                importlib.import_module(name)
            except Exception as error:  # noqa: BLE001  whatever it is, it is listed
                failed[name] = f"{type(error).__name__}: {error}"
    return failed


become_windows()
if __name__ == "__main__":
    found = unimportable()
    print("\n".join(f"{name}: {error}" for name, error in found.items()))
    sys.exit(bool(found))
