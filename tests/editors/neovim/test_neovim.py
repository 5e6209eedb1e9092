"""The real server in a real Neovim: each test is one story in `stories/`, told by headless Neovim."""

import pytest
from neovim_bed import Bed

from mazu_ls.demo.model_server import ScriptedReply

pytestmark = pytest.mark.editor

FIX = {"path": "app.py", "old": "return a - b", "new": "return a + b"}


def says(bed: Bed, *replies: ScriptedReply) -> None:
    """What the model will say, in this order."""
    bed.model.script.replies.extend(replies)


async def test_the_main_job(bed: Bed):
    says(
        bed,
        ScriptedReply(when="total subtracts", text="I see.", calls=[{"name": "edit_file", "arguments": FIX}]),
        ScriptedReply(text="It adds now."),
        ScriptedReply(text='def double(a):\n    """Twice the number."""\n    return a * 2\n'),
    )
    await bed.tell("main_job")


async def test_what_the_user_refuses_does_not_happen(bed: Bed):
    says(
        bed,
        ScriptedReply(calls=[{"name": "edit_file", "arguments": FIX}]),
        ScriptedReply(text="Then not: xs[0], a[i][j], f[i](j) and [[1, 2]] stay."),
        ScriptedReply(calls=[{"name": "edit_file", "arguments": FIX}]),
        ScriptedReply(text="Still not."),
        ScriptedReply(calls=[{"name": "write_file", "arguments": {"path": "locked/a.sql", "text": "b"}}]),
        ScriptedReply(text="It is locked."),
    )
    denies = '[[permissions.rules]]\ntool = "write_file"\npattern = "locked/**"\nverdict = "deny"\n'
    (bed.home / ".mazu").mkdir(exist_ok=True)
    (bed.home / ".mazu/config.toml").write_text(denies)
    await bed.tell("permission")
    assert "refused" in str(bed.model.bodies[1]["messages"][-1])


async def test_a_buffer_is_saved_before_a_command_runs(bed: Bed):
    look = {"command": "grep -c 'a + b' app.py | tee seen.txt"}
    says(
        bed,
        ScriptedReply(
            calls=[{"name": "edit_file", "arguments": FIX}, {"name": "run_shell", "arguments": look}]
        ),
        ScriptedReply(text="Fixed."),
    )
    await bed.tell("shell")


async def test_the_buffer_shows_what_a_terminal_undid(bed: Bed):
    says(bed, ScriptedReply(calls=[{"name": "edit_file", "arguments": FIX}]), ScriptedReply(text="Fixed."))
    await bed.tell("elsewhere")


async def test_a_turn_is_stopped(bed: Bed):
    counting = " ".join(f"word {n}" for n in range(4000))  # for longer than anybody waits
    says(bed, ScriptedReply(text=counting, chunk=7, delay=0.1, repeat=True))
    await bed.tell("stop")


async def test_memory_in_the_editor(bed: Bed):
    await bed.tell("memory")


async def test_the_panel_gives_back_what_it_took(bed: Bed):
    await bed.tell("panel")


async def test_health_help_completion_and_a_bad_configuration(bed: Bed):
    await bed.tell("setup")


async def test_the_other_language_servers_are_lent_and_buffers_saved(bed: Bed):
    await bed.tell("lend")


async def test_without_a_plugin(bed: Bed):
    says(
        bed,
        ScriptedReply(when="It subtracts", text="I see.", calls=[{"name": "edit_file", "arguments": FIX}]),
        ScriptedReply(text="It adds now."),
        ScriptedReply(text="```python\ndef half(a):\n    return a / 2\n```"),
    )
    await bed.tell("no_plugin")
    assert "return a - b" in str(bed.model.bodies[0]["messages"]), "the attached lines were not sent"


async def test_the_other_commands(bed: Bed):
    append = {
        "path": "app.py",
        "old": "    return a * 2\n",
        "new": "    return a * 2\n\n\ndef half(a):\n    return a / 2\n",
    }
    says(
        bed,
        ScriptedReply(when="what is wrong here", text="It subtracts."),
        ScriptedReply(
            when="make total add",
            text="I see.",
            calls=[{"name": "edit_file", "arguments": FIX}, {"name": "edit_file", "arguments": append}],
        ),
        ScriptedReply(text="Done."),
    )
    await bed.tell("commands")
    assert "return a - b" in str(bed.model.bodies[0]["messages"]), (
        "the selection went along with the question"
    )


async def test_started_by_hand_and_killed(bed: Bed):
    await bed.tell("by_hand")


async def test_texts_of_every_kind(bed: Bed):
    names = ["dos.txt", "no_end.txt", "bom.txt", "astral.txt", "tabs.txt"]
    edits = [{"name": "edit_file", "arguments": {"path": name, "old": "two", "new": "2"}} for name in names]
    whole = [
        {"name": "write_file", "arguments": {"path": name, "content": "2"}}
        for name in ("short.txt", "empty.txt")
    ]
    says(
        bed,
        ScriptedReply(calls=[{"name": "read_file", "arguments": {"path": "short.txt"}}]),
        ScriptedReply(calls=edits + whole),
        ScriptedReply(text="Done."),
    )
    await bed.tell("texts")


async def test_proposals_are_decided_hunk_by_hunk(bed: Bed):
    twice = {"path": "app.py", "old": "return a * 2", "new": "return 2 * a"}
    says(
        bed,
        ScriptedReply(
            calls=[{"name": "edit_file", "arguments": FIX}, {"name": "edit_file", "arguments": twice}]
        ),
        ScriptedReply(text="Proposed."),
        ScriptedReply(text="I see."),
    )
    await bed.tell("proposals")
    assert "keep the order" in str(bed.model.bodies[-1]["messages"]), "the model hears why not"


async def test_the_changes_of_a_turn_are_reviewed_inline(bed: Bed):
    twice = {"path": "app.py", "old": "return a * 2", "new": "return 2 * a"}
    says(
        bed,
        ScriptedReply(
            calls=[{"name": "edit_file", "arguments": FIX}, {"name": "edit_file", "arguments": twice}]
        ),
        ScriptedReply(text="Both are done."),
    )
    await bed.tell("review")
