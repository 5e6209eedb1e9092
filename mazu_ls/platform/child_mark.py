"""The environment variable that every process of a tool call carries. Standard library only: short commands import this."""

MARK = "MAZU_CHILD"
