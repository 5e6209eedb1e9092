"""The state of a place: its content, in a form that can be compared between two scans."""

from __future__ import annotations

import hashlib

from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.workspace.ipynb import canonical

State = str | None
"""The state of a place: None for no file, `t<hash>` for a text, `e<mode>[:<bits>] <oid>` for a file."""


def entry_state(entry: TreeEntry | None, bits: int | None = None) -> State:
    """Return the state of a place that holds this file, with its permission bits if they are unusual; a folder counts as none."""
    if entry is None or entry.is_folder:
        return None
    mode = entry.mode.decode() + ("" if bits is None else f":{bits:o}")
    return f"e{mode} {entry.oid.hex()}"


def text_state(text: str | None) -> State:
    """Return the state of a place with this text. Line ends and a final newline are ignored, and how a notebook is written:
    editors change them on their own."""
    if text is None:
        return None
    data = canonical(text).replace("\r\n", "\n").removesuffix("\n").encode("utf-8", "surrogatepass")
    return "t" + hashlib.sha1(data, usedforsecurity=False).hexdigest()


EMPTY = text_state("")
"""The state of a place with an empty text."""
