"""What a checkpoint holds, and what it says it does not hold."""

import os
import socket
from pathlib import Path

import pytest

from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd.user_repository import find
from mazu_ls.host import Buffer
from tests.checkpoints.bed import Bed, Notes, bed, git, open_engine


async def test_the_first_checkpoint_holds_every_file_and_the_next_counts_what_changed(project: Bed):
    project.write("app.py", "x = 1\n")
    project.write("lib/util.py", "y = 2\n")
    first = await project.take("start")
    assert (first.id, first.parent_id, first.files.added) == ("cp_000001", None, 2)
    project.write("app.py", "x = 2\n")
    project.write("new.py", "")
    project.place("lib/util.py").unlink()
    second = await project.take()
    assert (second.parent_id, second.files.added, second.files.modified, second.files.deleted) == (
        first.id,
        1,
        1,
        1,
    )
    assert not second.partial
    project.fsck()


async def test_what_others_changed_is_held_beside_the_known_paths(project: Bed):
    project.write("a.txt", "1")
    project.write("b.txt", "1")
    await project.take()
    project.write("a.txt", "2")
    project.write("b.txt", "2")
    taken = await project.take(touched=["a.txt"])
    assert taken.files.modified == 2 and taken.complete
    assert (await project.take()).files.modified == 0


async def test_files_that_were_noted_as_written_are_looked_at_with_the_known_ones(project: Bed):
    project.write("a.txt", "1")
    await project.take()
    project.write("a.txt", "2")
    project.engine.note_written(project.root / "a.txt")
    assert (await project.take(touched=[])).files.modified == 1


async def test_a_file_that_goes_back_to_what_it_was_is_seen_by_the_full_look(project: Bed):
    project.write("a.txt", "1")
    await project.take()
    project.write("a.txt", "2")
    await project.take(touched=["a.txt"])
    project.write("a.txt", "1")
    assert (await project.take()).files.modified == 1


async def test_same_size_and_restored_mtime_do_not_hide_a_change(project: Bed):
    file = project.write("a.txt", "one")
    status = file.stat()
    await project.take()
    await project.engine.upkeep.idle()
    for text in ("two", "six", "ten"):
        file.write_text(text)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (await project.take()).files.modified == 1


async def test_a_change_of_the_executable_bit_and_of_permissions_is_a_change(project: Bed):
    file = project.write("run.sh", "echo", 0o644)
    first = await project.take()
    file.chmod(0o755)
    assert (await project.take()).files.modified == 1
    file.chmod(0o600)
    await project.take()
    await project.roll_back(first)
    assert file.stat().st_mode & 0o777 == 0o644


async def test_memory_and_conversation_are_in_the_same_commit(noted: Bed):
    noted.write("a.txt", "1")
    noted.note("m1", "use tabs")
    noted.note("s1", "hello", part=1)
    first = await noted.take()
    assert first.memories.added == 1
    noted.note("m1", "use spaces")
    noted.note("m2", "no globals")
    second = await noted.take(touched=[])
    assert (second.memories.added, second.memories.changed, second.memories.removed) == (1, 1, 0)
    noted.note("m2", None)
    assert (await noted.take(touched=[])).memories.removed == 1


async def test_unsaved_text_is_held_with_its_document(project: Bed):
    path = project.write("a.py", "saved\n")
    dirty = Buffer("file:///a.py", path, 7, "python", "typed \U0001f600\r\n", True)
    clean = Buffer("file:///b.py", None, 1, "python", "clean", False)
    checkpoint = await project.take(buffers=[dirty, clean])
    again = Buffer(dirty.uri, path, 9, "python", "saved\n", False)
    report = await project.roll_back(checkpoint, buffers=[again, clean])
    assert report.verified
    assert project.typed == {dirty.uri: dirty.text}


