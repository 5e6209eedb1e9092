"""What one turn does, told as stories."""

from pathlib import Path

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from tests.scenario import Story, World, check


def test_an_ambiguous_edit_is_refused_and_the_model_is_told():
    check(
        """
        -- app.py --
        x = 1
        y = 1
        -- model calls edit_file --
        path: app.py
        old: 1
        new: 2
        -- model says --
        Which one did you mean?
        """,
        """
        tool: error: `old` occurs 2 times in app.py; quote more context
        assistant: Which one did you mean?
        stop: end_turn
        -- app.py --
        x = 1
        y = 1
        """,
    )


def test_an_edit_is_asked_about_with_its_diff_and_checkpointed():
    world = check(
        """
        -- answers --
        allow_once edit_file: app.py
        -- app.py --
        x = 1
        -- model calls edit_file --
        path: app.py
        old: x = 1
        new: x = 2
        -- model says --
        Done.
        """,
        """
        checkpoint: baseline before: Go.
        tool: edited app.py
        checkpoint: step edit app.py
        assistant: Done.
        stop: end_turn
        asked: Edit app.py
        -- app.py --
        x = 2
        """,
    )
    assert "-x = 1\n+x = 2" in (world.host.asked[0].diff or "")
    assert world.host.asked[0].detail.startswith("Changes app.py: 1 line added, 1 line removed.\n")


def test_the_unsaved_text_is_what_is_edited():
    check(
        """
        -- answers --
        allow_once edit_file: app.py
        -- app.py --
        on_disk = 1
        -- buffer app.py --
        unsaved = 1
        -- model calls edit_file --
        path: app.py
        old: unsaved = 1
        new: unsaved = 2
        -- model says --
        Done.
        """,
        """
        tool: edited app.py
        assistant: Done.
        stop: end_turn
        -- app.py --
        unsaved = 2
        """,
    )


def test_a_refusal_of_the_user_reaches_the_model_with_its_note():
    check(
        """
        -- app.py --
        x = 1
        -- answers --
        deny use the constant instead
        -- model calls edit_file --
        path: app.py
        old: x = 1
        new: x = 2
        -- model says --
        As you wish.
        """,
        """
        tool: error: the user refused this: use the constant instead. Ask, or continue without it.
        assistant: As you wish.
        stop: end_turn
        -- app.py --
        x = 1
        """,
    )


def test_an_unknown_tool_and_wrong_arguments_are_answered_and_the_turn_goes_on():
    check(
        """
        -- model calls fly --
        to: moon
        -- and calls read_file --
        pfad: app.py
        -- model says --
        I see.
        """,
        """
        tool: error: there is no tool 'fly'; there are: edit_file, glob_files, …
        tool: error: bad arguments for read_file: Object contains unknown field `pfad`; it takes path, offset, limit, column
        assistant: I see.
        stop: end_turn
        """,
    )


def test_a_turn_stops_at_its_step_limit():
    check(
        """
        -- settings --
        [limits]
        max_steps = 2
        -- a.txt --
        a
        -- b.txt --
        b
        -- model calls read_file --
        path: a.txt
        -- model calls read_file --
        path: b.txt
        -- model says --
        Never said.
        """,
        """
        tool: 1	a
        tool: 1	b
        stop: max_steps
        detail: The limit of 2 steps is reached.
        """,
    )


def test_a_conversation_goes_on_after_a_restart():
    check(
        """
        -- user --
        Hello
        -- model says --
        Hello yourself.
        -- restart --
        -- user --
        Still there?
        -- model replies --
        {"when": "Still there?", "text": "Yes."}
        """,
        """
        assistant: Hello yourself.
        stop: end_turn
        assistant: Yes.
        stop: end_turn
        """,
    )


def test_a_command_of_the_users_runs_without_the_model_which_hears_of_it_next():
    world = check(
        """
        -- answers --
        allow_once run_shell: echo hello from me
        -- user --
        !echo hello from me
        -- user --
        What did I run?
        -- model says --
        You greeted.
        """,
        """
        tool: hello from me
        stop: end_turn
        assistant: You greeted.
        stop: end_turn
        """,
    )
    assert len(world.bodies) == 1
    assert "$ echo hello from me" in str(world.bodies[0]["messages"])


async def test_all_lines_of_a_large_edit_are_counted(tmp_path: Path):
    async with ModelServer(
        [
            {"calls": [{"name": "write_file", "arguments": {"path": "a.txt", "content": "x\n" * 1000}}]},
            {"text": "Done."},
        ]
    ) as server:
        world = World(Story(files={"a.txt": "y\n"}, answers=["allow_once write_file: a.txt"]), tmp_path)
        world.env |= {"ANTHROPIC_BASE_URL": server.url}
        project = await Project.open([world.root], world.host, env=world.env)
        result = await (await project.sessions.get()).prompt(Prompt("Go."))
        await project.close()
    assert [(edit.added, edit.removed) for edit in result.edits] == [(1000, 1)]
    assert world.host.asked[0].detail.startswith("Changes a.txt: 1000 lines added, 1 line removed.")


def test_the_setting_says_after_how_many_steps_a_checkpoint_is_taken():
    check(
        """
        -- answers --
        allow_once write_file: a.txt
        allow_once write_file: a.txt
        allow_once write_file: a.txt
        -- settings --
        checkpoints.every = 2
        -- model calls write_file --
        path: a.txt
        content: 1
        -- model calls write_file --
        path: a.txt
        content: 2
        -- model calls write_file --
        path: a.txt
        content: 3
        -- model says --
        Done.
        """,
        """
        checkpoint: baseline before: Go.
        tool: created …
        tool: wrote …
        checkpoint: step write a.txt
        tool: wrote …
        assistant: Done.
        checkpoint: step end of turn
        stop: end_turn
        """,
    )
