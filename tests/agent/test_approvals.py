"""What may run, what is asked, and what an answer stands for."""

import pytest

from mazu_ls.tools.search import content_search
from tests.scenario import check

DENIED = """
-- secret/s.txt --
S: the plan
-- open.txt --
S: the weather
-- settings --
context.map_tokens = 0
[[permissions.rules]]
tool = "read_file"
pattern = "secret/*"
verdict = "deny"
"""
LEFT_OUT = "[files that read_file needs approval for are left out]"


@pytest.fixture(params=["ripgrep", "own"])
def searcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "own":
        monkeypatch.setattr(content_search, "find_program", lambda name: None)


def test_a_search_shows_no_line_of_a_file_that_a_rule_keeps_from_being_read(searcher) -> None:
    world = check(
        f"""{DENIED}
-- answers --
allow_once grep: ^S in secret
-- model calls grep --
pattern: ^S
-- model calls grep --
pattern: ^S
path: secret
-- model calls grep --
pattern: nowhere
-- model calls grep --
pattern: ^S
path: secret/s.txt
-- model says --
Done.
""",
        f"""
        tool: 1 match in 1 file
        tool: no match for ^S {LEFT_OUT}
        tool: no match for nowhere {LEFT_OUT}
        tool: error: not allowed: a rule denies it
        assistant: Done.
        stop: end_turn
        """,
    )
    assert LEFT_OUT in str(world.bodies)
    assert "open.txt:1:S: the weather" in str(world.bodies)
    assert "S: the plan" not in str(world.bodies)


def test_an_edit_allowed_for_the_session_is_allowed_for_that_file_alone() -> None:
    world = check(
        """
        -- answers --
        allow_session write_file: a.md
        deny
        -- model calls write_file --
        path: a.md
        content: one
        -- model calls write_file --
        path: a.md
        content="two\\n"
        -- model calls write_file --
        path: b.md
        content: three
        -- model says --
        Done.
        """,
        """
        tool: created a.md…
        tool: …
        tool: error: …
        assistant: Done.
        stop: end_turn
        asked: Write a.md
        asked: Write b.md
        -- a.md --
        two
        """,
    )
    labels = [choice.label for choice in world.host.asked[0].choices]
    assert labels[1:3] == [
        "Allow writing a.md for this session", "Always allow writing a.md in this project",
    ]  # fmt: skip


def test_a_command_allowed_for_the_session_is_that_line_and_no_other() -> None:
    world = check(
        """
        -- gone.txt --
        x
        -- answers --
        allow_session run_shell: FOO=1 rm -f gone.txt
        deny
        -- model calls run_shell --
        command: FOO=1 rm -f gone.txt
        -- model calls run_shell --
        command: FOO=1 rm -f gone.txt
        -- model calls run_shell --
        command: FOO=2 rm -f gone.txt
        -- model says --
        Done.
        """,
        """
        tool: [exit code 0]
        tool: [exit code 0]
        tool: error: …
        assistant: Done.
        stop: end_turn
        asked: Run FOO=1 rm -f gone.txt
        asked: Run FOO=2 rm -f gone.txt
        """,
    )
    kinds = [choice.kind for choice in world.host.asked[0].choices]
    assert kinds == ["allow_once", "allow_session", "allow_always", "deny"]
    assert "exactly `FOO=1 rm -f gone.txt`" in world.host.asked[0].choices[1].label


RUN = """
    -- a.py --
    one
    -- settings --
    context.map_tokens = 0
    {settings}
    -- model calls write_file --
    path: b.py
    content: two
    -- model says --
    Done.
    -- user run --
    Write b.py.
"""


def test_a_run_edits_unasked_where_nobody_chose_a_mode_and_the_model_is_told_so() -> None:
    world = check(RUN.format(settings=""), "tool: created b.py…\nassistant: Done.\nstop: end_turn\n")
    assert world.host.asked == []
    assert "You may change files without asking" in str(world.bodies[0]["system"])


def test_a_mode_that_was_chosen_holds_for_a_run_too() -> None:
    world = check(
        RUN.format(settings='permissions.mode = "ask"\n    -- answers --\n    deny not now'),
        "tool: error: the user refused this: not now…\nassistant: Done.\nstop: end_turn\n",
    )
    assert [question.tool for question in world.host.asked] == ["write_file"]
    assert "The user is asked before files are changed" in str(world.bodies[0]["system"])
