"""The main job through pytest-lsp: a real process, and a client that is not ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types as lsp
from pytest_lsp import ClientServerConfig, LanguageClient, make_test_lsp_client

from mazu_ls.demo.editor import plain
from mazu_ls.demo.model_server import ModelServer

REPLIES = [
    {"calls": [{"name": "edit_file", "arguments": {"path": "app.py", "old": "x = 1", "new": "x = 2"}}]},
    {"text": "x is 2 now."},
]


class Documents:
    """What the client holds open; edits are applied to it and reported back as a real editor does."""

    def __init__(self, client: LanguageClient) -> None:
        self.client = client
        self.text = "x = 1\ny = 1\n"
        self.version = 1

    def change(self, text: str) -> None:
        self.text, self.version = text, self.version + 1
        self.client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                lsp.VersionedTextDocumentIdentifier(uri=self.client.uri, version=self.version),
                [lsp.TextDocumentContentChangeWholeDocument(text)],
            )
        )


def make_client() -> LanguageClient:
    client = make_test_lsp_client()

    @client.feature(lsp.WINDOW_SHOW_MESSAGE_REQUEST)
    def allow(params: lsp.ShowMessageRequestParams) -> lsp.MessageActionItem | None:
        return next((action for action in params.actions or [] if action.title == "Allow once"), None)

    @client.feature(lsp.WORKSPACE_APPLY_EDIT)
    def apply(params: lsp.ApplyWorkspaceEditParams) -> lsp.ApplyWorkspaceEditResult:
        (change,) = params.edit.document_changes
        (edit,) = change.edits
        lines = client.documents.text.splitlines(keepends=True)
        line = lines[edit.range.start.line]
        assert edit.range.start.line == edit.range.end.line
        lines[edit.range.start.line] = (
            line[: edit.range.start.character] + edit.new_text + line[edit.range.end.character :]
        )
        client.documents.change("".join(lines))
        return lsp.ApplyWorkspaceEditResult(applied=True)

    return client


@pytest.fixture
async def model():
    async with ModelServer(REPLIES) as server:
        yield server


@pytest_lsp.fixture(
    config=ClientServerConfig(server_command=[sys.executable, "-m", "mazu_ls"], client_factory=make_client)
)
async def client(apart: None, lsp_client: LanguageClient, tmp_path: Path):
    root = tmp_path / "project"
    lsp_client.uri = (root / "app.py").as_uri()
    lsp_client.documents = Documents(lsp_client)
    capabilities = lsp.ClientCapabilities(
        workspace=lsp.WorkspaceClientCapabilities(
            apply_edit=True, workspace_edit=lsp.WorkspaceEditClientCapabilities(document_changes=True)
        ),
        window=lsp.WindowClientCapabilities(work_done_progress=True),
    )
    await lsp_client.initialize_session(
        lsp.InitializeParams(
            capabilities=capabilities, workspace_folders=[lsp.WorkspaceFolder(root.as_uri(), "project")]
        )
    )
    yield
    await lsp_client.shutdown_session()


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: ModelServer) -> None:
    """A project, away from the user's own state, and the scripted model."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text("x = 1\ny = 1\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for name, value in {
        "MAZU_HOME": str(tmp_path / "home"),
        "MAZU_STATE_HOME": str(tmp_path / "state"),
        "ANTHROPIC_API_KEY": "test-key",
        "ANTHROPIC_BASE_URL": model.url,
        "MAZU_MODEL": "",
    }.items():
        monkeypatch.setenv(name, value)


async def run(client: LanguageClient, command: str, **arguments: object) -> dict:
    answer = await client.workspace_execute_command_async(lsp.ExecuteCommandParams(command, [arguments]))
    return plain(answer)


async def test_a_chat_edits_the_open_buffer_and_is_rolled_back(client: LanguageClient):
    client.text_document_did_open(
        lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(client.uri, "python", 1, client.documents.text))
    )
    result = await run(client, "mazu.chat", message="Make x two.", wait=True)
    assert client.documents.text == "x = 2\ny = 1\n"
    assert (result["reply"], result["stopReason"]) == ("x is 2 now.", "end_turn")
    undone = await run(client, "mazu.undo")
    assert undone["applied"] and undone["verified"], undone
    assert client.documents.text == "x = 1\ny = 1\n"
