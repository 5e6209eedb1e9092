"""Filters of system calls for both sandboxes: classic BPF programs as in seccomp(2), x86-64 and arm64.

They refuse what neither namespaces nor Landlock restrict: sockets to the hypervisor (vsock) and other families that no
build needs, the kernel keyrings, which belong to the user and not to a namespace, loading programs into the kernel,
perf events, io_uring, whose operations no filter sees, and typing into a terminal (TIOCSTI).
"""

from __future__ import annotations

import errno
import os
import platform
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from mazu_ls.state.paths import private_folder, state_home


class Machine(Struct, frozen=True):
    """The audit architecture, and the numbers of system calls: asm/unistd.h."""

    architecture: int
    socket: int
    ioctl: int
    refused: tuple[int, ...]
    """add_key, request_key, keyctl, perf_event_open, bpf, userfaultfd, io_uring_setup."""


_MACHINES = {
    "x86_64": Machine(0xC000003E, 41, 16, (248, 249, 250, 298, 321, 323, 425)),
    "aarch64": Machine(0xC00000B7, 198, 29, (217, 218, 219, 241, 280, 282, 425)),
}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24  # offsets in struct seccomp_data
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_X32 = 0x40000000
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 0, 1, 2, 10, 16
FAMILIES = (AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK)


def build_filter(families: tuple[int, ...] = FAMILIES) -> bytes:
    """Return the program that allows sockets of these families only; empty on a machine whose numbers are not known."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return b""
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, machine.architecture),  # another architecture has other numbers
        (_RETURN, 0, 0, _ERRNO | errno.EACCES),
        (_LOAD, 0, 0, _NUMBER),
        *_refuse((_AT_LEAST, _X32), errno.ENOSYS),
        *(line for number in machine.refused for line in _refuse((_EQUAL, number), errno.EPERM)),
        (_EQUAL, 0, 2 + 2 * len(_TERMINAL_INPUT), machine.ioctl),
        (_LOAD, 0, 0, _SECOND_ARGUMENT),
        *(line for request in _TERMINAL_INPUT for line in _refuse((_EQUAL, request), errno.EPERM)),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 1, 0, machine.socket),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *((_EQUAL, len(families) - at, 0, family) for at, family in enumerate(families)),
        (_RETURN, 0, 0, _ERRNO | (errno.EAFNOSUPPORT if len(families) > 1 else errno.EACCES)),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in program)


def _refuse(test: tuple[int, int], error: int) -> list[tuple[int, int, int, int]]:
    """Return instructions that make the call fail with `error` if the test is true."""
    return [(test[0], 0, 1, test[1]), (_RETURN, 0, 0, _ERRNO | error)]


def filter_file(env: Mapping[str, str]) -> Path | None:
    """Return the filter as a file in the state directory, for a program that reads it from a descriptor; None if there
    is none.

    Raises OSError if it cannot be written: then nothing runs, rather than without it.
    """
    wanted = build_filter()
    if not wanted:
        return None
    path = state_home(env) / "sandbox-seccomp"
    private_folder(path.parent)
    try:
        if path.read_bytes() == wanted:
            return path
    except OSError:
        pass
    handle, name = tempfile.mkstemp(dir=path.parent, prefix="sandbox-seccomp-")
    with os.fdopen(handle, "wb") as file:
        file.write(wanted)
    Path(name).replace(path)
    return path
