"""What the agent writes down while it repeats a file keeps that origin, however it saw the file."""

from __future__ import annotations

import pytest

from tests.scenario import check

WORDS = "Deployments of the billing service happen on Tuesday after the freeze of the ledger"
SAYS = """-- model says --
Done.
"""


@pytest.mark.parametrize(
    ("seen", "origin"),
    [
        ("read_file --\npath: NOTES.md", "NOTES.md"),
        ("grep --\npattern: billing", "files of the project"),
        ("run_shell --\ncommand: cat NOTES.md", "a command's output"),
        ("grep --\npattern: billing\n-- model calls read_file --\npath: NOTES.md", "NOTES.md"),
        ("read_file --\npath: other.md", ""),
    ],
)
@pytest.mark.parametrize("written", ["memory", "page"])
def test_a_file_that_is_repeated_is_named(seen: str, origin: str, written: str) -> None:
    write, read = {
        "memory": (
            f"remember --\ntitle: Deployments happen on Tuesday\nbody: {WORDS}.\ncategory: convention",
            "recall --\nquery: billing deployments",
        ),
        "page": (f"wiki_write --\nslug: ops\ntext: {WORDS}.", "wiki_read --\nslug: ops"),
    }[written]
    steps = "\n".join(f"-- model calls {one}" for one in (seen, write, read))
    calls = steps.count("-- model calls")
    world = check(
        f"-- NOTES.md --\n{WORDS}.\n-- other.md --\nNothing of it.\n-- answers --\nallow_once run_shell: cat NOTES.md\n-- user --\nLook around.\n{steps}\n{SAYS}",
        "tool: …\n" * calls + "assistant: Done.\nstop: end_turn\n",
    )
    shown = str(world.bodies[-1]["messages"][-1]["content"][0]["content"])
    assert "billing" in shown
    assert (origin in shown and "untrusted" in shown) if origin else "untrusted" not in shown, shown
