"""Who is at the other end of a unix socket: SO_PEERCRED of unix(7), which Linux alone has.

Elsewhere (macOS, Windows) `is_supported` is false, and the live socket and its commands are not offered.
Standard library only: short commands import this.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import sys

SO_PEERPIDFD = 77
"""Linux 6.5; Python has no name for it."""


def is_supported() -> bool:
    """Whether the kernel says who is at the other end of a unix socket."""
    return sys.platform == "linux" and hasattr(socket, "SO_PEERCRED")


def peer_credentials(connection: socket.socket) -> tuple[int, int]:
    """The process and the user at the other end, as they were when it connected (listened, for the client). Raises OSError."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _gid = struct.unpack("3i", raw)
    return pid, uid


def has_peer_ended(connection: socket.socket) -> bool:
    """Whether the process that connected is gone, so that its pid may be another one's; False where the kernel cannot say."""
    try:
        pidfd = connection.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
    except OSError as error:
        return error.errno == errno.ESRCH
    try:
        return bool(select.select([pidfd], [], [], 0)[0])  # readable once it has ended: pidfd_open(2)
    except ValueError:  # more descriptors than select(2) takes
        return False
    finally:
        os.close(pidfd)
