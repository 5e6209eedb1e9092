"""A language server that hosts a coding agent which remembers and can be undone."""

__version__ = "0.1.0"
