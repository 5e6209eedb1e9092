"""Going back, undoing that, and going back in part."""

import os
import subprocess
from pathlib import Path

import pytest

from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Buffer
from mazu_ls.state import identity
from tests.checkpoints.bed import Bed, bed, open_engine


async def test_everything_comes_back_together_and_the_rollback_can_be_undone(noted: Bed):
    noted.write("app.py", "good\n")
    noted.write("lib/old.py", "old\n")
    noted.note("m1", "tabs")
    noted.note("s1", "turn 1", part=1)
    good, state = await noted.take(), noted.files()
    noted.write("app.py", "bad\n")
    noted.write("extra/new.py", "new\n")
    noted.place("lib/old.py").unlink()
    noted.place("lib").rmdir()
    noted.note("m1", "spaces")
    noted.note("m2", "wrong")
    noted.note("s1", "turn 2", part=1)
    await noted.take(kind="step")
    bad = noted.files()

    report = await noted.roll_back(good)
    assert report.applied
    assert report.verified
    assert report.verified_files == 3
    assert noted.files() == state
    assert not noted.place("extra").exists()
    assert noted.notes() == {"m1": "tabs"}
    assert noted.notes(1) == {"s1": "turn 1"}
    assert report.plan.memories.removed == 1
    assert report.plan.conversation

    undone = await noted.roll_back(report.safety)
    assert undone.verified
    assert noted.files() == bad
    assert noted.notes() == {"m1": "spaces", "m2": "wrong"}
    assert noted.notes(1) == {"s1": "turn 2"}
    noted.fsck()


async def test_going_on_from_an_older_checkpoint_is_a_branch_and_loses_nothing(noted: Bed):
    noted.write("a", "1")
    first = await noted.take()
    noted.write("a", "2")
    second = await noted.take()
    await noted.roll_back(first)
    noted.write("a", "3")
    third = await noted.take(touched=["a"])
    assert third.parent_id == first.id
    listed, current = await noted.engine.list()
    assert current == third.id
    assert {c.id: c.parent_id for c in listed}[second.id] == first.id
    await noted.roll_back(second)
    assert noted.read("a") == "2"


async def test_the_checkpoint_after_a_rollback_holds_what_is_there(project: Bed):
    project.write("a", "1")
    project.write("b", "1")
    first = await project.take()
    project.write("a", "2")
    project.place("b").unlink()
    second = await project.take()
    await project.roll_back(first)
    third = await project.take(touched=[])
    await project.roll_back(second)
    await project.roll_back(third)
    assert (project.read("a"), project.read("b")) == ("1", "1")


async def test_a_preview_touches_nothing_and_tells_the_users_work_from_the_agents(project: Bed):
    project.write("agent.py", "1")
    project.write("both.py", "1")
    first = await project.take()
    await project.agent_writes("agent.py", "2")
    await project.agent_writes("both.py", "2")
    await project.take(kind="step", touched=["agent.py", "both.py"])
    project.write("both.py", "3 by the user")
    project.write("user.py", "mine")
    before = project.files()
    plan = (await project.engine.plan(first.id)).preview().plan
    assert (plan.write, plan.delete) == (["agent.py"], [])
    assert (plan.agents, plan.users) == (["agent.py"], ["both.py", "user.py"])
    assert [conflict.path for conflict in plan.conflicts] == ["both.py"]
    assert [kept.path for kept in plan.keep] == ["user.py"]
    assert project.files() == before
    assert len((await project.engine.list())[0]) == 2


async def test_asking_does_nothing_while_there_are_conflicts(project: Bed):
    project.write("a", "1")
    first = await project.take()
    project.write("a", "mine")
    report = await project.roll_back(first, "ask")
    assert not report.applied
    assert report.undecided and [kept.path for kept in report.plan.keep] == ["a"]
    assert project.read("a") == "mine"
    assert len((await project.engine.list())[0]) == 1
    assert (await project.roll_back(first, "overwrite")).verified
    assert project.read("a") == "1"


