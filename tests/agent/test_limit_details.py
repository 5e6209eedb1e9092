"""Limits to the byte and the second: what a command may use, what of its output is shown, what a turn's limits say."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mazu_ls.agent.turn import limits as limits_module
from mazu_ls.agent.turn.limits import Limits, UsageMeter, count_of
from mazu_ls.agent.turn.loop_detection import CallOutcome, LoopDetector
from mazu_ls.messages import Image, ToolCall, Usage
from mazu_ls.platform import process_limits
from mazu_ls.tools.base import ToolOutput
from mazu_ls.tools.output_limits import clean, cut_middle, limit_head, output, with_fit_pictures
from mazu_ls.tools.shell import resource_limits
from mazu_ls.tools.shell.resource_limits import (
    GIB,
    ScratchMeter,
    TreeUsage,
    exceeded,
    measure,
    memory_bytes,
    shell_limits,
)

BAD = b"\xff"
NOISE = BAD * 9  # one more than may be a slip


def cpu(hard: int, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(process_limits, "cpu_limit", lambda: hard)
    return int(shell_limits(own_users=False).partition("ulimit -t ")[2].partition(";")[0])


@pytest.mark.parametrize(
    ("hard", "seconds"), [(process_limits.UNLIMITED, 3600), (100, 99), (3601, 3600), (90_000, 3600), (1, 1)]
)
def test_a_command_gets_less_cpu_time_than_this_process_may_use(
    hard: int, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cpu(hard, monkeypatch) == seconds


def test_the_shell_sets_all_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_limits, "cpu_limit", lambda: process_limits.UNLIMITED)
    common = "ulimit -c 0; ulimit -t 3600; ulimit -f 16777216; "
    last = "echo 1000 > /proc/self/oom_score_adj; } 2>/dev/null"
    assert shell_limits(own_users=False) == f"{{ {common}{last}"
    assert shell_limits(own_users=True) == f"{{ {common}ulimit -u 4000; {last}"


def test_what_a_tree_of_processes_uses_is_measured(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "big").write_bytes(b"x" * 300_000)
    (tmp_path / "big").write_bytes(b"x" * 300_000)
    (tmp_path / "elsewhere").symlink_to(Path(__file__).parents[1])
    own = measure([os.getpid()], ScratchMeter(tmp_path).look())
    assert own.processes == 1 and 2**20 < own.memory < 64 * GIB
    resident, shared = map(int, Path("/proc/self/statm").read_text().split()[1:3])
    assert abs(own.memory - (resident - shared) * process_limits.page_bytes()) < 3 * 2**20
    assert 600_000 <= own.scratch < 800_000
    assert measure([2**22 + 7], ScratchMeter(tmp_path / "nothing").look()) == TreeUsage(0, 0, 0)
    twice = measure([os.getpid(), 2**22 + 7, os.getpid()], 0)
    assert twice.processes == 2 and twice.memory > own.memory * 1.5


@pytest.mark.parametrize(
    ("text", "gib"), [(f"{8 * GIB}\n", 6), ("max\n", 48), (f"{GIB // 2}", 1), (f"{640 * GIB}", 48)]
)
def test_the_memory_of_a_container_counts_where_it_is_less(
    text: str, gib: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "max").write_text(text)
    monkeypatch.setattr(resource_limits, "CONTAINER_MEMORY", (str(tmp_path / "none"), str(tmp_path / "max")))
    monkeypatch.setattr(process_limits, "memory_total_bytes", lambda: 64 * GIB)
    assert memory_bytes.__wrapped__() == gib * GIB


@pytest.mark.parametrize(
    ("meminfo", "held"),
    [
        ("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 49 kB\n", True),
        ("MemTotal: 1000 kB\nMemAvailable: 50 kB\n", False),
        ("MemTotal: 1000 kB\n", False), ("", False), ("MemTotal: much\n", False),
    ],
)  # fmt: skip
def test_a_third_of_the_memory_is_too_much_where_the_machine_has_hardly_any_left(
    meminfo: str, held: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text(meminfo)
    monkeypatch.setattr(resource_limits, "MACHINE_MEMORY", str(tmp_path / "meminfo"))
    third = memory_bytes() // 3
    assert exceeded(TreeUsage(third, 1, 0)) is None
    assert (exceeded(TreeUsage(third + 1, 1, 0)) is not None) is held
    assert (exceeded(TreeUsage(memory_bytes(), 1, 0)) is not None) is held
    assert exceeded(TreeUsage(memory_bytes() + GIB, 1, 0)) == (
        f"it used {memory_bytes() / GIB + 1:.1f} GiB of memory, more than a command may"
    )


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (BAD * 8, "\ufffd" * 8),
        (NOISE, "[9 bytes of binary output]"),
        (b"one\n" + NOISE + b"\n", "one\n[10 bytes of binary output]"),
        (b"one\n" + NOISE + b"\ntwo and more\n", "one\n[10 bytes of binary output]\ntwo and more\n"),
        (b"abc" + BAD + b"\n" + NOISE + b"\nafter it\n", "abc\ufffd\n[10 bytes of binary output]\nafter it\n"),
        (b"a" + BAD + b"\n" + NOISE + b"\nafter it\n", "[13 bytes of binary output]\nafter it\n"),
        (b"a" + BAD + b"\nb" + BAD + b"\n" + NOISE + b"\nafter it\n", "[16 bytes of binary output]\nafter it\n"),
        (NOISE + b"\nab\n" + NOISE + b"\nafter it\n", "[23 bytes of binary output]\nafter it\n"),
        (NOISE + b"\nabcd\n" + NOISE + b"\nafter it\n", "[10 bytes of binary output]\nabcd\n[10 bytes of binary output]\nafter it\n"),
        (NOISE + b"\nabcdefgh" + BAD + b"\nafter it\n", "[20 bytes of binary output]\nafter it\n"),
        (BAD * 4 + b"\ntext\n" + NOISE + b"\nafter it\n", "[5 bytes of binary output]\ntext\n[10 bytes of binary output]\nafter it\n"),
        (b"a" + BAD + b"\ntext\n" + NOISE + b"\nafter it\n", "a\ufffd\ntext\n[10 bytes of binary output]\nafter it\n"),
        (b"\x01" * 9 + b"\nafter it\n", "[10 bytes of binary output]\nafter it\n"),
        (b"\x1bP" + NOISE + b"\x1b\\\nafter it\n", "[14 bytes of binary output]\nafter it\n"),
        (b"x" * 36 + NOISE + b"x\nend\n", "x" * 36 + "\ufffd" * 9 + "x\nend\n"),
    ],
)  # fmt: skip
def test_binary_lines_are_counted_to_the_byte(data: bytes, shown: str) -> None:
    assert output(data) == shown


def test_control_characters_do_not_reach_the_model() -> None:
    assert clean("\x1b[31mred\x1b[0m\r\n10 %\r20 %\r\nbell\x07\x9b") == "red\n20 %\nbell\ufffd\ufffd"
    assert clean("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\ \x1bPq#0\x1b\\a\x1bPopen\nb") == "link a\nb"


def test_results_have_their_usual_size() -> None:
    assert limit_head("x" * 30_000, "ask on") == "x" * 30_000
    assert limit_head("x" * 30_001, "ask on") == "x" * 30_000 + "\n[1 more characters; ask on]"
    assert limit_head("aa\nbbb", "ask on", 4) == "aa\n[3 more characters; ask on]"
    assert limit_head("\nabcdef", "ask on", 3) == "\n[6 more characters; ask on]"
    assert cut_middle("x" * 100_000) == "x" * 100_000
    assert cut_middle("x" * 100_001).startswith("x" * 50_000 + "\n... 1 characters cut")


def test_a_picture_that_cannot_be_sent_is_a_sentence() -> None:
    odd = "image/" + "x" * 60
    shown = with_fit_pictures(ToolOutput("text", images=(Image("image/png", "a"), Image(odd, "AAAA"))))
    assert shown.images == ()
    first, second = shown.text.split("\n")[1:]
    assert first == "[a picture of type image/png is not shown: it is not base64]"
    assert second.startswith(f"[a picture of type {odd[:40]} is not shown: it ")
    assert not second.endswith("base64]")


def test_the_default_limit_of_failed_rounds_is_five() -> None:
    meter = UsageMeter(Limits())
    meter.failures = 4
    assert meter.exceeded() is None
    meter.failures = 5
    assert (stop := meter.exceeded()) is not None
    assert stop.sentence == "5 rounds of tool calls in a row failed."


def test_time_is_over_only_where_there_is_a_limit() -> None:
    assert UsageMeter(Limits()).out_of_time is False and UsageMeter(Limits()).seconds_left is None
    assert UsageMeter(Limits(seconds=0.0)).out_of_time is True
    assert UsageMeter(Limits(seconds=3600.0)).out_of_time is False


@pytest.mark.parametrize(
    ("now", "left", "over"), [(3699.5, 0.5, False), (3700.0, 0.0, True), (3701.0, -1.0, True)]
)
def test_time_is_over_at_the_second(
    now: float, left: float, over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "time", SimpleNamespace(monotonic=lambda: now))
    meter = UsageMeter(Limits(seconds=3600.0), started=100.0)
    assert (meter.seconds_left, meter.out_of_time) == (left, over)
    assert (meter.exceeded() is not None) is over


@pytest.mark.parametrize(
    ("limits", "used", "sentence"),
    [
        (Limits(steps=1), Usage(steps=1), "The limit of 1 step is reached."),
        (Limits(steps=2), Usage(steps=2), "The limit of 2 steps is reached."),
        (Limits(cost=0.1), Usage(cost_usd=0.25), "The limit of $0.1 for a turn is reached ($0.2500 spent)."),
        (Limits(cost=20), Usage(cost_usd=20.0), "The limit of $20 for a turn is reached ($20.0000 spent)."),
        (Limits(tokens=2_000_000), Usage(input_tokens=2_000_001), "The limit of 2000000 tokens is reached (2000001 used)."),
        (Limits(seconds=0.0), Usage(), "The limit of 0 seconds is reached."),
    ],
)  # fmt: skip
def test_a_limit_is_told_with_its_number_and_unit(limits: Limits, used: Usage, sentence: str) -> None:
    meter = UsageMeter(limits)
    meter.add(used)
    assert (stop := meter.exceeded()) is not None
    assert stop.sentence == sentence


def test_costs_add_up_and_an_unknown_one_is_left_out() -> None:
    meter = UsageMeter(Limits(cost=1.0))
    for cost in (0.25, None, 0.5):
        meter.add(Usage(steps=1, cost_usd=cost))
    assert meter.spent == 0.75 and meter.usage.steps == 3
    assert meter.exceeded() is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [(1, "1 hour"), (1.0, "1 hour"), (2, "2 hours"), (1.5, "1.5 hours"), (1000000, "1000000 hours")],
)
def test_amounts_have_their_unit(amount: float, text: str) -> None:
    assert count_of(amount, "hour") == text


@pytest.mark.parametrize(("length", "cut"), [(160, False), (161, True)])
def test_the_evidence_of_a_loop_is_one_line_that_can_be_read(length: int, cut: bool) -> None:
    loops, text = LoopDetector(), "a \n b" + "x" * (length - 3)
    other = CallOutcome(ToolCall("c", "y", {"path": "p"}), text, ok=False)
    outcome, last = (CallOutcome(ToolCall("c", "y", {"path": "p", "n": n}), text, ok=False) for n in range(2))
    found = [loops.record_round([one]) for one in (outcome, other, last)][-1]
    line = "a b" + "x" * (length - 3)
    assert found == "The same error came 3 times: " + (f"{line[:157]}..." if cut else line)


def failed(path: str, text: str, name: str = "read_file") -> CallOutcome:
    return CallOutcome(ToolCall("c", name, {"path": path}), text, ok=False)


def test_a_call_that_fails_thrice_is_a_loop_and_two_errors_in_turn_are_none() -> None:
    loops = LoopDetector()
    found = [loops.record_round([failed("a", "none")]) for _ in "abc"]
    assert found[:2] == [None, None] and found[2] is not None
    loops = LoopDetector()
    in_turn = (failed("a", "none"), failed("b", "no such line", "grep"))
    assert [loops.record_round([one]) for one in (*in_turn, *in_turn)] == [None] * 4


def test_a_command_that_failed_starts_no_count_again() -> None:
    loops = LoopDetector()
    read = CallOutcome(ToolCall("c", "read_file", {}), "text", ok=True)
    ran = CallOutcome(ToolCall("c", "run_shell", {}), "exit code 1", ok=False, effectful=True)
    found = [loops.record_round([one]) for one in (read, read, ran, read, read)]
    assert found[-1] is not None and found[-1].startswith("The same call was made 3 times")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no /proc")
def test_trees_of_processes_are_watched_where_the_system_shows_them() -> None:
    assert resource_limits.supported() is Path("/proc/self/statm").exists()
