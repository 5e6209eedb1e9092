"""The state of projects: its place, its SQLite databases, which project it belongs to, and migration from older
versions."""
