"""The commands of docs/protocol.md: one file per family, each function thin: decode, call the domain, encode."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from mazu_ls.errors import InvalidArguments
from mazu_ls.server.wire.codec import convert, refuse_surrogates

if TYPE_CHECKING:
    from mazu_ls.server.jobs import Token
    from mazu_ls.server.state import ServerState

FAMILIES = (
    "turns",
    "council",
    "sessions",
    "session_events",
    "memories",
    "memory_injection",
    "checkpoints",
    "skills",
    "trust",
    "project_state",
    "models",
    "permissions",
    "reports",
    "proposals",
    "views",
    "actions",
    "turn_changes",
)
Run = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Command:
    """One command. `natural` makes the arguments where the client can pass none; its docstring says how."""

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
        REGISTRY[name] = Command(name, params, run, natural, progress)
        return run

    return register


def names() -> list[str]:
    """Every command, in the order of the wire contract."""
    for family in FAMILIES:
        importlib.import_module(f"{__name__}.{family}")
    return list(REGISTRY)


async def execute(
    server: ServerState, name: str, arguments: list[Any] | None, token: Token | None = None
) -> Any:
    """Run a command as the wire calls it and return plain JSON values.

    Raises InvalidArguments, which names the field, and whatever the command raises.
    """
    names()
    found = REGISTRY.get(name)
    if found is None:
        raise InvalidArguments(
            f"there is no command {name!r}; mazu.status and docs/protocol.md tell what there is", "command"
        )
    params = await _arguments(server, found, arguments or [])
    extra = {"token": token} if found.takes_token else {}
    return msgspec.to_builtins(await found.run(server, params, **extra), str_keys=True)


async def _arguments(server: ServerState, found: Command, arguments: list[Any]) -> Any:
    if len(arguments) > 1 or (arguments and not isinstance(arguments[0], dict | None)):
        raise InvalidArguments(f"{found.name} takes one object or nothing", "arguments")
    if arguments and arguments[0] is not None:
        refuse_surrogates(arguments[0])
        return convert(arguments[0], found.params)
    if found.natural is not None:
        return await found.natural(server)
    return convert({}, found.params)
