"""A turn on a project in a temporary folder, with an editor in memory."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.config.config import Config, ShellSettings, WebSettings
from mazu_ls.tools.base import Tool, ToolOutput
from mazu_ls.tools.context import ShellState, ToolContext
from mazu_ls.workspace import Workspace
from tests.plain_host import PlainHost


class Project:
    """`files` are written before the test begins; `call` runs a tool as the agent would."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        self.workspace = Workspace([root])
        self.host = PlainHost(self.workspace)
        self.emitted: list[str] = []
        self.config = Config()
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "MAZU_HOME": str(home / ".mazu"),
            "MAZU_STATE_HOME": str(home / "state"),
        }
        self.turn = ToolContext(
            session_id="s", turn_id="t", host=self.host, workspace=self.workspace, memories=None, config=self.config, shell=ShellState(root),
            seen={}, changed=set(), emit=self.emitted.append, remembered=lambda *_: None, env=env,
        )  # fmt: skip

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())

    def configure(self, shell: ShellSettings | None = None, web: WebSettings | None = None) -> None:
        self.turn = replace(
            self.turn, config=Config(shell=shell or ShellSettings(), web=web or WebSettings())
        )

    async def call(self, tool: Tool, **arguments: Any) -> ToolOutput:
        return await tool.call(arguments, self.turn)

    async def text(self, tool: Tool, **arguments: Any) -> str:
        return (await self.call(tool, **arguments)).text


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("proj", "home"):
        (tmp_path / name).mkdir()
    return Project(tmp_path / "proj", tmp_path / "home")


Made = Callable[[dict[str, str]], Project]


@pytest.fixture
def made(project: Project) -> Made:
    def make(files: dict[str, str]) -> Project:
        project.write(files)
        return project

    return make
