"""The table of the vectors of one store: stored and missing vectors, and the model they belong to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mazu_ls.memory.embeddings.text_embeddings import DIMENSIONS, MODEL_ID
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw
    from numpy.typing import NDArray

TABLES = """
CREATE TABLE memory_vector (
    n INTEGER PRIMARY KEY REFERENCES memory (n) ON DELETE CASCADE,
    stamp INTEGER NOT NULL,
    signs BLOB NOT NULL,
    vector BLOB NOT NULL
);
CREATE INDEX memory_vector_stamp ON memory_vector (stamp);
CREATE TABLE memory_vector_model (id TEXT NOT NULL, epoch INTEGER NOT NULL, last_stamp INTEGER NOT NULL);
INSERT INTO memory_vector_model VALUES ('', 0, 0);
CREATE TABLE memory_unembedded (n INTEGER PRIMARY KEY);
INSERT INTO memory_unembedded SELECT n FROM memory;
CREATE TRIGGER memory_unembedded_in AFTER INSERT ON memory BEGIN
    INSERT OR IGNORE INTO memory_unembedded VALUES (new.n);
END;
CREATE TRIGGER memory_unembedded_changed AFTER UPDATE OF title, body, tags, key ON memory
WHEN old.title <> new.title OR old.body <> new.body OR old.tags <> new.tags OR old.key IS NOT new.key BEGIN
    INSERT OR IGNORE INTO memory_unembedded VALUES (new.n);
END;
CREATE TRIGGER memory_unembedded_out AFTER DELETE ON memory BEGIN
    DELETE FROM memory_unembedded WHERE n = old.n;
END;
"""
_SCALE = 127.0


def row_dimensions(model_id: str) -> tuple[int, ...]:
    """Return the row lengths that are useful in a store of this model; none if its built-in part is another one."""
    if model_id == MODEL_ID:
        return (DIMENSIONS,)
    size = model_id.rpartition("/")[2]
    if not model_id.startswith(f"{MODEL_ID}+") or not size.isdecimal() or int(size) % 64 or not int(size):
        return ()
    return DIMENSIONS, DIMENSIONS + int(size)


def require_model(db: apsw.Connection, model_id: str = MODEL_ID) -> None:
    """Make this model the store's, keeping the stored vectors that are still useful. Needs a transaction.

    A process without a second encoder leaves the rows of those that have one: it uses the built-in part.
    """
    ((kept,),) = select(db, "SELECT id FROM memory_vector_model")
    known = row_dimensions(kept)
    if known and model_id in (kept, MODEL_ID):
        wanted = known[-1:] if model_id == kept else known
        if len(known) > 1:
            marks = ", ".join("?" * len(wanted))
            db.execute(
                "INSERT OR IGNORE INTO memory_unembedded"
                f" SELECT n FROM memory_vector WHERE length(vector) NOT IN ({marks})",
                wanted,
            )
        return
    if known:
        db.execute("DELETE FROM memory_vector WHERE length(vector) <> ?", (DIMENSIONS,))
    else:
        db.execute("DELETE FROM memory_vector")
    db.execute("UPDATE memory_vector_model SET id = ?, epoch = epoch + 1", (model_id,))
    db.execute("INSERT OR IGNORE INTO memory_unembedded SELECT n FROM memory")


def pending(db: apsw.Connection, limit: int) -> list[tuple[int, str]]:
    """Return numbers and texts of entries without a vector of their current text, the newest first."""
    rows = select(db, "SELECT n FROM memory_unembedded ORDER BY n DESC LIMIT ?", (limit,))
    return list(_texts(db, [n for (n,) in rows]).items())


def store_vectors(
    db: apsw.Connection,
    made: Sequence[tuple[int, str]],
    vectors: NDArray[Any],
    model_id: str = MODEL_ID,
    *,
    keep_queued: bool = True,
) -> int | None:
    """Store the vectors of entries whose text is unchanged; return how many. Needs a transaction.

    None, and nothing is written, if the store belongs to another model by now. An entry that has this built-in
    part already still waits for the second encoder's (`keep_queued`): another process is about to compute it.
    """
    import numpy as np

    ((kept,),) = select(db, "SELECT id FROM memory_vector_model")
    if not row_dimensions(kept) or model_id not in (kept, MODEL_ID):
        return None

    current = _texts(db, [n for n, _ in made])
    marks = ", ".join("?" * len(made))
    numbers = [n for n, _ in made]
    waiting = {n for (n,) in select(db, f"SELECT n FROM memory_unembedded WHERE n IN ({marks})", numbers)}
    same = (
        dict(select(db, f"SELECT n, vector FROM memory_vector WHERE n IN ({marks})", numbers))
        if model_id != kept
        else {}
    )
    count = 0
    ((last,),) = select(db, "SELECT last_stamp FROM memory_vector_model")
    for (n, text), vector in zip(made, vectors, strict=True):
        if current.get(n) != text or n not in waiting:  # changed, or computed by another process meanwhile
            continue
        quantized = np.rint(vector * _scale(vector)).astype(np.int8)
        if same.get(n) == quantized.tobytes():
            if not keep_queued:
                db.execute("DELETE FROM memory_unembedded WHERE n = ?", (n,))
            continue
        last, count = last + 1, count + 1
        db.execute(
            "INSERT INTO memory_vector VALUES (?1, ?2, ?3, ?4)"
            " ON CONFLICT (n) DO UPDATE SET stamp = ?2, signs = ?3, vector = ?4",
            (n, last, np.packbits(vector > 0).tobytes(), quantized.tobytes()),
        )
        db.execute("DELETE FROM memory_unembedded WHERE n = ?", (n,))
    db.execute("UPDATE memory_vector_model SET last_stamp = ?", (last,))
    return count


def _texts(db: apsw.Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Return the embedded text of each entry: the key of a page or trait, title, text, tags."""
    marks = ", ".join("?" * len(numbers))
    rows = select(db, f"SELECT n, kind, key, title, body, tags FROM memory WHERE n IN ({marks})", numbers)
    found = {}
    for n, kind, key, title, body, tags in rows:
        name = key.replace("/", " ") if kind in ("page", "trait") and key else ""
        found[n] = " ".join(part for part in (name, title, body, *json.loads(tags)) if part)
    return found


def _scale(vector: NDArray[Any]) -> float:
    """Return the factor that makes the vector's largest number 127; it is not stored, since only directions are
    compared."""
    largest = float(abs(vector).max())
    return _SCALE / largest if largest else 1.0
