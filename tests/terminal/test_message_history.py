"""What was typed before: found again by the Up key, by nobody else, and without secrets."""

from __future__ import annotations

import os
from pathlib import Path

from mazu_ls.state.paths import private_folder
from mazu_ls.terminal.surfaces.message_history import MessageHistory

KEY = "sk-ant-api03-abcdefghijklmnop1234567890"


async def lines(history: MessageHistory) -> list[str]:
    return [line async for line in history.load()]


async def test_no_secret_is_kept_and_nobody_else_may_read_it(tmp_path: Path):
    path = private_folder(tmp_path / "new" / "state") / "history"
    before = os.umask(0o002)
    try:
        history = MessageHistory(path)
        history.append_string(f"my key is {KEY}\nand password=hunter2hunter2")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in (path.parent, path.parent.parent)} == {0o700}
    assert KEY not in path.read_text() and "hunter2" not in path.read_text()
    assert await lines(MessageHistory(path)) == [
        "my key is [redacted: anthropic key]\nand password=[redacted: secret]"
    ]


async def test_the_file_of_an_earlier_version_is_closed_and_cleaned(tmp_path: Path):
    path = tmp_path / "history"
    path.write_text(f"\n# 2026-01-01 10:00:00\n+hello\n\n# 2026-01-01 10:00:01\n+{KEY}\n")
    path.chmod(0o644)
    assert await lines(MessageHistory(path)) == ["[redacted: anthropic key]", "hello"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert KEY not in path.read_text()


def test_a_place_that_cannot_be_written_stops_no_message(tmp_path: Path):
    MessageHistory(tmp_path / "missing" / "history").append_string("hello")
