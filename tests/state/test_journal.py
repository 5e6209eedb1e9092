"""A journal on a disk that fills up."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from mazu_ls import journal
from mazu_ls.errors import MazuError


@pytest.mark.parametrize("left", [0, 1, 20])
def test_an_event_that_did_not_fit_is_not_there_and_the_next_one_stands_alone(tmp_path: Path, left: int):
    path = tmp_path / "s_1.jsonl"
    kept = journal.Journal(path)
    kept.append(journal.SessionStarted("first"))
    size, limits = path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (size + left, limits[1])
    )  # writing stops there, as on a full disk
    try:
        with pytest.raises(MazuError, match="could not be written"):
            kept.append(journal.SessionNamed("lost"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.stat().st_size == size
    kept.append(journal.SessionNamed("second"))
    kept.close()
    assert [(event.seq, event.body) for event in journal.read(path)] == [
        (1, journal.SessionStarted("first")), (2, journal.SessionNamed("second"))
    ]  # fmt: skip