async def test_too_large_and_special_files_are_said_and_never_touched(tmp_path: Path):
    async with bed(tmp_path, max_untracked_file_bytes=1000) as project:
        project.write("big.bin", bytes(2000))
        project.write("small.bin", bytes(10))
        checkpoint = await project.take()
        assert [(s.path, s.bytes) for s in checkpoint.skipped] == [("big.bin", 2000)]
        assert checkpoint.partial
        project.write("big.bin", b"other" * 500)
        project.write("small.bin", b"x")
        report = await project.roll_back(checkpoint)
        assert project.place("big.bin").read_bytes() == b"other" * 500
        assert project.place("small.bin").read_bytes() == bytes(10)
        assert report.verified


async def test_a_file_that_grew_too_large_is_set_aside_by_a_rollback_and_comes_back(tmp_path: Path):
    async with bed(tmp_path, max_untracked_file_bytes=1000) as project:
        project.write("log.txt", "short")
        checkpoint = await project.take()
        project.write("log.txt", "long " * 1000)
        report = await project.roll_back(checkpoint)
        assert (project.read("log.txt"), report.verified) == ("short", True)
        assert [kept.path for kept in report.plan.set_aside] == ["log.txt"]
        [aside] = (await project.engine.stats()).rescued
        assert Path(aside).read_text() == "long " * 1000
        report = await project.roll_back(report.safety)
        assert (project.read("log.txt"), report.verified) == ("long " * 1000, True)
        assert (await project.engine.stats()).rescued == ()
        assert [path.name for path in project.root.iterdir() if path.is_file()] == ["log.txt"]


async def test_a_large_file_that_git_tracks_is_held(tmp_path: Path):
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    (root / "data.bin").write_bytes(bytes(2000))
    git(root, "add", "data.bin")
    async with bed(tmp_path, max_untracked_file_bytes=1000) as project:
        assert not (await project.take()).partial


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self").exists(), reason="needs /proc")
async def test_fifo_socket_and_device_do_not_hang_and_are_left_alone(project: Bed):
    project.write("a.txt", "1")
    await project.take()
    os.mkfifo(project.root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(project.root / "sock"))
        project.place("a.txt").unlink()
        os.mkfifo(project.root / "a.txt")
        checkpoint = await project.take()
        assert [(s.path, s.reason) for s in checkpoint.skipped] == [("a.txt", "a named pipe")]
        await project.roll_back(checkpoint)
        assert (project.root / "pipe").is_fifo()
        assert (project.root / "sock").is_socket()


async def test_ignored_files_are_not_held_unless_git_tracks_them(tmp_path: Path):
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    (root / ".gitignore").write_text("*.log\nbuild/\n")
    (root / "kept.log").write_text("tracked")
    git(root, "add", "-f", "kept.log", ".gitignore")
    (root / ".git" / "info" / "exclude").write_text("private.txt\n")
    async with bed(tmp_path) as project:
        for name in ("a.log", "build/x.o", "private.txt", "src.c"):
            project.write(name, name)
        checkpoint = await project.take()
        assert checkpoint.files.added == 3
        for name in ("a.log", "build/x.o", "private.txt", "src.c", "kept.log"):
            project.write(name, "changed")
        assert (await project.take()).files.modified == 2
        assert (await project.take(touched=["a.log", "private.txt"])).files.added == 0
        await project.roll_back(checkpoint)
        assert project.read("kept.log") == "tracked"
        assert project.read("src.c") == "src.c"
        assert project.read("a.log") == project.read("build/x.o") == project.read("private.txt") == "changed"


async def test_the_users_own_ignore_list_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "git").mkdir(parents=True)
    (tmp_path / "config" / "git" / "ignore").write_text("*.swp\n")
    (tmp_path / "project").mkdir()
    git(tmp_path / "project", "init", "-q")
    async with bed(tmp_path) as project:
        project.write("a.swp", "")
        assert (await project.take()).files.added == 0


