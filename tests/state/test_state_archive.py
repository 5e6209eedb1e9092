"""A project's state as one file: what goes out comes back whole, and a file made by hand changes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.checkpoints.git.objects import BLOB, COMMIT, FILE_MODE, FOLDER_MODE, TREE, format_commit
from mazu_ls.checkpoints.git.repository import StoreRepository, lines
from mazu_ls.demo.model_server.server import ModelServer
from mazu_ls.state import paths
from tests.server.client import NO_ANSWER, Client, RpcFailure, connected, eventually

Entries = dict[str, bytes]
MARKER = "a row that only the present state has"


async def titles(client: Client) -> set[str]:
    return {memory["title"] for memory in (await client.command("mazu.memory.list"))["memories"]}


def state_folders(env: dict[str, str]) -> set[str]:
    return {path.name for path in paths.projects_folder(paths.state_home(env)).iterdir()}


async def test_an_archive_brings_memory_conversations_and_checkpoints_to_another_machine(
    env: dict[str, str], folder: Path, tmp_path: Path
):
    """Pins and origins stay, a conversation goes on, and a checkpoint from there can be rolled back to here."""
    file, elsewhere = tmp_path / "backup.mazu", tmp_path / "elsewhere"
    write = {"name": "write_file", "arguments": {"path": "a.txt", "content": "by the agent\n"}}
    async with ModelServer([{"calls": [write]}, {"text": "written"}, {"text": "it was written"}]) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with connected({**env, **keys}) as client:
            client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
            await client.initialize(folder, experimental={"mazu": {"permissions": True}})
            await client.command("mazu.remember", {"title": "The port is 8123", "pinned": True})
            await client.command("mazu.wiki.write", {"slug": "how/to", "text": "# How\n\nso"})
            said = await client.command("mazu.chat", {"message": "write it", "wait": True})
            assert (folder / "a.txt").read_text() == "by the agent\n"
            made = await client.command("mazu.state.export", {"uri": file.as_uri()})
            assert (made["memories"], made["sessions"]) == (2, 1)
            with pytest.raises(RpcFailure, match="exists"):
                await client.command("mazu.state.export", {"uri": file.as_uri()})
            listed = await client.command("mazu.checkpoint.list")
            assert made["checkpoints"] == len(listed["checkpoints"]) > 0
            assert file.stat().st_mode & 0o777 == 0o600
        elsewhere.mkdir()
        (elsewhere / "a.txt").write_text("by the agent\n")
        other = {
            **env,
            **keys,
            "MAZU_STATE_HOME": str(tmp_path / "other state"),
            "MAZU_HOME": str(tmp_path / "oh"),
        }
        async with connected(other) as client:
            await client.initialize(elsewhere)
            with pytest.raises(RpcFailure, match="was not written by mazu-ls on this machine"):
                await client.command("mazu.state.import", {"uri": file.as_uri()})
            assert await titles(client) == set()
            took = await client.command("mazu.state.import", {"uri": file.as_uri(), "mine": True})
            assert (took["project"], took["memories"], took["setAside"]) == (str(folder), 2, None)
            (memory,) = (await client.command("mazu.memory.list"))["memories"]
            assert (memory["title"], memory["pinned"], memory["source"]) == ("The port is 8123", True, "user")
            assert "so" in (await client.command("mazu.wiki.show", {"slug": "how/to"}))["text"]
            assert (await client.command("mazu.checkpoint.list"))["checkpoints"] == listed["checkpoints"]
            undone = await client.command("mazu.undo", {"sessionId": said["sessionId"]})
            assert undone["verified"], undone
            assert not (elsewhere / "a.txt").exists()
            await client.command("mazu.redo", {"sessionId": said["sessionId"]})
            assert (elsewhere / "a.txt").read_text() == "by the agent\n"
            await client.command(
                "mazu.chat",
                {"message": "what was done?", "sessionId": said["sessionId"], "wait": True},
                within=60,
            )
            assert "write it" in repr(model.requests[-1])


async def test_what_was_forgotten_is_in_no_archive_and_comes_in_from_none(
    env: dict[str, str], folder: Path, tmp_path: Path
):
    file = tmp_path / "backup.mazu"
    async with connected(env) as client:
        await client.initialize(folder)
        made = await client.command("mazu.remember", {"title": "The key is under the mat"})
        await client.command("mazu.remember", {"title": "The port is 8123"})
        await client.command("mazu.memory.forget", {"id": made["memory"]["id"]})
        await client.command("mazu.memory.consolidate")
        await client.command("mazu.state.export", {"uri": file.as_uri()})
        held = unpacked(file.read_bytes())["memory.db"]
        assert b"under the mat" not in held
        database = sqlite3.connect(":memory:")
        database.deserialize(held)
        for table in ("memory_forgotten", "memory_consolidation"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        planted = 'INSERT INTO memory_forgotten VALUES (77, \'{"title": "planted"}\', 1)'
        file.write_bytes(rewritten(file.read_bytes(), sql(planted)))
        await client.command("mazu.state.import", {"uri": file.as_uri(), "replace": True, "mine": True})
        with pytest.raises(RpcFailure, match="no forgotten memory"):
            await client.command("mazu.memory.restore", {"id": "m_000077"})


async def test_an_import_sets_aside_what_is_there_and_only_when_that_is_said(
    env: dict[str, str], folder: Path, tmp_path: Path
):
    file = tmp_path / "backup.mazu"
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "then"})
        await client.command("mazu.state.export", {"uri": file.as_uri()})
        await client.command("mazu.remember", {"title": "since"})
        with pytest.raises(RpcFailure, match="of its own"):
            await client.command("mazu.state.import", {"uri": file.as_uri()})
        assert await titles(client) == {"then", "since"}
        took = await client.command("mazu.state.import", {"uri": file.as_uri(), "replace": True})
        assert await titles(client) == {"then"}
        aside = sqlite3.connect(f"file:{took['setAside']}/memory.db?mode=ro", uri=True)
        assert {title for (title,) in aside.execute("SELECT title FROM memory")} == {"then", "since"}
        aside.close()
        await client.command("mazu.remember", {"title": "goes on"})
        assert await titles(client) == {"then", "goes on"}


async def test_an_editor_s_user_is_asked_where_the_terminal_has_options(
    env: dict[str, str], folder: Path, tmp_path: Path
):
    file, other = tmp_path / "backup.mazu", {**env, "MAZU_STATE_HOME": str(tmp_path / "other")}
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "then"})
        await client.command("mazu.state.export", {"uri": file.as_uri()})
    async with connected(other) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "here"})
        asked: list[str] = []

        def answer(params: Any) -> Any:
            asked.append(params["message"])
            assert (
                params["actions"][0]["title"] == "Cancel"
            )  # for a client that takes the first of whatever it is offered
            return params["actions"][1 if len(asked) < 3 else 0]

        client.answers["window/showMessageRequest"] = answer
        await client.command("mazu.state.import", {"uri": file.as_uri()})
        assert await titles(client) == {"then"}
        assert "not written by mazu-ls on this machine" in asked[0]
        assert "of its own" in asked[1]
        with pytest.raises(RpcFailure, match="not written"):
            await client.command("mazu.state.import", {"uri": file.as_uri()})


async def test_a_project_of_many_folders_comes_back(env: dict[str, str], folder: Path, tmp_path: Path):
    """Folders beside each other are no depth."""
    file = tmp_path / "backup.mazu"
    for number in range(900):
        (folder / f"d{number:03}").mkdir()
        (folder / f"d{number:03}" / "f").write_text(str(number))
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.checkpoint", {"label": "many"})
        await client.command("mazu.state.export", {"uri": file.as_uri()})
        taken = await client.command("mazu.state.import", {"uri": file.as_uri(), "replace": True})
        assert taken["checkpoints"] == 1


async def test_without_arguments_a_backup_is_made_in_the_user_s_folder_and_picked_from_there(
    env: dict[str, str], folder: Path
):
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "then"})
        made = await client.command("mazu.state.export")
        assert made["uri"].startswith(Path(env["MAZU_HOME"], "backups", "project-").as_uri())
        client.answers["window/showMessageRequest"] = lambda params: params["actions"][
            "which" not in params["message"]
        ]
        await client.command("mazu.remember", {"title": "since"})
        await client.command("mazu.state.import")
        assert await titles(client) == {"then"}


def sql(*statements: str) -> Callable[[Entries], None]:
    """Change the database of the archive."""

    def change(entries: Entries) -> None:
        database = sqlite3.connect(":memory:")
        database.deserialize(entries["memory.db"])
        database.executescript(";".join(statements))
        entries["memory.db"] = database.serialize()

    return change


def tree(build: Callable[[StoreRepository, Any], bytes]) -> Callable[[Entries], None]:
    """Give the archive's one checkpoint another tree."""

    def change(entries: Entries) -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as scratch:
            repository = StoreRepository.open(Path(scratch) / "store.git")
            writer = repository.writer()
            top = build(repository, writer)
            commit = writer.add(COMMIT, format_commit(top, 0, "hostile"))
            writer.finish()
            (pack,) = (repository.path / "objects" / "pack").glob("*.pack")
            entries["checkpoints.pack"] = pack.read_bytes()
            assert lines([commit])
        sql(f"UPDATE checkpoint SET commit_id = '{commit.hex()}', tree_id = '{top.hex()}'")(entries)

    return change


