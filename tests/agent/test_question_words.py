"""What a question says about a call: whole, exact, and with the answers that it offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.turn.question_records import changed_arguments, take_hunks
from mazu_ls.agent.turn.reviewed_host import RecordedEdit
from mazu_ls.errors import ToolError
from mazu_ls.host import Question, UserReply
from mazu_ls.messages import ToolCall
from mazu_ls.tools.shell import sandbox
from tests.scenario import World, check

LINES = "".join(f"line {number}\n" for number in range(1, 21))


def asked(calls: str, answers: int, files: str = "", settings: str = "") -> World:
    """A turn whose calls are all refused."""
    refused = "\n".join(["deny"] * answers)
    expected = "tool: error: …\n" * answers + "assistant: Done.\nstop: end_turn\n"
    return check(
        f'{files}-- settings --\nshell.sandbox = "off"\n{settings}-- answers --\n{refused}\n{calls}-- model says --\nDone.\n',
        expected,
    )


def test_an_edit_is_described_with_its_size_its_diff_and_its_hunks() -> None:
    world = asked(
        """-- model calls write_file --
path: one.txt
content: a
-- model calls write_file --
path: two.txt
content="a\\nb\\n"
-- model calls edit_file --
path: old.txt
edits=[{"old": "line 2\\n", "new": "LINE 2\\nmore\\n"}, {"old": "line 18\\n", "new": ""}]
-- model calls edit_file --
path: old.txt
edits=[{"old": "line 9\\n", "new": "LINE 9\\n"}]
""",
        4,
        files=f"-- old.txt --\n{LINES}",
    )
    one, two, hunks, single = world.host.asked
    why = "\n\nWhy this needs approval: "
    assert [question.detail.partition(why)[0] for question in world.host.asked] == [
        "Creates one.txt with 1 line.", "Creates two.txt with 2 lines.",
        "Changes old.txt: 2 lines added, 2 lines removed.", "Changes old.txt: 1 line added, 1 line removed.",
    ]  # fmt: skip
    assert all(question.detail.partition(why)[2] for question in world.host.asked)
    assert one.diff and one.diff.startswith("--- /dev/null\n+++ b/one.txt") and "+a" in one.diff
    assert [len(question.hunks) for question in (one, two, hunks, single)] == [0, 0, 2, 0]
    assert [one.id for one in hunks.hunks] == ["1", "2"] and "-line 18" in hunks.hunks[1].diff
    for question in world.host.asked:
        assert question.document == world.root / question.title.split()[-1]
        assert question.editable == (), "the text of an edit is changed by taking hunks"
        assert question.still_fits is not None
    assert hunks.still_fits and hunks.still_fits(LINES) and not hunks.still_fits("other\n")


def test_a_command_or_an_address_is_shown_with_all_its_arguments() -> None:
    world = asked(
        """-- model calls run_shell --
command: rm -f kept.txt
timeout=7
-- model calls web_fetch --
url: http://exämple.test/a
-- model calls web_fetch --
url: http://93.184.215.14/b
""",
        3,
        settings="web.allow_private = true\n",
    )
    shell, address, plain = world.host.asked
    assert shell.detail.startswith("rm -f kept.txt\ntimeout: 7\n\nWhy this needs approval: ")
    assert address.detail.startswith("url: http://exämple.test/a\nin ASCII: xn--exmple-cua.test\n\n")
    assert plain.detail.startswith("url: http://93.184.215.14/b\n\n")
    for question in world.host.asked:
        assert (question.document, question.diff, question.hunks, question.still_fits) == (
            None,
            None,
            (),
            None,
        )
    assert (shell.editable, address.editable) == (("command",), ("url",))


def labels(question: Question) -> list[str]:
    return [choice.label for choice in question.choices]


def test_the_answers_name_what_they_would_allow_beyond_this_call() -> None:
    long = "b" * 80
    world = asked(
        f"""-- model calls run_shell --
