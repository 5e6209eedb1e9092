"""The server's capabilities in the answer to `initialize`."""

from __future__ import annotations

from typing import Any

from mazu_ls import __version__
from mazu_ls.server.client.profile import ClientProfile
from mazu_ls.server.rpc.positions import Encoding

PROTOCOL_VERSION = 1
"""The version of docs/protocol.md."""
CODE_ACTION_KINDS = ["quickfix", "refactor.rewrite", "source", "source.mazu"]


CHAT_FEATURES: dict[str, dict[str, Any]] = {
    "completion": {"triggerCharacters": ["@", "/", "_"]},
    "foldingRange": {},
    "documentSymbol": {"label": "Mazu"},
    "documentLink": {"resolveProvider": True},
}
"""Features of chat documents only, with their options."""
CHATS = [{"scheme": "file", "pattern": "**/.mazu/chats/*.md"}]


def initialize_result(encoding: Encoding, commands: list[str], profile: ClientProfile) -> dict[str, Any]:
    """Return the whole answer, in LSP's own shape."""
    capabilities = {
        "positionEncoding": encoding,
        "textDocumentSync": {"openClose": True, "change": 2, "save": {"includeText": False}},
        "notebookDocumentSync": {"notebookSelector": [{"notebook": "*"}], "save": True},
        "codeActionProvider": {"codeActionKinds": CODE_ACTION_KINDS, "resolveProvider": False},
        "hoverProvider": True,
        "codeLensProvider": {"resolveProvider": False},
        "executeCommandProvider": {"commands": commands, "workDoneProgress": True},
        "workspace": {
            "textDocumentContent": {"schemes": ["mazu"]},
            "workspaceFolders": {"supported": True, "changeNotifications": True},
            "fileOperations": {"didRename": {"filters": [{"scheme": "file", "pattern": {"glob": "**/*"}}]}},
        },
        "experimental": {"mazu": {"version": PROTOCOL_VERSION, "commands": commands}},
    }
    for name, options in CHAT_FEATURES.items():
        if not _dynamic(profile, name):
            capabilities[f"{name}Provider"] = options
    return {"capabilities": capabilities, "serverInfo": {"name": "mazu-ls", "version": __version__}}


def registrations(profile: ClientProfile) -> list[dict[str, Any]]:
    """Return what is registered once the client is ready, as far as it supports that: files, settings, and chats by
    their place."""
    wanted: list[dict[str, Any]] = []

    def want(method: str, options: dict[str, Any]) -> None:
        wanted.append({"id": f"mazu-{method}", "method": method, "registerOptions": options})

    if profile.declares("workspace.didChangeWatchedFiles.dynamicRegistration"):
        want("workspace/didChangeWatchedFiles", {"watchers": [{"globPattern": "**/*"}]})
    if profile.declares("workspace.didChangeConfiguration.dynamicRegistration"):
        want("workspace/didChangeConfiguration", {"section": "mazu"})
    for name, options in CHAT_FEATURES.items():
        if _dynamic(profile, name):
            want(f"textDocument/{name}", {"documentSelector": CHATS, **options})
    return wanted


def _dynamic(profile: ClientProfile, name: str) -> bool:
    """Return whether a feature can be registered for chat documents alone, so that it is not requested for every other
    file."""
    return profile.declares(f"textDocument.{name}.dynamicRegistration") is True