async def test_saving_what_the_last_checkpoint_held_unsaved_is_no_conflict(project: Bed):
    path = project.write("a.py", "1\n")
    first = await project.take()
    await project.engine.record_edit("s", path, "1\n", "2\n")
    await project.take(kind="step", buffers=[Buffer("file:///a.py", path, 2, "python", "2\n", True)])
    project.write("a.py", "2\n")
    saved = Buffer("file:///a.py", path, 2, "python", "2\n", False)
    report = await project.roll_back(first, "ask", buffers=[saved])
    assert report.applied
    assert project.read("a.py") == "1\n"


async def test_what_only_the_user_did_stays_unless_he_says_otherwise(project: Bed):
    project.write("a", "1")
    project.write("b", "1")
    first = await project.take()
    await project.agent_writes("a", "the agent's")
    await project.take(kind="step")
    project.write("b", "mine")
    project.write("new", "mine")
    await project.take()
    assert not (await project.roll_back(first, None)).applied
    report = await project.roll_back(first, "agents")
    assert report.verified and [kept.path for kept in report.plan.keep] == ["b", "new"]
    assert [project.read(name) for name in ("a", "b", "new")] == ["1", "mine", "mine"]
    assert (await project.roll_back(first, "overwrite")).verified
    assert [project.read(name) for name in ("a", "b", "new")] == ["1", "1", None]


async def test_what_the_user_wrote_on_top_is_asked_about_and_merged(project: Bed):
    project.write("a", "1\n2\n3\n4\n5\n")
    first = await project.take()
    await project.agent_writes("a", "agent\n2\n3\n4\n5\n")
    await project.take(kind="step")
    project.write("a", "agent\n2\n3\n4\nuser\n")
    await project.take()
    await project.agent_writes("a", "agent\n2\nagain\n4\nuser\n")
    await project.take(kind="step")
    report = await project.roll_back(first, "spare")
    assert not report.applied and [one.path for one in report.plan.conflicts] == ["a"]
    assert report.plan.keep == [] and report.plan.agents == []
    assert (await project.roll_back(first, "keep")).verified
    assert project.read("a") == "1\n2\n3\n4\nuser\n"


async def test_what_the_user_took_back_himself_is_no_work_of_his(project: Bed):
    project.write("a", "1\n")
    project.write("ends", "1\r\n")
    first = await project.take()
    for text in ("the agent's\n", "1\n"):
        await project.agent_writes("a", text) if text != "1\n" else project.write("a", text)
        project.write("ends", text)
        await project.take()
    await project.agent_writes("a", "the agent's again\n")
    await project.agent_writes("ends", "the agent's\n")
    report = await project.roll_back(first, "ask")
    assert not report.applied and report.plan.agents == ["a"], "other line ends are the user's work"
    assert [one.path for one in report.plan.conflicts] == ["ends"]
    assert (await project.roll_back(first, "agents")).verified
    assert project.read("a") == "1\n"


async def test_a_line_end_that_the_editor_adds_at_the_end_is_not_the_users(project: Bed):
    project.write("a", "1")
    first = await project.take()
    await project.agent_writes("a", "the agent's")
    project.write("a", "the agent's\n")
    await project.take(kind="step")
    assert (await project.roll_back(first, "ask")).applied
    assert project.read("a") == "1"


async def test_what_a_command_changed_is_the_agents_and_what_was_saved_meanwhile_is_not(project: Bed):
    for name in ("made", "saved", "before", "between"):
        project.write(name, "1")
    first = await project.take()
    project.write("before", "mine")
    number = await project.engine.begin_command("s", ())
    project.write("made", "by the command")
    project.write("saved", "mine")
    await project.engine.record_save(project.root / "saved", ("1", "mine"))
    project.engine.note_written(project.root / "made")  # a watched file: the command itself wrote it
    await project.engine.end_command(number, ())
    project.write("between", "mine")
    await project.take(kind="step")
    plan = (await project.engine.plan(first.id)).preview().plan
    assert plan.agents == ["made"]
    assert sorted(plan.users) == ["before", "between", "saved"]


