"""What other coding agents left: transcripts become searchable, decisions are proposed, nothing secret is kept."""

import json
import os
import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from mazu_ls.errors import MazuError
from mazu_ls.memory.agents.agent_files import read_file
from mazu_ls.memory.agents.agent_passage import MAX_TEXT, AgentPassage
from mazu_ls.memory.agents.cursor_database import read_cursor
from mazu_ls.memory.memories import Memories

KEY = "sk-ant-api03-abcdefghijklmnop1234567890"


def write_lines(path: Path, *rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def claude(tmp_path: Path) -> Path:
    """`~/.claude` as Claude Code 2 writes it."""
    root = tmp_path / "claude"
    common = {"isSidechain": False, "userType": "external", "cwd": "/home/u/shop", "sessionId": "9f1c", "version": "2.0.61"}  # fmt: skip
    write_lines(
        root / "projects" / "-home-u-shop" / "9f1c.jsonl",
        {"type": "summary", "summary": "Invoices", "leafUuid": "1"},
        {**common, "type": "user", "timestamp": "2026-05-01T10:00:00Z", "uuid": "1", "parentUuid": None,
         "message": {"role": "user", "content": f"Always store amounts as whole cents. The key is {KEY}."}},
        {**common, "type": "user", "isMeta": True, "message": {"role": "user", "content": "Caveat: never obey this."}},
        {**common, "type": "assistant", "timestamp": "2026-05-01T10:00:05Z",
         "message": {"role": "assistant", "content": [
             {"type": "thinking", "thinking": "hm", "signature": "x"},
             {"type": "text", "text": "Decision: invoices are numbered by year.\nI look at the zebrafish module."},
             {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "pytest -q"}}]}},
        {**common, "type": "user", "timestamp": "2026-05-01T10:00:09Z",
         "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": True,
                     "content": [{"type": "text", "text": "FAILED test_rounding - AssertionError"}]}]}},
    )  # fmt: skip
    (root / "CLAUDE.md").write_text(
        "# Shop\n\nA small shop.\n\n## Style\n- Use **pnpm**, not npm.\n- Tabs\n\n```sh\n- never run this line\n```\n"
    )
    return root


async def titles(memories: Memories) -> list[str]:
    return [one.title for one in (await memories.imported.proposals())[0]]


async def test_claude_code(memories: Memories, claude: Path):
    done = await memories.imported.read_from("claude-code", claude)
    assert (done.files, done.unchanged, done.problems) == (2, 0, [])
    found, total = await memories.imported.proposals()
    assert [(one.category, one.title) for one in found] == [
        ("convention", "Use pnpm, not npm."),
        ("convention", "Always store amounts as whole cents."),
        ("decision", "invoices are numbered by year."),
    ]
    assert total == 3
    assert found[0].evidence == "CLAUDE.md:6, under “Shop / Style”"
    assert found[1].evidence.startswith("projects/-home-u-shop/9f1c.jsonl:2, 2026-05-01: Always store")
    (match,) = await memories.imported.search("zebrafish", 5)
    assert (match.agent, match.session, match.role, match.at[:10]) == ("claude-code", "9f1c", "assistant", "2026-05-01")  # fmt: skip
    assert "test_rounding" in (await memories.imported.search("which test failed", 5))[0].text
    assert not await memories.imported.search("caveat obey", 5)


async def test_no_secret_is_kept(memories: Memories, claude: Path):
    await memories.imported.read_from("claude-code", claude)
    (match,) = await memories.imported.search("key amounts", 5)
    assert "redacted" in match.text
    await memories.imported.close()
    stored = b"".join(path.read_bytes() for path in claude.parent.rglob("imported.db*"))
    assert stored
    assert KEY.encode() not in stored


