"""What the server says of itself in the answer to `initialize`."""

from __future__ import annotations

from typing import Any

from mazu_ls import __version__
from mazu_ls.server.positions import Encoding

PROTOCOL_VERSION = 1
"""The version of docs/protocol.md."""
CODE_ACTION_KINDS = ["quickfix", "refactor.rewrite", "source"]


def initialize_result(encoding: Encoding, commands: list[str]) -> dict[str, Any]:
    """The whole answer, in LSP's own shape."""
    everything = {"pattern": "**/*"}
    capabilities = {
        "positionEncoding": encoding,
        "textDocumentSync": {"openClose": True, "change": 2, "save": {"includeText": False}},
        "codeActionProvider": {"codeActionKinds": CODE_ACTION_KINDS, "resolveProvider": False},
        "hoverProvider": True,
        "codeLensProvider": {"resolveProvider": False},
        "executeCommandProvider": {"commands": commands, "workDoneProgress": True},
        "workspace": {
            "workspaceFolders": {"supported": True, "changeNotifications": True},
            "fileOperations": {
                "didRename": {"filters": [{"scheme": "file", "pattern": {"glob": everything["pattern"]}}]}
            },
        },
        "experimental": {"mazu": {"version": PROTOCOL_VERSION, "commands": commands}},
    }
    return {"capabilities": capabilities, "serverInfo": {"name": "mazu-ls", "version": __version__}}
