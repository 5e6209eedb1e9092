"""Landlock and seccomp by system calls: restricts a child process without any helper program (Linux 5.13 and later).

Rights, structures and ABI numbers are those of landlock(7) and linux/landlock.h. The command is started by this file
run as a program, never by a thread of the server: a restricted command could reach such a thread (ptrace,
/proc/PID/task/TID/environ), and with it all keys.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import signal
import stat
import struct
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
CAPABILITY_VERSION_3 = 0x20080522
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
ALL_OF_ABI_1 = (1 << 13) - 1
READ = EXECUTE | READ_FILE | READ_DIR
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
NET_TCP = 0b11  # bind and connect
SCOPES = 0b11  # abstract sockets and signals
ABI_TRUNCATE, ABI_NET, ABI_IOCTL, ABI_SCOPES = 3, 4, 5, 6


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def _call(number: int, *arguments: object) -> int:
    result = _libc().syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@cache
def abi() -> int:
    """Return the kernel's Landlock version, 0 if there is none."""
    if platform.system() != "Linux":
        return 0
    try:
        return _call(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except OSError:
        return 0


def command(
    argv: Sequence[str],
    writable: Iterable[Path],
    hidden: Iterable[Path],
    *,
    network: bool,
    calls: bytes = b"",
) -> list[str]:
    """Return how to start `argv` so that it may write only below `writable` and read everything but `hidden`.

    Without `network` TCP is refused; `calls` is a seccomp filter, which refuses all other sockets. It has no
    capabilities, whoever starts it.
    """
    given = {
        "writable": sorted({os.path.realpath(path) for path in writable}),
        "hidden": sorted({os.path.realpath(path) for path in hidden}),
        "network": network,
        "calls": calls.hex(),
    }
    return [sys.executable, "-I", "-S", __file__, json.dumps(given), *argv]


def _main(given: str, argv: list[str]) -> None:
    settings = json.loads(given)
    with contextlib.suppress(
        OSError
    ):  # the first that the kernel ends when memory runs out; it cannot say so itself
        Path("/proc/self/oom_score_adj").write_text("1000")
    _confine(
        [Path(path) for path in settings["writable"]],
        {Path(path) for path in settings["hidden"]},
        network=settings["network"],
        calls=bytes.fromhex(settings["calls"]),
    )
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and its child would too
        signal.signal(number, signal.SIG_DFL)
    os.execvp(argv[0], argv)


def _confine(writable: Sequence[Path], hidden: set[Path], *, network: bool, calls: bytes) -> None:
    """Restrict this process, irrevocably. Raises OSError."""
    if _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    ruleset = _ruleset(network)
    try:
        for path in _around(hidden):
            _allow(ruleset, path, READ)
        for path in writable:
            _allow(ruleset, path, _handled())
        for name in ("null", "zero", "full", "random", "urandom", "tty"):
            _allow(ruleset, Path("/dev", name), _handled())
        _call(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    if calls:
        _filter_calls(calls)
    _drop_capabilities()


def _drop_capabilities() -> None:
    """Drop all capabilities (capabilities(7)), inherited ones too; with no_new_privs set, root's next program gets none
    back."""
    for number in range(64):
        _libc().prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # fails beyond the last one, and without permission
    _libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
    nothing = ctypes.create_string_buffer(struct.pack("=6I", *[0] * 6))
    if _libc().capset(header, nothing):
        raise OSError(ctypes.get_errno(), "capset")


def _handled() -> int:
    version = abi()
    rights = ALL_OF_ABI_1
    rights |= REFER if version >= 2 else 0
    rights |= TRUNCATE if version >= ABI_TRUNCATE else 0
    return rights | (IOCTL_DEV if version >= ABI_IOCTL else 0)


def _ruleset(network: bool) -> int:
    version = abi()
    net = NET_TCP if version >= ABI_NET and not network else 0
    scopes = SCOPES if version >= ABI_SCOPES else 0
    fields = (_handled(), net, scopes)[: 3 if version >= ABI_SCOPES else 2 if version >= ABI_NET else 1]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    return _call(
        CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
    )


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # gone meanwhile, or not ours to open: then nothing is allowed there
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= ON_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights & _handled(), fd))
        _call(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
    finally:
        os.close(fd)


def _around(hidden: set[Path]) -> list[Path]:
    """Return folders and files that together are everything but `hidden`: a rule covers all below it, and none can
    exclude."""
    allowed: list[Path] = []
    on_the_way = {parent for path in hidden for parent in path.parents}
    stack = [Path("/")]
    while stack:
        path = stack.pop()
        if path in hidden or path.is_symlink():  # a rule for a link would apply to its target
            continue
        if path not in on_the_way:
            allowed.append(path)
            continue
        try:
            stack += list(path.iterdir())
        except OSError:
            continue
    return allowed


def _filter_calls(program: bytes) -> None:
    """Load a seccomp filter built by seccomp.py."""
    code = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    if _libc().prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:])
