"""The built-in tools, in the order in which the model sees them; a stable order keeps the provider's cache warm."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mazu_ls.tools.tool import Tool


@cache
def builtin_tools() -> list[Tool]:
    """Imported on first use, so that starting the server does not pay for them."""
    from mazu_ls.tools import edit, files, recollect, search, shell

    return [
        files.read_file, files.list_dir, search.glob_files, search.grep, edit.edit_file, edit.write_file,
        shell.run_shell, recollect.recall, recollect.remember,
    ]  # fmt: skip
