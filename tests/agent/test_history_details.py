"""A conversation's past to the message: what is cut, what a summary is told, what a checkpoint holds of it."""

from pathlib import Path
from typing import Literal

import apsw
import msgspec
import pytest

from mazu_ls.agent.session.branches import MIGRATIONS, ConversationPart
from mazu_ls.agent.session.compaction import (
    DROPPED,
    find_compaction_cut,
    list_dropped,
    render_messages,
)
from mazu_ls.agent.session.conversation import SUMMARY, Conversation, replay, trim_to_window
from mazu_ls.journal import journal
from mazu_ls.journal.journal import Event
from mazu_ls.messages import Image, Message, Text, ToolCall, ToolResult, Usage, estimate_message
from tests.scenario import check

PICTURE = Image("image/png", "AAAA")


def user(words: str = "Go.") -> Message:
    return Message("user", (Text(words),))


def says(words: str = "Well.") -> Message:
    return Message("assistant", (Text(words),))


def exchange(
    n: int, command: str = "ls", text: str = "exit code 0", *, ok: bool = True
) -> tuple[Message, Message]:
    """A round: a call and its result."""
    call = ToolCall(f"c{n}", "run_shell", {"command": command})
    return Message("assistant", (call,)), Message("user", (ToolResult(f"c{n}", text, ok),))


def size(*messages: Message) -> int:
    return sum(map(estimate_message, messages))


def test_the_last_exchange_is_kept_and_a_first_one_is_not_cut_before() -> None:
    said = [user(), says(), user(), says()]
    assert find_compaction_cut(said, 1_000_000, refused=False) == 2
    assert find_compaction_cut([says()], 1_000_000, refused=False) is None
    assert find_compaction_cut([user(), says()], 1_000_000, refused=False) is None
    assert find_compaction_cut([user(), *exchange(1)], 1_000_000, refused=False) is None


def test_a_last_exchange_that_takes_half_of_the_window_is_cut_between_its_rounds() -> None:
    run = [user(), *exchange(1), *exchange(2, text="x " * 500), *exchange(3), *exchange(4)]
    said = [user("Before."), says("x " * 2000), *run]
    half = 2 * size(*run)
    assert find_compaction_cut(said, half, refused=False) == 2, "exactly half is no reason to cut it"
    cut = find_compaction_cut(said, half - 2, refused=False)
    assert cut == 7 and said[cut].role == "assistant" and size(*said[7:]) <= (half - 2) // 4
    tiny = 4 * (size(*said[9:]) - 1)
    assert find_compaction_cut(said, tiny, refused=False) == 9, "one round stays, however large it is"


def test_a_run_is_cut_only_where_that_frees_a_quarter_of_the_window() -> None:
    first = [user(), *exchange(1)]
    said = [*first, *exchange(2, text="x " * 2000)]
    window = 2 * size(*said) - 2
    assert size(*first) <= window // 4
    assert find_compaction_cut(said, window, refused=False) is None
    assert find_compaction_cut(said, window, refused=True) == 3
    assert find_compaction_cut(said, 4 * size(*first) + 3, refused=False) is None
    assert find_compaction_cut(said, 4 * size(*first) - 1, refused=False) == 3


def test_a_refused_request_is_cut_as_if_the_window_were_what_was_sent() -> None:
    said = [user(), *exchange(1), *exchange(2), *exchange(3)]
    assert find_compaction_cut(said, 1_000_000, refused=False) is None
    cut = find_compaction_cut(said, 1_000_000, refused=True)
    assert cut in (3, 5) and said[cut].role == "assistant"


def test_the_commands_of_the_dropped_part_are_listed_with_how_they_ended() -> None:
    rounds = [
        exchange(1, "make  all\n -j", "...\nexit code 2"), exchange(2, "ls", "a b"), exchange(3, "cat x", "none", ok=False),
        exchange(4, "make all -j", "exit code 1 ... exit code 0"), exchange(5, "y" * 150),
    ]  # fmt: skip
    said = [one for pair in rounds for one in pair]
    unanswered = Message(
        "assistant", (ToolCall("c9", "run_shell", {"command": "never"}), ToolCall("c8", "grep", {}))
    )
    assert list_dropped([*said, unanswered]) == "\n".join(
        [
            DROPPED,
            "- `ls`: done",
            "- `cat x`: failed",
            "- `make all -j`: exit code 0",
            f"- `{'y' * 100}`: exit code 0",
        ]
    )
    assert list_dropped([user(), says()]) == ""
    many = [one for n in range(25) for one in exchange(n, f"echo {n}")]
    lines = list_dropped(many).split("\n")
    assert (len(lines), lines[1], lines[-1]) == (21, "- `echo 5`: exit code 0", "- `echo 24`: exit code 0")
    late = "x" * 2000 + "exit code 3" + "x" * 995
    assert list_dropped(exchange(1, "a", late)).endswith("`a`: done"), "only the end says how it ended"


