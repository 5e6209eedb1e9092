"""`mazu-ls memory consolidate`: what is shown is what is applied."""

from __future__ import annotations

from tests.terminal.test_scripts import Script, script  # noqa: F401


def test_proposals_are_shown_whole_and_applied_one_by_one(script: Script):  # noqa: F811
    assert script("memory", "consolidate", "--apply")[0] != 0  # nothing was shown yet
    for fact in (
        "The cache is cleared at midnight by the nightly job",
        "At midnight the nightly job clears the cache entirely",
        "The nightly job clears the cache and mails a report at midnight",
    ):
        assert script("remember", fact, "--category", "mistake")[0] == 0
    out = script("memory", "consolidate")[1]
    assert (
        "c1.1 write the page drafts/" in out and "  | # " in out and "The cache is cleared at midnight" in out
    )
    assert "c1.2 a line for the role document" in out and "  | - Avoid: " in out
    assert script("memory", "consolidate", "--last")[1] == out
    status, done, _ = script("memory", "consolidate", "c1.1", "--apply")
    assert status == 0 and "(applied)" in done
    assert "drafts/" in script("wiki", "list")[1]
    assert "(applied)" in script("memory", "consolidate", "c1.1")[1]
    assert "was applied already" in script("memory", "consolidate", "c1.1", "--dismiss")[2]
