"""What editors put beside the file that somebody types in: no work of the user's, and theirs to remove."""

from __future__ import annotations

EDITOR_FILES = (
    # Emacs: a lock (a link to nowhere), what it saves by itself, a backup.
    ".\\#*", "\\#*\\#", "*~",
    # Vim, Kate, LibreOffice.
    ".*.sw[a-p]", ".swp", ".*.kate-swp", ".~lock.*\\#",
)  # fmt: skip
"""As ignore patterns of git."""
EXCLUDE_OPTIONS = tuple(f"--exclude={pattern}" for pattern in EDITOR_FILES)
"""The same for `git ls-files`."""