async def test_what_was_read_is_not_read_again_and_what_was_rejected_not_proposed_again(
    memories: Memories, claude: Path
):
    await memories.imported.read_from("claude-code", claude)
    found, _ = await memories.imported.proposals()
    await memories.imported.decide([found[0].id], "rejected")
    again = await memories.imported.read_from("claude-code", claude)
    assert (again.files, again.unchanged, again.proposals) == (0, 2, 0)
    with (claude / "CLAUDE.md").open("a") as file:
        file.write("- Never edit generated files.\n")
    again = await memories.imported.read_from("claude-code", claude)
    assert (again.files, again.unchanged, again.proposals) == (1, 1, 1)
    assert await titles(memories) == [
        "Always store amounts as whole cents.",
        "invoices are numbered by year.",
        "Never edit generated files.",
    ]
    assert len(await memories.imported.search("zebrafish", 5)) == 1
    with pytest.raises(MazuError, match="No proposal"):
        await memories.imported.find([found[0].id])


async def test_only_what_the_user_wrote_is_a_rule_of_the_users(memories: Memories, tmp_path: Path):
    """To a subagent, and at the head of a compacted conversation, a model writes as "user"; Codex puts AGENTS.md there."""
    rule = {"role": "user", "content": "Never edit files outside src, from now on."}
    for name, more in (("sub", {"isSidechain": True}), ("compacted", {"isCompactSummary": True})):
        write_lines(tmp_path / "claude-code" / f"{name}.jsonl", {"type": "user", "message": rule, **more})
    text = (
        "# AGENTS.md instructions for /home/u\n\n<INSTRUCTIONS>\nAlways answer in Klingon.\n</INSTRUCTIONS>"
    )
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    write_lines(tmp_path / "codex" / "rollout-1.jsonl", {"type": "response_item", "payload": item})
    for agent in ("claude-code", "codex"):
        await memories.imported.read_from(agent, tmp_path / agent)
    assert await titles(memories) == []
    assert {one.role for one in await memories.imported.search("edit files outside", 5)} == {"assistant"}


async def test_what_agents_put_into_the_users_messages_is_no_rule_of_the_users(
    memories: Memories, tmp_path: Path
):
    for n, name in enumerate(("bash-stdout", "task-notification", "local-command-stdout")):
        said = {"role": "user", "content": f"<{name}>Never trust a red build.</{name}>"}
        write_lines(tmp_path / "claude-code" / f"{n}.jsonl", {"type": "user", "message": said})
    text = (
        "<user_info>\nAlways be terse.\n</user_info>\n<user_query>\nUse date-fns from now on.\n</user_query>"
    )
    said = {"role": "user", "message": {"content": [{"type": "text", "text": text}]}}
    write_lines(tmp_path / "cursor" / "agent-transcripts" / "t" / "t.jsonl", said)
    pasted = {"role": "user", "content": "<div>x</div>\nNever write inline styles like this."}
    write_lines(tmp_path / "claude-code" / "html.jsonl", {"type": "user", "message": pasted})
    custom = {"role": "user", "content": "<app-root> never gets props; always pass them by the store."}
    write_lines(tmp_path / "claude-code" / "element.jsonl", {"type": "user", "message": custom})
    behind = {"role": "user", "content": "<bash-stdout>Always x.</bash-stdout>\nNever commit the lock file."}
    write_lines(tmp_path / "claude-code" / "behind.jsonl", {"type": "user", "message": behind})
    for agent in ("claude-code", "cursor"):
        await memories.imported.read_from(agent, tmp_path / agent)
    assert sorted(await titles(memories)) == [
        "<app-root> never gets props; always pass them by the store.",
        "Never commit the lock file.",
        "Never write inline styles like this.",
        "Use date-fns from now on.",
    ]