async def test_who_changed_what_outlives_pruning_and_a_command_that_was_killed_leaves_a_doubt(project: Bed):
    project.write("a", "1")
    first = await project.take()
    await project.engine.pin(first.id)
    await project.agent_writes("a", "2")
    await project.take(kind="step")
    project.write("b", "mine")
    await project.take(kind="step")
    await project.engine.prune(keep=1)
    assert (await project.engine.plan(first.id)).preview().plan.agents == ["a"]
    await project.engine.begin_command("s", ())
    project.engine._project.commands.close()  # as after a restart
    project.write("c", "whose?")
    plan = (await project.engine.plan(first.id)).preview().plan
    assert [one.path for one in plan.conflicts] == ["c"]
    assert [one.path for one in plan.keep] == ["b"]


async def test_an_undo_leaves_what_another_session_did(project: Bed):
    for name in ("mine", "theirs", "both"):
        project.write(name, "1")
    first = await project.take(kind="baseline", session_id="s", turn_id="t")
    for name, session in (("mine", "s"), ("theirs", "other"), ("both", "s")):
        await project.agent_writes(name, "2", session)
    await project.take(kind="step")
    await project.agent_writes("both", "3", "other")
    plan = (await project.engine.plan(first.id, session="s", own=True, on_conflict="spare")).preview().plan
    assert plan.write == ["mine"]
    assert [one.path for one in plan.conflicts] == ["both"]
    assert [one.path for one in plan.keep] == ["theirs"]
    assert (await project.engine.plan(first.id)).preview().plan.agents == ["both", "mine", "theirs"]


async def test_a_rollback_is_taken_back_without_a_question_also_after_a_restart(project: Bed):
    project.write("a", "1")
    first = await project.take(session_id="s")
    await project.agent_writes("a", "2")
    await project.take(kind="step", session_id="s")
    await project.roll_back(first, None)
    project.write("user", "mine")
    other = await open_engine([project.root], project.state)
    try:
        found = await other.last_rollback("s")
        assert found is not None
        plan = await other.plan(
            found.safety, only=found.only, paths=found.paths, session=found.session, redo_of=found
        )
        assert plan.preview().plan.write == ["a"]
        assert (await plan.apply("spare")).verified
        assert await other.last_rollback("s") is None
    finally:
        await other.close()
    assert (project.read("a"), project.read("user")) == ("2", "mine")


async def test_keeping_merges_the_users_lines_and_says_where_it_cannot(project: Bed):
    lines = [f"line {n}\n" for n in range(20)]
    project.write("merge.py", "".join(lines))
    project.write("clash.py", "one\n")
    project.write("agents.py", "one\n")
    first = await project.take()
    agents = ["agent's\n", *lines[1:]]
    await project.agent_writes("merge.py", "".join(agents))
    await project.agent_writes("clash.py", "two\n")
    await project.agent_writes("agents.py", "two\n")
    await project.take(kind="step")
    project.write("merge.py", "".join([*agents[:-1], "user's\n"]))
    project.write("clash.py", "three\n")
    project.write("users.py", "mine\n")
    report = await project.roll_back(first, "keep")
    assert report.verified
    assert project.read("merge.py") == "".join([*lines[:-1], "user's\n"])
    assert project.read("clash.py") == "three\n"
    assert project.read("agents.py") == "one\n"
    assert project.read("users.py") == "mine\n"
    assert report.plan.conflicts == []
    assert [kept.path for kept in report.plan.keep] == ["clash.py", "users.py"]


async def test_one_file_and_one_folder_come_back_alone(noted: Bed):
    for name in ("a", "src/b", "src/c", "srcs"):
        noted.write(name, "1")
    noted.note("m", "1")
    first = await noted.take()
    for name in ("a", "src/b", "src/c", "srcs"):
        noted.write(name, "2")
    noted.note("m", "2")
    report = await noted.roll_back(first, paths=["src"])
    assert [noted.read(name) for name in ("a", "src/b", "src/c", "srcs")] == ["2", "1", "1", "2"]
    assert noted.notes() == {"m": "2"}
    _, current = await noted.engine.list()
    assert report.safety is not None
    assert current == report.safety.id
    await noted.roll_back(first, paths=["a"])
    assert noted.read("a") == "1"


