"""Shapes that several families of commands share."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from mazu_ls.server.rpc.lsp_types import LspRange
from mazu_ls.server.wire.codec import NAMED, PLAIN, SOMETHING, Params

Text = Annotated[str, Meta(pattern=SOMETHING)]
ModelName = Annotated[str, Meta(pattern=NAMED)]
ModelWanted = Annotated[str, Meta(pattern=PLAIN)]
"""A model, or the default one where it is empty."""
Positive = Annotated[int, Meta(ge=1, le=2**53)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
PageSize = Annotated[int, Meta(ge=1, le=5000)]
SessionName = Annotated[str, Meta(pattern=NAMED, max_length=200)]
Seconds = Annotated[float, Meta(gt=0)]
Amount = Annotated[float, Meta(ge=0)]
Scope = Literal["project", "global"]
Category = Literal["decision", "convention", "mistake", "task_outcome", "fact", "user_preference"]
State = Literal["current", "check", "superseded", "archived"]


class DocumentRange(Params, frozen=True):
    """A document, or the given range of it."""

    uri: str
    range: LspRange | None = None


class AttachedText(Params, frozen=True):
    """A text that is no document, such as the output of a terminal, and what it is called."""

    name: SessionName
    text: str


class NoParams(Params, frozen=True):
    """No arguments."""
