"""Reads a bash command line: what it runs, however it is written."""

UNKNOWN = "\ue000"
"""Stands for text that only the run of a command makes known."""
SETUP = f"{UNKNOWN}\ue004"
"""Stands for what a tool prints to be evaluated in a shell (`pyenv init -`, `ssh-agent -s`): variables and functions of its own."""
FRESH = "\ue003"
"""Stands for the name of a file or folder that `mktemp` made: there was none of that name, so nothing of anybody's is in it."""