def entry(mode: bytes, name: bytes, oid: bytes) -> bytes:
    return b"%s %s\0%s" % (mode, name, oid)


def in_code(name: bytes, mode: bytes = FILE_MODE) -> Callable[[Entries], None]:
    """A checkpoint whose code holds a file or folder of this name."""

    def build(_: StoreRepository, writer: Any) -> bytes:
        file = writer.add(BLOB, b"evil")
        held = writer.add(TREE, entry(FILE_MODE, b"file", file)) if mode == FOLDER_MODE else file
        code = writer.add(TREE, entry(mode, name, held))
        return writer.add(TREE, entry(FOLDER_MODE, b"code", code))

    return tree(build)


def missing_blob(_: StoreRepository, writer: Any) -> bytes:
    code = writer.add(TREE, entry(FILE_MODE, b"a", b"\1" * 20))
    return writer.add(TREE, entry(FOLDER_MODE, b"code", code))


def doubled(_: StoreRepository, writer: Any) -> bytes:
    """A conversation of forty levels, each of which holds the next one twice: 2^40 paths in a few kilobytes."""
    held = writer.add(TREE, entry(FILE_MODE, b"1.jsonl", writer.add(BLOB, b"{}")))
    for _level in range(40):
        held = writer.add(TREE, entry(FOLDER_MODE, b"a", held) + entry(FOLDER_MODE, b"b", held))
    return writer.add(TREE, entry(FOLDER_MODE, b"conversation", held))


