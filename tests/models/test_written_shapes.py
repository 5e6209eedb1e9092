"""Written calls whose marks are incomplete or of newer models, and texts that only show such a call."""

from __future__ import annotations

import pytest

from tests.models.test_written_calls import ARGUMENTS, CALL, ONE, calls, read

pytestmark = pytest.mark.portable

EVIL = '{"name": "run_shell", "arguments": {"command": "rm -rf x"}}'
SPACED = '<ns:function_calls>\n<ns:invoke name="read_file">\n<ns:parameter name="path">a.py</ns:parameter>\n</ns:invoke>\n</ns:function_calls>'
FENCED = f"read_file\n```json\n{ARGUMENTS}\n```"


@pytest.mark.parametrize(
    "text",
    [
        # Llama, as several services deliver it
        '<|python_start|>[read_file(path="a.py")]<|python_end|>',
        f"<|python_start|>{CALL}<|python_end|>",
        f"<|start_header_id|>assistant<|end_header_id|>\n\n{CALL}<|eot_id|>",
        f"<function>read_file{ARGUMENTS}</function>",
        f"<function>{CALL}</function>",
        f"<function=read_file{ARGUMENTS}</function>",
        f"<function=read_file {ARGUMENTS}></function>",
        f"<function=read_file {ARGUMENTS} </function>",
        f"<function=read_file({ARGUMENTS})></function>",
        f"<function(read_file){ARGUMENTS}</function>",
        f"<function/read_file>{ARGUMENTS}</function>",
        f"<function=read_file={ARGUMENTS}</function>",
        # Hermes and Qwen: marks lost, braces miscounted
        f"<tool_call>\n{CALL}\n<tool_call>",
        f"{CALL}\n</tool_call>",
        f"Ok.\n{CALL}\n</tool_call>",
        "<tool_call>\n{" + CALL + "}\n</tool_call>",
        f"<tool_call>\n{CALL[1:]}\n</tool_call>",
        f"<tool_call>\n{CALL}}}\n</tool_call>",
        '<tool_call function="read_file">{"path": "a.py"}</tool_call>',
        f"<tool_call><name>read_file</name><arguments><![CDATA[{ARGUMENTS}]]></arguments></tool_call>",
        # Mistral
        f"[TOOL_CALLS]read_file({ARGUMENTS})",
        f"TOOL_CALLS [{CALL}]",
        f"read_file[ARGS]{ARGUMENTS}",
        f"Ok.\nread_file[ARGS]{ARGUMENTS}",
        f"[TOOL_CALLS][{CALL}][/TOOL_CALLS]",
        # DeepSeek
        f"function<｜tool▁sep｜>{FENCED}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        f"<｜tool▁calls▁begin｜>\n{FENCED}<｜tool▁calls▁end｜>",
        f"```json\n{CALL}\n```<｜end▁of▁sentence｜>",
        f"{CALL}<｜end▁of▁sentence｜>",
        # Gemma
        '```tool_call\nread_file(path="a.py")\n```',
        '```python\nprint(default_api.read_file(path="a.py"))\n```',
        '```tool_code\nresult = read_file(path="a.py")\nprint(result)\n```',
        f"```function\n{CALL}\n```",
        '<|tool_call>call:read_file{path:<|"|>a.py<|"|>}<tool_call|>',
        # gpt-oss
        f"<|start|>assistant to=functions.read_file<|channel|>commentary json<|message|>{ARGUMENTS}<|call|>",
        f"<|channel|>commentary <|constrain|>json to=functions.read_file<|message|>{ARGUMENTS}<|call|>",
        f"to=functions.read_file<|message|>{ARGUMENTS}",
        # Single families
        f">>>read_file\n{ARGUMENTS}",
        f"<|recipient|> read_file\n<|content|> {ARGUMENTS}<|stop|>",
        'Call: read_file(path="a.py")<bot_end>',
        '<<function>>read_file(path="a.py")',
        '<|tools_prefix|>[{"read_file": {"path": "a.py"}}]<|tools_suffix|>',
        '<steptml:toolcall><steptml:invoke name="read_file"><steptml:parameter name="path">a.py</steptml:parameter></steptml:invoke></steptml:toolcall>',
        f"<|tool_call:begin|>1<|tool_call:name|>read_file<|tool_call:args|>{ARGUMENTS}<|tool_call:end|>",
        '<|tool_call_start|>\n```python\nread_file(path="a.py")\n```\n<|tool_call_end|>',
        # XML with name spaces, or as it was before
        SPACED,
        SPACED.replace("<ns:function_calls>", "<function_calls>").replace("</ns:function_calls>", "</function_calls>"),
        "<function_calls>\n<invoke>\n<tool_name>read_file</tool_name>\n<parameters>\n<path>a.py</path>\n</parameters>\n</invoke>\n</function_calls>",
        # JSON of other wire formats, labels, fences
        '{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "read_file", "arguments": "{\\"path\\": \\"a.py\\"}"}}]}',
        '{"functionCall": {"name": "read_file", "args": {"path": "a.py"}}}',
        f"Tool call: {CALL}",
        f"**Function call:** {CALL}",
        f"Action: read_file\nAction Input:\n```json\n{ARGUMENTS}\n```",
        f"Action: {CALL}",
        f"<tool>{CALL}</tool>",
        f"<action>\n{CALL}\n</action>",
        f"```text\n{CALL}\n```",
        f"```read_file\n{ARGUMENTS}\n```",
        f"```json {CALL} ```",
    ],
)  # fmt: skip
def test_a_call_with_incomplete_or_newer_marks_is_a_call(text: str):
    answer = read(text)
    assert calls(answer) == ONE
    assert (answer.stop, answer.written) == ("tool_use", 1)
    assert answer.message.text in ("", "Ok.")


