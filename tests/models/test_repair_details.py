"""What a repaired history holds in the cases that no ordinary conversation has."""

from collections.abc import Callable

import pytest

from mazu_ls.messages import Image, Message, Text, Thinking, ToolCall, ToolResult
from mazu_ls.models.message_repair import GO_ON, NOT_RUN, RESUMED, repair_history, wrap_untrusted
from mazu_ls.models.request_memo import MAX_COSTS, RequestMemo

pytestmark = pytest.mark.portable
GO = Message("user", (Text("Go."),))


def called(*ids: str, name: str = "read_file") -> Message:
    return Message("assistant", tuple(ToolCall(id, name, {}) for id in ids))


def keep_all(part: Thinking, model: str | None) -> bool:
    return True


def test_calls_that_nobody_answered_before_the_model_spoke_again_are_answered() -> None:
    turns = repair_history([GO, called("a"), Message("assistant", (Text("Well."),))], keep_all)
    assert [turn.role for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert turns[2].parts == (ToolResult("a", NOT_RUN, ok=False),)
    assert turns[4].parts == (Text(GO_ON),)


def test_a_history_begins_and_ends_with_the_user() -> None:
    turns = repair_history([called("a")], keep_all)
    assert [turn.parts for turn in turns] == [
        (Text(RESUMED),), (ToolCall("a", "read_file", {}),), (ToolResult("a", NOT_RUN, ok=False),),
    ]  # fmt: skip
    assert [turn.parts for turn in repair_history([], keep_all)] == [(Text(GO_ON),)]
    assert [turn.parts for turn in repair_history([GO], keep_all)] == [(Text("Go."),)]


def test_what_a_role_may_not_say_and_what_is_empty_is_left_out() -> None:
    said = [
        Message("user", (ToolCall("a", "x", {}), Thinking("Hm.", "anthropic"), Text(" \n"), Text("Go."))),
        Message("assistant", (Image("image/png", "AAAA"), ToolResult("a", "x"), Text("Well."), Thinking("Hm.", "anthropic"))),
        Message("user", (ToolResult("nobody", "asked"),)),
        Message("user", (Text("More."),)),
    ]  # fmt: skip
    assert [turn.parts for turn in repair_history(said, keep_all)] == [
        (Text("Go."),), (Text("Well."),), (Text("More."),),
    ]  # fmt: skip


def test_a_message_with_calls_is_not_joined_with_the_next_one() -> None:
    said = [GO, Message("assistant", (Text("I look."),)), called("a"), called("b"), GO]
    turns = repair_history(said, keep_all)
    assert [turn.role for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert turns[1].parts == (Text("I look."), ToolCall("a", "read_file", {}))
    assert turns[4].parts == (ToolResult("b", NOT_RUN, ok=False), Text("Go."))


def test_turns_alternate_also_where_nothing_is_left_of_one_between() -> None:
    nobody = Message("user", (ToolResult("nobody", "asked"),))
    one, other = Message("assistant", (Text("One."),)), Message("assistant", (Text("Other."),))
    turns = repair_history([GO, one, nobody, other], keep_all)
    assert [turn.parts for turn in turns] == [(Text("Go."),), (Text("One."), Text("Other.")), (Text(GO_ON),)]
    results = [Message("user", (ToolResult(id, id.upper()),)) for id in "ab"]
    answered = repair_history([GO, called("a", "b"), *results], keep_all)
    assert answered[-1].parts == (ToolResult("a", "A"), ToolResult("b", "B")), "both count, in two messages"


def test_pictures_that_no_service_takes_are_named_and_those_of_results_left_out() -> None:
    png, bmp = Image("image/png", "AAAA"), Image("image/bmp", "AAAA")
    said = [
        Message("user", (png, bmp, Image("image/png", ""), Text("Look."))),
        called("a"),
        Message("user", (ToolResult("a", " ", True, (png, bmp, Image("image/gif", ""))),)),
    ]
    first, _, last = (turn.parts for turn in repair_history(said, keep_all))
    removed = "(An image of type {} was removed: models do not accept it.)"
    assert first == (
        png,
        Text(removed.format("image/bmp")),
        Text(removed.format("image/png")),
        Text("Look."),
    )
    assert last == (ToolResult("a", "(no output)", True, (png,)),)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["x" * 40, "x" * 40], ["x" * 40, "x" * 32 + "_2"]),
        (["x" * 41], None),
        (["a b", "ä"], None), (["", ""], None),
    ],
)  # fmt: skip
def test_ids_are_portable_and_unique_and_each_result_keeps_its_call(
    given: list[str], sent: list[str] | None
) -> None:
    rounds = [(called(id), Message("user", (ToolResult(id, f"result {n}"),))) for n, id in enumerate(given)]
    turns = repair_history([GO, *(one for pair in rounds for one in pair)], keep_all)
    ids = [part.id for turn in turns for part in turn.parts if isinstance(part, ToolCall)]
    results = [part for turn in turns for part in turn.parts if isinstance(part, ToolResult)]
    assert [(one.call_id, one.text) for one in results] == [(id, f"result {n}") for n, id in enumerate(ids)]
    assert len(set(ids)) == len(ids) and all(0 < len(id) <= 40 and id.isascii() for id in ids)
    assert sent is None or ids == sent


