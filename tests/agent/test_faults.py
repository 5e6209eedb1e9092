"""Whatever a provider does, the turn ends with the right word, and the session goes on with a history that is accepted."""

import json
from itertools import product

import pytest

from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.errors import MazuError
from tests.scenario import Story, World, check

MODELS = ("anthropic:claude-sonnet-5-5", "openai:gpt-6-sol", "openai:gpt-6.1-sol")
PASSING = (
    *("429", "500", "529", "reset", "overloaded_midstream", "reset_midstream"),
    *("stall", "no_terminal_event", "garbage_event"),
)
LASTING = {"401": "auth", "403": "auth", "404": "model", "context_length": "context_length"}


def story(model: str, reply: str, then: str = "") -> str:
    return f"""
        -- settings --
        model = "{model}"
        -- a.txt --
        hello
        -- user --
        What does a.txt say?
        -- model calls read_file --
        path: a.txt
        -- model replies --
        {reply}
        {then}
        -- user --
        And now?
        -- model replies --
        {{"when": "And now?", "text": "Still here."}}
        """


def broken(fault: str) -> str:
    return f'{{"text": "half of it, and then comes what nobody will ever see", "fault": "{fault}"}}'


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_tried_again_and_shown(model: str, fault: str):
    check(
        story(model, broken(fault), '-- model replies --\n        {"text": "It says hello."}'),
        """
        tool: 1	hello
        retry: 1
        assistant: It says hello.
        stop: end_turn
        assistant: Still here.
        stop: end_turn
        """,
    )


@pytest.mark.parametrize(
    ("model", "fault"), [*product(MODELS, ["429", "reset_midstream"]), (MODELS[0], "stall")]
)
def test_what_does_not_pass_in_time_is_an_error_with_its_kind(model: str, fault: str):
    again = f"-- model replies --\n        {broken(fault)}\n        "
    world = check(
        story(model, broken(fault), again + again),
        f"""
        tool: 1	hello
        retry: 1
        retry: 2
        {"" if fault == "429" else "assistant: half of it…"}
        stop: error
        error: {"rate_limit" if fault == "429" else "network"}
        assistant: Still here.
        stop: end_turn
        """,
    )
    assert len(world.bodies) == 5


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", LASTING)
def test_what_will_not_pass_is_not_tried_again(model: str, fault: str):
    check(
        story(model, f'{{"fault": "{fault}"}}'),
        f"""
        tool: 1	hello
        stop: error
        error: {LASTING[fault]}
        assistant: Still here.
        stop: end_turn
        """,
    )


@pytest.mark.parametrize("model", MODELS)
def test_a_refusal_is_a_stop_reason_of_its_own(model: str):
    check(
        story(model, '{"fault": "refusal"}'),
        """
        tool: 1	hello
        stop: refusal
        assistant: Still here.
        stop: end_turn
        """,
    )


@pytest.mark.parametrize("model", MODELS)
def test_a_call_that_the_output_limit_cut_is_never_run(model: str):
    check(
        story(
            model,
            '{"fault": "max_tokens_in_tool", "calls": [{"name": "write_file", "arguments": {"path": "b.txt", "content": "b"}}]}',
        ),
        """
        tool: 1	hello
        tool: not run
        stop: max_tokens
        assistant: Still here.
        stop: end_turn
        -- b.txt --
        """,
    )


@pytest.mark.parametrize("model", MODELS)
def test_broken_arguments_are_told_to_the_model_which_goes_on(model: str):
    check(
        story(
            model,
            '{"fault": "truncated_json", "calls": [{"name": "read_file", "arguments": {"path": "a.txt"}}]}',
            '-- model replies --\n        {"text": "It says hello."}',
        ),
        """
        tool: 1	hello
        tool: error: the arguments of read_file are not valid: …
        assistant: It says hello.
        stop: end_turn
        assistant: Still here.
        stop: end_turn
        """,
    )


@pytest.mark.parametrize("model", MODELS)
def test_of_two_calls_with_one_id_each_gets_its_own_result(model: str):
    call = '{"name": "read_file", "arguments": {"path": "a.txt"}}'
    check(
        story(
            model,
            f'{{"fault": "duplicate_ids", "calls": [{call}, {call}]}}',
            '-- model replies --\n        {"text": "It says hello."}',
        ),
        """
        tool: 1	hello
        tool: 1	hello
        tool: error: the arguments of read_file are not valid: the id of this call was that of an earlier one; …
        assistant: It says hello.
        stop: end_turn
        assistant: Still here.
        stop: end_turn
        """,
    )


def test_a_conversation_that_is_too_long_is_compacted_once_and_goes_on():
    check(
        """
        -- user --
        First question.
        -- model says --
        First answer.
        -- user --
        Second question.
        -- model faults context_length --
        -- model says --
        ## Topics: the first question
        -- model says --
        Second answer.
        """,
        """
        assistant: First answer.
        stop: end_turn
        checkpoint: compaction before compaction
        assistant: Second answer.
        stop: end_turn
        """,
    )


def test_without_a_summary_a_conversation_that_is_too_long_is_not_sent_again():
    world = check(
        """
        -- user --
        First question.
        -- model says --
        First answer.
        -- user --
        Second question.
        -- model faults context_length --
        -- model says --
        …
        """,
        """
        assistant: First answer.
        stop: end_turn
        checkpoint: compaction before compaction
        stop: error
        error: context_length
        """,
    )
    assert len(world.bodies) == 3


def test_a_long_run_that_the_model_takes_no_more_is_cut_between_its_rounds():
    names = ("one", "two", "three", "four")
    files = "".join(f"-- {name} --\n{name}\n" for name in names)
    reads = "".join(f"-- model calls read_file --\npath: {name}\n" for name in names)
    story = f"""{files}-- user run --
Look at everything.
{reads}-- model faults context_length --
-- model says --
## Progress: three of four rounds
-- model says --
Done.
"""
    world = check(
        story,
        """
        tool: 1\tone
        tool: 1\ttwo
        tool: 1\tthree
        tool: 1\tfour
        assistant: Done.
        stop: end_turn
        """,
    )
    first, *rounds = world.bodies[-1]["messages"]
    told = json.dumps(first)
    assert "## Progress" in told and "word for word" in told and "Look at everything." in told
    assert [message["role"] for message in rounds] == ["assistant", "user"]


@pytest.mark.parametrize("text", ["", "\\u200b\\u2060 \\ufeff"])
def test_an_answer_with_nothing_to_see_gets_a_sentence(text: str):
    check(
        f"""
        -- model replies --
        {{"text": "{text}"}}
        """,
        f"""
        {"assistant: …" if text else ""}
        stop: end_turn
        detail: The model ended its turn without a word…
        """,
    )


async def test_a_turn_that_cannot_begin_leaves_no_empty_conversation(tmp_path):
    world = World(Story(), tmp_path)
    del world.env["ANTHROPIC_API_KEY"], world.env["OPENAI_API_KEY"]
    project = await world.open()
    session = await project.sessions.new()
    with pytest.raises(MazuError):
        await session.prompt(Prompt("Hello."))
    assert session.journal.path.exists()
    await project.close()
    assert not session.journal.path.exists()
