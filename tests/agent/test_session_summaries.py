"""Lists of sessions in a new process: what an earlier one found in large journals is not read again."""

import os
from contextlib import closing
from pathlib import Path

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.session import journal_cache
from mazu_ls.agent.session.journal_views import SessionInfo
from mazu_ls.journal import journal
from tests.agent.test_sessions import opened
from tests.scenario import Story, World


async def listed(world: World) -> tuple[dict[str, SessionInfo], Path]:
    """Return the sessions that a new process lists, and the folder of their journals."""
    project: Project = await opened(world)
    try:
        return {info.id: info for info in await project.sessions.list()}, project.journals
    finally:
        await project.close()


async def test_a_large_journal_is_read_again_only_when_it_changed(tmp_path: Path):
    world = World(Story(files={"a.txt": "one\n"}), tmp_path)
    _, folder = await listed(world)
    path = folder / "s_old.jsonl"
    with closing(journal.Journal(path)) as kept:
        kept.append(journal.SessionStarted("x" * journal_cache.WORTH_KEEPING_BYTES))
        kept.append(journal.TurnStarted("chat", "anthropic:x"), "t_1")
        kept.append(journal.SessionNamed("Whole cents"), "t_1")
    first, _ = await listed(world)
    assert first["s_old"].name == "Whole cents" and first["s_old"].interrupted

    status, text = path.stat(), path.read_bytes()
    path.write_bytes(b"\n" * len(text))  # nobody can read anything from it now
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (await listed(world))[0] == first

    path.write_bytes(text)
    with closing(journal.Journal(path)) as kept:
        kept.append(journal.SessionNamed("Half cents"), "t_1")
    assert (await listed(world))[0]["s_old"].name == "Half cents"

    (folder / "summaries.json").write_bytes(b'{"format": 1}')  # damaged: everything is read again
    assert (await listed(world))[0]["s_old"].name == "Half cents"
    path.unlink()
    assert "s_old" not in (await listed(world))[0]


async def test_nothing_of_a_session_that_is_deleted_for_good_stays(tmp_path: Path):
    world = World(Story(files={"a.txt": "one\n"}), tmp_path)
    _, folder = await listed(world)
    with closing(journal.Journal(folder / "s_old.jsonl")) as kept:
        kept.append(journal.SessionStarted("x" * journal_cache.WORTH_KEEPING_BYTES))
        kept.append(journal.TurnStarted("chat", "anthropic:x"), "t_1")
        kept.append(journal.SessionNamed("Whole cents"), "t_1")
    await listed(world)
    assert b"Whole cents" in (folder / "summaries.json").read_bytes()
    project: Project = await opened(world)
    await project.sessions.delete("s_old", for_good=True)
    await project.close()
    assert b"Whole cents" not in (folder / "summaries.json").read_bytes()
