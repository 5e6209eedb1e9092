"""Most edits happen where no other editor holds unsaved text: they wait for no thread to find that out."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.errors import MazuError
from mazu_ls.server.documents.unsaved_elsewhere import UnsavedRegistry, require_saved
from mazu_ls.workspace import Workspace


async def test_an_edit_waits_for_no_thread_where_nobody_shares_unsaved_text(tmp_path: Path):
    here, there = UnsavedRegistry(tmp_path), UnsavedRegistry(tmp_path)
    workspace, file = Workspace([tmp_path]), tmp_path / "a.txt"
    try:
        for _ in range(2):
            with pytest.raises(StopIteration):  # it has finished without suspending
                require_saved(here, workspace, file).send(None)
            here.show([(file, file.as_uri(), "what is unsaved here is no hindrance")])
        there.show([(file, file.as_uri(), "unsaved")])
        with pytest.raises(MazuError, match=r"unsaved changes: a\.txt"):
            await require_saved(here, workspace, file)
    finally:
        here.close()
        there.close()
