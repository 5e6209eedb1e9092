"""`/` commands of a conversation: their help and completion, other conversations, names of models that nobody knows."""

from pathlib import Path

from mazu_ls.server.chat import markdown
from tests.terminal.terminal import CTRL_C, CTRL_D, ENTER
from tests.terminal.test_chat_screen import Chat, chat
from tests.terminal.test_scripts import Script, script

__all__ = ["chat", "script"]  # fixtures


async def test_another_conversation_is_begun_resumed_and_looked_at(chat: Chat):
    terminal = await chat({"text": "Of one."}, {"text": "Of two."})
    await terminal.says("first talk")
    await terminal.sees("Of one.")
    await terminal.rests()
    await terminal.says("/new fix the bug")
    await terminal.sees("/new begins a conversation and takes no message")
    await terminal.says("/modle x")
    await terminal.sees("Did you mean /model?")
    await terminal.says("/new")
    await terminal.sees("new conversation", times=2)
    await terminal.says("second talk")
    await terminal.sees("Of two.")
    await terminal.rests()
    await terminal.says("/status")
    await terminal.sees("conversation: “second talk”", "mode: ask", "checkpoints:")
    await terminal.says("/resume")
    await terminal.sees("Which conversation?", "1  first talk", "Stay here")
    assert not terminal.shows("2  second talk")
    await terminal.answers("1")
    await terminal.sees("“first talk”, 1 turn", "> first talk")


async def test_a_conversation_that_cannot_be_opened_leaves_the_one_that_is_open(chat: Chat):
    terminal = await chat({"when": "first talk", "text": "Of both."}, {"text": "Of none."})
    await terminal.says("first talk")
    await terminal.sees("Of both.")
    await terminal.rests()
    await terminal.says("/resume s_nope")
    await terminal.sees("There is no session s_nope.")
    await terminal.says("/status")
    await terminal.sees("conversation: “first talk”")
    await terminal.says("second talk")
    await terminal.rests()
    await terminal.says("/status")
    await terminal.sees("conversation: “first talk”", times=2)


async def test_mode_and_model_of_a_conversation_end_with_it(chat: Chat):
    terminal = await chat({"text": "Of one."}, {"text": "Of two."}, arguments=("--plain",))
    await terminal.says("first talk")
    await terminal.sees("Of one.")
    await terminal.says("/model claude-haiku-4-5")
    await terminal.sees("Now talking to anthropic:claude-haiku-4-5.")
    for number, line in enumerate(("/new", "/resume"), 1):
        await terminal.says("/mode bypass")
        await terminal.sees("Type bypass: ask me about nothing until this conversation", times=number)
        await terminal.says("bypass")
        await terminal.sees("The mode is bypass until this conversation is closed.", times=number)
        await terminal.says(line)
        if line == "/resume":
            await terminal.sees("1  first talk")
            await terminal.says("1")
        await terminal.sees("mode ask", times=number + 1)
        assert not terminal.shows("mode bypass \u00b7")
        if line == "/new":
            assert not terminal.shows("mode ask \u00b7 anthropic:claude-haiku-4-5")
    await terminal.sees("mode ask \u00b7 anthropic:claude-haiku-4-5")  # the model of the first talk


async def test_values_of_commands_are_completed_and_each_has_help_of_its_own(chat: Chat):
    terminal = await chat({"text": "Hello."})
    terminal.types("/mode pl")
    await terminal.sees("  plan")
    terminal.types("\t")
    await terminal.sees("> /mode plan")
    terminal.types(ENTER)  # takes the completion
    await terminal.says("")
    await terminal.sees("The mode is plan until this conversation is closed.")
    await terminal.says("/help rewind")
    await terminal.sees("/rewind [TURNS]:", "/undo also reverts what the turn did")
    await terminal.says("/remember")
    await terminal.sees("write what to remember after the command")


async def test_a_question_of_a_command_can_be_left_in_plain_lines(chat: Chat):
    terminal = await chat({"text": "Hello."}, arguments=("--plain",))
    await terminal.says("/mode")
    await terminal.sees("n  Stay with ask", "[a/u/p/b/n]")
    terminal.types(CTRL_C)
    await terminal.sees("Stopped.")
    await terminal.says("hi")
    await terminal.sees("Hello.")
    terminal.types(CTRL_D)
    assert await terminal.ends() == 0


async def test_a_model_that_nobody_knows_is_said_to_be_one(chat: Chat):
    terminal = await chat({"text": "Hello."}, arguments=("--model", "claude-sonet-5"))
    await terminal.sees(
        "No model of the name claude-sonet-5 is known", "Did you mean anthropic:claude-sonnet-5"
    )
    await terminal.says("/model nope")
    await terminal.sees("Now talking to anthropic:nope. No model of the name nope is known")
    await terminal.says("/model claude-opus-5")
    await terminal.sees("Now talking to anthropic:claude-opus-5.")
    assert terminal.text.count("is known") == 2


def test_it_is_said_where_it_is_stored_and_where_it_is_used(script: Script):
    script.model_says({"text": "Hello.", "repeat": True})
    assert "Did you mean anthropic:claude-opus-5" in script("models", "set", "cluade-opus-5")[2]
    assert "is known" in script("config", "set", "model", "nope")[2]
    assert "is known" in script("chat", "hi", "--model", "nope")[2]
    assert "is known" in script("run", "hi", "--model", "nope")[2]
    assert "is known" not in script("models", "set", "claude-sonnet-4-5-20250929")[2]


async def test_a_completed_file_with_blanks_in_its_name_is_attached(chat: Chat, tmp_path: Path):
    folder = tmp_path / "project" / "docs dir"
    folder.mkdir(parents=True)
    (folder / "read me.md").write_text("inside of it\n")
    terminal = await chat({"when": "inside of it", "text": "It is attached."}, {"text": "It is not."})
    terminal.types("see @read")
    await terminal.sees("  docs dir/read me.md")
    terminal.types("\t")
    await terminal.sees('see @"docs dir/read me.md"')
    terminal.types(ENTER)  # takes the completion
    await terminal.says("")
    await terminal.sees("It is attached.")


def test_a_mention_is_quoted_where_it_must_be():
    found = markdown.mentions('see @"e f/g[1].py":3, (@"a b.py"#L2-L4) and @d.py:5-6. not @"half')
    assert [(one.path, one.first, one.last) for one in found] == [
        ("e f/g[1].py", 3, None), ("a b.py", 2, 4), ("d.py", 5, 6),
    ]  # fmt: skip
    assert markdown.mention_of("e f.py", 2, 3) == '@"e f.py"#L3'
    assert markdown.mention_of("übung/a-b.py") == "@übung/a-b.py"
    for path in ('a"b.py', 'a\\"b c.py', "a\\", '"'):
        (found,) = markdown.mentions(f'{markdown.mention_of(path)} and "more"')
        assert found.path == path


async def test_a_failure_that_nobody_foresaw_is_a_sentence_and_in_the_log(chat: Chat, tmp_path: Path):
    terminal = await chat({"text": "Hello."}, {"text": "Still here."})
    await terminal.says("hi")
    await terminal.sees("Hello.", "tokens")
    await terminal.says(f"/rewind {'9' * 4400}")  # more digits than Python converts
    await terminal.sees("/rewind failed inside mazu-ls (ValueError). The details are in ")
    assert not terminal.shows("Traceback") and not terminal.shows("Press ENTER")
    await terminal.says("go on")
    await terminal.sees("Still here.")
    assert any("ValueError" in log.read_text() for log in tmp_path.rglob("*.log"))
