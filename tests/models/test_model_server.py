"""The scripted model server is as strict as the services it stands for, and serves as a process too."""

from __future__ import annotations

import asyncio
import json
import re
import sys

import anthropic
import openai
import pytest

from mazu_ls.demo.model_server import ModelScript, ModelServer
from mazu_ls.demo.model_server.script import ScriptedReply
from mazu_ls.demo.model_server.speech import signature, spoken_calls

USER = {"role": "user", "content": "Hello."}
CALL = {"type": "tool_use", "id": "t1", "name": "read_file", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "text"}
ASKED = {"role": "assistant", "content": [CALL]}
ANSWERED = {"role": "user", "content": [RESULT]}


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "at least one message"),
        ([ASKED], "first message must use"),
        ([USER, ASKED, USER], "without `tool_result` blocks immediately after"),
        (
            [USER, ASKED, {"role": "user", "content": [{"type": "text", "text": "x"}, RESULT]}],
            "immediately after",
        ),
        ([USER, ASKED, {"role": "user", "content": [RESULT, RESULT]}], "single result"),
        ([USER, ASKED, ANSWERED, ASKED, ANSWERED], "must be unique"),
        ([USER, {"role": "assistant", "content": "x"}, ANSWERED], "unexpected `tool_use_id`"),
        ([USER, USER], "roles must alternate"),
        ([{"role": "user", "content": [{"type": "text", "text": " "}]}], "non-whitespace"),
        ([{"role": "user", "content": []}], "non-empty content"),
        (
            [
                USER,
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "y"}]},
            ],
            "signature",
        ),
        ([USER, {"role": "assistant", "content": [{**CALL, "id": "a b"}]}], "pattern"),
        ([{"role": "system", "content": "x"}], "role"),
    ],
)
async def test_histories_that_anthropic_refuses(messages, said):
    async with ModelServer([{"text": "fine"}]) as server:
        client = anthropic.AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0)
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(model="claude-x", max_tokens=10, messages=messages)
        assert said in str(caught.value)
        await client.close()


OPENAI_CALL = {"id": "t1", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}
OPENAI_ASKED = {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]}
OPENAI_ANSWERED = {"role": "tool", "tool_call_id": "t1", "content": "text"}


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "empty array"),
        ([USER, OPENAI_ASKED], "must be followed by tool messages"),
        ([USER, OPENAI_ASKED, USER], "must be followed by tool messages"),
        ([USER, OPENAI_ANSWERED], "must be a response to a preceeding message"),
        (
            [USER, OPENAI_ASKED, OPENAI_ANSWERED, OPENAI_ANSWERED],
            "must be a response to a preceeding message",
        ),
        ([USER, OPENAI_ASKED, OPENAI_ANSWERED, OPENAI_ASKED, OPENAI_ANSWERED], "must be unique"),
        ([USER, {"role": "assistant", "content": None}], "got null"),
        (
            [
                USER,
                {
                    **OPENAI_ASKED,
                    "tool_calls": [{**OPENAI_CALL, "function": {"name": "f", "arguments": "x"}}],
                },
            ],
            "JSON object",
        ),
        ([{"role": "user", "content": ""}], "empty"),
    ],
)
async def test_histories_that_openai_refuses(messages, said):
    async with ModelServer([{"text": "fine"}]) as server:
        client = openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="gpt-x", messages=messages)
        assert said in str(caught.value)
        await client.close()


SAID = {"role": "assistant", "content": "x"}
ASKING = {"type": "function_call", "call_id": "t1", "name": "read_file", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "t1", "output": "text"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": signature("")}


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], "empty array"),
        ([USER, ASKING], "No tool output found"),
        ([USER, ASKING, USER, OUTPUT], "No tool output found"),
        ([USER, OUTPUT], "No tool call found"),
        ([USER, ASKING, OUTPUT, OUTPUT], "No tool call found"),
        ([USER, ASKING, OUTPUT, ASKING, OUTPUT], "Duplicate item"),
        ([USER, {**ASKING, "arguments": "x"}, OUTPUT], "JSON object"),
        ([USER, THOUGHT, USER], "required following item"),
        ([USER, THOUGHT, SAID, THOUGHT, SAID], "Duplicate item"),
        ([USER, {**THOUGHT, "encrypted_content": "sig_other"}, SAID], "could not be verified"),
        ([{"role": "user", "content": ""}], "empty"),
        ([{"role": "user", "content": [{"type": "text", "text": "x"}]}], "another type"),
        ([{"role": "tool", "content": "x"}], "role"),
        ([{**USER, "phase": "commentary"}], "phase"),
    ],
)
async def test_histories_that_the_responses_service_refuses(items, said):
    async with ModelServer([{"text": "fine"}]) as server:
        client = openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(model="gpt-x", input=items, store=False)
        assert said in str(caught.value)
        await client.close()