def test_a_summary_is_written_from_everything_that_was_said() -> None:
    said = [
        user("u" * 4001), Message("assistant", (Text("I look."), ToolCall("c", "grep", {"pattern": "x"}))),
        Message("user", (ToolResult("c", "r" * 4001), ToolResult("d", "no", ok=False), PICTURE)),
    ]  # fmt: skip
    assert render_messages(said, 100_000) == "\n\n".join(
        [
            f"user: {'u' * 4000}",
            "assistant: I look.\n[calls grep {'pattern': 'x'}]",
            f"user: [result: {'r' * 4000}]\n[result (failed): no]",
        ]
    )
    whole = render_messages([user("a" * 100 + "b" * 100)], 1000)
    assert render_messages([user("a" * 100 + "b" * 100)], len(whole)) == whole
    assert (
        render_messages([user("a" * 100 + "b" * 100)], 40)
        == f"user: {'a' * 14}\n\n[... cut ...]\n\n{'b' * 20}"
    )


def test_a_summary_is_told_what_fits_into_the_window() -> None:
    names = "abcdefgh"
    files = "".join(f"-- {name} --\nbegin {name} {'word ' * 1000}\n" for name in names)
    reads = "".join(
        f"-- {'and' if n else 'model'} calls read_file --\npath: {name}\n" for n, name in enumerate(names)
    )
    world = check(
        f"""
{files}-- settings --
model = "small"
[context]
map_tokens = 0
compact_at = 0.3
[models.small]
provider = "anthropic"
model = "claude-scripted"
context_window = 20000
-- user --
Read all.
{reads}-- model says --
So be it.
-- user --
Again.
-- model says --
## Topics: words
-- model says --
Done.
""",
        f"""
{("tool: …" + chr(10)) * 8}assistant: So be it.
stop: end_turn
assistant: Done.
stop: end_turn
""",
    )
    asked = str(world.bodies[2]["messages"])
    assert "Read all." in asked and "assistant: So be it." in asked and "[... cut ...]" not in asked
    assert all(f"begin {name}" in asked for name in names)


@pytest.mark.parametrize(
    ("fault", "stop"), [("529", "end_turn"), ("401", "error")], ids=["overloaded", "refused"]
)
def test_where_the_service_cannot_summarise_the_conversation_that_fits_goes_on(fault: str, stop: str) -> None:
    long = "word " * 4000
    faults = f"-- model faults {fault} --\n" * 3
    world = check(
        f"""
-- settings --
model = "small"
[context]
map_tokens = 0
compact_at = 0.5
[models.small]
provider = "anthropic"
model = "claude-scripted"
context_window = 12000
-- user --
First, {long}
-- model says --
So be it.
-- user --
And now?
{faults if stop == "end_turn" else f"-- model faults {fault} --"}
-- model says --
Done.
""",
        f"""
assistant: So be it.
stop: end_turn
{"assistant: Done." if stop == "end_turn" else ""}
stop: {stop}
""",
    )
    warned = [
        text
        for _, text in world.host.said
        if text.startswith("The conversation could not be shortened yet: ")
    ]
    assert len(warned) == (1 if stop == "end_turn" else 0)


