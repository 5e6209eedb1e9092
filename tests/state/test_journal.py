"""A journal on a disk that fills up."""

from __future__ import annotations

import resource
from contextlib import closing
from pathlib import Path

import pytest

from mazu_ls.agent.session.journal_cache import JournalTail
from mazu_ls.errors import MazuError
from mazu_ls.journal import journal
from mazu_ls.platform import file_lock
from mazu_ls.platform.file_lock import try_lock


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


def test_a_journal_that_grew_is_read_on_from_where_it_ended(tmp_path: Path):
    path, tail = tmp_path / "s_1.jsonl", JournalTail()
    kept = journal.Journal(path)
    kept.append(journal.SessionStarted("first"))
    assert tail.events(path) == [*journal.read(path)]
    first = tail.events(path)[0]
    kept.append(journal.SessionNamed("second"))
    with path.open("ab") as half:
        half.write(b'{"seq": 3')
    assert tail.events(path) == [*journal.read(path)] and len(tail.events(path)) == 2
    assert tail.events(path)[0] is first
    kept.close()
    with closing(journal.Journal(path)) as again:  # ends the torn line
        again.append(journal.SessionNamed("third"))
    assert [event.seq for event in tail.events(path)] == [1, 2, 3]
    other = path.with_name("s_2.jsonl")
    with closing(journal.Journal(other)) as kept:
        kept.append(journal.SessionStarted("other"))
    assert tail.events(other) == [*journal.read(other)]
    assert tail.events(path) == [*journal.read(path)]


def test_a_glance_of_another_process_is_no_conversation_open_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "s_1.jsonl"
    path.touch()
    with path.open("rb") as glance:
        assert try_lock(glance.fileno(), shared=True)
        monkeypatch.setattr(file_lock.time, "sleep", lambda seconds: glance.close())
        journal.Journal(path).close()
