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


FACTS = (
    "The cache is cleared at midnight by the nightly job",
    "At midnight the nightly job clears the cache entirely",
    "The nightly job clears the cache and mails a report at midnight",
)


def test_a_rollback_reverts_what_was_applied_and_goes_there_by_itself(script: Script):  # noqa: F811
    for fact in FACTS:
        script("remember", fact, "--category", "mistake")
    script("remember", "Tests are run with pytest", "--category", "decision")
    script("remember", "The tests are run with pytest", "--category", "decision", "--tags", "ci")
    assert script("checkpoint", "take", "of mine")[0] == 0
    (script.root / "new.txt").write_text("a file that differs from an older checkpoint\n")
    out = script("memory", "consolidate")[1]
    assert "1 page would be drafted: drafts/" in out and "1 line is proposed for the role document." in out
    status, out, _ = script("memory", "consolidate", "--apply")
    assert status == 0 and "1 page was drafted" in out
    page = script("wiki", "list")[1]
    assert page.startswith("drafts/")
    status, out, _ = script("rollback", "--preview")
    assert out.startswith("To cp_000002 \u201cbefore consolidating memory\u201d"), out
    assert "keep: wiki page" not in out
    assert script("rollback")[0] == 0
    assert "no pages" in script("wiki", "list")[1]
    assert script("redo")[0] == 0
    assert script("wiki", "list")[1] == page
    # An undo of a conversation is about its agent alone.
    script.model_says({"text": "Hello.", "repeat": True})
    assert script("chat", "hello")[0] == 0
    script("undo")
    assert script("wiki", "list")[1] == page
    # What the user wrote on top is theirs.
    slug = page.split(":")[0]
    (script.root / "page.md").write_text("# Caches\n\nMine now.\n")
    assert script("wiki", "write", slug, "page.md")[0] == 0
    status, out, _ = script("rollback", "before consolidating memory")
    assert status == 4 and "wiki page drafts/" in out
    assert script("wiki", "list")[1].startswith("drafts/")


def test_what_is_archived_is_live_again_after_a_rollback(script: Script):  # noqa: F811
    script("remember", "Tests are run with pytest", "--category", "decision")
    script("remember", "Deploys need three approvals", "--category", "decision")
    script("remember", "The API answers within two seconds", "--category", "decision")
    script("memory", "update", "m_000003", "--title", "The tests run with pytest")
    proposed = script("memory", "consolidate")[1]
    assert "archive, a near-duplicate" in proposed and "1 near-duplicate would be archived." in proposed
    assert "1 near-duplicate was archived." in script("memory", "consolidate", "--apply")[1]
    assert "archived" in script("memory", "show", "m_000001")[1]
    assert script("rollback")[0] == 0
    assert "archived" not in script("memory", "show", "m_000001")[1]


def test_what_is_not_applied_is_a_failure_and_takes_no_checkpoint(script: Script):  # noqa: F811
    for fact in FACTS:
        script("remember", fact, "--category", "mistake")
    script("memory", "consolidate")
    script("memory", "update", "m_000002", "--title", "At noon the nightly job clears the cache entirely")
    status, out, _ = script("memory", "consolidate", "c1.1", "--apply")
    assert status == 1 and "1 proposal was not applied: what it is about changed since." in out
    assert script("memory", "consolidate", "--apply")[0] == 0, "only the line for the role document is open"
    assert script("memory", "consolidate", "c1.2", "--apply")[0] == 1
    assert script("memory", "consolidate", "c1.1", "--dismiss")[0] == 0
    assert script("memory", "consolidate", "c1.1", "--apply")[0] == 1
    assert "cp_" not in script("checkpoint", "list")[1]
