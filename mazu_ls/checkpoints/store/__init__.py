"""The checkpoint store: opening and locking it, its tables, its size."""
