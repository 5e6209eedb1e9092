"""mazu.skills.*: plain Python functions the agent or the user saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from mazu_ls.errors import Kind, MazuError
from mazu_ls.server.commands import command
from mazu_ls.server.wire import other as wire
from mazu_ls.server.wire.common import Nothing

if TYPE_CHECKING:
    from mazu_ls.server.server import Server


@command("mazu.skills.list")
async def list_skills(server: Server, params: Nothing) -> object:
    """Every skill."""
    _not_yet()


@command("mazu.skills.show")
async def show(server: Server, params: wire.NamedSkill) -> object:
    """One skill with its source."""
    _not_yet()


@command("mazu.skills.save")
async def save(server: Server, params: wire.SaveSkill) -> object:
    """Save a function as a skill."""
    _not_yet()


@command("mazu.skills.run")
async def run(server: Server, params: wire.RunSkill) -> object:
    """Run a skill without a model."""
    _not_yet()


@command("mazu.skills.forget")
async def forget(server: Server, params: wire.NamedSkill) -> object:
    """Delete a skill."""
    _not_yet()


def _not_yet() -> NoReturn:
    raise MazuError(
        Kind.UNSUPPORTED,
        "Skills are not part of this version yet.",
        "Let the agent run a script with run_shell instead.",
    )
