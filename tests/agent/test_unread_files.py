"""An edit says nothing of a file that may not be read, whether it fits or not, unless the user allows it."""

import pytest

from mazu_ls.tools.search import content_search
from tests.scenario import check

SECRET = "PIN=4711 0815 and more words"
FILES = f"""
-- .env --
INTERNAL_HOST=db1.corp.example
{SECRET}
-- settings --
context.map_tokens = 0
"""
NEAR = """
-- model calls edit_file --
path: .env
old: PIN=4711 and more words
new: PIN=1
"""
SAME = f"""
-- model calls write_file --
path: .env
content: |
  INTERNAL_HOST=db1.corp.example
  {SECRET}
"""


def denied(tool: str, pattern: str, mode: str = "ask") -> str:
    """A rule in the settings of a story."""
    return f"""-- settings --
context.map_tokens = 0
permissions.mode = "{mode}"
[[permissions.rules]]
tool = "{tool}"
pattern = "{pattern}"
verdict = "deny"
"""


DONE = """
-- model says --
Done.
"""


LEFT_OUT = """
-- model calls edit_file --
path: .env
old: PIN=4711
new: |
  PIN=1
  # ... rest of the code unchanged ...
"""


@pytest.mark.parametrize(
    ("call", "title"),
    [(NEAR, "edit_file: .env"), (SAME, "write_file: .env"), (LEFT_OUT, "edit_file: .env")],
)
def test_an_edit_that_does_not_fit_is_asked_about_where_the_file_may_not_be_read(
    call: str, title: str
) -> None:
    world = check(
        f"{FILES}-- answers --\ndeny {title}\n{call}{DONE}",
        "tool: error: the user refused this…\nassistant: Done.\nstop: end_turn",
    )
    assert [question.editable for question in world.host.asked] == [()], (
        "the call has run: nothing of it can change"
    )
    assert "4711 0815" not in "".join(str(body["messages"][2:]) for body in world.bodies)


def test_the_user_may_allow_it() -> None:
    world = check(
        f"{FILES}-- answers --\nallow_once edit_file: .env\n{NEAR}{DONE}",
        "tool: error: `old` does not occur in .env…\nassistant: Done.\nstop: end_turn",
    )
    assert SECRET in str(world.bodies) and '<untrusted origin=".env">' in str(world.bodies)


@pytest.mark.parametrize("settings", ['edits.apply = "propose"', 'permissions.mode = "auto"'])
def test_neither_where_edits_are_proposed_nor_in_mode_auto(settings: str) -> None:
    answers = "" if "auto" in settings else "-- answers --\ndeny edit_file: .env\n"
    world = check(
        f"{FILES}{settings}\n{answers}{NEAR}{DONE}", "tool: error: …\nassistant: Done.\nstop: end_turn"
    )
    assert "4711 0815" not in str(world.bodies)


@pytest.mark.parametrize("tool", ["read_file", "edit_file", "write_file"])
def test_a_rule_on_the_path_of_one_holds_for_the_others(tool: str) -> None:
    world = check(
        f"""
-- s/a.txt --
the plan is old
{denied(tool, "s/**")}-- model calls edit_file --
path: s/a.txt
old: the plan is
new: x
-- model calls edit_file --
path: s/../s/a.txt
old: the plan was old
new: x
-- model says --
Done.
""",
        """
tool: error: not allowed: a rule denies it
tool: error: not allowed: a rule denies it
assistant: Done.
stop: end_turn
-- s/a.txt --
the plan is old
""",
    )
    assert "the plan is old" not in str(world.bodies)


def test_writing_does_not_tell_whether_a_guess_was_right() -> None:
    check(
        f"""
-- s/a.txt --
one
-- s/b.txt --
two
{denied("read_file", "s/**", mode="auto")}-- model calls write_file --
path: s/a.txt
content: |
  one
-- model calls write_file --
path: s/b.txt
content: |
  one
-- model says --
Done.
""",
        """
tool: s/a.txt has this text now
tool: s/b.txt has this text now
assistant: Done.
stop: end_turn
""",
    )


def test_an_edit_that_is_allowed_shows_no_text_either() -> None:
    world = check(
        f"""
-- .env --
{SECRET}
-- settings --
context.map_tokens = 0
permissions.mode = "auto"
[[permissions.rules]]
tool = "edit_file"
pattern = ".env"
verdict = "allow"
{NEAR}
-- model calls edit_file --
path: .env
old: more
new: many
{DONE}""",
        """
tool: error: the edit does not fit, and this file may not be shown to you: ask the user
tool: edited .env
assistant: Done.
stop: end_turn
""",
    )
    assert "4711 0815" not in str(world.bodies)


def test_a_refused_edit_is_not_done_by_writing_the_file() -> None:
    check(
        f"""
-- s/a.txt --
old
{denied("edit_file", "s/**")}-- model calls write_file --
path: s/a.txt
content: new
-- model calls write_file --
path: s/b.txt
content: new
-- model says --
Done.
""",
        """
tool: error: not allowed: a rule denies it
tool: error: not allowed: a rule denies it
assistant: Done.
stop: end_turn
-- s/a.txt --
old
""",
    )


def test_a_rule_on_every_call_of_a_tool_is_about_that_tool() -> None:
    check(
        f"""
-- a.txt --
old
{denied("write_file", "*")}-- answers --
allow_once edit_file: a.txt
-- model calls write_file --
path: b.txt
content: new
-- model calls edit_file --
path: a.txt
old: old
new: new
-- model says --
Done.
""",
        """
tool: error: not allowed: a rule denies it
tool: edited a.txt
assistant: Done.
stop: end_turn
-- a.txt --
new
""",
    )


@pytest.mark.parametrize("own", [False, True], ids=["ripgrep", "own"])
def test_a_search_does_not_tell_whether_a_withheld_file_holds_the_text(
    own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if own:
        monkeypatch.setattr(content_search, "find_program", lambda name: None)
    world = check(
        """
-- id_rsa --
PIN1 4711
-- secrets/pin --
PIN1 4711
-- open.txt --
nothing
-- settings --
context.map_tokens = 0
-- model calls grep --
pattern: PIN1 4711
-- model calls grep --
pattern: PIN1 4712
-- model says --
Done.
""",
        """
tool: no match for PIN1 4711 [files that read_file needs approval for are left out]
tool: no match for PIN1 4712 [files that read_file needs approval for are left out]
assistant: Done.
stop: end_turn
""",
    )
    assert world.host.asked == []
