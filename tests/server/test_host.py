"""LspHost: the open buffer is the truth, and no word the user typed is ever lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Choice, Question
from tests.server.client import NO_ANSWER, Client, connected

EDITS = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}
QUESTION = Question(
    "s_1", "c_1", "run_shell", "Run ls?", "ls -la",
    (Choice("once", "Allow once", "allow_once"), Choice("no", "Deny", "deny")),
)  # fmt: skip


@pytest.fixture
async def editor(client: Client, folder: Path) -> Client:
    """A client that applies edits honestly."""
    client.answers["workspace/applyEdit"] = client.apply_edit
    await client.initialize(folder, **EDITS)
    return client


async def test_the_buffer_is_read_and_not_the_file(editor: Client, folder: Path):
    path = folder / "a.py"
    path.write_text("on disk\n")
    editor.open(path.as_uri(), "unsaved\n")
    await editor.settled()
    assert await editor.host.read(path) == "unsaved\n"
    editor.notify("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})
    await editor.settled()
    assert await editor.host.read(path) == "on disk\n"


async def test_an_open_document_is_edited_in_the_editor_and_left_unsaved(editor: Client, folder: Path):
    path = folder / "a.py"
    path.write_text("one\ntwo\nthree\n")
    document = editor.open(path.as_uri(), "one\ntwo\nthree\n")
    await editor.settled()
    await editor.host.edit(path, "one\ntwo\nthree\n", "one\n2\nthree\n")
    assert document.text == "one\n2\nthree\n"
    assert path.read_text() == "one\ntwo\nthree\n"
    (sent,) = editor.notes("workspace/applyEdit")
    (change,) = sent["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": path.as_uri(), "version": 1}
    assert [edit["newText"] for edit in change["edits"]] == ["2"]


async def test_a_closed_file_keeps_its_bytes_and_mode(editor: Client, folder: Path):
    path = folder / "script.sh"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\nthree\rlast")
    path.chmod(0o755)
    text = await editor.host.read(path)
    await editor.host.edit(path, text, text.replace("two", "2"))
    assert path.read_bytes() == b"\xef\xbb\xbfone\r\n2\nthree\rlast"
    assert path.stat().st_mode & 0o777 == 0o755


async def test_utf_16_files_stay_utf_16(editor: Client, folder: Path):
    path = folder / "a.txt"
    path.write_bytes("\ufeffgrüße 👩\r\n".encode("utf-16-le"))
    text = await editor.host.read(path)
    await editor.host.edit(path, text, text + "mehr\r\n")
    assert path.read_bytes() == "\ufeffgrüße 👩\r\nmehr\r\n".encode("utf-16-le")


@pytest.mark.parametrize(
    ("encoding", "text", "words"),
    [
        ("cp932", "# 設定\n", "保存 é"), ("koi8_r", "# файл\n", "привет …"), ("cp1252", "# café\n", "naïve —"),
        ("utf-8", "# café\n", "日本— "), ("utf-8", "# plain\n", "日本— "), ("utf-16", "# café\n", "日本 "),
    ],
)  # fmt: skip
async def test_an_open_document_gets_no_character_that_its_file_cannot_hold(
    editor: Client, folder: Path, encoding: str, text: str, words: str
):
    """The editor would save a question mark; which encoding it reads with shows in its text. The second of the words is refused."""
    taken, _, refused = words.partition(" ")
    path = folder / "a.txt"
    path.write_bytes(text.encode(encoding))
    document = editor.open(path.as_uri(), text)
    await editor.settled()
    await editor.host.edit(path, text, text + taken)
    assert document.text == text + taken
    if refused:
        with pytest.raises(MazuError, match="encoding") as error:
            await editor.host.edit(path, text + taken, text + refused)
        assert error.value.kind is Kind.UNSUPPORTED
        assert document.text == text + taken


async def test_a_file_that_changed_on_disk_is_not_overwritten(editor: Client, folder: Path):
    path = folder / "a.txt"
    path.write_text("before")
    text = await editor.host.read(path)
    path.write_text("somebody else's")
    await conflict(editor.host.edit(path, text, "mine"))
    assert path.read_text() == "somebody else's"


async def test_files_are_created_and_deleted_only_where_they_are_expected(editor: Client, folder: Path):
    path = folder / "new" / "a.txt"
    await editor.host.edit(path, None, "fresh\n")
    assert path.read_text() == "fresh\n"
    await conflict(editor.host.edit(path, None, "again\n"))
    await conflict(editor.host.edit(path, "other", None))
    await editor.host.edit(path, "fresh\n", None)
    assert not path.exists()


async def test_an_open_document_with_unsaved_changes_is_not_deleted(editor: Client, folder: Path):
    path = folder / "a.txt"
    path.write_text("saved")
    editor.open(path.as_uri(), "saved and more")
    await editor.settled()
    await conflict(editor.host.edit(path, "saved and more", None))
    assert path.exists()


async def test_an_edit_the_user_outran_is_refused_and_their_words_stay(editor: Client, folder: Path):
    path = folder / "a.py"
    document = editor.open(path.as_uri(), "one\ntwo\n")
    await editor.settled()

    def type_first(params: Any) -> Any:
        editor.change(path.as_uri(), "USER ", (1, 0))
        return editor.apply_edit(params)

    editor.answers["workspace/applyEdit"] = type_first
    await conflict(editor.host.edit(path, "one\ntwo\n", "1\ntwo\n"))
    assert document.text == "one\nUSER two\n"


async def test_words_typed_right_after_the_edit_do_not_make_it_fail(editor: Client, folder: Path):
    path = folder / "a.py"
    document = editor.open(path.as_uri(), "one\ntwo\n")
    await editor.settled()

    def type_after(params: Any) -> Any:
        answer = editor.apply_edit(params)
        editor.change(path.as_uri(), "USER ", (1, 0))
        return answer

    editor.answers["workspace/applyEdit"] = type_after
    await editor.host.edit(path, "one\ntwo\n", "1\ntwo\n")
    assert document.text == "1\nUSER two\n"


async def test_an_editor_that_shows_something_else_is_found_out(
    editor: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mazu_ls.server.documents.apply_edit.ECHO_SECONDS", 0.2)
    path = folder / "a.py"
    editor.open(path.as_uri(), "one\n")
    await editor.settled()

    def lie(params: Any) -> Any:
        return {"applied": True}

    editor.answers["workspace/applyEdit"] = lie
    await conflict(editor.host.edit(path, "one\n", "1\n"))


async def test_a_refusal_is_told_with_its_reason(editor: Client, folder: Path):
    path = folder / "a.py"
    editor.open(path.as_uri(), "one\n")
    await editor.settled()
    editor.answers["workspace/applyEdit"] = lambda params: {
        "applied": False,
        "failureReason": "read-only buffer",
    }
    error = await conflict(editor.host.edit(path, "one\n", "1\n"))
    assert "read-only buffer" in error.message


async def test_a_client_without_document_changes_gets_plain_ones(client: Client, folder: Path):
    await client.initialize(folder)
    path = folder / "a.py"
    document = client.open(path.as_uri(), "one\n")
    await client.settled()

    async def only_plain(params: Any) -> Any:
        if "documentChanges" in params["edit"]:
            raise AssertionError("answered with an error below")
        (edits,) = params["edit"]["changes"].values()
        versioned = {"textDocument": {"uri": path.as_uri(), "version": document.version}, "edits": edits}
        return client.apply_edit({"edit": {"documentChanges": [versioned]}})

    def refuse(params: Any) -> Any:
        client.answers["workspace/applyEdit"] = only_plain
        return {"applied": False, "failureReason": "documentChanges are not known here"}

    client.answers["workspace/applyEdit"] = refuse
    await client.host.edit(path, "one\n", "1\n")
    assert document.text == "1\n"


async def test_what_is_dirty_is_told_by_comparing_with_the_disk(editor: Client, folder: Path):
    path = folder / "a.py"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    editor.open(path.as_uri(), "one\ntwo\n")
    editor.open("untitled:Untitled-1", "draft")
    await editor.settled()
    assert [(b.uri, b.dirty) for b in await editor.host.buffers()] == [
        (path.as_uri(), False),
        ("untitled:Untitled-1", True),
    ]
    editor.change(path.as_uri(), "!", (0, 0))
    await editor.settled()
    assert (await editor.host.buffers())[0].dirty


async def test_saving_goes_through_a_client_that_offers_it(client: Client, folder: Path):
    path = folder / "a.py"
    path.write_text("old\n")

    def save(params: Any) -> Any:
        path.write_text(client.documents[path.as_uri()].text)
        return {"saved": params["uris"], "failed": []}

    client.answers["mazu/documents/save"] = save
    await client.initialize(folder, experimental={"mazu": {"save": True}})
    client.open(path.as_uri(), "new\n")
    await client.settled()
    assert await client.host.save([path]) == []
    assert path.read_text() == "new\n"


async def test_otherwise_the_user_is_told_to_save_and_can_do_so(client: Client, folder: Path):
    path = folder / "a.py"
    path.write_text("old\n")
    await client.initialize(folder)
    client.open(path.as_uri(), "new\n")
    await client.settled()
    waiting = asyncio.ensure_future(client.host.save([path]))
    told = await client.until(lambda m: m.get("method") == "window/showMessage", within=60)
    assert "Save a.py: " in told["params"]["message"] and "5 minutes at most" in told["params"]["message"]
    path.write_text("new\n")
    client.notify("textDocument/didSave", {"textDocument": {"uri": path.as_uri()}})
    assert await waiting == []
    assert client.notes("window/showMessageRequest") == [], "a modal question would keep the user from saving"


async def test_questions_come_one_at_a_time(client: Client, folder: Path):
    open_now: list[str] = []
    most = 0

    async def choose(params: Any) -> Any:
        nonlocal most
        open_now.append(params["message"])
        most = max(most, len(open_now))
        await asyncio.sleep(0.02)
        open_now.pop()
        return {"title": "Allow once"}

    client.answers["window/showMessageRequest"] = choose
    await client.initialize(folder)
    replies = await asyncio.gather(*(client.host.ask(QUESTION, 60) for _ in range(4)))
    assert [reply.choice.kind for reply in replies] == ["allow_once"] * 4
    assert most == 1


@pytest.mark.parametrize("answer", [NO_ANSWER, None, {"title": "Whatever"}, "Allow once", 7])
async def test_no_answer_and_a_strange_answer_mean_no(client: Client, folder: Path, answer: Any):
    client.answers["window/showMessageRequest"] = lambda params: answer
    await client.initialize(folder)
    choice = (await client.host.ask(QUESTION, 0.1)).choice
    assert choice is None if answer is NO_ANSWER else choice.kind == "deny"


async def test_a_client_that_opted_in_is_asked_in_full(client: Client, folder: Path):
    client.answers["mazu/permission/request"] = lambda params: {"optionId": "no", "note": "use git instead"}
    await client.initialize(folder, experimental={"mazu": {"permissions": True}})
    reply = await client.host.ask(QUESTION, 60)
    assert reply.choice.kind == "deny"
    assert reply.note == "use git instead"
    (asked,) = client.notes("mazu/permission/request")
    assert asked["options"][0] == {"id": "once", "label": "Allow once", "kind": "allow_once"}


async def conflict(work: Any) -> MazuError:
    with pytest.raises(MazuError) as caught:
        await work
    assert caught.value.kind is Kind.CONFLICT
    return caught.value


WORDS = st.text(alphabet="ab é👩\r\n", max_size=30)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(text=WORDS, after=WORDS, typed=st.text(alphabet="UV👩\n", min_size=1, max_size=5), when=st.sampled_from(["before", "after", "unchecked"]),
       offset=st.integers(0, 30), encoding=st.sampled_from(["utf-8", "utf-16", "utf-32"]))  # fmt: skip
async def test_no_word_the_user_types_is_ever_lost(  # noqa: PLR0917 - hypothesis passes them by name
    tmp_path_factory: pytest.TempPathFactory,
    text: str,
    after: str,
    typed: str,
    when: str,
    offset: int,
    encoding: str,
):
    """Whatever the agent edits while the user types, what was typed is in the buffer afterwards, and in one piece."""
    folder = tmp_path_factory.mktemp("typing")
    path = folder / "a.txt"
    env = {"MAZU_HOME": str(folder / "home"), "MAZU_STATE_HOME": str(folder / "state")}
    async with connected(env) as client:
        await client.shake_hands(folder, **EDITS, general={"positionEncodings": [encoding]})
        document = client.open(path.as_uri(), text)
        await client.settled()

        client.checks_versions = when != "unchecked"

        def type_here() -> None:
            at = document.position_at(min(offset, len(document.text)))
            client.change(path.as_uri(), typed, (at.line, at.character))

        def apply(params: Any) -> Any:
            client.answers["workspace/applyEdit"] = client.apply_edit
            if when == "after":
                answer = client.apply_edit(params)
                type_here()
                return answer
            type_here()
            return client.apply_edit(params)

        client.answers["workspace/applyEdit"] = apply
        try:
            await client.host.edit(path, text, after)
            assert when != "before" or text == after
        except MazuError as error:
            assert error.kind is Kind.CONFLICT
        await client.settled()
        assert client.host is not None
        ours = client.connection.mazu.editor.documents.get(path.as_uri())
        assert ours.text == document.text
        if text != after:
            assert typed in document.text
        assert not path.exists()


async def test_an_editor_that_declares_no_edits_and_takes_none_finds_the_file_changed(
    client: Client, folder: Path
):
    path = folder / "a.py"
    path.write_text("one\n")
    client.answers["workspace/applyEdit"] = lambda params: {"applied": False}
    await client.initialize(folder)
    client.open(path.as_uri(), "one\n")
    await client.settled()
    await client.host.edit(path, "one\n", "two\n")
    assert path.read_text() == "two\n"
    client.change(path.as_uri(), "unsaved\n")
    await client.settled()
    await conflict(client.host.edit(path, "unsaved\n", "three\n"))
    assert path.read_text() == "two\n"


async def test_a_client_that_does_not_answer_is_woken(client: Client, folder: Path):
    """Emacs leaves a request that came together with an answer in its buffer until something more comes."""
    client.answers["window/showMessageRequest"] = lambda params: NO_ANSWER
    await client.initialize(folder)
    asking = asyncio.ensure_future(client.host.ask(QUESTION, 600))
    await client.until(lambda message: message.get("method") == "$/mazu/wake")
    asking.cancel()
