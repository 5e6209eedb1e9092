"""Where a turn has to stop, what it says then, and that going on is one message."""

import pytest

from mazu_ls.agent.turn.limits import Limits, UsageMeter
from mazu_ls.messages import Usage
from tests.scenario import check

READ = """
        -- a.txt --
        hello
        -- model calls read_file --
        path: a.txt
"""
PRICED = """
        [models.local]
        provider = "anthropic"
        model = "claude-scripted"
        price_in = 1.0
        price_out = 1000.0
"""


@pytest.mark.parametrize(
    ("limit", "stop", "detail", "passed"),
    [
        ("max_steps = 1", "max_steps", "The limit of 1 step is reached.", ""),
        ("max_tokens = 5000", "max_tokens", "The limit of 5000 tokens would be passed: the next call uses at least about …", ""),
        (
            f"max_cost_usd = 0.006\n{PRICED}", "max_cost", "The limit of $0.006 for a turn is reached ($…",
            "detail: The limit of $0.006 was passed by the last call ($…",
        ),
    ],
)  # fmt: skip
def test_a_limit_stops_the_turn_with_a_sentence_and_continue_goes_on(
    limit: str, stop: str, detail: str, passed: str
):
    check(
        f"""
        -- settings --
        {'model = "local"' if "local" in limit else ""}
        [limits]
        {limit}
        {READ}
        -- user run --
        Read it.
        -- user --
        continue
        -- model says --
        It says hello.
        """,
        f"""
        tool: 1	hello
        stop: {stop}
        detail: {detail}
        assistant: It says hello.
        stop: end_turn
        {passed}
        """,
    )


@pytest.mark.parametrize(
    ("limit", "stop", "detail"),
    [
        ("max_tokens = 500", "max_tokens", "The limit of 500 tokens would be passed: the next call uses at least about …"),
        ("max_cost_usd = 0.000001", "max_cost", "The limit of $0.000001 for a turn would be passed: the next call costs at least about $…"),
    ],
)  # fmt: skip
def test_a_call_whose_input_alone_passes_a_limit_is_not_made(limit: str, stop: str, detail: str):
    world = check(
        f"""
        -- settings --
        [limits]
        {limit}
        {READ}
        -- user --
        Read it.
        """,
        f"""
        stop: {stop}
        detail: {detail}
        """,
    )
    assert not world.bodies


def test_an_unknown_price_cannot_be_held_against_a_money_limit_which_is_said_once_and_the_other_limits_hold():
    world = check(
        f"""
        -- settings --
        model = "unpriced"
        [limits]
        max_cost_usd = 5.0
        [models.unpriced]
        provider = "anthropic"
        model = "claude-nobody-knows"
        {READ}
        """,
        """
        tool: 1	hello
        assistant: (script ended)
        stop: end_turn
        """,
    )
    (said,) = [text for level, text in world.host.said if level == "warning"]
    assert "unpriced:claude-nobody-knows" in said and "$5" in said and "[models.unpriced]" in said
    assert len(world.bodies) == 2


def test_what_is_known_of_the_money_counts_also_where_something_is_unknown():
    meter = UsageMeter(Limits(cost=0.5))
    meter.add(Usage(cost_usd=0.4))
    meter.add(Usage(cost_usd=None))
    assert meter.exceeded() is None
    meter.add(Usage(cost_usd=0.2))
    stop = meter.exceeded()
    assert stop and stop.reason == "max_cost" and "$0.6000" in stop.sentence


def test_the_time_limit_holds_inside_a_model_call():
    check(
        """
        -- settings --
        [limits]
        max_seconds = 4.0
        -- model replies --
        {"text": "a very long answer that goes on and on and on and on and on and on and on and on, and some more of it", "delay": 0.1, "chunk": 1}
        -- user --
        Go.
        -- user --
        continue
        -- model says --
        Short.
        """,
        """
        assistant: a…
        stop: max_seconds
        detail: The limit of 4 seconds is reached.
        assistant: Short.
        stop: end_turn
        """,
    )


def test_the_time_limit_holds_inside_a_command():
    check(
        """
        -- answers --
        allow_once run_shell: sleep 60
        -- settings --
        [limits]
        max_seconds = 4.0
        -- model calls run_shell --
        command: sleep 60
        -- user --
        Go.
        -- user --
        continue
        -- model says --
        It took too long.
        """,
        """
        tool: error: stopped at the time limit of the turn before it finished; check the current sta…
        stop: max_seconds
        assistant: It took too long.
        stop: end_turn
        """,
    )


