"""Models on servers that know no native calls, cut what they are sent, or forget how an answer ends."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

import pytest

from mazu_ls.tools.output_limits import MAX_RESULT_CHARS, result_room
from tests.scenario import check, parse, play

LOCAL = """
        -- settings --
        model = "ollama:qwen"
        context.map_tokens = 0
"""


def test_a_call_in_the_text_asks_the_same_questions_and_is_said_once():
    check(
        LOCAL
        + """
        -- answers --
        deny not that
        -- a.py --
        print(1)
        -- model says --
        ```json
        {"name": "run_shell", "arguments": {"cmd": "touch x"}}
        ```
        -- model says --
        <tool_call>{"name": "read_file", "arguments": {"file_path": "a.py", "offset": "1"}}</tool_call>
        -- model says --
        Done.
        """,
        """
        tool: error: the user refused this: not that…
        tool: 1\tprint(1)
        assistant: Done.
        stop: end_turn
        asked: Run touch x
        said: ollama:qwen writes its tool calls as text…
        """,
    )


def test_results_leave_room_in_a_small_window():
    long = "\n".join(f"line {n} of a long file" for n in range(5000))
    world = check(
        """
        -- settings --
        model = "small"
        context.map_tokens = 0
        [models.small]
        provider = "ollama"
        model = "tiny"
        context_window = 8192
        -- model calls read_file --
        path: a.txt
        -- and calls read_file --
        path: b.txt
        -- and calls read_file --
        path: c.txt
        -- model says --
        Done.
        """
        + "".join(
            f"\n        -- {name}.txt --\n" + "\n".join("        " + line for line in long.split("\n"))
            for name in "abc"
        ),
        """
        tool: 1\tline 0 of a long file
        tool: 1\tline 0 of a long file
        tool: 1\tline 0 of a long file
        assistant: Done.
        stop: end_turn
        """,
    )
    results = [m["content"] for m in world.bodies[-1]["messages"] if m["role"] == "tool"]
    assert len(results) == 3
    assert sum(map(len, results)) < 8192 * 3.5 / 2 + 1000
    assert all("ask for less at once" in result for result in results)


def test_the_room_of_a_result_follows_the_window():
    assert result_room(1_000_000, 1) == MAX_RESULT_CHARS
    assert result_room(32_768, 1) < 32_768
    assert result_room(8_192, 4) * 4 <= 8_192 * 3.5 / 2
    assert result_room(512, 10) > 0


def test_a_server_that_cuts_what_it_is_sent_is_noticed_and_said_once():
    replies = [
        {"text": "One.", "usage": {"input": 900, "output": 3}},
        {"text": "Two.", "usage": {"input": 910, "output": 3}},
    ]
    story = "".join(f"\n        -- model replies --\n        {json.dumps(reply)}" for reply in replies)
    check(
        LOCAL + story + "\n        -- user --\n        Hello.\n        -- user --\n        Go on.\n",
        """
        assistant: One.
        stop: end_turn
        assistant: Two.
        stop: end_turn
        said: ollama:qwen read only 900 of about…
        """,
    )


def test_a_server_that_reads_all_is_not_accused():
    world = check(
        LOCAL + "\n        -- model says --\n        Hello.\n", "assistant: Hello.\nstop: end_turn\n"
    )
    assert world.host.said == []


@pytest.mark.parametrize(
    "raw", ['{"path": "a\\ud800"}', '{"path":' + "[" * 5000 + "]" * 5000 + "}", '{"path": "a\\u0000b"}']
)
@pytest.mark.parametrize("model", ["anthropic:claude-haiku-4-5", "openai:gpt-4.1", "openai:gpt-6.1-sol"])
def test_arguments_that_nobody_can_encode_are_an_error_result_and_the_turn_goes_on(model, raw):
    story = parse(
        f"""
        -- settings --
        model = "{model}"
        context.map_tokens = 0
        -- model replies --
        {json.dumps({"calls": [{"name": name, "raw": raw} for name in ("read_file", "run_shell", "write_file")]})}
        -- model says --
        Another way.
        """
    )
    with tempfile.TemporaryDirectory() as folder:
        world = asyncio.run(play(story, Path(folder)))
    tools = [line for line in world.lines if line.startswith("tool:")]
    assert len(tools) == 3
    assert all(line.startswith("tool: error: ") for line in tools)
    assert not any("inside mazu-ls" in line for line in tools)
    assert world.lines[-2:] == ["assistant: Another way.", "stop: end_turn"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("wiki_write", {"slug": "a//b", "text": "x"}, "'a//b' is not a page name"),
        ("remember", {"title": "t", "tags": ["x" * 70]}, "tag"),
        ("run_shell", {"command": "echo a\0b"}, "NUL"),
        ("write_file", {"path": "n.txt", "content": "a\0"}, "NUL"),
    ],
)
def test_a_tool_s_argument_error_reaches_the_model_as_such(tool, arguments, said):
    story = parse(
        f"""
        -- model replies --
        {json.dumps({"calls": [{"name": tool, "arguments": arguments}]})}
        -- model says --
        Another way.
        """
    )
    with tempfile.TemporaryDirectory() as folder:
        world = asyncio.run(play(story, Path(folder)))
    result = json.dumps(world.bodies[-1]["messages"][-1])
    assert said in result
    assert "inside mazu-ls" not in result
