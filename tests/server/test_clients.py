"""The main job on editors as they really are (what they declare, and what they do): no plugin of ours in any of them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.server.chat import markdown
from mazu_ls.server.documents.documents import OpenDocument
from tests.server.client import NO_ANSWER, Client, eventually
from tests.server.test_code_actions import actions, run, span
from tests.server.test_turns import agent, edit_call

FULL_EDIT = {"documentChanges": True, "resourceOperations": ["create", "rename", "delete"]}


@dataclass
class Quirks:
    """One column of the table of editors: what it declares, and how it behaves."""

    name: str
    declares: dict[str, Any]
    checks_versions: bool = True
    edits_for: float | None = None
    echo_after: float = 0.0
    second_question_replaces_the_first: bool = False
    shows_documents: bool = True
    asks_questions: bool = True
    questions: list[str] = field(default_factory=list)


HELIX = Quirks(
    "helix",
    {
        "general": {"positionEncodings": ["utf-8", "utf-32", "utf-16"]},
        "workspace": {"applyEdit": True, "configuration": True, "workspaceEdit": FULL_EDIT},
        "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    },
    second_question_replaces_the_first=True,
)
EGLOT = Quirks(
    "eglot",
    {
        "general": {"positionEncodings": ["utf-32", "utf-8", "utf-16"]},
        "workspace": {"applyEdit": True, "configuration": True, "workspaceEdit": {"documentChanges": True}},
        "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    },
    echo_after=0.5,
)
KATE = Quirks(  # 22.12, as tests/editors/kate saw it
    "kate",
    {
        "textDocument": {
            "codeAction": {
                "codeActionLiteralSupport": {
                    "codeActionKind": {"valueSet": ["quickfix", "refactor", "source"]}
                }
            },
            "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
            "hover": {"contentFormat": ["markdown", "plaintext"]},
            "publishDiagnostics": {"relatedInformation": True},
            "synchronization": {"didSave": True},
        },
        "window": {"workDoneProgress": True},
    },
    checks_versions=False,
    edits_for=2.0,
    echo_after=0.5,
    shows_documents=False,
    asks_questions=False,
)
SUBLIME = Quirks(
    "sublime",
    {
        "workspace": {"applyEdit": True, "configuration": True, "workspaceEdit": FULL_EDIT, "codeLens": {"refreshSupport": True}},
        "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    },
)  # fmt: skip
NEOVIM = Quirks(
    "neovim",
    {
        "general": {"positionEncodings": ["utf-8", "utf-16", "utf-32"]},
        "workspace": {"applyEdit": True, "configuration": True, "workspaceEdit": {"resourceOperations": ["rename", "create", "delete"]}},
        "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    },
)  # fmt: skip
STALE = Quirks("stale", {"workspace": {"applyEdit": True, "workspaceEdit": FULL_EDIT}}, checks_versions=False)
EDITORS = (HELIX, EGLOT, KATE, SUBLIME, NEOVIM, STALE)


class Editor:
    """A client that behaves as `quirks` say."""

    def __init__(self, client: Client, quirks: Quirks, folder: Path) -> None:
        self.client, self.quirks, self.folder = client, quirks, folder
        self.choose: Callable[[str], str] = lambda message: "Allow once"
        self.took_edits = False
        self._commanded = 0.0
        self._asked = 0
        client.checks_versions = quirks.checks_versions
        client.answers["workspace/applyEdit"] = self._apply
        client.answers["workspace/configuration"] = lambda params: [None for _ in params["items"]]
        if quirks.asks_questions:
            client.answers["window/showMessageRequest"] = self._question
        if quirks.shows_documents:
            client.answers["window/showDocument"] = lambda params: {"success": True}
        else:
            del client.answers["window/showDocument"]

    async def _apply(self, params: Any) -> Any:
        late = time.monotonic() - self._commanded
        if self.quirks.edits_for is not None and late > self.quirks.edits_for:
            return {"applied": False}
        self.took_edits = True
        if self.quirks.echo_after:
            loop = asyncio.get_running_loop()
            changes = params["edit"].get("documentChanges", [])
            versions = [change["textDocument"]["version"] for change in changes]
            current = [self.client.documents[change["textDocument"]["uri"]].version for change in changes]
            if self.quirks.checks_versions and versions != current:
                return {"applied": False, "failureReason": "version"}
            loop.call_later(self.quirks.echo_after, self.client.apply_edit, params)
            return {"applied": True}
        return self.client.apply_edit(params)

    async def _question(self, params: Any) -> Any:
        self._asked += 1
        mine = self._asked
        self.quirks.questions.append(params["message"])
        await asyncio.sleep(0.05)
        if self.quirks.second_question_replaces_the_first and self._asked != mine:
            return NO_ANSWER
        return {"title": self.choose(params["message"])}

    async def command(
        self, name: str, arguments: dict[str, Any] | None = None, within: float | None = None
    ) -> Any:
        """What a user-run command does: it must answer before the editor loses patience."""
        self._commanded = time.monotonic()
        return await self.client.command(name, arguments, within=within or 90)

    async def act(self, uri: str, where: dict[str, Any], title: str, **context: Any) -> Any:
        """Run a code action."""
        found = await actions(self.client, uri, where, **context)
        self._commanded = time.monotonic()
        return await run(self.client, found, title)

    async def open_chat(self) -> OpenDocument:
        """A new chat document, opened by the server or, where that is not done, by the user."""
        started = await self.command("mazu.chat")
        chat = self.folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
        return self.client.open(chat.as_uri(), chat.read_text(), "markdown")

    async def answer_in(self, chat: OpenDocument, title: str) -> None:
        """Answer a question by a code action of the chat document, as soon as one stands."""
        place = span(0, 0, 0, 0)

        async def asked() -> bool:
            return title in [action["title"] for action in await actions(self.client, chat.uri, place)]

        await eventually(asked)
        await self.act(chat.uri, place, title)


@asynccontextmanager
async def opened(
    quirks: Quirks, env: dict[str, str], folder: Path, replies: list[dict[str, Any]]
) -> AsyncIterator[Editor]:
    async with agent(env, folder, replies, **(quirks.declares or {"experimental": {}})) as client:
        yield Editor(client, quirks, folder)


@pytest.mark.parametrize("quirks", EDITORS, ids=lambda quirks: quirks.name)
async def test_a_diagnostic_is_fixed_in_place(quirks: Quirks, env: dict[str, str], folder: Path):
    path = folder / "a.py"
    path.write_text("def f():\n    return y  # 👩\n")
    async with opened(quirks, env, folder, [{"text": "```python\n    return 1  # 👩\n```"}]) as editor:
        document = editor.client.open(path.as_uri(), path.read_text())
        problem = {"range": span(1, 11, 1, 12), "message": "undefined name 'y'", "severity": 1}
        started = await editor.act(path.as_uri(), span(1, 11, 1, 12), "Mazu: fix", diagnostics=[problem])
        assert set(started) == {"sessionId", "turnId"}

        async def fixed() -> bool:
            # An editor that takes no late edits reloads the file.
            return "def f():\n    return 1  # 👩\n" in (
                document.text,
                path.read_text() if quirks.edits_for else "",
            )

        await eventually(fixed)
        assert "return y" in path.read_text() or quirks.edits_for


@pytest.mark.parametrize("quirks", EDITORS, ids=lambda quirks: quirks.name)
async def test_chat_remember_checkpoint_and_roll_back(quirks: Quirks, env: dict[str, str], folder: Path):
    path = folder / "a.py"
    path.write_text("x = 1\n")
    replies = [{"calls": [edit_call("a.py", "x = 1", "x = 2")]}, {"text": "Done."}]
    async with opened(quirks, env, folder, replies) as editor:
        editor.choose = lambda message: "Overwrite them" if "Rolling back" in message else "Allow once"
        document = editor.client.open(path.as_uri(), "x = 1\n")
        await editor.command("mazu.remember", {"title": "x is a constant"})
        await editor.command("mazu.checkpoint")
        await editor.command("mazu.run", {"task": "Make x two"})

        async def edited() -> bool:
            if quirks.edits_for and path.read_text() == "x = 2\n" != document.text:
                editor.client.change(path.as_uri(), path.read_text())
            return document.text == "x = 2\n"

        await eventually(edited)
        status = lambda: editor.client.command("mazu.status")  # noqa: E731

        async def done() -> bool:
            return not (await status())["running"]

        await eventually(done)
        listed = await editor.command("mazu.checkpoint.list", {})
        manual = next(one for one in listed["checkpoints"] if one["kind"] == "manual")
        result = await editor.command("mazu.rollback", {"id": manual["id"], "onConflict": "overwrite"})
        assert result["applied"], result
        assert document.text == "x = 1\n"


@pytest.mark.parametrize("quirks", EDITORS, ids=lambda quirks: quirks.name)
async def test_approvals_come_one_at_a_time_and_all_are_answered(
    quirks: Quirks, env: dict[str, str], folder: Path
):
    calls = [{"name": "run_shell", "arguments": {"command": f"echo {n} > made{n}"}} for n in range(2)]
    async with opened(quirks, env, folder, [{"calls": calls}, {"text": "Made."}]) as editor:
        chat = await editor.open_chat()
        message = {"message": "make them", "sessionId": markdown.session_of(chat.text), "wait": True}
        turn = asyncio.create_task(editor.command("mazu.chat", message, within=60))
        if not quirks.asks_questions:
            for _ in calls:
                await editor.answer_in(chat, "Mazu: allow once")
        assert (await turn)["reply"] == "Made."
        assert (folder / "made0").exists()
        assert (folder / "made1").exists()


ENDS_EARLY = [(quirks, 0.01) for quirks in EDITORS if quirks.edits_for]
"""Not even the heading is taken."""


@pytest.mark.parametrize(
    ("quirks", "seconds"),
    [*((quirks, 0.6) for quirks in EDITORS), *ENDS_EARLY],
    ids=lambda given: getattr(given, "name", str(given)),
)
async def test_a_reply_in_the_chat_document_is_never_lost(
    quirks: Quirks, seconds: float, env: dict[str, str], folder: Path
):
    quirks_now = Quirks(**{**vars(quirks), "edits_for": quirks.edits_for and seconds, "questions": []})
    answer = "One. " * 30 + "The end."
    async with opened(quirks_now, env, folder, [{"text": answer, "chunk": 10, "delay": 0.06}]) as editor:
        document = await editor.open_chat()
        chat = folder / ".mazu" / "chats" / f"{markdown.session_of(document.text)}.md"
        editor.client.change(chat.as_uri(), "Tell me.", (len(document.lines), 0))
        await editor.act(chat.as_uri(), span(0, 0, 0, 0), "Mazu: send")
        view = folder / ".mazu" / "view" / f"{chat.stem}-reply.md"

        async def whole() -> bool:
            rest = view.read_text() if view.exists() else ""
            shown = document.text.partition("## Mazu <!-- ")[2].partition("\n")[2].partition("## You")[0]
            said = re.sub(r"\*\$[^*]*\*", "", shown + rest)  # what it cost
            return "".join(said.split()) == "".join(answer.split())

        await eventually(whole)
        assert document.text.count("## You") == (2 if editor.took_edits else 1)


async def test_a_question_that_comes_too_late_for_the_chat_document_is_still_told(
    env: dict[str, str], folder: Path
):
    (folder / "a.py").write_text("x = 1\n")
    late = Quirks(**{**vars(KATE), "edits_for": 0.0, "questions": []})
    replies = [{"calls": [edit_call("a.py", "x = 1", "x = 2")]}, {"text": "Done."}]
    async with opened(late, env, folder, replies) as editor:
        chat = await editor.open_chat()
        message = {"message": "Make x two", "sessionId": markdown.session_of(chat.text), "wait": True}
        turn = asyncio.create_task(editor.command("mazu.chat", message, within=60))
        told = await editor.client.until(
            lambda m: m.get("method") == "window/showMessage" and "+x = 2" in m["params"]["message"]
        )
        assert told["params"]["message"].startswith("Mazu asks: Edit a.py")
        await editor.answer_in(chat, "Mazu: allow once")
        assert (await turn)["reply"] == "Done."
        assert (folder / "a.py").read_text() == "x = 2\n"