async def test_what_editors_put_beside_a_file_is_not_held_unless_git_tracks_it(tmp_path: Path):
    names = ("#a.py#", "a.py~", ".a.py.swp", ".a.py.swo", ".a.py.kate-swp", ".~lock.a.odt#", "sub/b~")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "tracked~").write_text("1")
    git(tmp_path / "project", "init", "-q")
    git(tmp_path / "project", "add", "-f", "tracked~")
    async with bed(tmp_path) as project:
        project.write("a.py", "1")
        project.write("a folder~/mine", "1")
        first = await project.take()
        for name in names:
            project.write(name, "while somebody types")
        project.place(".#a.py").symlink_to("user@host.1:2")
        project.write("tracked~", "2")
        project.write("a folder~/mine", "2")
        assert (await project.take()).files.added == 0
        report = await project.roll_back(first)
        assert report.plan.write == ["a folder~/mine", "tracked~"] and report.plan.delete == []
        assert all(project.read(name) for name in names) and project.place(".#a.py").is_symlink()


async def test_a_folder_inside_a_repository_obeys_the_rules_above_it(tmp_path: Path):
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("*.tmp\n/project/gen/\nproject/*.out\n/elsewhere/\n")
    async with bed(tmp_path) as project:
        for name in ("a.tmp", "gen/x", "b.out", "elsewhere/y", "src/gen/z", "ok.c"):
            project.write(name, name)
        await project.take()
        store = project.engine._project
        tree = store.trees.folder(bytes.fromhex((await project.take()).tree), b"code")
        held = {path.decode() for path, _ in store.trees.files(tree)}
        assert held == {"elsewhere/y", "src/gen/z", "ok.c"}


@pytest.mark.parametrize("name", [".mazu", ".MAZU", "sub/.mazu"])
async def test_chats_are_never_held_even_if_the_project_tracks_them_in_git(project: Bed, name: str):
    chat = f"{name}/chats/s_1.md"
    project.write("a.txt", "1")
    project.write(chat, "before")
    project.git("init", "-q")
    project.git("add", "-f", ".")
    taken = await project.take(touched=["a.txt", chat])
    project.write("a.txt", "2")
    project.write(chat, "what was said since")
    await project.take()
    report = await project.roll_back(taken, on_conflict="overwrite")
    assert report.verified and report.plan.write == ["a.txt"]
    assert project.read(chat) == "what was said since"


async def test_skills_are_held_and_the_rest_of_mazu_is_not(project: Bed):
    project.write(".mazu/skills/hello/skill.py", "print('hi')")
    project.write(".mazu/role.md", "be kind")
    checkpoint = await project.take()
    project.write(".mazu/skills/hello/skill.py", "print('bye')")
    project.write(".mazu/skills/new.py", "")
    project.write(".mazu/role.md", "be terse")
    report = await project.roll_back(checkpoint)
    assert project.read(".mazu/skills/hello/skill.py") == "print('hi')"
    assert project.read(".mazu/skills/new.py") is None
    assert project.read(".mazu/role.md") == "be terse"
    assert report.plan.write == [".mazu/skills/hello/skill.py"]


@pytest.mark.parametrize("place", ["", "Desktop", "Downloads", ".."])
async def test_folders_that_hold_everything_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
):
    home = tmp_path / "home" / "me"
    (home / "Desktop").mkdir(parents=True)
    (home / "Downloads").mkdir()
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(MazuError) as refused:
        await open_engine([home / place], tmp_path / "state")
    assert refused.value.kind == Kind.UNSUPPORTED
    assert "too broad" in refused.value.message


async def test_without_git_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MazuError) as missing:
        await open_engine([tmp_path], tmp_path / "state")
    assert missing.value.kind == Kind.GIT
    assert "install" in missing.value.hint.lower()


