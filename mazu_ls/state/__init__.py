"""The state of projects: where it is, its SQLite databases, which project it belongs to, taking it over."""
