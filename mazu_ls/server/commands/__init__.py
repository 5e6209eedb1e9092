"""The commands of docs/protocol.md: one file per family, each function thin: decode, call the domain, encode."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from mazu_ls.errors import InvalidArguments
from mazu_ls.server.wire.codec import convert, refuse_surrogates

if TYPE_CHECKING:
    from mazu_ls.server.jobs import Token
    from mazu_ls.server.state import ServerState

FAMILIES: dict[str, tuple[str, ...]] = {
    "turn.turns": (
        "mazu.chat",
        "mazu.run",
        "mazu.ask",
        "mazu.edit",
        "mazu.cancel",
    ),
    "turn.council": ("mazu.council",),
    "turn.model_calls": ("mazu.models.call",),
    "session.sessions": (
        "mazu.session.list",
        "mazu.session.show",
        "mazu.session.new",
        "mazu.session.rename",
        "mazu.session.search",
        "mazu.session.fork",
        "mazu.session.transcript",
        "mazu.session.queue",
        "mazu.session.end",
        "mazu.session.delete",
        "mazu.session.restore",
        "mazu.session.rewind",
        "mazu.session.compact",
    ),
    "session.session_events": ("mazu.session.events", "mazu.turn.output"),
    "memory.memories": (
        "mazu.remember",
        "mazu.recall",
        "mazu.memory.list",
        "mazu.memory.update",
        "mazu.memory.forget",
        "mazu.memory.consolidate",
        "mazu.memory.export",
        "mazu.memory.import",
    ),
    "memory.agent_imports": (
        "mazu.memory.import.proposals",
        "mazu.memory.import.accept",
        "mazu.memory.import.reject",
    ),
    "memory.memory_injection": ("mazu.memory.why",),
    "memory.memory_states": (
        "mazu.memory.archive",
        "mazu.memory.unarchive",
        "mazu.memory.restore",
        "mazu.memory.supersede",
        "mazu.memory.stats",
        "mazu.memory.trait.list",
        "mazu.memory.trait.set",
        "mazu.memory.trait.delete",
    ),
    "memory.team": ("mazu.memory.share", "mazu.memory.unshare", "mazu.memory.sync", "mazu.memory.show"),
    "memory.wiki": (
        "mazu.wiki.list",
        "mazu.wiki.show",
        "mazu.wiki.write",
        "mazu.wiki.search",
        "mazu.wiki.delete",
        "mazu.graph.show",
    ),
    "checkpoints": (
        "mazu.checkpoint",
        "mazu.checkpoint.list",
        "mazu.checkpoint.diff",
        "mazu.checkpoint.prune",
        "mazu.checkpoint.pin",
        "mazu.checkpoint.unpin",
        "mazu.checkpoint.file",
        "mazu.checkpoint.contents",
        "mazu.rollback",
        "mazu.undo",
        "mazu.redo",
    ),
    "skills": (
        "mazu.skills.list",
        "mazu.skills.show",
        "mazu.skills.save",
        "mazu.skills.run",
        "mazu.skills.forget",
    ),
    "trust": (
        "mazu.trust.list",
        "mazu.trust.agree",
        "mazu.trust.revoke",
    ),
    "project_state": (
        "mazu.state.attach",
        "mazu.state.decline",
        "mazu.state.export",
        "mazu.state.import",
    ),
    "models": (
        "mazu.models.list",
        "mazu.models.set",
        "mazu.tools.list",
        "mazu.role.show",
        "mazu.role.set",
    ),
    "permissions": (
        "mazu.permissions.list",
        "mazu.permissions.set",
        "mazu.permissions.revoke",
        "mazu.permissions.mode",
        "mazu.permissions.check",
        "mazu.permissions.answer",
    ),
    "reports": (
        "mazu.usage",
        "mazu.audit",
        "mazu.status",
    ),
    "proposals": (
        "mazu.proposal.list",
        "mazu.proposal.accept",
        "mazu.proposal.reject",
    ),
    "views": ("mazu.view",),
    "actions": (
        "mazu.actions.checkpoint",
        "mazu.actions.undo",
        "mazu.actions.rollback",
        "mazu.actions.recall",
    ),
    "turn.turn_changes": (
        "mazu.turn.changes",
        "mazu.turn.revert",
    ),
}
"""Every command by its module, in the order of the wire contract: known without importing any of them."""
Run = Callable[..., Awaitable[Any]]


class Command(Struct, frozen=True):
    """One command. `natural` builds the arguments if the client can pass none; its docstring says how."""

    name: str
    params: type[Any]
    run: Run
    natural: Callable[[ServerState], Awaitable[Any]] | None
    takes_token: bool


REGISTRY: dict[str, Command] = {}


def command(
    name: str, natural: Callable[[ServerState], Awaitable[Any]] | None = None, progress: bool = False
) -> Callable[[Run], Run]:
    """Register `async def f(server, params)`; with `progress` it also takes the client's progress token."""

    def register(run: Run) -> Run:
        # Only this annotation: the others name types that are imported for the type checker alone.
        params = eval(run.__annotations__["params"], run.__globals__)
        assert name in FAMILIES[run.__module__.removeprefix(f"{__name__}.")], (
            f"{name} is not listed in FAMILIES"
        )
        REGISTRY[name] = Command(name, params, run, natural, progress)
        return run

    return register