async def test_the_sdk_s_own_helper_understands_the_responses_it_is_sent():
    call = {"name": "read_file", "arguments": {"path": "a"}}
    reply = {"thinking": "Hm, hm.", "text": "Hello you.", "calls": [call, call], "chunk": 3}
    ends = [
        {"text": "Well", "stop": "max_output_tokens"},
        {"text": "No.", "fault": "refusal"},
        {"text": "x", "stop": "failed"},
    ]
    async with ModelServer([{**reply, "usage": {"input": 7, "output": 3, "cacheRead": 5}}, *ends]) as server:
        client = openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
        ask = {"model": "gpt-6.1-sol", "input": [USER], "store": False}
        async with client.responses.stream(**ask) as stream:  # type: ignore[arg-type]
            whole = await stream.get_final_response()
        assert [item.type for item in whole.output] == [
            "reasoning",
            "message",
            "function_call",
            "function_call",
        ]
        assert (whole.output_text, whole.status) == ("Hello you.", "completed")
        assert whole.usage and whole.usage.input_tokens == 12
        assert whole.usage.input_tokens_details.cached_tokens == 5
        cut, refused, failed = [await client.responses.create(**ask) for _ in ends]  # type: ignore[call-overload]
        assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
        assert refused.output[0].content[0].type == "refusal"
        assert failed.error.code == "server_error"
        await client.close()


async def test_both_sdks_read_whole_answers_and_streams_alike():
    reply = {
        "text": "Hello you.",
        "calls": [{"name": "read_file", "arguments": {"path": "a"}}],
        "usage": {"input": 7, "output": 3},
    }
    async with ModelServer([{**reply, "repeat": True}]) as server:
        claude = anthropic.AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0)
        whole = await claude.messages.create(model="claude-x", max_tokens=10, messages=[USER])  # type: ignore[list-item]
        async with claude.messages.stream(model="claude-x", max_tokens=10, messages=[USER]) as stream:  # type: ignore[list-item]
            streamed = await stream.get_final_message()
        assert (
            [block.type for block in whole.content]
            == [block.type for block in streamed.content]
            == ["text", "tool_use"]
        )
        assert (streamed.usage.input_tokens, streamed.usage.output_tokens, streamed.stop_reason) == (
            7,
            3,
            "tool_use",
        )
        assert (await claude.messages.count_tokens(model="claude-x", messages=[USER])).input_tokens > 0  # type: ignore[list-item]
        gpt = openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
        done = await gpt.chat.completions.create(model="gpt-x", messages=[USER])  # type: ignore[list-item]
        assert done.choices[0].finish_reason == "tool_calls"
        assert done.choices[0].message.tool_calls
        assert [model.id async for model in gpt.models.list()] == [
            model.id async for model in claude.models.list()
        ]
        assert [request.path for request in server.requests] == [
            "/v1/messages",
            "/v1/messages",
            "/v1/chat/completions",
        ]
        await claude.close()
        await gpt.close()


def test_the_id_of_a_call_holds_no_number_that_a_test_looks_for():
    calls = spoken_calls(ScriptedReply(calls=[{"name": "f"}] * 100), "toolu_")
    assert len({call.id for call in calls}) == 100
    assert all(re.fullmatch("toolu_[g-z]{14,}", call.id or "") for call in calls)


def test_replies_are_chosen_by_a_word_of_the_request_then_in_order():
    script = ModelScript.decode(
        [
            {"text": "1"},
            {"when": "fix", "text": "2"},
            {"text": "3"},
            {"when": "small", "text": "4", "repeat": True},
        ]
    )
    asked = [("m", "fix it"), ("m", "fix it"), ("small-m", ""), ("small-m", ""), ("m", ""), ("m", "")]
    assert [script.next(*request).text for request in asked] == ["2", "1", "4", "4", "3", "(script ended)"]


@pytest.mark.parametrize(
    ("script", "said"), [([{"txt": "x"}], "'txt'"), ([{"fault": "x"}], "unknown fault"), ("x", "a script is")]
)
def test_a_script_with_a_mistake_is_refused_by_name(script, said):
    with pytest.raises(ValueError, match=said):
        ModelScript.decode(script)


async def test_it_serves_as_a_process_and_says_where(tmp_path):
    (tmp_path / "script.json").write_text(json.dumps({"replies": [{"text": "From afar."}]}))
    port_file = tmp_path / "port"
    command = (
        "-m",
        "mazu_ls.demo.model_server",
        str(tmp_path / "script.json"),
        "--port-file",
        str(port_file),
    )
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            port = int(await process.stdout.readline())
        client = anthropic.AsyncAnthropic(api_key="k", base_url=f"http://127.0.0.1:{port}", max_retries=0)
        answer = await client.messages.create(model="claude-x", max_tokens=10, messages=[USER])  # type: ignore[list-item]
        assert answer.content[0].model_dump()["text"] == "From afar."
        assert int(port_file.read_text()) == port
        await client.close()
    finally:
        process.kill()
        await process.wait()
