"""Where exactly each limit lies: what is just allowed, and what is just too much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.agent.turn.limits import Limits, UsageMeter
from mazu_ls.agent.turn.loop_detection import CallOutcome, LoopDetector
from mazu_ls.agent.turn.reviewed_host import MAX_DIFF_LINES, unified_diff
from mazu_ls.messages import Message, Text, ToolCall, Usage
from mazu_ls.models.model import ModelRequest
from mazu_ls.models.pricing.tokens import estimate_request, least_usage
from mazu_ls.tools.edit.shown_text import ShownText
from mazu_ls.tools.output_limits import (
    LEAST_RESULT_CHARS,
    MAX_RESULT_CHARS,
    cut_middle,
    limit_head,
    line,
    result_room,
)
from mazu_ls.tools.shell import resource_limits
from mazu_ls.tools.shell.resource_limits import (
    MAX_PROCESSES,
    SCRATCH_BYTES,
    TreeUsage,
    exceeded,
    memory_bytes,
)


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (TreeUsage(0, MAX_PROCESSES, SCRATCH_BYTES), None),
        (TreeUsage(memory_bytes() + 1, 1, 0), "GiB of memory"),
        (TreeUsage(0, MAX_PROCESSES + 1, 0), "more than the 1000 that a command may have"),
        (TreeUsage(0, 1, SCRATCH_BYTES + 1), "more than 4 GiB of temporary files"),
    ],
)
def test_a_command_may_hold_what_the_limit_says_and_no_more(usage: TreeUsage, said: str | None) -> None:
    found = exceeded(usage)
    assert found is None if said is None else found is not None and said in found


@pytest.mark.parametrize(("scarce", "held"), [(True, True), (False, False)])
def test_half_of_the_memory_is_too_much_only_where_the_machine_has_none_left(
    monkeypatch: pytest.MonkeyPatch, scarce: bool, held: bool
) -> None:
    monkeypatch.setattr(resource_limits, "_nearly_out_of_memory", lambda: scarce)
    assert (exceeded(TreeUsage(memory_bytes() // 2, 1, 0)) is not None) is held
    assert exceeded(TreeUsage(memory_bytes() // 4, 1, 0)) is None


@pytest.mark.parametrize(
    ("limits", "used", "reason"),
    [
        (Limits(steps=2), Usage(steps=1), None),
        (Limits(steps=2), Usage(steps=2), "max_steps"),
        (Limits(steps=None), Usage(steps=500), None),
        (Limits(steps=None, tokens=10), Usage(input_tokens=4, output_tokens=5), None),
        (Limits(steps=None, tokens=10), Usage(input_tokens=5, output_tokens=5), "max_tokens"),
        (Limits(steps=None, cost=1.0), Usage(cost_usd=0.99), None),
        (Limits(steps=None, cost=1.0), Usage(cost_usd=1.0), "max_cost"),
        (Limits(steps=None, seconds=3600.0), Usage(), None),
        (Limits(steps=None, seconds=0.0), Usage(), "max_seconds"),
    ],
)
def test_a_turn_ends_when_a_limit_is_reached_and_not_before(limits: Limits, used: Usage, reason: str | None):
    meter = UsageMeter(limits)
    meter.add(used)
    stop = meter.exceeded()
    assert (stop.reason if stop else None) == reason


def test_five_failed_rounds_are_enough() -> None:
    meter = UsageMeter(Limits(steps=None, failures=5))
    meter.failures = 4
    assert meter.exceeded() is None
    meter.failures = 5
    assert (stop := meter.exceeded()) is not None and stop.reason == "stuck"


def outcome(name: str, text: str, *, ok: bool = True, effectful: bool = False) -> CallOutcome:
    return CallOutcome(ToolCall("c", name, {"path": name}), text, ok, effectful)


def rounds(*outcomes: CallOutcome) -> list[str | None]:
    loops = LoopDetector()
    return [loops.record_round([one]) for one in outcomes]


A, B, C = (outcome(name, f"text of {name}") for name in "abc")


def test_the_same_result_three_times_is_a_loop_and_twice_is_none() -> None:
    assert rounds(A, A)[-1] is None
    assert (said := rounds(A, A, A)[-1]) is not None and said.startswith("The same call was made 3 times")


def test_looking_at_other_files_in_between_is_no_loop() -> None:
    assert rounds(A, B, A, C, A) == [None] * 5


def test_three_times_in_five_rounds_is_a_loop_and_in_six_is_none() -> None:
    assert rounds(A, B, A, B, A)[-1] is not None
    assert rounds(A, B, C, A, B, A)[-1] is None


def test_the_same_error_for_a_file_is_a_loop_and_for_several_is_none() -> None:
    def wrong(path: str, old: str, name: str = "edit_file") -> CallOutcome:
        return CallOutcome(ToolCall("c", name, {"path": path, "old": old}), "not there", ok=False)

    assert rounds(*(wrong("a", old) for old in "xyz"))[-1] == "The same error came 3 times: not there"
    assert rounds(*(wrong(path, "x") for path in "abcdef")) == [None] * 6
    assert rounds(wrong("a", "x"), wrong("a", "x", "grep"), wrong("b", "x"), wrong("a", "y"))[-1] is None
    commands = [
        CallOutcome(ToolCall("c", "run_shell", {"command": f"which {n}"}), "exit code 1", ok=False)
        for n in range(5)
    ]
    assert rounds(*commands) == [None] * 5, "a search for a program"
    assert rounds(*commands[:1] * 3)[-1] is not None


def test_a_command_that_was_not_run_before_starts_the_count_again() -> None:
    ran = outcome("make", "built", effectful=True)
    assert rounds(A, A, ran, A, A)[-1] is None
    failed = outcome("make", "built", ok=False, effectful=True)
    looked = outcome("make", "built")
    for other in (failed, looked):
        assert rounds(A, other, A, other, A, A)[-1] is not None


def test_an_edit_starts_the_count_again_and_one_that_is_undone_thrice_is_a_loop() -> None:
    loops = LoopDetector()
    for _ in range(2):
        loops.record_round([A])
    assert loops.record_edit("f", "one", "two") is None
    assert loops.record_round([A]) is None
    assert loops.record_edit("f", "two", "one") is None
    assert loops.record_edit("f", "one", "two") is None
    assert (said := loops.record_edit("f", "two", "one")) is not None and said.startswith(
        "f was brought to the same text 3 times"
    )


@given(st.integers(1, 2_000_000), st.integers(1, 40))
def test_the_results_of_one_message_take_half_of_the_window_at_most(window: int, calls: int) -> None:
    room = result_room(window, calls)
    assert LEAST_RESULT_CHARS <= room <= MAX_RESULT_CHARS == 100_000
    assert room == LEAST_RESULT_CHARS or room * calls <= window * 3.5 / 2
    assert room == LEAST_RESULT_CHARS or room <= window * 3.5 / 4
    assert room >= min(MAX_RESULT_CHARS, int(window * 3.5 / 2 / max(2, calls)) - 2)


def test_a_model_of_unknown_window_gets_the_most() -> None:
    assert result_room(None, 40) == MAX_RESULT_CHARS


@given(st.text("ab\n", max_size=60), st.integers(4, 40))
def test_what_is_cut_is_counted_and_nothing_else_is_lost(text: str, room: int) -> None:
    cut = cut_middle(text, room)
    if len(text) <= room:
        assert cut == text
    else:
        left, right = text[: room // 2], text[-(room // 2) :]
        count = len(text) - 2 * (room // 2)
        assert cut == f"{left}\n... {count} characters cut; ask for less at once to see them ...\n{right}"


@given(st.text("ab\n", max_size=60), st.integers(1, 40))
def test_the_head_of_a_text_is_whole_lines_and_says_how_much_is_left(text: str, limit: int) -> None:
    head = limit_head(text, "ask on", limit)
    if len(text) <= limit:
        assert head == text
        return
    shown, _, note = head.rpartition("\n[")
    count = int(note.split(" ", 1)[0])
    assert note == f"{count} more characters; ask on]"
    kept = len(text) - count
    assert text[:kept].rstrip() == shown and 0 < kept <= limit
    assert kept == limit or text[kept - 1] == "\n"


def test_a_long_line_is_cut_at_two_thousand_characters() -> None:
    assert line("x" * 2_000) == "x" * 2_000
    assert line("x" * 2_003) == "x" * 2_000 + " ... [3 more characters in this line]"


def test_a_diff_is_shown_to_its_last_line_and_cut_from_the_next():
    before = "".join(f"{n}\n" for n in range(1000))
    whole, cut = (unified_diff("a", before, before + "x\n" * added).split("\n") for added in (394, 395))
    assert (len(whole), whole[-1]) == (MAX_DIFF_LINES, "+x")
    assert (len(cut), cut[-1]) == (MAX_DIFF_LINES + 1, "... 1 more line (+395 -0 in all)")


def test_a_character_that_stands_for_a_stray_byte_is_a_mark_only_where_there_is_one():
    assert ShownText.from_source("a \ue4e9").marks.findall("x \ufffd") == ["\ufffd"]
    assert ShownText.from_source("a [redacted: secret]").marks.findall("x \ufffd") == []


def test_what_the_last_call_used_is_known_and_only_the_rest_is_an_estimate() -> None:
    request = ModelRequest(messages=[Message("user", (Text("word " * 4000),))], tools=[])
    sent = estimate_request(request)
    first, later = least_usage(request, 0), least_usage(request, sent - 100)
    assert (first.input_tokens, first.cache_read_tokens) == (sent // 2, 0)
    assert (later.input_tokens, later.cache_read_tokens) == (50, sent - 100)
    assert least_usage(request, 10 * sent).tokens == sent