def test_failures_in_a_row_stop_the_turn():
    calls = "".join(f"-- model calls read_file --\n        path: nothing{n}.txt\n        " for n in range(3))
    check(
        f"""
        -- settings --
        [limits]
        max_failures = 3
        {calls}
        """,
        """
        tool: error: there is no file nothing0.txt
        tool: error: there is no file nothing1.txt
        tool: error: there is no file nothing2.txt
        stop: stuck
        detail: 3 rounds of tool calls in a row failed.
        """,
    )


def test_the_same_call_thrice_with_the_same_result_is_stuck():
    check(
        f"""
        {READ}
        -- b.txt --
        other
        -- model calls read_file --
        path: b.txt
        -- model calls read_file --
        path: a.txt
        -- model calls read_file --
        path: a.txt
        """,
        """
        tool: 1	hello
        tool: 1	other
        tool: 1	hello
        tool: 1	hello
        stop: stuck
        detail: The same call was made 3 times with the same result: read_file {"path": "a.txt"}
        """,
    )


def test_the_same_error_thrice_is_stuck():
    edit = (
        "-- model calls edit_file --\n        path: a.txt\n        old: nowhere {}\n        new: x\n        "
    )
    check(
        f"""
        -- a.txt --
        hello
        {edit.format(1)}
        {edit.format(2)}
        {edit.format(3)}
        """,
        """
        tool: error: `old` …
        tool: error: `old` …
        tool: error: `old` …
        stop: stuck
        detail: The same error came 3 times: …
        """,
    )


def test_edits_that_undo_each_other_are_stuck():
    def edit(old: int, new: int) -> str:
        return f"-- model calls edit_file --\n        path: a.txt\n        old: x = {old}\n        new: x = {new}\n        "

    check(
        f"""
        -- answers --
        allow_once edit_file: a.txt
        allow_once edit_file: a.txt
        allow_once edit_file: a.txt
        allow_once edit_file: a.txt
        -- a.txt --
        x = 1
        {edit(1, 2)}
        {edit(2, 1)}
        {edit(1, 2)}
        {edit(2, 1)}
        """,
        """
        tool: edited a.txt
        tool: edited a.txt
        tool: edited a.txt
        tool: edited a.txt
        stop: stuck
        detail: a.txt was brought to the same text 3 times: the edits undo each other.
        """,
    )


def test_guessed_paths_in_one_message_are_one_failed_round():
    guesses = "\n".join(
        f"        -- {'model' if not n else 'and'} calls read_file --\n        path: guess{n}.txt"
        for n in range(6)
    )
    check(
        f"""
        -- a.txt --
        hello
{guesses}
        -- model says --
        None of them exists.
        """,
        """
        tool: error: there is no file guess…
        tool: error: there is no file guess…
        tool: error: there is no file guess…
        tool: error: there is no file guess…
        tool: error: there is no file guess…
        tool: error: there is no file guess…
        assistant: None of them exists.
        stop: end_turn
        """,
    )


def test_checking_again_after_each_edit_is_no_loop_although_the_check_says_the_same():
    steps = "\n".join(
        f"""        -- model calls read_file --
        path: log.txt
        -- model calls edit_file --
        path: a.txt
        old: x = {n}
        new: x = {n + 1}"""
        for n in range(4)
    )
    check(
        f"""
        -- answers --
        allow_once edit_file: a.txt
        allow_once edit_file: a.txt
        allow_once edit_file: a.txt
        allow_once edit_file: a.txt
        -- a.txt --
        x = 0
        -- log.txt --
        error: x is wrong
{steps}
        -- model says --
        Done.
        """,
        """
        tool: 1	error: x is wrong
        tool: edited a.txt
        tool: 1	error: x is wrong
        tool: edited a.txt
        tool: 1	error: x is wrong
        tool: edited a.txt
        tool: 1	error: x is wrong
        tool: edited a.txt
        assistant: Done.
        stop: end_turn
        """,
    )


def test_identical_calls_in_one_message_are_one():
    check(
        """
        -- a.txt --
        hello
        -- model calls read_file --
        path: a.txt
        -- and calls read_file --
        path: a.txt
        -- and calls read_file --
        path: a.txt
        -- model says --
        It says hello.
        """,
        """
        tool: 1	hello
        tool: 1	hello
        tool: 1	hello
        assistant: It says hello.
        stop: end_turn
        """,
    )