def bomb(_: StoreRepository, writer: Any) -> bytes:
    """Code of 24 levels, each of which holds the next one twice: 16 million files in a few kilobytes."""
    held = writer.add(TREE, entry(FILE_MODE, b"f", writer.add(BLOB, b"x")))
    for _level in range(24):
        held = writer.add(TREE, entry(FOLDER_MODE, b"a", held) + entry(FOLDER_MODE, b"b", held))
    return writer.add(TREE, entry(FOLDER_MODE, b"code", held))


def deep(_: StoreRepository, writer: Any) -> bytes:
    """Deeper than any checkpoint, and first met near the top, where it looks shallow."""
    low = writer.add(TREE, entry(FILE_MODE, b"f", writer.add(BLOB, b"x")))
    for _level in range(300):
        low = writer.add(TREE, entry(FOLDER_MODE, b"a", low))
    high = low
    for _level in range(300):
        high = writer.add(TREE, entry(FOLDER_MODE, b"a", high))
    return writer.add(
        TREE,
        entry(
            FOLDER_MODE,
            b"code",
            writer.add(TREE, entry(FOLDER_MODE, b"x", high) + entry(FOLDER_MODE, b"z", low)),
        ),
    )


def with_list(name: bytes, data: bytes) -> Callable[[Entries], None]:
    """A checkpoint with this file of mazu-ls: at its top, or of the unsaved texts."""

    def build(_: StoreRepository, writer: Any) -> bytes:
        code = writer.add(TREE, entry(FILE_MODE, b"evil", writer.add(BLOB, b"evil")))
        held = entry(FILE_MODE, name, writer.add(BLOB, data))
        if name == b"index.json":
            held = entry(FOLDER_MODE, b"buffers", writer.add(TREE, held))
        return writer.add(
            TREE,
            b"".join(
                sorted((held, entry(FOLDER_MODE, b"code", code)), key=lambda e: bytes(e).split(b" ")[1])
            ),
        )

    return tree(build)


