"""The latest events of a journal are those that reading all of it gives, and what is older is not decoded."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mazu_ls.journal import journal, latest_events
from mazu_ls.messages import Message, Text

FIRST = "2026-01-01T00:00:00."


def line(seq: int, parent: int, moment: int, size: int = 3) -> bytes:
    said = journal.UserSaid(Message("user", (Text("x" * size),)), 'an "at":"2030" of a text')
    return bytes(journal._encode_line(journal.Event(seq, parent, f"{FIRST}{moment:03}Z", None, said)))


def is_later_than(moment: int):
    return lambda at: at > f"{FIRST}{moment:03}Z"


def expected(path: Path, moment: int) -> list[journal.Event]:
    everything, later = list(journal.read(path)), is_later_than(moment)
    last = max((place for place, event in enumerate(everything) if not later(event.at)), default=-1)
    return everything[last + 1 :]


@settings(max_examples=150, deadline=None)
@given(
    moments=st.lists(st.integers(0, 9), max_size=12),
    sizes=st.lists(st.integers(0, 400), min_size=12, max_size=12),
    asked=st.integers(0, 9),
    block=st.integers(1, 300),
    torn=st.integers(0, 150),
    damage=st.sampled_from(
        ["", "a line is torn", "a line is twice", "lines are sorted", "a time was set back"]
    ),
)
def test_they_are_what_reading_everything_gives(
    *, moments: list[int], sizes: list[int], asked: int, block: int, torn: int, damage: str
):
    times = moments if damage == "a time was set back" else sorted(moments)
    lines = [line(n + 1, n, moment, sizes[n]) for n, moment in enumerate(times)]
    if damage == "a line is torn" and lines:
        lines[len(lines) // 2] = lines[len(lines) // 2][:60] + b"\n"
    elif damage == "a line is twice" and lines:
        lines.append(lines[-1])
    elif damage == "lines are sorted":
        lines.sort()
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(latest_events, "BLOCK", block)
        path = Path(folder, "s.jsonl")
        path.write_bytes(b"".join(lines) + line(len(lines) + 1, len(lines), 9)[:torn])
        assert latest_events.read_latest(path, is_later_than(asked)) == expected(path, asked)


def test_what_is_older_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    old, latest = (
        [line(n, n - 1, 1, 5000) for n in range(1, 101)],
        [line(n, n - 1, 5) for n in range(101, 104)],
    )
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"".join(old + latest))
    monkeypatch.setattr(latest_events, "BLOCK", 4096)
    decoded: list[bytes] = []
    decode = journal.decode

    def counted(data: bytes) -> journal.Event | None:
        decoded.append(data)
        return decode(data)

    monkeypatch.setattr(latest_events, "decode", counted)
    found = latest_events.read_latest(path, is_later_than(3))
    assert [event.seq for event in found] == [101, 102, 103]
    assert sum(map(len, decoded)) < 20_000
