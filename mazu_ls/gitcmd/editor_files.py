"""Files that editors create next to the edited file: not the user's work, and the editor's to remove."""

from __future__ import annotations

EDITOR_FILES = (
    # Emacs: a lock (a dangling link), an auto-save file, a backup.
    ".\\#*", "\\#*\\#", "*~",
    # Vim, Kate, LibreOffice.
    ".*.sw[a-p]", ".swp", ".*.kate-swp", ".~lock.*\\#",
)  # fmt: skip
"""As ignore patterns of git."""
EXCLUDE_OPTIONS = tuple(f"--exclude={pattern}" for pattern in EDITOR_FILES)
"""The same for `git ls-files`."""