def test_only_whole_exchanges_are_sent_and_at_least_the_last() -> None:
    said = [says("Left over."), user("1"), *exchange(1), user("2"), says(), user("3 " * 50), says()]
    for turns, first in ((None, 1), (1, 6), (2, 4), (3, 1), (9, 1)):
        assert trim_to_window(said, turns, None) == said[first:]
    last, two = size(*said[6:]), size(*said[4:])
    for tokens, first in ((1, 6), (last, 6), (two - 1, 6), (two, 4), (size(*said[1:]), 1), (10**6, 1)):
        assert trim_to_window(said, None, tokens) == said[first:]
    assert trim_to_window(said, 1, 10**6) == said[6:]
    assert trim_to_window(said, 3, two) == said[4:]
    for turns, tokens in ((None, None), (1, None), (None, 1)):
        assert trim_to_window([says(), *exchange(1)], turns, tokens) == [says(), *exchange(1)]
    assert trim_to_window([], None, None) == []


def model(message: Message) -> journal.ModelSaid:
    return journal.ModelSaid(message, "tool_use" if message.calls else "end_turn", Usage())


def events(*bodies: journal.Body) -> list[Event]:
    return [Event(n, n - 1, "2026-01-01T00:00:00Z", "t_1", body) for n, body in enumerate(bodies, 1)]


def ended(id: str, text: str = "done") -> journal.CallEnded:
    return journal.CallEnded(id, True, text, text)


def test_a_call_without_a_result_gets_one_when_the_conversation_goes_on() -> None:
    two = Message("assistant", (ToolCall("a", "x", {}), ToolCall("b", "x", {})))
    open_end = replay(events(journal.UserSaid(user(), "Go."), model(two), ended("b"), ended("nobody")))
    assert open_end.pending_tool_calls() == ["a"]
    assert open_end.messages == [user(), two], "it waits for the other one"
    sent = open_end.messages_to_send()
    assert [(part.call_id, part.ok) for part in sent[-1].parts if isinstance(part, ToolResult)] == [
        ("a", False),
        ("b", True),
    ]
    assert open_end.messages == [user(), two] and open_end.pending_tool_calls() == ["a"]
    for body in (
        journal.UserSaid(user("More."), "More."),
        model(says()),
        journal.Compacted("short", 0, Usage()),
    ):
        closed = replay(events(journal.UserSaid(user(), "Go."), model(two), ended("b"), body))
        assert closed.pending_tool_calls() == []
    assert closed.messages == [user(SUMMARY + "short")] and closed.was_compacted
    assert replay(events(journal.UserSaid(user(), "Go."), model(Message("assistant", ())))).messages == [
        user()
    ]
    done = replay(events(journal.UserSaid(user(), "Go."), model(two), ended("b"), ended("a")))
    assert done.messages == done.messages_to_send() and len(done.messages) == 3
    assert not done.was_compacted and not Conversation().was_compacted


def test_a_compaction_keeps_the_newest_messages_and_joins_what_the_user_said() -> None:
    said = events(
        journal.UserSaid(user("1"), "1"), model(says("one")), journal.UserSaid(user("2"), "2"), model(says("two")),
        journal.Compacted("short", 2, Usage()),
    )  # fmt: skip
    conversation = replay(said)
    assert conversation.messages == [Message("user", (Text(SUMMARY + "short"), Text("2"))), says("two")]
    assert list(conversation.said) == ["2", "1"]
    assert not replay(events(journal.UserSaid(user("What an editor adds."), ""))).said


@pytest.mark.parametrize("part", ["pictures", "message"])
def test_what_a_service_refused_is_a_note_where_it_stood(part: Literal["pictures", "message"]) -> None:
    seen = Message("user", (Text("Look."), PICTURE))
    got = ToolResult("a", "a picture", True, (PICTURE,))
    call = Message("assistant", (ToolCall("a", "x", {}),))
    with_words = [
        journal.UserSaid(seen, "Look."),
        model(says()),
        journal.UserSaid(user("And?"), "And?"),
    ]
    refused = journal.ContentWithheld(part, "too large")
    conversation = replay(events(*with_words, refused))
    texts = [message.text for message in conversation.messages]
    if part == "pictures":
        assert "A picture was here; the service did not take it: too large" in texts[0] and texts[2] == "And?"
        assert not conversation.has_pictures
    else:
        assert texts[0] == "Look." and "refused the content: too large" in texts[2] and "And?" not in texts[2]
        assert conversation.has_pictures
    results = replay(events(journal.UserSaid(user(), "Go."), model(call), journal.CallEnded("a", True, "", "a picture", (PICTURE,)), refused))  # fmt: skip
    (result,) = results.messages[-1].parts
    assert isinstance(result, ToolResult) and result.images == () and "too large" in result.text
    assert result.text.startswith("a picture\n") is (part == "pictures") and got.text == "a picture"