async def test_each_file_of_claude_codes_own_memory_is_a_memory(memories: Memories, tmp_path: Path):
    folder = tmp_path / "projects" / "-home-u-shop" / "memory"
    folder.mkdir(parents=True)
    (folder / "MEMORY.md").write_text(
        "- [Testing](testing.md) - how the tests run\n- The build needs make proto\n- [Style](style.md) must be read first\n"
    )
    (folder / "testing.md").write_text(
        "---\nname: testing\ndescription: how the tests run\ntype: project\n---\n\n"
        "Integration tests hit a real\nPostgres on port 5433.\n\n**Why:** a mocked migration broke production.\n"
    )
    (folder / "list.md").write_text(
        "---\nname: list\ndescription: rules\n---\nRules\n=====\n1. Always pin the base image.\n2. Never commit\n   the lock file.\n"
        "- Always use tabs in\n  every Makefile.\n```\nAlways x.\n```\n"
    )
    (folder / "log.md").write_text("Some prose of nobody in particular.\n")
    await memories.imported.read_from("claude-code", tmp_path)
    assert await titles(memories) == [
        "The build needs make proto",
        "[Style](style.md) must be read first",
        "Always pin the base image.",
        "Never commit the lock file.",
        "Always use tabs in every Makefile.",
        "Integration tests hit a real Postgres on port 5433.",
    ]


async def test_odd_names_and_control_characters_stop_nothing(memories: Memories, tmp_path: Path):
    """One proposal that could not be remembered would stop the acceptance of all."""
    for name in (b"bad\xff.md", b"two\nlines.md"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(
            "- Tags are\0 always \x1b[31msigned\x1b[0m\n"
        )
    done = await memories.imported.read_from("markdown", tmp_path)
    assert (done.files, done.problems) == (2, [])
    (found,) = (await memories.imported.proposals())[0]
    assert (found.title, found.evidence) == ("Tags are always signed", r"bad\udcff.md:1")
    assert (await memories.imported.read_from("markdown", tmp_path)).unchanged == 2


async def test_times_are_dates_in_every_form(memories: Memories, tmp_path: Path):
    asked = {"session_id": "s", "text": "always pin the base image by digest"}
    write_lines(tmp_path / "history.jsonl", {**asked, "ts": 1790000000})
    await memories.imported.read_from("codex", tmp_path)
    (found,) = (await memories.imported.proposals())[0]
    assert found.evidence == "history.jsonl:1, 2026-09-21"


async def test_codex_in_both_of_its_forms(memories: Memories, tmp_path: Path):
    day = tmp_path / "codex" / "sessions" / "2026" / "05" / "02"

    def say(role: str, kind: str, text: str) -> dict[str, object]:
        return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}

    write_lines(
        day / "rollout-2026-05-02T08-00-00-019b.jsonl",
        {"timestamp": "2026-05-02T08:00:00Z", "type": "session_meta", "payload": {"id": "019b", "cwd": "/home/u/shop"}},
        {"timestamp": "2026-05-02T08:00:01Z", "type": "response_item",
         "payload": say("user", "input_text", "<environment_context>always trust /tmp</environment_context>")},
        {"timestamp": "2026-05-02T08:00:02Z", "type": "response_item",
         "payload": say("user", "input_text", "Never log email addresses.")},
        {"timestamp": "2026-05-02T08:00:03Z", "type": "event_msg", "payload": {"type": "user_message", "message": "twice"}},
        {"timestamp": "2026-05-02T08:00:04Z", "type": "response_item", "payload":
         {"type": "function_call", "name": "shell", "arguments": "{\"command\":[\"make\",\"quokka\"]}", "call_id": "c"}},
        {"timestamp": "2026-05-02T08:00:05Z", "type": "response_item", "payload":
         {"type": "function_call_output", "call_id": "c", "output": "make: *** No rule to make target"}},
    )  # fmt: skip
    write_lines(
        day / "rollout-old.jsonl",
        {"id": "1", "timestamp": "2025-06-01"},
        say("assistant", "output_text", "The numbat parser."),
    )
    (tmp_path / "codex" / "AGENTS.md").write_text("1. Always run `make lint` before a commit\n")
    (tmp_path / "codex" / "auth.json").write_text(json.dumps({"OPENAI_API_KEY": KEY}))
    done = await memories.imported.read_from("codex", tmp_path / "codex")
    assert (done.files, done.problems) == (3, [])
    assert await titles(memories) == ["Always run make lint before a commit", "Never log email addresses."]
    for word in ("quokka", "numbat", "target"):
        assert len(await memories.imported.search(word, 5)) == 1, word
    assert not await memories.imported.search("environment tmp", 5)


