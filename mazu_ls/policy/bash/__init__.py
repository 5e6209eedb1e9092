"""Reads a bash command line: what it runs, however it is written."""

UNKNOWN = "\ue000"
"""Stands for text that only the run of a command makes known."""
