"""What is looked at of long or many texts: enough to be right, and never more than linear work."""

from __future__ import annotations

import pytest

from mazu_ls.agent.project.waiting_sessions import _short
from mazu_ls.server.documents.kept_commits import has_markers

CONFLICT = "a\n<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> other\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CONFLICT, True),
        (CONFLICT.replace("\n", "\r\n"), True),
        ("=======\n<<<<<<< a\n>>>>>>> b\n", False),
        (" <<<<<<< a\n=======\n>>>>>>> b\n", False),
        ("<<<<<<< a\n=======\n" * 30_000, False),
        ("<<<<<<< a\n=======\n" * 30_000 + ">>>>>>> b\n", True),
    ],
)
def test_the_markers_of_a_conflict(text: str, found: bool):
    assert has_markers(text) is found


@pytest.mark.parametrize(
    "text", ["漢字を読む。" * 300, "https://x.example/" + "a" * 2000 + " please fix this", "word " * 600]
)
def test_a_long_message_is_cut_not_dropped(text: str):
    told = _short(text)
    assert told.endswith("…") and len(told) > 250 and text.startswith(told[:50])