def other_tree(entries: Entries) -> None:
    """The row names another tree than its commit, whose own is harmless: it is the row's that a rollback reads."""

    def build(_: StoreRepository, writer: Any) -> bytes:
        hook = writer.add(BLOB, b"evil")
        held = writer.add(TREE, entry(FILE_MODE, b"file", hook))
        code = writer.add(TREE, entry(FOLDER_MODE, b".git", held))
        other.append(writer.add(TREE, entry(FOLDER_MODE, b"code", code)))
        return writer.add(TREE, entry(FOLDER_MODE, b"code", held))

    other: list[bytes] = []
    tree(build)(entries)
    sql(f"UPDATE checkpoint SET tree_id = '{other[0].hex()}'")(entries)


def named(name: str) -> Callable[[Entries], None]:
    def change(entries: Entries) -> None:
        entries[name] = b"evil"

    return change


HOSTILE: dict[str, Callable[[Entries], None]] = {
    "a path outside": named("../../../outside"),
    "an absolute path": named("/tmp/mazu-outside"),
    "a conversation outside": named("journal/../../../outside.jsonl"),
    "a file that is none of ours": named("project.json"),
    "a conversation of nothing": named("journal/s_1.jsonl"),
    "a trigger": sql("CREATE TRIGGER evil AFTER INSERT ON memory BEGIN DELETE FROM checkpoint; END"),
    "a view for a table": sql(
        "DROP TABLE session_taken", "CREATE VIEW session_taken AS SELECT 'a' session, 1 head, 2 size"
    ),
    "an endless view of versions": sql(
        "DROP TABLE schema_version",
        "CREATE VIEW schema_version AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
        " SELECT 'memory' owner, x version FROM n",
    ),
    "a newer schema": sql("UPDATE schema_version SET version = 99 WHERE owner = 'memory'"),
    "tables of others": sql("INSERT INTO schema_version VALUES ('evil', 1)"),
    "a page key that leads outside": sql(
        "UPDATE memory SET kind = 'page', category = 'wiki', key = '../../../../escape'"
    ),
    "a page key, plain": sql("UPDATE memory SET kind = 'page', key = '../x'"),
    "a rollback to carry out": sql(
        "INSERT INTO checkpoint_journal VALUES (1, 's', 'cp_000001', 'cp_000001', x'00')"
    ),
    "an unsaved text to write": sql("INSERT INTO checkpoint_buffer VALUES ('file:///etc/passwd', x'00', '')"),
    "a place of old": sql("INSERT INTO checkpoint_state VALUES ('place', '[\"/home/u\"]')"),
    "a checkpoint it does not hold": sql("UPDATE checkpoint SET commit_id = '" + "12" * 20 + "'"),
    "a commit that is an option": sql("UPDATE checkpoint SET commit_id = '--output=/tmp/mazu-outside'"),
    "a change outside": sql("INSERT INTO checkpoint_change VALUES (1, x'636f64652f2e2e2f78', 's', 1)"),
    "a name that leads up": in_code(b"..", FOLDER_MODE),
    "a hook of the repository": in_code(b".GIT", FOLDER_MODE),
    "a file of mazu": in_code(b".mazu", FOLDER_MODE),
    "a name with a slash": in_code(b"../../outside"),
    "a submodule": in_code(b"sub", b"160000"),
    "an object that is missing": tree(missing_blob),
    "a conversation that never ends": tree(doubled),
    "millions of files": tree(bomb),
    "a thousand levels": tree(deep),
    "a set-user-ID bit": with_list(b"modes.json", b'{"code/evil": "6777"}'),
    "a set-group-ID bit": with_list(b"modes.json", b'{"code/evil": "2777"}'),
    "a set-user-ID bit of a folder": with_list(b"modes.json", b'{"code/evil/": "4777"}'),
    "modes of a folder outside": with_list(b"modes.json", b'{"code/../../x/": "777"}'),
    "modes of a hook": with_list(b"modes.json", b'{"code/.git/hooks/x": "777"}'),
    "modes that are none": with_list(b"modes.json", b"[1]"),
    "a meta of nothing": with_list(b"meta.json", b'{"id": "../x"}'),
    "modes without end": with_list(b"modes.json", b" " * (65 * 2**20)),
    "a sparse path outside": with_list(b"sparse", b"code/a\0code/../../x"),
    "an unsaved text that is not there": with_list(
        b"index.json", b'[{"uri": "file:///x", "path": "/x", "text": "no"}]'
    ),
    "a tree that is not its commit's": other_tree,
    "a pack of noise": lambda entries: entries.update({"checkpoints.pack": b"PACK" + bytes(100)}),
    "no database": lambda entries: entries.__delitem__("memory.db"),
    "a database of noise": lambda entries: entries.update({"memory.db": bytes(5000)}),
}


