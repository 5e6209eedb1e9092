"""Who may speak and listen on the live socket: this user's own programs, nothing that a tool call of any mazu-ls
started.

A process that a command left behind and that made itself independent (two forks, its own session, a cleared
environment) is still recognised by what no unprivileged process can remove: `no_new_privs`, which both sandboxes set
(prctl(2)), and the hard limit of CPU time, with which every command and every MCP server is started (setrlimit(2)).
Standard library only: short commands import this.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from mazu_ls.platform.child_mark import MARK
from mazu_ls.platform.open_flags import user_id
from mazu_ls.platform.peer_credentials import has_peer_ended, peer_credentials
from mazu_ls.state import live_socket

MOST_PARENTS = 256
UNLIMITED = float("inf")
SANDBOXED = "it runs in a sandbox"
_warned: set[int] = set()
"""Processes that were reported already; a repeated connection is not reported again."""


def connect_to_server(path: Path, timeout: float, warn: Callable[[str], object]) -> socket.socket | None:
    """Return a connection to the server that listens at `path`; None if there is none, it may be a tool call's
    process, or it is suspended (Ctrl-Z) and would not answer.

    Nothing is sent before that is known, because the listener learns the request and answers it. `warn` is called with
    the reason why it is not used. Blocks; call it off the loop.
    """
    if (connection := live_socket.connect(path, timeout)) is None:
        return None
    try:
        reason, (pid, _) = refusal_reason_of(connection), peer_credentials(connection)
        # Editors of Flatpak, Snap or systemd units have no_new_privs as well; a tool call's process also has the limit.
        is_trusted = reason in ("", SANDBOXED)
        if is_trusted and not is_suspended(pid):
            return connection
        if pid not in _warned:
            _warned.add(pid)
            if is_trusted:
                warn(
                    f"The mazu-ls that has this project open is suspended (process {pid}; `fg` continues it): done without it."
                )
            else:
                warn(f"Process {pid} listens for this project in a server's place and is not used: {reason}.")
    except OSError as error:
        warn(f"It cannot be said who listens for this project: {error}.")
    connection.close()
    return None


def refusal_reason_of(connection: socket.socket) -> str:
    """Return why nothing is exchanged with the process at the other end; empty if it may be. Raises OSError."""
    reason = refusal_reason(*peer_credentials(connection))
    if reason in ("", SANDBOXED) and has_peer_ended(connection):
        return "it has ended, and its number may be another one's"
    return reason


def refusal_reason(pid: int, uid: int, server_pid: int | None = None) -> str:
    """Return why the process `pid` of user `uid` is not trusted; empty if it is. Reads /proc; call it off the loop.

    `server_pid`: the asking process, default this one; its descendants are tool calls.
    """
    server = os.getpid() if server_pid is None else server_pid
    if uid != user_id():
        return "it is another user's"
    if pid <= 0:
        return "its process cannot be seen from here"
    try:
        if _descends_from(pid, server):
            return "it was started by this process"
        if f"{MARK}=".encode() in Path(f"/proc/{pid}/environ").read_bytes():
            return "it was started by a tool call"
        if _cpu_seconds(pid) < _cpu_seconds(server):
            return "it has the limits of a tool call"
        if _no_new_privileges(pid) and not _no_new_privileges(server):
            return SANDBOXED
    except (OSError, ValueError, IndexError) as error:
        return f"nothing can be learned of it ({error})"
    return ""


def has_terminal(pid: int) -> bool:
    """Return whether the process `pid` has a controlling terminal, so that a person may be there."""
    fields = _stat_fields(pid)
    return bool(fields) and int(fields[4]) != 0


def is_suspended(pid: int) -> bool:
    """Return whether the process `pid` is stopped, by Ctrl-Z or a debugger: it answers nothing until it is continued."""
    return _stat_fields(pid)[:1] in ([b"T"], [b"t"])


def _stat_fields(pid: int) -> list[bytes]:
    """Return what follows a process's name in proc_pid_stat(5); empty if it cannot be read."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []


def _descends_from(pid: int, ancestor: int) -> bool:
    """Return whether `ancestor` is `pid` or one of its parents. Raises OSError if one of them ended meanwhile."""
    for _ in range(MOST_PARENTS):
        if pid == ancestor:
            return True
        if pid <= 1:
            return False
        pid = int(_status(pid, "PPid"))
    raise ValueError("too many parents")


def _no_new_privileges(pid: int) -> bool:
    return _status(pid, "NoNewPrivs") != "0"


def _status(pid: int, field: str) -> str:
    """Return a field of proc_pid_status(5); fields follow the name of the program, whose line breaks are escaped."""
    for line in Path(f"/proc/{pid}/status").read_bytes().split(b"\n"):
        name, _, value = line.partition(b":")
        if name.decode("ascii", "replace") == field:
            return value.strip().decode("ascii", "replace")
    raise ValueError(f"no {field}")


def _cpu_seconds(pid: int) -> float:
    """Return the hard limit of CPU seconds: proc_pid_limits(5)."""
    for line in Path(f"/proc/{pid}/limits").read_bytes().split(b"\n"):
        if line.startswith(b"Max cpu time"):
            hard = line.split()[4]
            return UNLIMITED if hard == b"unlimited" else float(hard)
    raise ValueError("no CPU limit")