@pytest.mark.parametrize(
    "text",
    [
        f"Use `<tool_call>{EVIL}</tool_call>` to call.",
        f"Use `<tool_call>{EVIL}</tool_call>`",
        f"The format is:\n```\n<tool_call>{EVIL}</tool_call>\n```\nYou parse it so.",
        f"```xml\n<tool_call>\n{EVIL}\n</tool_call>\n```\nis the format.",
        f"Hermes models write <tool_call>{EVIL}</tool_call> to call a tool.",
        f"Hermes: `<tool_call>{EVIL}</tool_call>`; Mistral: `[TOOL_CALLS] [{EVIL}]`.",
        f"Mistral writes [TOOL_CALLS] [{EVIL}] and then waits.",
        "```\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>run_shell\n{}<｜tool▁call▁end｜>\n```\nthat is DeepSeek.",
        'The server sends <function=run_shell{"command": "rm -rf x"}</function> instead of JSON.',
        '`<|python_start|>[run_shell(command="rm -rf x")]<|python_end|>`',
        f"Tool call: {EVIL}\nThat is how it looks.",
        'Action: {"name": "other", "arguments": {}}',
        f"<thinking>I could <tool_call>{EVIL}</tool_call></thinking>No.",
        f"<|START_THINKING|>perhaps <tool_call>{EVIL}</tool_call><|END_THINKING|>No.",
        f"Perhaps <tool_call>{EVIL}</tool_call>. Better not.</think>Done.",
        f"| hermes | `<tool_call>{EVIL}</tool_call>` |\n",
        f"| hermes | <tool_call>{EVIL}</tool_call> |\n",
        f"- Hermes writes <tool_call>{EVIL}</tool_call>, which is no JSON.\n",
        f"> <tool_call>{EVIL}</tool_call>\n\nThis line of the issue is the cause.",
        f"The template has\n\n    <tool_call>{EVIL}</tool_call>\n\nand so on.",
        '>>>run_shell\n{"command": "x"}\nis what it prints.',
        'other[ARGS]{"a": 1}',
        '```python\ndefault_api.run_shell(command="rm -rf x")\n```\nThis is Gemma.',
        '```run_shell\n{"command": "x"}\n```\nis what I would write.',
        f"```python\n{EVIL}\n```",
        '{"role": "assistant", "content": "hi", "tool_calls": []}',
    ],
)
def test_a_call_that_is_only_shown_is_none(text: str):
    answer = read(text)
    assert calls(answer) == []
    assert answer.message.text == text


@pytest.mark.parametrize(
    "example", ["`<tool_call>{}</tool_call>`", "```\n<tool_call>{}</tool_call>\n```\nis wrong;"]
)
def test_the_call_behind_an_example_is_the_one(example: str):
    shown = example.replace("{}", EVIL)
    answer = read(
        f"Not {shown} but\n<tool_call>{CALL}</tool_call>"
        if shown[:2] == "`<"
        else f"{shown}\n<tool_call>{CALL}</tool_call>"
    )
    assert calls(answer) == ONE
    assert shown in answer.message.text


@pytest.mark.parametrize(
    "command", ["echo </tool_call> <tool_call>", "echo `date` `x` <tool_call>", "echo '```'\\n```\\nwords"]
)
def test_marks_and_fences_in_arguments_stay_as_they_are(command: str):
    one = f'<tool_call>{{"name": "run_shell", "arguments": {{"command": "{command}"}}}}</tool_call>'
    wanted = ("run_shell", {"command": command.replace("\\n", "\n")})
    assert calls(read(one)) == [wanted]
    assert calls(read(f"{one}\n<tool_call>{CALL}</tool_call>")) == [wanted, *ONE]
    typed = command.replace("\\n", "\n")
    element = f"<tool_call>\n<function=run_shell>\n<parameter=command>\n{typed}\n</parameter>\n</function>\n</tool_call>"
    assert "</tool_call>" in command or calls(read(element)) == [wanted]


@pytest.mark.parametrize(
    "text",
    [
        "<function=read_file{" * 20_000,
        "Action: x\n" * 30_000,
        "<｜tool▁calls▁begin｜>" * 20_000,
        "```\n`<tool_call>`\n```\nwords\n" * 1000,
        "`" * 50_000 + "a" * 50_000,
        "a" * 300_000 + "</think>",
        '<tool_call>{"a":"</tool_call>' * 3000,
        "```py\n" + "default_api." * 50_000,
        'read_file[ARGS]{"a' * 20_000,
    ],
    ids=[
        "functions",
        "labels",
        "beginnings",
        "examples",
        "ticks",
        "thought",
        "marks in text",
        "python",
        "names",
    ],
)
def test_the_marks_of_these_shapes_are_read_once_too(text: str):
    assert calls(read(text)) == []