def rewritten(data: bytes, change: Callable[[Entries], None]) -> bytes:
    """The archive as somebody changes it who can compute a manifest, but has no key."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    manifest, signature = json.loads(entries.pop("manifest.json")), entries.pop("manifest.hmac")
    change(entries)
    manifest["files"] = [
        {"name": name, "size": len(held), "sha256": hashlib.sha256(held).hexdigest()}
        for name, held in entries.items()
    ]
    return zipped({**entries, "manifest.json": json.dumps(manifest).encode(), "manifest.hmac": signature})


def zipped(entries: Entries, **of_first: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, held) in enumerate(entries.items()):
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if number == 0:
                for field, value in of_first.items():
                    setattr(info, field, value)
            archive.writestr(info, held)
    return out.getvalue()


def unpacked(data: bytes) -> Entries:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


RAW: dict[str, Callable[[bytes], bytes]] = {
    "half of it": lambda data: data[: len(data) // 2],
    "something behind it": lambda data: data + b"more",
    "nothing": lambda _: b"",
    "more in an entry than the manifest says": lambda data: zipped(
        {**(held := unpacked(data)), "memory.db": held["memory.db"] + bytes(2**22)}
    ),
    "another database": lambda data: zipped(
        {**(held := unpacked(data)), "memory.db": held["memory.db"][::-1]}
    ),
    "a link": lambda data: zipped(unpacked(data), external_attr=0o120777 << 16),
    "an entry twice": lambda data: zipped(unpacked(data)).replace(b"manifest.hmac", b"manifest.json"),
    "no signature": lambda data: zipped(
        {name: held for name, held in unpacked(data).items() if name != "manifest.hmac"}
    ),
    "a manifest of other fields": lambda data: zipped({**unpacked(data), "manifest.json": b'{"format": 1}'}),
    "a directory without end": lambda data: data[:-10] + b"\xf0\xff\xff\x7f" + data[-6:],
}


async def test_no_archive_made_by_hand_changes_anything(env: dict[str, str], folder: Path, tmp_path: Path):
    """Not even where the user says that it is his own: what it holds is checked all the same."""
    file = tmp_path / "backup.mazu"
    (folder / "a.txt").write_text("1")
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "known", "body": "for long"})
        await client.command("mazu.checkpoint", {"label": "one"})
        await client.command("mazu.state.export", {"uri": file.as_uri()})
        await client.command("mazu.remember", {"title": MARKER})
        whole = file.read_bytes()
        before = state_folders(env)
        crafted = {name: rewritten(whole, change) for name, change in HOSTILE.items()}
        crafted |= {name: change(whole) for name, change in RAW.items()}
        taken: list[str] = []
        for name, data in crafted.items():
            file.write_bytes(data)
            arguments = {"uri": file.as_uri(), "mine": True, "replace": True}
            try:
                await client.command("mazu.state.import", arguments)
                taken.append(name)
            except RpcFailure as error:
                if "not an archive of mazu-ls" not in error.message:
                    taken.append(f"{name}: {error.message}")
            if MARKER not in await titles(client):
                taken.append(f"{name}: lost")
            assert state_folders(env) == before, name
        assert taken == []
        assert not Path("/tmp/mazu-outside").exists()
        assert not (tmp_path / "outside").exists()
        (tmp_path / "link").symlink_to(file)
        with pytest.raises(RpcFailure, match="cannot be read"):
            await client.command("mazu.state.import", {"uri": (tmp_path / "link").as_uri(), "mine": True})
        file.write_bytes(rewritten(whole, lambda entries: None))  # so it is the changes that were refused
        await client.command("mazu.state.import", {"uri": file.as_uri(), "mine": True, "replace": True})
        assert await titles(client) == {"known"}


def test_what_an_import_left_that_was_killed_is_removed(tmp_path: Path):
    from mazu_ls.agent.archive.import_state import stage_import
    from mazu_ls.errors import MazuError

    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    left = paths.root_state(tmp_path, env)
    left = left.with_name(f"{left.name}.importing-123456")
    left.mkdir(parents=True)
    (left / "memory.db").write_text("half")
    with pytest.raises(MazuError, match="cannot be read"):
        stage_import(tmp_path, tmp_path / "none.mazu", env, mine=True, replace=True)
    assert not left.exists()


async def test_an_import_that_is_cancelled_leaves_nothing(env: dict[str, str], folder: Path, tmp_path: Path):
    """It waits for a turn that waits for the user; what was laid out beside the state goes with the request."""
    file = tmp_path / "backup.mazu"
    write = {"name": "write_file", "arguments": {"path": "a.txt", "content": "x"}}
    async with ModelServer([{"calls": [write]}, {"text": "written"}]) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with connected({**env, **keys}) as client:
            client.answers["mazu/permission/request"] = lambda params: NO_ANSWER
            await client.initialize(folder, experimental={"mazu": {"permissions": True}})
            await client.command("mazu.remember", {"title": "kept"})
            await client.command("mazu.state.export", {"uri": file.as_uri()})
            before = state_folders(env)
            await client.command("mazu.chat", {"message": "write it"})
            await client.until(lambda message: message.get("method") == "mazu/permission/request")
            arguments = [{"uri": file.as_uri(), "replace": True}]
            number, answer = client.start(
                "workspace/executeCommand", {"command": "mazu.state.import", "arguments": arguments}
            )

            async def laid_out() -> bool:
                return state_folders(env) != before

            await eventually(laid_out)
            client.notify("$/cancelRequest", {"id": number})
            with pytest.raises(RpcFailure):
                await answer

            async def gone() -> bool:
                return state_folders(env) == before

            await eventually(gone)
            assert await titles(client) == {"kept"}


def test_a_key_that_is_not_whole_signs_nothing(tmp_path: Path):
    from mazu_ls.agent.archive.archive_writer import KEY, signing_key

    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    first = signing_key(env)
    assert (len(first), signing_key(env)) == (32, first)
    for broken in (b"", first[:31]):
        paths.state_home(env).joinpath(KEY).write_bytes(broken)
        made = signing_key(env)
        assert len(made) == 32
        assert made not in (first, broken)
        assert signing_key(env) == made


async def test_a_backup_taken_in_where_nothing_is_brings_the_files_back(
    env: dict[str, str], folder: Path, tmp_path: Path
):
    """What nobody here deleted comes back without a question; what somebody wrote here in its place stays."""
    file, elsewhere = tmp_path / "backup.mazu", tmp_path / "elsewhere"
    (folder / "sub").mkdir()
    for name in ("a.txt", "sub/b.txt", "mine.txt"):
        (folder / name).write_text(f"{name}\n")
    async with connected(env) as client:
        await client.initialize(folder)
        taken = await client.command("mazu.checkpoint", {"label": "start"})
        await client.command("mazu.state.export", {"uri": file.as_uri()})
    elsewhere.mkdir()
    async with connected(env) as client:
        await client.initialize(elsewhere)
        await client.command("mazu.state.import", {"uri": file.as_uri()})
        (elsewhere / "mine.txt").write_text("by me\n")
        done = await client.command("mazu.rollback", {"id": taken["id"], "onConflict": "keep"})
        assert done["applied"] and done["verified"], done
        assert sorted(done["plan"]["write"]) == ["a.txt", "sub/b.txt"]
        assert [one["path"] for one in (*done["plan"]["keep"], *done["plan"]["conflicts"])] == ["mine.txt"]
        found = {path.name: path.read_text() for path in elsewhere.rglob("*.txt")}
        assert found == {"a.txt": "a.txt\n", "b.txt": "sub/b.txt\n", "mine.txt": "by me\n"}
        await client.command("mazu.checkpoint")
        (elsewhere / "a.txt").unlink()
        asked = await client.command("mazu.rollback", {"id": taken["id"], "preview": True})
        assert "a.txt" in asked["plan"]["users"], "that one was deleted here"


async def test_what_both_changed_comes_back_where_nothing_is(
    env: dict[str, str], folder: Path, tmp_path: Path
):
    """After undo and redo beside own saves a file is the agent's and the user's; where it is not there, it is nobody's."""
    file, elsewhere = tmp_path / "backup.mazu", tmp_path / "elsewhere"
    (folder / "a.txt").write_text("one\ntwo\nthree\n")
    (folder / "notes.txt").write_text("notes\n")
    read = {"name": "read_file", "arguments": {"path": "a.txt"}}
    edit = {"name": "edit_file", "arguments": {"path": "a.txt", "old": "one", "new": "ONE"}}
    async with ModelServer([{"calls": [read]}, {"calls": [edit]}, {"text": "done"}]) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with connected({**env, **keys}) as client:
            client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
            await client.initialize(folder, experimental={"mazu": {"permissions": True}})
            said = await client.command("mazu.chat", {"message": "edit it", "wait": True})
            session = {"sessionId": said["sessionId"]}
            assert (folder / "a.txt").read_text().startswith("ONE")
            taken = await client.command("mazu.checkpoint", {"label": "start"})
            then = {name: (folder / name).read_text() for name in ("a.txt", "notes.txt")}
            await client.command("mazu.undo", session)
            await client.command("mazu.redo", session)
            for name in then:
                with (folder / name).open("a") as opened:
                    opened.write("mine\n")
            await client.command("mazu.undo", {**session, "onConflict": "keep"})
            assert (folder / "a.txt").read_text() == "one\ntwo\nthree\nmine\n"
            await client.command("mazu.state.export", {"uri": file.as_uri()})
    elsewhere.mkdir()
    async with connected(env) as client:
        await client.initialize(elsewhere)
        await client.command("mazu.state.import", {"uri": file.as_uri()})
        done = await client.command("mazu.rollback", {"id": taken["id"]})
        assert done["applied"] and done["verified"], done
        assert (done["plan"]["keep"], done["plan"]["conflicts"]) == ([], []), done
        assert {name: (elsewhere / name).read_text() for name in then} == then
        await client.command("mazu.checkpoint")
        for name in then:
            (elsewhere / name).unlink()
        asked = await client.command("mazu.rollback", {"id": taken["id"], "preview": True})
        assert sorted(asked["plan"]["users"]) == sorted(then), "those were deleted here"
