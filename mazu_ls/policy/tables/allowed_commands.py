"""The allowlist of programs that only read, with the options under which they do. Anything else is asked about.

Options that write, run something, read a list of files from a file, or use the network are left out on purpose.
"""

from __future__ import annotations

from mazu_ls.policy.data import read_table, word_set
from mazu_ls.policy.tables.options import read_specs

PROGRAMS = read_specs("programs")
# These read more arguments from FILE if they are given @FILE.
ARGUMENT_FILES = frozenset(("pytest", "ruff", "mypy", "pyright", "flake8", "black", "isort", "tsc"))
# Options of programs whose first operand is a program of their own (scripts.py).
SCRIPTED = read_specs("scripted")
# Where unknown text of a file or variable is allowed, since it is only printed.
PRINTS = frozenset(("echo", "printf", "true", ":", "exit"))
# Without one of these options they change files.
ONLY_LOOKS = {"black": ("--check", "--diff"), "isort": ("--check", "--check-only", "-c", "--diff")}
# No option of these does harm, so that a file found by a wildcard may be read as one.
ANY_OPTION = word_set("any_option")
# Whole commands that only show something, of programs that otherwise do much more.
EXACT = frozenset(tuple(line.split()) for line in read_table("programs")["exact"])