async def test_the_users_place_in_history_is_recorded(tmp_path: Path):
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q", "-b", "trunk")
    user = find(root)
    assert user is not None
    assert (user.state().branch, user.state().commit) == ("trunk", None)
    (root / "a").write_text("1")
    git(root, "add", "a")
    git(root, "commit", "-qm", "one")
    assert user.state().commit == git(root, "rev-parse", "HEAD").strip()
    (root / ".git" / "MERGE_HEAD").write_text("0" * 40)
    assert user.state().states == ("merge",)


async def test_several_folders_share_one_id(tmp_path: Path):
    first, second = tmp_path / "one", tmp_path / "two"
    (first / ".mazu").mkdir(parents=True)
    second.mkdir()
    (first / "a.txt").write_text("1")
    (second / "a.txt").write_text("1")
    engine = await open_engine([first, second], tmp_path / "state", [Notes()])
    try:
        checkpoint = await engine.take(kind="manual")
        assert checkpoint.files.added == 2
        (first / "a.txt").write_text("2")
        (second / "a.txt").write_text("2")
        (second / "b.txt").write_text("new")
        plan = await engine.plan(checkpoint.id, on_conflict="overwrite")
        assert plan.preview().plan.write == ["one/a.txt", "two/a.txt"]
        assert plan.preview().plan.delete == ["two/b.txt"]
        report = await plan.apply("overwrite")
        assert report.verified
        assert (first / "a.txt").read_text() == (second / "a.txt").read_text() == "1"
        assert not (second / "b.txt").exists()
    finally:
        await engine.close()


async def test_a_folder_that_is_opened_later_is_not_in_the_older_checkpoint(tmp_path: Path):
    first, second = tmp_path / "one", tmp_path / "two"
    (first / ".mazu").mkdir(parents=True)
    second.mkdir()
    (second / "mine.txt").write_text("mine")
    engine = await open_engine([first], tmp_path / "state")
    checkpoint = await engine.take(kind="manual")
    await engine.close()
    engine = await open_engine([first, second], tmp_path / "state")
    try:
        report = await (await engine.plan(checkpoint.id)).apply("overwrite")
        assert (second / "mine.txt").exists()
        assert [kept.path for kept in report.plan.keep] == ["two/"]
    finally:
        await engine.close()


async def test_a_project_opened_through_a_link_is_the_same_project(tmp_path: Path):
    async with bed(tmp_path) as project:
        project.write("a", "1")
        first = await project.take()
    (tmp_path / "alias").symlink_to(tmp_path / "project")
    async with bed(tmp_path, root=tmp_path / "alias") as project:
        assert [c.id for c in (await project.engine.list())[0]] == [first.id]
        await project.take()
        path = project.write("a", "2")
        assert (await project.take(touched=["a"])).files.modified == 1
        shown = Buffer("file:///a", path, 1, "text", "2", False)
        assert (await project.roll_back(first, buffers=[shown])).plan.buffers == ["file:///a"]


async def test_the_index_of_an_earlier_process_outlives_its_checkpoint(tmp_path: Path):
    async with bed(tmp_path) as project:
        for number in range(5):
            project.write("sub/a", str(number))
            await project.take()
        await project.engine.upkeep.idle()
    for keep in (1, 0):
        async with bed(tmp_path) as project:
            await project.engine.prune(keep=keep)
        async with bed(tmp_path) as project:
            assert (await project.take()).files.modified == 0
            project.write("sub/a", f"new {keep}")
            assert (await project.take()).files.modified == 1
            project.fsck()


async def test_a_state_folder_that_cannot_be_written_is_said(tmp_path: Path):
    (tmp_path / "project" / ".mazu").mkdir(parents=True)
    (tmp_path / "state").write_text("a file")
    with pytest.raises(MazuError) as refused:
        await open_engine([tmp_path / "project"], tmp_path / "state")
    assert refused.value.kind == Kind.STORAGE
    with pytest.raises(MazuError):
        await open_engine([tmp_path / "project" / "nowhere"], tmp_path / "other")