def names() -> list[str]:
    """Return every command, in the order of the wire contract."""
    return [name for family in FAMILIES.values() for name in family]


def find(name: str) -> Command | None:
    """Return a command by its name; imports its module."""
    family = next((family for family, names in FAMILIES.items() if name in names), None)
    if family is None:
        return None
    importlib.import_module(f"{__name__}.{family}")
    return REGISTRY[name]


async def execute(
    server: ServerState, name: str, arguments: list[Any] | None, token: Token | None = None, *, by: str = ""
) -> Any:
    """Run a command as the wire calls it and return plain JSON values. `by`: the other process that asks, in a sentence.

    Raises InvalidArguments, which names the field, and whatever the command raises.
    """
    found = _existing(name)
    await server.follow_settings()
    params = await _arguments(server, found, arguments or [])
    if not found.takes_token:
        if found.name in REVERTING:
            return await _revert(server, found, params, by)
        return msgspec.to_builtins(await found.run(server, params), str_keys=True)
    with server.jobs.accepted.accept(getattr(params, "session_id", ""), token):
        return msgspec.to_builtins(await found.run(server, params, token=token), str_keys=True)


REVERTING = {
    "mazu.undo": "Undone", "mazu.redo": "Redone", "mazu.rollback": "Rolled back", "mazu.session.rewind": "Rewound",
}  # fmt: skip


async def _revert(server: ServerState, found: Command, params: Any, by: str) -> Any:
    """Run a command that moves the heads of conversations, and tell those who have them open elsewhere."""
    project = await server.wait_opened()
    for session in project.sessions.opened():
        await session.refresh()  # what another process moved until now is not what this command reverted
    with server.updates.collect_moved() as moved:
        result = msgspec.to_builtins(await found.run(server, params), str_keys=True)
    if said := _reverted(found.name, result):
        server.updates.say_reverted(moved, found.name, said, by)
    return result


def _reverted(name: str, result: Any) -> str:
    """Return the sentence for those who have the conversation open elsewhere; empty if nothing was reverted."""
    from mazu_ls.server.chat.rollback_text import rollback_sentence

    if name == "mazu.session.rewind":
        turns = result["turnCount"]
        return f"Turns were removed from the conversation: {turns} {'remains' if turns == 1 else 'remain'}."
    return rollback_sentence(result, REVERTING[name]) if result["applied"] else ""


def _existing(name: str) -> Command:
    if (found := find(name)) is None:
        raise InvalidArguments(
            f"there is no command {name!r}; mazu.status and docs/protocol.md list the commands", "command"
        )
    return found


async def read_arguments(server: ServerState, name: str, given: dict[str, Any]) -> Any:
    """Return the arguments as the command's own type, for a front end that carries the command out in its own way.

    Raises InvalidArguments, which names the field.
    """
    return await _arguments(server, _existing(name), [given])


async def _arguments(server: ServerState, found: Command, arguments: list[Any]) -> Any:
    if arguments == [[]]:  # an empty Lua table, which Lua cannot distinguish from an empty list
        arguments = []
    if len(arguments) > 1 or (arguments and not isinstance(arguments[0], dict | None)):
        raise InvalidArguments(f"{found.name} takes one object or nothing", "arguments")
    if arguments and arguments[0] is not None:
        refuse_surrogates(arguments[0])
        return convert(arguments[0], found.params)
    if found.natural is not None:
        return await found.natural(server)
    return convert({}, found.params)