@pytest.mark.parametrize("section", ["code", "memory", "conversation", "skills"])
async def test_one_section_comes_back_alone(noted: Bed, section: str):
    def now() -> dict[str, str | None]:
        return {
            "code": noted.read("a"),
            "memory": noted.notes()["m"],
            "conversation": noted.notes(1)["s"],
            "skills": noted.read(".mazu/skills/k.py"),
        }

    def all_to(text: str) -> None:
        noted.write("a", text)
        noted.note("m", text)
        noted.note("s", text, part=1)
        noted.write(".mazu/skills/k.py", text)

    all_to("1")
    first = await noted.take()
    all_to("2")
    await noted.roll_back(first, only=[section])
    assert now() == {name: "1" if name == section else "2" for name in now()}


async def test_untouched_files_keep_their_times(project: Bed):
    still = project.write("still", "1")
    project.write("moved", "1")
    os.utime(still, (1_000_000, 1_000_000))
    first = await project.take()
    project.write("moved", "2")
    before = still.stat()
    await project.roll_back(first)
    assert (still.stat().st_mtime_ns, still.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


async def test_only_what_the_checkpoint_lacks_is_deleted_and_never_an_ignored_file(project: Bed):
    project.write(".gitignore", "secret.env\n*.cache\n")
    project.write("secret.env", "key")
    project.write("a", "1")
    first = await project.take()
    project.write(".gitignore", "*.cache\n")
    project.write("x.cache", "warm")
    project.write("new", "")
    await project.take()
    report = await project.roll_back(first)
    assert project.read("secret.env") == "key"
    assert project.read("x.cache") == "warm"
    assert project.read("new") is None
    assert [(kept.path, kept.reason) for kept in report.plan.keep] == [("secret.env", "it was ignored then")]


async def test_documents_that_are_open_get_the_text_of_their_file(project: Bed):
    path = project.write("a.py", "1\r\n")
    other = project.write("b.py", "same")
    first = await project.take()
    project.write("a.py", "2\r\n")
    shown = Buffer("file:///a.py", path, 3, "python", "2\r\n", False)
    same = Buffer("file:///b.py", other, 3, "python", "same", False)
    report = await project.roll_back(first, buffers=[shown, same])
    assert project.typed == {"file:///a.py": "1\r\n"}
    assert path.read_bytes() == b"1\r\n"
    assert report.plan.buffers == ["file:///a.py"]
    assert report.verified


async def test_unsaved_text_goes_back_to_the_file_and_undo_brings_it_back(project: Bed):
    path = project.write("a.py", "saved")
    first = await project.take()
    typed = Buffer("file:///a.py", path, 3, "python", "typed", True)
    report = await project.roll_back(first, buffers=[typed])
    assert project.typed == {"file:///a.py": "saved"}
    reloaded = Buffer("file:///a.py", path, 4, "python", "saved", True)
    await project.roll_back(report.safety, buffers=[reloaded])
    assert project.typed == {"file:///a.py": "typed"}
    assert path.read_text() == "saved"


async def test_an_editor_that_refuses_is_reported(project: Bed):
    path = project.write("a.py", "1")
    first = await project.take()
    project.write("a.py", "2")

    async def refuse(_: Buffer, __: str) -> bool:
        return False

    plan = await project.engine.plan(
        first.id, buffers=[Buffer("file:///a.py", path, 3, "python", "2", False)]
    )
    report = await plan.apply("overwrite", refuse)
    assert report.applied
    assert not report.verified
    assert [problem.path for problem in report.problems] == ["file:///a.py"]
    assert project.read("a.py") == "1"


async def test_a_file_becomes_a_folder_and_back(project: Bed):
    project.write("x", "file")
    as_file, first = await project.take(), project.files()
    project.place("x").unlink()
    project.write("x/y/z", "deep")
    as_folder, second = await project.take(), project.files()
    await project.roll_back(as_file)
    assert project.files() == first
    await project.roll_back(as_folder)
    assert project.files() == second


async def test_a_folder_with_ignored_files_is_not_replaced_by_a_file(project: Bed):
    project.write(".gitignore", "*.o\n")
    project.write("x", "file")
    first = await project.take()
    project.place("x").unlink()
    project.write("x/a.c", "source")
    project.write("x/a.o", "object")
    report = await project.roll_back(first)
    assert project.read("x/a.o") == "object"
    assert not report.verified
    assert [problem.path for problem in report.problems] == ["x"]


async def test_unknown_ids_are_named(project: Bed):
    for id in ("cp_000009", "nonsense", "cp_", "cp_-1", "cp_" + "9" * 30):
        with pytest.raises(MazuError) as error:
            await project.engine.plan(id)
        assert error.value.kind == Kind.NOT_FOUND
        assert id in error.value.message
    with pytest.raises(MazuError) as error:
        await project.engine.plan()
    assert error.value.kind == Kind.NOT_FOUND


async def test_the_difference_is_told_in_files_memories_and_a_patch(noted: Bed):
    noted.write("a.py", "one\ntwo\n")
    noted.write("gone.bin", bytes(range(256)))
    noted.note("m1", "tabs")
    first = await noted.take()
    noted.write("a.py", "one\n2\nthree\n")
    noted.place("gone.bin").unlink()
    noted.write("new -file.py", "x\n")
    noted.note("m1", None)
    noted.note("m2", "spaces")
    second = await noted.take()
    for against in (second.id, "now"):
        diff = await noted.engine.diff(first.id, against)
        assert [(f.path, f.status, f.added, f.removed) for f in diff.files] == [
            ("a.py", "modified", 2, 1),
            ("gone.bin", "deleted", None, None),
            ("new -file.py", "added", 1, 0),
        ]
        assert (diff.memories.added, diff.memories.removed) == (("m2",), ("m1",))
        assert "+three" in diff.patch
        assert "a/memory/m1.md" in diff.patch
    narrow = await noted.engine.diff(first.id, second.id, ["a.py"])
    assert [f.path for f in narrow.files] == ["a.py"]
    assert "memory" not in narrow.patch


async def test_a_project_that_moved_keeps_its_checkpoints_once_it_is_attached(tmp_path: Path):
    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    async with bed(tmp_path) as project:
        identity.open_state(project.root, env).release()
        project.write("a", "1")
        first = await project.take()
    (tmp_path / "project").rename(tmp_path / "moved")
    identity.attach(tmp_path / "moved", tmp_path / "project", env)
    async with bed(tmp_path, root=tmp_path / "moved") as project:
        project.write("a", "2")
        report = await project.roll_back(first)
        assert report.plan.keep == [] and report.verified
        assert project.read("a") == "1"


async def test_a_plan_starts_as_many_processes_for_many_files_as_for_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    started: list[object] = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(a) or popen(*a, **k))
    counts: list[int] = []
    for files in (2, 12):
        root = tmp_path / f"project{files}"
        root.mkdir()
        names = [root / f"f{n}.txt" for n in range(files)]
        for name in names:
            name.write_text("at first\n")
        engine = await open_engine([root], tmp_path / f"state{files}")
        try:
            target = await engine.take(kind="manual")
            for text in ("first", "second", "third"):
                for name in names:
                    name.write_text(f"{text}\n")  # on top of what a rollback left, from the second time on
                if text != "third":
                    assert (await (await engine.plan(target.id)).apply("overwrite")).verified
            await engine.upkeep.idle()
            started.clear()
            await engine.plan(target.id)
            counts.append(len(started))
        finally:
            await engine.close()
    assert counts[0] == counts[1]
