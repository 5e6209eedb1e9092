"""ReviewedHost: an edit that nobody was asked about is made in the text that was read, and in no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.agent.turn.reviewed_host import RecordedEdit, ReviewedHost
from mazu_ls.errors import Kind, MazuError
from mazu_ls.workspace import Workspace
from tests.plain_host import PlainHost


async def _nothing() -> None:
    return None


@pytest.mark.parametrize("asked", [True, False])
async def test_typing_elsewhere_is_merged_only_where_the_user_was_asked(tmp_path: Path, asked: bool):
    """The question is what took the time; without one the model read the text a moment ago, and reads it again."""
    path, workspace = tmp_path / "a.txt", Workspace([tmp_path])
    host = PlainHost(workspace, open={path: "one\ntwo\nthree\nfour\n"})

    async def accept(edit: RecordedEdit) -> None:
        return None

    reviewed = ReviewedHost(host, workspace, _nothing, accept if asked else None)
    host.open[path] = "one\ntwo\nthree\nmine\n"
    edit = reviewed.edit(path, "one\ntwo\nthree\nfour\n", "1\ntwo\nthree\nfour\n")
    if asked:
        await edit
        assert (host.open[path], reviewed.rebased) == ("1\ntwo\nthree\nmine\n", ["a.txt"])
        return
    with pytest.raises(MazuError) as caught:
        await edit
    assert caught.value.kind is Kind.CONFLICT
    assert (host.open[path], reviewed.rebased, reviewed.edits) == ("one\ntwo\nthree\nmine\n", [], [])