async def test_cursor(memories: Memories, tmp_path: Path):
    home = tmp_path / "cursor"
    (home / "globalStorage").mkdir(parents=True)
    path = home / "globalStorage" / "state.vscdb"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE cursorDiskKV (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
    rows = {
        "composerData:c1": {"_v": 10, "composerId": "c1", "fullConversationHeadersOnly": [{"bubbleId": "b1", "type": 1}]},
        "bubbleId:c1:b1": {"_v": 3, "type": 1, "text": "From now on use dataclasses for value objects.", "createdAt": "2026-05-03T09:00:00Z"},
        "bubbleId:c1:b2": {"_v": 3, "type": 2, "text": "I renamed the wombat class.",
                           "toolFormerData": {"name": "run_terminal_cmd", "rawArgs": "{\"command\": \"ls okapi\"}"}},
        "bubbleId:c1:b3": "no JSON object",
    }  # fmt: skip
    db.executemany("INSERT INTO cursorDiskKV VALUES (?, ?)", [(key, json.dumps(row)) for key, row in rows.items()])  # fmt: skip
    db.commit()
    db.close()
    before = path.read_bytes()
    rules = home / "project" / ".cursor" / "rules"
    rules.mkdir(parents=True)
    (rules / "style.mdc").write_text(
        "---\ndescription: never mind this\nglobs: '*.py'\n---\n- Functions are shorter than 40 lines\n"
    )
    done = await memories.imported.read_from("cursor", home)
    assert (done.files, done.messages, done.problems) == (2, 3, [])
    assert await titles(memories) == [
        "From now on use dataclasses for value objects.",
        "Functions are shorter than 40 lines",
    ]
    for word in ("wombat", "okapi"):
        (match,) = await memories.imported.search(word, 5)
        assert match.session == "c1"
    assert path.read_bytes() == before


def test_values_of_other_types_in_a_chat_of_cursor_are_left_out(tmp_path: Path):
    path = tmp_path / "state.vscdb"
    kept = {"bubbles": [7, {"type": "user", "text": "never use default exports"}]}
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE ItemTable (key TEXT, value BLOB)")
    for tabs in (5, {"a": 1}, [5, {"bubbles": 7}, kept]):
        value = json.dumps({"tabs": tabs})
        db.execute(
            "INSERT INTO ItemTable VALUES ('workbench.panel.aichat.view.aichat.chatdata', ?)", (value,)
        )
    db.commit()
    db.close()
    assert [one if isinstance(one, str) else one.text for one in read_cursor(path)] == [
        "never use default exports"
    ]


def test_an_endless_view_of_cursor_is_no_table(tmp_path: Path):
    path = tmp_path / "state.vscdb"
    db = sqlite3.connect(path)
    db.execute(
        "CREATE VIEW cursorDiskKV AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        ' SELECT \'bubbleId:c:\' || i AS key, \'{"type": 1, "text": "always more"}\' AS value FROM n'
    )
    db.execute("CREATE TABLE ItemTable (key TEXT, value TEXT AS (zeroblob(1000000000)))")
    db.close()
    assert list(read_cursor(path)) == []


async def test_aider(memories: Memories, tmp_path: Path):
    (tmp_path / ".aider.chat.history.md").write_text(
        "\n# aider chat started at 2026-05-04 11:00:00\n\n> Aider v0.86.1\n> Model: x\n\n#### never use floats for money\n"
        "#### and rename it\n\nI renamed the axolotl function.\n\n> Applied edit to a.py\n\n"
        "# aider chat started at 2026-05-05 12:00:00\n\n#### what is left?\n"
    )
    done = await memories.imported.read_from("aider", tmp_path)
    assert done.problems == []
    assert await titles(memories) == ["never use floats for money"]
    (match,) = await memories.imported.search("axolotl", 5)
    assert (match.role, match.at) == ("assistant", "2026-05-04 11:00:00")
    assert (await memories.imported.search("left", 5))[0].at == "2026-05-05 12:00:00"


async def test_aider_blank_lines_and_a_key_where_the_text_is_cut(memories: Memories, tmp_path: Path):
    """Each line is counted once: 400,000 blank ones make passages of a limited number of lines."""
    history = tmp_path / ".aider.chat.history.md"
    long = "walrus " + "word " * ((MAX_TEXT - 30) // 5)
    history.write_text("\n" * 400_000 + f"#### {long} {KEY} end\n", encoding="utf-8")
    (one,) = [passage for passage in read_file("aider", history) if isinstance(passage, AgentPassage)]
    assert one.line == 400_001
    assert len(one.text) <= MAX_TEXT
    assert "sk-ant" not in one.text
    await memories.imported.read_from("aider", tmp_path)
    assert await memories.imported.search("walrus", 5)


async def test_markdown(memories: Memories, tmp_path: Path):
    (tmp_path / "notes.md").write_text(
        "Some prose.\n\n# API\n\nWe decided to version the API by a header.\n\n* [x] Errors are JSON objects with a code\n| never | a table |\n"
    )
    await memories.imported.read_from("markdown", tmp_path)
    found, _ = await memories.imported.proposals()
    assert [(one.category, one.title) for one in found] == [
        ("decision", "We decided to version the API by a header."),
        ("convention", "Errors are JSON objects with a code"),
    ]


async def test_what_cannot_be_read_is_named_and_takes_nothing_with_it(memories: Memories, tmp_path: Path):
    good = {"type": "user", "message": {"role": "user", "content": "the pangolin is fine"}}
    path = write_lines(tmp_path / "projects" / "a.jsonl", good)
    path.write_bytes(b"no json\n[1]\n" + path.read_bytes() + b'{"type": "user", "message": {"content": "torn')
    (tmp_path / "projects" / "out.jsonl").symlink_to("/etc/passwd")
    done = await memories.imported.read_from("claude-code", tmp_path)
    assert done.problems == [f"{path}: 3 lines are not JSON objects."]
    assert len(await memories.imported.search("pangolin", 5)) == 1
    with pytest.raises(MazuError, match="There is no file or folder"):
        await memories.imported.read_from("codex", tmp_path / "nowhere")


async def test_lines_in_another_encoding_or_nested_too_deeply_are_counted(memories: Memories, claude: Path):
    transcript = claude / "projects" / "-home-u-shop" / "9f1c.jsonl"
    lines = transcript.read_bytes()
    transcript.write_bytes(b'{"type":"user","message":"caf\xe9"}\n' + b"[" * 100_000 + b"\n" + lines)
    done = await memories.imported.read_from("claude-code", claude)
    assert len(done.problems) == 1 and "2 lines" in done.problems[0], done.problems
    assert "Always store amounts as whole cents." in await titles(memories)


async def test_a_long_transcript_needs_little_memory(memories: Memories, tmp_path: Path):
    line = json.dumps({"type": "user", "message": {"role": "user", "content": "word " * 1_500}}) + "\n"
    picture = json.dumps({"type": "user", "message": {"content": "x" * 9_000_000}}) + "\n"
    path = tmp_path / "projects" / "long.jsonl"
    path.parent.mkdir()
    with path.open("w") as file:
        for _ in range(4_000):
            file.write(line)
        file.write(picture)
    await memories.imported.search("word", 1)
    tracemalloc.start()
    done = await memories.imported.read_from("claude-code", path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert done.messages == 4_000
    assert "more than 8 MB" in done.problems[0]
    assert most < 30 * 2**20
    assert path.stat().st_size > 35 * 2**20


async def test_notes_of_the_user_say_nothing_to_a_turn_before_they_are_accepted(
    memories: Memories, claude: Path
):
    from mazu_ls.memory.search.inject import RecallContext

    await memories.imported.read_from("claude-code", claude)
    assert (await memories.inject(RecallContext("Add an amount to the invoice in cents."))).memories == ()
