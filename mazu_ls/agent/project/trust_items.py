"""What a project brings that needs the user's consent (trust): its role, skills, tools and MCP servers, as they are
now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from mazu_ls.agent.project.start_questions import named_host
from mazu_ls.errors import Kind, MazuError
from mazu_ls.state import paths

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.tools.skills.trust import Brought, State

Named = Literal["role", "skill", "tool", "mcp"]
PINS: dict[Named, Brought] = {"role": "role", "skill": "skill", "tool": "tool", "mcp": "mcp_server"}


class TrustItem(Struct, frozen=True):
    """One thing of a project. It has no effect unless `state` is "agreed"; `hash` is the SHA-256 of `content`. `files` are
    those that a server is started from and that are new or changed: `path` then says nothing about what to review. `host`: where a
    server is that is reached over HTTP, empty for anything else."""

    kind: Named
    pin: str
    path: str
    state: State
    hash: str
    content: bytes
    files: tuple[str, ...] = ()
    host: str = ""

    @property
    def id(self) -> str:
        """Unique in the project."""
        return f"{self.kind}:{self.pin.rpartition('/')[2] if self.kind != 'role' else 'role'}"


def trust_items(project: Project) -> list[TrustItem]:
    """Return everything in the project that needs consent. Reads files: call it off the event loop."""
    from mazu_ls.tools.skills.trust import TrustStore, digest_of

    trust = TrustStore.load(paths.mazu_home(project.env))
    hosts = {f"{project.key}/{entry.name}": named_host(entry) for entry in project.config.mcp_servers}
    return [
        TrustItem(
            kind,
            pin,
            path,
            trust.state(PINS[kind], pin, content),
            digest_of(content),
            content,
            project.extensions.changed_files(pin.rpartition("/")[2])
            if kind == "mcp" and project.extensions
            else (),
            hosts.get(pin, "") if kind == "mcp" else "",
        )
        for kind, pin, path, content in _found(project)
    ]


async def agree(project: Project, id: str, digest: str) -> None:
    """Record the user's consent to exactly the content with this hash. Raises MazuError(not_found, conflict)."""
    item = await asyncio.to_thread(_item, project, id)
    if item.hash != digest:
        raise MazuError(
            Kind.CONFLICT, f"{item.path} changed meanwhile.", "Review its current content, then agree to it."
        )
    if item.kind == "role":
        await asyncio.to_thread(project.role_document.agree, item.content.decode())
    elif item.kind == "mcp":
        if project.extensions is None:
            raise MazuError(Kind.NOT_FOUND, f"There is no MCP server {id[:80]!r}.", "See mazu.status.")
        await project.extensions.agree(item.pin.rpartition("/")[2])
    else:
        from mazu_ls.tools.skills.trust import TrustStore

        store = TrustStore.load(paths.mazu_home(project.env))
        await asyncio.to_thread(store.agree, PINS[item.kind], item.pin, item.content)


async def revoke(project: Project, id: str) -> None:
    """Revoke every consent to an item; a running server is ended. Raises MazuError(not_found)."""
    from mazu_ls.tools.skills.trust import TrustStore

    item = await asyncio.to_thread(_item, project, id)
    if item.kind == "role":
        await asyncio.to_thread(project.role_document.revoke)
        return
    store = TrustStore.load(paths.mazu_home(project.env))
    await asyncio.to_thread(store.revoke, PINS[item.kind], item.pin)
    if item.kind == "mcp" and project.extensions is not None:
        await project.extensions.revoke(item.pin.rpartition("/")[2])


def _item(project: Project, id: str) -> TrustItem:
    found = next((item for item in trust_items(project) if item.id == id), None)
    if found is None:
        raise MazuError(Kind.NOT_FOUND, f"This project has no {id[:80]!r}.", "See mazu.trust.list.")
    return found


def _found(project: Project) -> Iterator[tuple[Named, str, str, bytes]]:
    from mazu_ls.tools.skills.custom_tools import files_of_project as tools
    from mazu_ls.tools.skills.skill_store import files_of_project as skills

    name = project.config.role
    if project.role_document.in_project(name) and (text := project.role_document.found(name)):
        yield "role", project.key, str(project.role_document.path(name)), text.encode()
    for pin, path, content in skills(project.folders):
        yield "skill", pin, str(path), content
    for pin, path, content in tools(project.folders):
        yield "tool", pin, str(path), content
    for entry in project.config.mcp_servers:
        own = entry in project.mcp_of_user
        place = (paths.mazu_home(project.env) if own else project.root / paths.PROJECT_FOLDER) / "config.toml"
        waiting = project.extensions.waiting(entry.name) if project.extensions else b""
        if not own or waiting:
            yield "mcp", f"{project.key}/{entry.name}", str(place), msgspec.json.encode(entry) + waiting
