"""What the approval gate does at its edges: rules about memories, grants, what is said with a question."""

import pytest

from tests.scenario import check

REMEMBER = """
-- model calls remember --
title: x uses tabs
body: The makefiles in x use tabs
category: convention
-- model calls graph_add --
source: x
relation: uses
target: tabs
-- model says --
Done.
"""


@pytest.mark.parametrize("mode", ["ask", "auto"])
def test_a_rule_that_asks_counts_for_what_the_agent_remembers(mode: str) -> None:
    world = check(
        f"""
-- settings --
permissions.mode = "{mode}"
[[permissions.rules]]
tool = "remember"
verdict = "ask"
-- answers --
deny
{REMEMBER}""",
        """
tool: error: …
tool: …
assistant: Done.
stop: end_turn
""",
    )
    assert [question.tool for question in world.host.asked] == (["remember"] if mode == "ask" else [])
    assert not any(line.startswith("memory: created x uses tabs") for line in world.lines)


@pytest.mark.parametrize("denied", [True, False])
def test_that_commands_are_not_confined_is_said_where_one_may_run(denied: bool) -> None:
    world = check(
        f"""
-- settings --
shell.sandbox = "off"
[[permissions.rules]]
tool = "run_shell"
pattern = "rm *"
verdict = "deny"
-- answers --
deny
-- model calls run_shell --
command: {"rm -f a" if denied else "touch a"}
-- model says --
Done.
""",
        """
tool: error: …
assistant: Done.
stop: end_turn
""",
    )
    said = [text for _, text in world.host.said if "do not run in a sandbox (shell.sandbox is off)" in text]
    assert len(said) == (0 if denied else 1)


def test_a_run_that_edits_unasked_still_asks_about_commands_and_pages() -> None:
    world = check(
        """
-- kept.txt --
mine
-- settings --
shell.sandbox = "off"
-- answers --
deny
deny
-- user run --
Tidy up.
-- model calls write_file --
path: a.txt
content: x
-- model calls run_shell --
command: rm -f kept.txt
-- model calls web_fetch --
url: http://1.1.1.1/
-- model says --
Done.
""",
        """
tool: created a.txt…
tool: error: the user refused this…
tool: error: the user refused this…
assistant: Done.
stop: end_turn
-- kept.txt --
mine
""",
    )
    assert [question.tool for question in world.host.asked] == ["run_shell", "web_fetch"]


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        ("run_shell --\ncommand: uniq-lines gone.txt", "allow it with `mazu-ls permissions allow run_shell uniq-lines`"),
        ("run_shell --\ncommand: rm -f a; uniq-lines > b", "no pattern allows this line: run it where you can answer"),
        ("run_shell --\ncommand: python3 check.py", "allow it with `mazu-ls permissions allow run_shell 'python3 check.py'`"),
        ("run_shell --\ncommand: cd . && make check 2>&1 | tail -5", "allow it with `mazu-ls permissions allow run_shell 'make check'`"),
        ("run_shell --\ncommand: make check && python3 c.py", "run_shell 'make check'` and `mazu-ls permissions allow run_shell 'python3 c.py'`"),
        ("web_fetch --\nurl: http://127.0.0.1:80/", "127.0.0.1 is not a public address; `mazu-ls config set web.allow_private true`"),
        ("web_fetch --\nurl: http://1.1.1.1/a b", "`mazu-ls permissions allow web_fetch 'http://1.1.1.1/a b'`"),
    ],
)  # fmt: skip
def test_where_nobody_is_asked_the_answer_says_how_to_allow_it(call: str, advice: str) -> None:
    world = check(
        f"""
-- settings --
permissions.mode = "auto"
shell.sandbox = "off"
-- model calls {call}
-- model says --
Done.
""",
        """
tool: error: not allowed: …
assistant: Done.
stop: end_turn
""",
    )
    told = str(world.bodies).replace("\\'", "'")
    assert advice in told, world.bodies[-1]
    assert "install bubblewrap" not in told, "the user switched the sandbox off"