command: uniq-lines gone.txt
-- model calls run_shell --
command: FOO=1   rm -f {long}
-- model calls write_file --
path: a.txt
content: x
""",
        3,
    )
    pattern, exact, edit = world.host.asked
    assert labels(pattern) == [
        "Allow once", "Allow `uniq-lines …` for this session", "Always allow `uniq-lines …` in this project", "Deny",
    ]  # fmt: skip
    assert pattern.rule == "`uniq-lines …`"
    assert exact.rule and exact.rule.startswith("exactly `FOO=1 rm -f bbb") and len(exact.rule) < 80
    assert labels(exact)[1:3] == [
        f"Allow {exact.rule} for this session",
        f"Always allow {exact.rule} in this project",
    ]
    assert labels(edit)[1] == "Allow writing a.txt for this session" and edit.rule == "writing a.txt"
    assert [choice.kind for choice in edit.choices] == ["allow_once", "allow_session", "allow_always", "deny"]


def test_where_memories_are_asked_about_other_calls_are_not() -> None:
    world = check(
        """
-- a.txt --
x
-- settings --
memory.write = "ask"
-- answers --
deny
-- model calls read_file --
path: a.txt
-- model calls remember --
title: x uses tabs
body: The makefiles in x use tabs
category: convention
-- model says --
Done.
""",
        "tool: …\ntool: error: …\nassistant: Done.\nstop: end_turn\n",
    )
    (question,) = world.host.asked
    assert question.tool == "remember" and "memory.write is ask" in question.detail


def test_an_answer_in_time_and_none_are_told_apart() -> None:
    world = check(
        """
-- settings --
shell.sandbox = "off"
-- answers --

deny not today
-- model calls run_shell --
command: rm -f a
-- model calls run_shell --
command: rm -f b
-- model says --
Done.
""",
        "tool: error: the user did not answer in time…\ntool: error: the user refused this: not today…\n"
        "assistant: Done.\nstop: end_turn\n",
    )
    assert len(world.host.asked) == 2


def edit() -> RecordedEdit:
    after = LINES.replace("line 2\n", "LINE 2\n").replace("line 18\n", "LINE 18\n")
    return RecordedEdit.from_texts(Path("/p/a.txt"), "a.txt", LINES, after)


def test_of_an_edit_what_was_taken_is_made_and_the_rest_is_shown() -> None:
    text, left = take_hunks(edit(), ("2",))
    assert text == LINES.replace("line 18\n", "LINE 18\n")
    assert "-line 2\n+LINE 2" in left and "LINE 18" not in left
    assert take_hunks(edit(), ("1", "2")) == (edit().after, "")
    with pytest.raises(ToolError, match="the user took none of the hunks"):
        take_hunks(edit(), ())
    with pytest.raises(ToolError, match="named hunk 3, which was not offered"):
        take_hunks(edit(), ("1", "3"))


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (None, None), ({}, None), ({"command": "ls"}, None), ({"command": "ls -l"}, {"command": "ls -l", "timeout": 3}),
        ({"timeout": "4"}, "timeout"), ({"command": ["ls"]}, "command"),
    ],
)  # fmt: skip
def test_only_what_was_offered_can_be_changed(given: Any, changed: Any) -> None:
    question = Question("s", "c", "run_shell", "Run ls", "ls", (), editable=("command",))
    call = ToolCall("c", "run_shell", {"command": "ls", "timeout": 3})
    if isinstance(changed, str):
        with pytest.raises(ToolError, match=f"changed `{changed}`, which was not offered"):
            changed_arguments(question, call, UserReply(None, arguments=given))
    else:
        assert changed_arguments(question, call, UserReply(None, arguments=given)) == changed


def test_bubblewrap_is_advised_only_where_it_is_not_there() -> None:
    world = check(
        """
-- settings --
permissions.mode = "auto"
shell.network = true
-- model calls run_shell --
command: rm -f a; uniq-lines > b
-- model says --
Done.
""",
        "tool: error: not allowed: …\nassistant: Done.\nstop: end_turn\n",
    )
    told = str(world.bodies[-1])
    assert "no pattern allows this line: run it where you can answer" in told
    assert ("install bubblewrap" in told) == (sandbox.probe().kind != "bubblewrap")
