"""Whether a command listens on a port that nobody outside of its sandbox can reach."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

EPHEMERAL = 32768
"""The first port that the kernel gives to who asks for any (ip_local_port_range): tests listen there for themselves."""
TABLE_BYTES = 2**16
_LISTEN = "0A"


def closed_port(pids: Iterable[int]) -> int | None:
    """Return the lowest port below EPHEMERAL on which one of these processes listens in a network that is not this process's.

    None if there is none, or if it cannot be known.
    """
    for pid in sorted(pids, reverse=True):  # the newest are inside of the sandbox
        process = Path("/proc", str(pid))
        try:
            if (process / "ns/net").readlink() != Path("/proc/self/ns/net").readlink():
                ports = _ports(process / "net/tcp") | _ports(process / "net/tcp6")
                return min((port for port in ports if port < EPHEMERAL), default=None)
        except OSError:  # it has ended
            continue
    return None


def _ports(table: Path) -> set[int]:
    """Return the ports of listening sockets, which come first in a table of proc_net_tcp(5)."""
    with table.open(encoding="ascii") as file:
        rows = [row.split() for row in file.read(TABLE_BYTES).split("\n")[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3:4] == [_LISTEN]}
