"""Memory rows in SQLite: schema, entries, upsert with dedupe, queries."""
