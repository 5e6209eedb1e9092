"""The settings of a project from all their sources: the user's file, the project's, the editor's, the environment."""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.agent.project.extension_tools import servers_of_user
from mazu_ls.agent.project.settings.rule_warnings import rules_without_tool
from mazu_ls.config.config import Config, Layer, McpServer, load
from mazu_ls.config.config_files import file_states, read_layer, read_project_layer, world_readable_keys
from mazu_ls.config.project_settings import AT_MOST, BROUGHT_BY_EDITOR, WORKSPACE_VALUES
from mazu_ls.errors import Kind, MazuError
from mazu_ls.state import paths

SETTLED_SECONDS = 1.0
"""After this a file that was changed in place is taken to be written."""
MOST_WAITS = 3


class ProjectSettings(Struct, frozen=True):
    """The settings in force. `problems`: one sentence for each that is wrong.

    `lost`: those of the problems about a restriction of the user's own that does not hold; `exposed`: the one about keys that
    others may read. `mode_given`: whether any source names a permission mode. `mcp_of_user`: the user's servers. `files`: those
    that were read, or looked for, and their states before that.
    """

    config: Config
    problems: tuple[str, ...]
    lost: tuple[str, ...]
    exposed: str | None
    mode_given: bool
    mcp_of_user: list[McpServer]
    files: tuple[Path, ...]
    states: tuple[tuple[int, ...] | None, ...]

    def changed(self) -> float | None:
        """Return None while the files are as they were read, else in how many seconds they can be read again.

        A file that is being written is missing, empty or shorter for a moment, and restricts less then.
        """
        now = file_states(self.files)
        if now == self.states:
            return None
        pairs = [(old, new) for old, new in zip(self.states, now, strict=True) if old and old != new]
        if any(new is None for _, new in pairs):
            return SETTLED_SECONDS
        ages = [
            time.time() - new[2] / 1e9 for old, new in pairs if new and (new[0] == old[0] or new[1] < old[1])
        ]
        return max((SETTLED_SECONDS - age for age in ages if 0 <= age < SETTLED_SECONDS), default=0.0)

    async def has_changed(self, *, waits: bool) -> bool:
        """Return whether the files have changed and can be read; if it `waits`, once they can, or after a few seconds."""
        if not waits:
            return self.changed() == 0
        for _ in range(MOST_WAITS):
            if (seconds := self.changed()) is None:
                return False
            if not seconds:
                break
            await sleep(seconds)
        return True

    def keeping_restrictions(self, before: ProjectSettings) -> ProjectSettings:
        """Return these settings; while a restriction cannot be read, with the values of `before`, which a running turn keeps."""
        if not self.lost:
            return self
        kept = before.config, before.mode_given, before.mcp_of_user
        return replace(self, config=kept[0], mode_given=kept[1], mcp_of_user=kept[2])

    def require_restrictions(self) -> None:
        """Raise MazuError(config) while a limit, rule or mode of the user's own cannot be read: nobody meant a turn without it."""
        if self.lost:
            first, *more = self.lost
            others = f" (and {len(more)} more)" if more else ""
            raise MazuError(
                Kind.CONFIG,
                f"Nothing is sent to a model while a limit or rule of yours cannot be read: {first}{others}",
                "Correct it and try again; `mazu-ls doctor` names everything that is wrong.",
            )


def read_settings(
    folders: Sequence[Path], env: Mapping[str, str], editor: Mapping[str, Any]
) -> ProjectSettings:
    """Read the files and merge them with what the editor says, its section `mazu`."""
    own = paths.mazu_home(env) / "config.toml"
    files = own, *(folder / paths.PROJECT_FOLDER / "config.toml" for folder in folders[:1])
    states = file_states(files)
    layers, problems, lost = list[Layer](), list[str](), list[str]()
    layer, problem = read_layer(own)
    layers += [layer] if layer else []
    lost += [problem] if problem else []
    for layer, problem in map(read_project_layer, folders[:1]):
        layers += [layer] if layer else []
        problems += [problem] if problem else []
    exposed = world_readable_keys(own)
    problems += [exposed] if exposed else []
    own_settings = {key: value for key, value in editor.items() if key not in (WORKSPACE_VALUES, AT_MOST)}
    layers.append(Layer("editor settings", own_settings))
    if isinstance(brought := editor.get(WORKSPACE_VALUES), Mapping):
        layers.append(Layer(BROUGHT_BY_EDITOR.format(own), brought, may_loosen=False))
    if isinstance(bounds := editor.get(AT_MOST), Mapping):
        layers.append(Layer("command line", bounds, may_loosen=False, is_bound=True))
    said = [layer.values.get("permissions") for layer in layers]
    mode_given = any(isinstance(table, Mapping) and "mode" in table for table in said)
    loaded = load(layers, env)
    problems = [*lost, *problems, *loaded.warnings, *rules_without_tool(loaded.config, folders, env)]
    lost += loaded.lost
    return ProjectSettings(
        loaded.config,
        tuple(problems),
        tuple(lost),
        exposed,
        mode_given,
        servers_of_user(layers),
        files,
        states,
    )
