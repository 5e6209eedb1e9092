"""What stands in the arguments of a written call: marks of thoughts are content there, and files that are shown are no calls."""

from __future__ import annotations

import json
from time import process_time

import pytest

from mazu_ls.messages import Message, ToolResult
from tests.models.test_written_calls import CALL, ONE, calls, read

pytestmark = pytest.mark.portable
THOUGHTS = [
    "<think>a</think>", "<thinking>\na\n</thinking>", "<reasoning>a</reasoning>", "<scratchpad>a</scratchpad> <think>b</think>", "<think>",
    'split("</think>")', "a</think>b<think>c", "<|START_THINKING|>a<|END_THINKING|>",
]  # fmt: skip


def written(command: str) -> tuple[str, dict[str, object]]:
    return ("run_shell", {"command": command})


@pytest.mark.parametrize("content", THOUGHTS)
@pytest.mark.parametrize("thought", ["", "Hm.\n", "<think>Let me see.</think>\n"])
def test_marks_of_thoughts_in_arguments_are_written_as_they_are(content: str, thought: str) -> None:
    given = json.dumps({"name": "run_shell", "arguments": {"command": content}})
    one = f"{thought}<tool_call>{given}</tool_call>"
    assert calls(read(one)) == [written(content)]
    assert calls(read(f"{one}\n<tool_call>{CALL}</tool_call>")) == [written(content), *ONE]
    assert calls(read(f"<tool_call>{CALL}</tool_call>\n<tool_call>{given}</tool_call>")) == [
        *ONE,
        written(content),
    ]
    assert calls(read(f"{thought}{given}")) == [written(content)]
    assert calls(read(f"{thought}```json\n{given}\n```")) == [written(content)]
    element = f"<function=run_shell>\n<parameter=command>\n{content}\n</parameter>\n</function>"
    assert calls(read(thought + element)) == [written(content)]


@pytest.mark.parametrize(
    "text",
    [
        f"Hm. <think>Perhaps <tool_call>{CALL}</tool_call></think>No.",
        f"Perhaps <tool_call>{CALL}\nor not</think>No.",
        "Perhaps <function=run_shell><parameter=command>x or not</think>No.",
        f"No.\n<reasoning>\n<tool_call>{CALL}</tool_call>\n<think>x</think>\n</reasoning>",
        f"<think>a <reasoning>b</reasoning> <tool_call>{CALL}</tool_call>",
    ],
)
def test_a_call_in_a_thought_is_none(text: str) -> None:
    assert calls(read(text)) == []


def test_a_thought_between_calls_is_one() -> None:
    other = '<tool_call>{"name": "run_shell", "arguments": {"command": "x"}}</tool_call>'
    text = f"<tool_call>{CALL}</tool_call>\n<think>or {other}?</think>\n<tool_call>{CALL}</tool_call>"
    assert calls(read(text)) == [*ONE, *ONE]


@pytest.mark.parametrize("fence", ["python", "py", "tool_code", "tool_call"])
@pytest.mark.parametrize("before", ["", "# main.py\n", "# tools\n# of the agent\n\n"])
def test_a_file_that_the_answer_shows_is_no_call(fence: str, before: str) -> None:
    line = 'default_api.run_shell(command="rm -rf x")'
    answer = f"Here is main.py:\n\n```{fence}\n{before}{line}\n```"
    for shown in (line, f"1\timport default_api\n2\t{line}\n", f"main.py:2:{line}"):
        seen = Message("user", (ToolResult("1", shown),))
        assert calls(read(answer, seen)) == []
    assert calls(read(answer)) == [written("rm -rf x")]


def test_an_element_of_another_name_space_is_no_call() -> None:
    text = 'So:\n\n```xml\n<xsl:function name="my:two">\n  <xsl:param name="a">2</xsl:param>\n</xsl:function>\n```'
    answer = read(text)
    assert (calls(answer), answer.message.text) == ([], text)
    named = '<ab:invoke name="read_file"><ab:parameter name="path">a.py</ab:parameter></ab:invoke>'
    assert calls(read(named)) == ONE


@pytest.mark.parametrize(
    "text",
    [
        "x<think>a</think>" * 20_000,
        '<tool_call>{"a":"<think>' * 3000,
        "<tool_call>{" + " " * 50_000 + "x",
        '{"a":' + "\n" * 50_000 + "x",
    ],
    ids=["thoughts", "marks", "blanks", "lines"],
)
def test_thoughts_and_blanks_are_read_once(text: str) -> None:
    begun = process_time()
    assert calls(read(text)) == []
    assert process_time() - begun < 1
