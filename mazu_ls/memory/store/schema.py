"""The tables of memory: one for everything that can be remembered, one index over it, anchors, edges, dirty marks."""

from __future__ import annotations

from mazu_ls.memory.embeddings import vector_rows
from mazu_ls.state.store import Migrations

# `kind` distinguishes memories, wiki pages, session summaries, traits and relations; `key` is a page's slug, a trait's
# name, a summary's session, a relation's ends. AUTOINCREMENT: an id is never given twice, so that a rollback and what
# was remembered after it cannot be confused. Times are microseconds since 1970, UTC.
# `terms` are the index terms of title, body and anchors (one line each), `length` their weighted number: what ranking
# reads, so that it need not tokenize again.
_TABLES = """
CREATE TABLE memory (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL DEFAULT 'memory',
    key TEXT,
    category TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '[]',
    pinned INTEGER NOT NULL DEFAULT 0,
    source TEXT NOT NULL DEFAULT 'user',
    origin TEXT,
    state TEXT NOT NULL DEFAULT 'current',
    supersedes INTEGER,
    superseded_by INTEGER,
    session_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    details TEXT,
    digest BLOB NOT NULL,
    length REAL NOT NULL,
    terms TEXT NOT NULL,
    path TEXT GENERATED ALWAYS AS (
        CASE kind
            WHEN 'memory' THEN printf('%02x/%x/m_%06d.md', n % 256, n / 256 % 16, n)
            WHEN 'page' THEN 'wiki/' || key || '.md'
            WHEN 'summary' THEN 'sessions/' || key || '.md'
            WHEN 'trait' THEN 'traits/' || key || '.md'
            ELSE printf('relations/m_%06d.md', n)
        END) VIRTUAL
);
CREATE UNIQUE INDEX memory_key ON memory (kind, key) WHERE key IS NOT NULL;
CREATE INDEX memory_digest ON memory (digest);
CREATE INDEX memory_session ON memory (session_id, n) WHERE session_id IS NOT NULL;
CREATE INDEX memory_kind ON memory (kind, state, category, n);
CREATE INDEX memory_pinned ON memory (n) WHERE pinned;

CREATE TABLE memory_use (
    n INTEGER PRIMARY KEY,
    uses INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
);

CREATE TABLE memory_count (
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    entries INTEGER NOT NULL,
    length REAL NOT NULL,
    PRIMARY KEY (kind, state)
) WITHOUT ROWID;
CREATE TRIGGER memory_count_in AFTER INSERT ON memory BEGIN
    INSERT INTO memory_count VALUES (new.kind, new.state, 1, new.length)
        ON CONFLICT DO UPDATE SET entries = entries + 1, length = length + excluded.length;
END;
CREATE TRIGGER memory_count_out AFTER DELETE ON memory BEGIN
    UPDATE memory_count SET entries = entries - 1, length = length - old.length WHERE kind = old.kind AND state = old.state;
END;
CREATE TRIGGER memory_count_moved AFTER UPDATE OF kind, state, length ON memory BEGIN
    UPDATE memory_count SET entries = entries - 1, length = length - old.length WHERE kind = old.kind AND state = old.state;
    INSERT INTO memory_count VALUES (new.kind, new.state, 1, new.length)
        ON CONFLICT DO UPDATE SET entries = entries + 1, length = length + excluded.length;
END;

CREATE TABLE memory_anchor (
    n INTEGER NOT NULL REFERENCES memory (n) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    symbol TEXT NOT NULL DEFAULT '',
    start_line INTEGER,
    start_character INTEGER,
    end_line INTEGER,
    end_character INTEGER,
    evidence TEXT,
    state TEXT NOT NULL DEFAULT 'fresh',
    PRIMARY KEY (n, position)
) WITHOUT ROWID;
CREATE INDEX memory_anchor_path ON memory_anchor (path);

CREATE TABLE memory_edge (
    source TEXT NOT NULL,
    relation TEXT NOT NULL,
    target TEXT NOT NULL,
    n INTEGER NOT NULL REFERENCES memory (n) ON DELETE CASCADE,
    PRIMARY KEY (source, relation, target, n)
) WITHOUT ROWID;
CREATE INDEX memory_edge_target ON memory_edge (target, relation, source);
CREATE INDEX memory_edge_owner ON memory_edge (n);

CREATE TABLE memory_dirty (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER memory_dirty_in AFTER INSERT ON memory BEGIN
    INSERT OR IGNORE INTO memory_dirty SELECT path FROM memory WHERE n = new.n;
END;
CREATE TRIGGER memory_dirty_changed AFTER UPDATE ON memory BEGIN
    INSERT OR IGNORE INTO memory_dirty VALUES (old.path), (new.path);
END;
CREATE TRIGGER memory_dirty_out AFTER DELETE ON memory BEGIN
    INSERT OR IGNORE INTO memory_dirty VALUES (old.path);
END;
CREATE TRIGGER memory_dirty_anchor_in AFTER INSERT ON memory_anchor BEGIN
    INSERT OR IGNORE INTO memory_dirty SELECT path FROM memory WHERE n = new.n;
END;
CREATE TRIGGER memory_dirty_anchor_changed AFTER UPDATE ON memory_anchor BEGIN
    INSERT OR IGNORE INTO memory_dirty SELECT path FROM memory WHERE n = new.n;
END;
CREATE TRIGGER memory_dirty_anchor_out AFTER DELETE ON memory_anchor BEGIN
    INSERT OR IGNORE INTO memory_dirty SELECT path FROM memory WHERE n = old.n;
END;

CREATE TABLE memory_extraction (
    session_id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT '',
    at INTEGER NOT NULL
) WITHOUT ROWID;
"""

# Contentless: the words are in `memory` already. `flags` (weight 0 in ranking) holds kind, state and category, so
# that a filter is one more term of the match and never costs candidates.
_INDEX = """
CREATE VIRTUAL TABLE memory_index USING fts5 (
    title, body, anchor, flags, content = '', contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
);
CREATE VIRTUAL TABLE memory_vocabulary USING fts5vocab (memory_index, 'row');
"""

# Whole entries as JSON, so that forgetting can be undone (forgotten.py), and results of consolidation, for later
# display.
_KEPT_FOR_LATER = """
CREATE TABLE memory_forgotten (n INTEGER PRIMARY KEY, entry BLOB NOT NULL, at INTEGER NOT NULL);
CREATE TABLE memory_consolidation (n INTEGER PRIMARY KEY, found BLOB NOT NULL);
"""

# Shared memories (memory/team/): all versions of each as JSON, the entry that stands for it here (its number stays when the entry
# is forgotten), the `updated_at` that the entry was given, and what the user wants of it: "forget" or "restore". Rejected
# proposals, by digest. The remote that memories are synchronized with.
_SHARED = """
CREATE TABLE memory_shared (
    id TEXT PRIMARY KEY, n INTEGER, versions BLOB NOT NULL, written_at INTEGER NOT NULL DEFAULT 0, wish TEXT
) WITHOUT ROWID;
CREATE INDEX memory_shared_entry ON memory_shared (n) WHERE n IS NOT NULL;
CREATE TABLE memory_shared_rejected (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE memory_shared_setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

# Who changed an entry since the last checkpoint, by path: see writers.py.
_WRITERS = """
CREATE TABLE memory_writer (path TEXT NOT NULL, writer TEXT NOT NULL, PRIMARY KEY (path, writer)) WITHOUT ROWID;
"""

MIGRATIONS = Migrations("memory", (_TABLES + _INDEX, vector_rows.TABLES, _KEPT_FOR_LATER, _SHARED, _WRITERS))
