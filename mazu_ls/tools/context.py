"""The context of a tool call: frozen data of the turn that makes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mazu_ls.config.config import Config
    from mazu_ls.host import Host
    from mazu_ls.memory.memories import Memories
    from mazu_ls.workspace import Workspace

COMMAND_OUTPUT = "a command's output"
FILES_FOUND = "files of the project"
KEPT_OUTPUTS = frozenset({COMMAND_OUTPUT, FILES_FOUND})
"""Origins of text that shows what files hold without naming one."""
MOST_OUTPUTS = 100


@dataclass
class ShellState:
    """What run_shell keeps for a session: the working directory and the background commands, by name.

    `explained`: what the user was told about the sandbox. `hidden`: the files that were hidden from the last command, `large`:
    those that were read-only for it since no checkpoint holds files of their size, `ignored`: those that were, since git ignores
    them and no build is known to make them.
    """

    cwd: Path
    background: dict[str, Any] = field(default_factory=dict)
    explained: set[str] = field(default_factory=set)
    hidden: tuple[str, ...] = ()
    large: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


async def _nothing(query: str, limit: int) -> list[str]:
    return []


def _free(path: Path) -> bool:
    return False


@dataclass(frozen=True)
class ToolContext:
    """The data of one turn for its tools; only `shell`, `seen`, `outputs`, `changed`, `heard` and `noticed` are mutable, the first four belong to the session.

    `seen` holds the text of each file as the model last read or wrote it, `changed` the files that this turn
    changed and that no checkpoint holds yet. `emit` streams output of the running call to the user, bounded;
    `remembered` records a memory that was written: id, outcome, title. `past` searches earlier sessions.
    `outputs` holds what the last searches and commands showed: origin and text.
    `said` are the messages of the user, the newest first. `heard` are the origins outside the project (pages, MCP servers)
    of text that this turn has read. `attended`: the user, or a rule of the user's, agreed to the call; otherwise only the
    sandbox restricts it. `changes_git`: it consists of git commands alone, so that it may write `.git`.
    `withheld` returns whether read_file may not read a file unasked; `by_rule`: rules of the user's name such files.
    """

    session_id: str
    turn_id: str
    host: Host
    workspace: Workspace
    memories: Memories | None
    config: Config
    shell: ShellState
    seen: dict[Path, str]
    changed: set[Path]
    emit: Callable[[str], None]
    remembered: Callable[[str, str, str], None]
    env: Mapping[str, str]
    past: Callable[[str, int], Awaitable[list[str]]] = _nothing
    heard: list[str] = field(default_factory=list)
    outputs: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=MOST_OUTPUTS))
    said: tuple[str, ...] = ()
    withheld: Callable[[Path], bool] = _free
    by_rule: bool = False
    attended: bool = True
    changes_git: bool = False
    noticed: set[str] = field(default_factory=set)
    """What the model was given once in this turn."""

    @property
    def origin(self) -> str | None:
        """Where what the turn writes down may come from besides the user and the project; for the memory's own."""
        return ", ".join(dict.fromkeys(self.heard))[:300] or None
