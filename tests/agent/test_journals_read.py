"""Which journals a checkpoint reads: a project has hundreds of old ones, and one that is written."""

import os
from pathlib import Path

import apsw

from mazu_ls.agent.session.branches import ConversationPart
from tests.agent.test_history_details import db, line

__all__ = ["db"]


def test_a_checkpoint_reads_only_journals_that_were_written(tmp_path: Path, db: apsw.Connection) -> None:
    part, old, new = ConversationPart(tmp_path), tmp_path / "s_1.jsonl", tmp_path / "s_2.jsonl"
    for path in (old, new):
        path.write_bytes(line(1) + line(2))
    part.changed(db)
    part.mark_taken(db)
    status = old.stat()
    old.write_bytes(b"x" * status.st_size)
    os.utime(old, ns=(status.st_atime_ns, status.st_mtime_ns))
    with new.open("ab") as file:
        file.write(line(3))
    start = len(line(1) + line(2))
    added = {f"s_2/{start:012d}.jsonl": line(3), "s_2/head.json": b'{"head":3}'}
    assert part.changed(db) == added, "nothing of s_1, which was not even opened"
    part.mark_taken(db)
    assert part.changed(db) == {}
    assert list(db.execute("SELECT * FROM session_taken ORDER BY session")) == [
        ("s_1", 2, start), ("s_2", 3, start + len(line(3)))
    ]  # fmt: skip
    new.unlink()
    assert part.changed(db) == {"s_2/head.json": None}
    part.mark_taken(db)
    assert list(db.execute("SELECT session FROM session_taken")) == [("s_1",)]
    old.write_bytes(line(1) + line(2) + line(3))
    assert part.changed(db)["s_1/head.json"] == b'{"head":3}'