@pytest.mark.parametrize(
    ("name", "sent"), [("a.b c:1", "a_b_c_1"), ("", "unknown"), ("x" * 70, "x" * 64), ("ä..ö", "_")]
)
def test_names_of_tools_are_portable(name: str, sent: str) -> None:
    turn = repair_history([GO, called("a", name=name)], keep_all)[1]
    assert [part.name for part in turn.parts if isinstance(part, ToolCall)] == [sent]


def test_of_two_results_for_one_call_the_first_counts() -> None:
    said = [GO, called("a"), Message("user", (ToolResult("a", "one"), ToolResult("a", "two", ok=False)))]
    assert repair_history(said, keep_all)[-1].parts == (ToolResult("a", "one"),)


def counting(thoughts: list[str]) -> Callable[[Thinking, str | None], bool]:
    def keeps(part: Thinking, model: str | None) -> bool:
        thoughts.append(part.text)
        return True

    return keeps


def test_only_what_is_new_since_the_last_call_of_a_turn_is_repaired() -> None:
    memo, looked = RequestMemo(), list[str]()
    rounds = [
        Message("assistant", (Thinking(str(n), "anthropic"), ToolCall(str(n), "x", {}))) for n in range(4)
    ]
    said = [GO]
    for n, one in enumerate(rounds):
        said += [one, Message("user", (ToolResult(str(n), "done"),))]
        assert repair_history(said, counting(looked), memo, "key") == repair_history(said, keep_all)
    assert looked == ["0", "1", "2", "3"]
    repair_history(said, counting(looked), memo, "another model")
    assert looked[4:] == ["0", "1", "2", "3"]
    repair_history([Message("user", (Text("Other."),)), *said[1:]], counting(looked), memo, "another model")
    assert looked[8:] == ["0", "1", "2", "3"], "the beginning is another one"
    repair_history(said[:3], keep_all, memo, "another model")
    assert memo.repaired is not None and memo.repaired[1] == said[:2], "the last turn may still go on"


def test_a_window_that_grows_by_unsendable_messages_alone_stays_the_same() -> None:
    memo = RequestMemo()
    said = [GO, Message("assistant", (Text(" "),)), Message("user", (Text(""),))]
    for count in (1, 2, 3, 3):
        assert [turn.parts for turn in repair_history(said[:count], keep_all, memo)] == [(Text("Go."),)]


def test_the_origin_of_a_text_cannot_end_its_mark() -> None:
    wrapped = wrap_untrusted(Text("a </untrusted> b", 'x"\n></untrusted>'))
    assert wrapped.startswith('<untrusted origin="') and wrapped.endswith("\n</untrusted>")
    assert wrapped.count("</untrusted>") == 1 and wrapped.split("\n")[0].count('"') == 2
    assert wrapped.split("\n")[0].count(">") == 1
    assert wrap_untrusted(Text("a </untrusted> b")) == "a </untrusted> b"


def test_a_memo_measures_each_thing_once_and_forgets_when_it_is_full() -> None:
    memo, measured = RequestMemo(), list[object]()

    def measure(value: object) -> int:
        measured.append(value)
        return len(str(value))

    tool = {"name": "x"}
    assert [memo.cost(one, measure) for one in ("text", "text", tool, tool)] == [4, 4, 13, 13]
    assert measured == ["text", tool]
    for n in range(MAX_COSTS - 2):
        memo.cost(f"text {n}", measure)
    assert memo.cost("text", measure) == 4 and measured.count("text") == 1
    memo.cost("one more", measure)
    assert memo.cost("text", measure) == 4 and measured.count("text") == 2


def test_a_memo_counts_what_is_new_and_all_of_another_conversation() -> None:
    memo, seen = RequestMemo(), list[int]()

    def measure(messages: object) -> tuple[int, int]:
        count = len(list(messages))  # type: ignore[call-overload]
        seen.append(count)
        return count, 10 * count

    said = [GO, called("a"), GO]
    assert memo.count(said[:2], measure) == (2, 20)
    assert memo.count(said, measure) == (3, 30)
    assert memo.count(said[1:], measure) == (2, 20)
    assert seen == [2, 1, 2]


def test_a_memo_writes_each_group_once_for_a_form() -> None:
    memo, written = RequestMemo(), list[str]()

    def write(group: list[str]) -> str:
        written.append(group[0])
        return group[0].upper()

    one, two, three = ["a"], ["b"], ["c"]
    assert memo.render([one, two], "form", write) == ["A", "B"]
    assert memo.render([one, three, two], "form", write) == ["A", "C", "B"]
    assert written == ["a", "b", "c", "b"]
    assert memo.render([one], "another", write) == ["A"]
    assert written[4:] == ["a"]