@pytest.fixture
def db() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for step in MIGRATIONS.steps:
        assert isinstance(step, str)
        connection.execute(step)
    return connection


def line(seq: int) -> bytes:
    return (
        msgspec.json.encode(Event(seq, seq - 1, "2026-01-01T00:00:00Z", None, journal.SessionEnded())) + b"\n"
    )


def test_a_checkpoint_holds_what_was_added_since_the_last_one(tmp_path: Path, db: apsw.Connection) -> None:
    part, path = ConversationPart(tmp_path), tmp_path / "s_1.jsonl"
    path.write_bytes(line(1) + line(2))
    first = {"s_1/000000000000.jsonl": line(1) + line(2), "s_1/head.json": b'{"head":2}'}
    assert part.changed(db) == part.everything(db) == first
    part.mark_taken(db)
    assert part.changed(db) == {}
    with path.open("ab") as file:
        file.write(line(3))
    start = f"s_1/{len(line(1) + line(2)):012d}.jsonl"
    assert part.changed(db) == {start: line(3), "s_1/head.json": b'{"head":3}'}
    part.boundary["s_1"] = 2
    assert part.changed(db) == {}, "the running turn is not in the checkpoint before it"
    part.boundary["s_1"] = 1
    assert part.changed(db) == {"s_1/head.json": b'{"head":1}'}
    path.unlink()
    assert part.changed(db) == {"s_1/head.json": None}
    assert part.everything(db) == {}


def test_a_checkpoint_before_a_turn_ends_at_its_start(tmp_path: Path, db: apsw.Connection) -> None:
    part, path = ConversationPart(tmp_path), tmp_path / "s_1.jsonl"
    path.write_bytes(line(1) + b"torn\n" + line(2) + line(3))
    for boundary, kept in (
        (2, line(1) + b"torn\n" + line(2)),
        (3, path.read_bytes()),
        (9, path.read_bytes()),
    ):
        part.boundary["s_1"] = boundary
        assert part.everything(db)["s_1/000000000000.jsonl"] == kept


def test_a_restored_conversation_ends_where_the_checkpoint_says(tmp_path: Path, db: apsw.Connection) -> None:
    part, path = ConversationPart(tmp_path), tmp_path / "s_1.jsonl"
    path.write_bytes(line(1) + line(2) + line(3))
    part.changed(db)
    part.mark_taken(db)
    problems = part.restore(
        db, {"s_1/head.json": b'{"head":2}', "s_2/head.json": b'{"head":9}', "s_3/head.json": b"{"}
    )
    assert list(problems) == ["s_3/head.json"] and "damaged" in problems["s_3/head.json"]
    assert list(db.execute("SELECT session, head, moved_at FROM session_head")) == [("s_1", 2, 3)]
    assert part.changed(db) == {"s_1/head.json": b'{"head":2}', "s_2/head.json": None}, (
        "the next one says it again"
    )
    with path.open("ab") as file:
        file.write(line(4))
    assert part.everything(db)["s_1/head.json"] == b'{"head":4}', "what is added goes on from the end"
    part.restore(db, {"s_1/head.json": None})
    assert list(db.execute("SELECT head, moved_at FROM session_head")) == [(0, 4)]


@pytest.mark.parametrize(
    ("taken", "files", "left"),
    [
        (100, {50: None}, 50), (40, {50: None}, 40), (10, {0: 30}, 30), (40, {0: 30}, 40), (0, {20: 30}, 50),
        (100, {0: 80, 50: None}, 80), (100, {50: None, 0: 80, 80: None}, 80),
    ],
)  # fmt: skip
def test_the_next_checkpoint_begins_where_the_restored_segments_end(
    taken: int, files: dict[int, int | None], left: int, tmp_path: Path, db: apsw.Connection
) -> None:
    db.execute("INSERT INTO session_taken VALUES ('s_1', 5, ?)", (taken,))
    segments = {
        f"s_1/{start:012d}.jsonl": None if count is None else b"x" * count for start, count in files.items()
    }
    assert ConversationPart(tmp_path).restore(db, segments) == {}
    assert list(db.execute("SELECT head, size FROM session_taken")) == [(5, left)]
