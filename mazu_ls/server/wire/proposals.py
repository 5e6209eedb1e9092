"""Proposals and virtual documents on the wire."""

from __future__ import annotations

from typing import Literal

from mazu_ls.server.rpc.lsp_types import LspRange
from mazu_ls.server.wire.codec import Params, Wire


class ListProposalsParams(Params, frozen=True):
    uri: str | None = None
    """Only those of this file."""


class ChooseHunksParams(Params, frozen=True):
    """The hunks of these ids, or those of a document; without either all of them."""

    ids: list[str] | None = None
    """Ids; all if none is given."""
    uri: str | None = None
    """Only those of this file."""


class RejectHunksParams(ChooseHunksParams, frozen=True):
    """The model gets the note."""

    note: str = ""
    """A reason for the model."""


class ProposalView(Wire, frozen=True):
    """One open hunk: number `hunk` of `of` in its file; `range` holds the lines that would go."""

    id: str
    uri: str
    path: str
    kind: Literal["edit", "create", "delete"]
    state: Literal["open", "stale"]
    hunk: int
    of: int
    range: LspRange
    diff: str
    session_id: str
    turn_id: str
    created_at: str


class ProposalList(Wire, frozen=True):
    proposals: list[ProposalView]


class AcceptResult(Wire, frozen=True):
    """`problems` say why others were not accepted."""

    accepted: list[str]
    problems: list[str]


class RejectResult(Wire, frozen=True):
    rejected: list[str]


class ViewParams(Params, frozen=True):
    """A virtual document (`mazu:`), or the file that stands for one."""

    uri: str
