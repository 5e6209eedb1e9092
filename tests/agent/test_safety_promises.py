"""The promises that keep a user's files and money safe, each told from outside: what happens when nobody answers, in mode auto,
when a rule asks, when a request wants more than the settings allow, when a command runs beside unsaved text."""

import pytest

from mazu_ls.agent.turn.limits import Limits
from mazu_ls.tools.search import content_search
from tests.scenario import check

WRITES = """
-- model calls write_file --
path: a.txt
content: written
-- model calls run_shell --
command: rm -f kept.txt
-- model says --
Done.
"""


def test_a_question_that_nobody_answers_in_time_is_a_no() -> None:
    check(
        f"""
-- kept.txt --
mine
-- settings --
permissions.mode = "ask"
-- answers --
nobody
nobody{WRITES}""",
        """
tool: error: the user did not answer in time, which counts as no…
tool: error: the user did not answer in time, which counts as no…
assistant: Done.
stop: end_turn
asked: Write a.txt
asked: Run rm -f kept.txt
-- a.txt --
-- kept.txt --
mine
""",
    )


def test_mode_auto_denies_what_it_would_have_to_ask_and_asks_nobody() -> None:
    world = check(
        f"""
-- kept.txt --
mine
-- settings --
permissions.mode = "auto"
shell.sandbox = "off"
{WRITES}""",
        """
tool: created a.txt…
tool: error: not allowed: …
assistant: Done.
stop: end_turn
-- kept.txt --
mine
""",
    )
    assert world.host.asked == []
    assert "mode auto does not ask" in str(world.bodies)


RULE = """
-- secret/s.txt --
S: the plan
-- open.txt --
S: the weather
-- settings --
context.map_tokens = 0
[[permissions.rules]]
tool = "read_file"
pattern = "secret/*"
verdict = "ask"
"""


@pytest.mark.parametrize("own", [False, True], ids=["ripgrep", "own"])
def test_a_rule_that_asks_about_read_file_hides_the_lines_that_grep_would_show(
    own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if own:
        monkeypatch.setattr(content_search, "find_program", lambda name: None)
    world = check(
        f"""{RULE}
-- answers --
deny
deny
-- model calls grep --
pattern: ^S
-- model calls grep --
pattern: nowhere
-- model calls grep --
pattern: ^S
path: secret/s.txt
-- model calls read_file --
path: secret/s.txt
-- model says --
Done.
""",
        """
tool: 1 match in 1 file
tool: no match for nowhere [files that read_file needs approval for are left out]
tool: error: the user refused this…
tool: error: the user refused this…
assistant: Done.
stop: end_turn
asked: Search ^S in secret/s.txt
asked: Read secret/s.txt
""",
    )
    assert "[files that read_file needs approval for are left out]" in str(world.bodies)
    assert "open.txt:1:S: the weather" in str(world.bodies)
    assert "S: the plan" not in str(world.bodies)


SETTINGS = Limits(steps=10, cost=1.0, tokens=1000, seconds=60.0)


@pytest.mark.parametrize("name", ["cost", "tokens", "seconds"])
def test_a_request_can_lower_a_limit_but_never_raise_it(name: str) -> None:
    own = getattr(SETTINGS, name)
    assert getattr(SETTINGS.capped_by(**{name: own * 2}), name) == own
    assert getattr(SETTINGS.capped_by(**{name: own / 2}), name) == own / 2
    assert getattr(SETTINGS.capped_by(**{name: None}), name) == own
    assert getattr(Limits(cost=None, tokens=None, seconds=None).capped_by(**{name: own}), name) == own


def test_a_request_may_ask_for_more_steps() -> None:
    assert SETTINGS.capped_by(steps=40).steps == 40


def test_what_the_agent_changed_in_an_open_file_is_saved_before_a_command_reads_it() -> None:
    check(
        """
-- answers --
allow_once edit_file: a.txt
allow_once run_shell: cat a.txt
-- a.txt --
one
-- buffer a.txt --
one
-- model calls edit_file --
path: a.txt
old: one
new: two
-- model calls run_shell --
command: cat a.txt
-- model says --
Done.
""",
        """
tool: edited a.txt…
tool: two…
assistant: Done.
stop: end_turn
""",
    )


@pytest.mark.parametrize("mode", ["plan", "auto"])
def test_a_run_that_may_use_the_shell_gets_no_more_than_its_mode_allows(mode: str) -> None:
    """`--allow-shell` is for mode ask alone: in mode plan nothing is run at all."""
    world = check(
        f"""
-- kept.txt --
mine
-- settings --
permissions.mode = "{mode}"
shell.sandbox = "off"
-- model calls run_shell --
command: rm -f kept.txt
-- model says --
Done.
-- user run --
Tidy up.
""",
        """
tool: error: …
assistant: Done.
stop: end_turn
-- kept.txt --
mine
""",
    )
    assert world.host.asked == []
    assert ("mode plan only reads, so there is no run_shell" in str(world.bodies)) is (mode == "plan")


def test_a_rule_that_asks_is_named_where_nobody_is_asked() -> None:
    world = check(
        """
-- settings --
permissions.mode = "auto"
[[permissions.rules]]
tool = "write_file"
pattern = "*.md"
verdict = "ask"
-- model calls write_file --
path: a.md
content: x
-- model says --
Done.
""",
        """
tool: error: not allowed: a rule asks for it; mode auto does not ask; your rule `ask write_file *.md (settings)` make…
assistant: Done.
stop: end_turn
-- a.md --
""",
    )
    assert world.host.asked == []


ALWAYS = """
-- gone.txt --
x
-- answers --
allow_always
deny
-- model calls run_shell --
command: {first}
-- model calls run_shell --
command: {again}
-- model calls run_shell --
command: {other}
-- model says --
Done.
"""


@pytest.mark.parametrize(
    ("first", "again", "other", "rule"),
    [
        ("sed -i s/x/y/ gone.txt", "sed -i s/x/y/ gone.txt", "sed -i s/x/z/ gone.txt", "exactly `sed -i s/x/y/ gone.txt`"),
        ("uniq-lines gone.txt", "uniq-lines other.txt", "rm -f gone.txt", "`uniq-lines …`"),
    ],
)  # fmt: skip
def test_what_is_always_allowed_is_what_the_question_said_and_nothing_else(
    first: str, again: str, other: str, rule: str
) -> None:
    world = check(
        ALWAYS.format(first=first, again=again, other=other),
        f"""
tool: …
tool: …
tool: error: the user refused this…
assistant: Done.
stop: end_turn
asked: Run {first}
asked: Run {other}
""",
    )
    question = world.host.asked[0]
    assert question.rule == rule
    assert [choice.label for choice in question.choices][1:3] == [
        f"Allow {rule} for this session",
        f"Always allow {rule} in this project",
    ]


def test_where_edits_are_proposed_commands_are_still_asked_about() -> None:
    world = check(
        """
-- settings --
edits.apply = "propose"
[[permissions.rules]]
tool = "read_file"
pattern = "secret.txt"
verdict = "ask"
-- secret.txt --
x
-- answers --
deny
deny
-- model calls run_shell --
command: FOO=1 touch made.txt
-- model calls read_file --
path: secret.txt
-- model says --
Done.
""",
        """
tool: error: the user refused this…
tool: error: the user refused this…
assistant: Done.
stop: end_turn
-- made.txt --
""",
    )
    assert [question.tool for question in world.host.asked] == ["run_shell", "read_file"]
