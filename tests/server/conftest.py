"""Every test of the server talks to one that keeps its state in a folder of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.client import Client, connected


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment without keys, with its own homes."""
    return {
        "MAZU_HOME": str(tmp_path / "home"),
        "MAZU_STATE_HOME": str(tmp_path / "state"),
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path / "user"),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The workspace folder."""
    place = tmp_path / "project"
    place.mkdir()
    return place


@pytest.fixture
async def client(env: dict[str, str]) -> AsyncIterator[Client]:
    """Connected, not yet initialized."""
    async with connected(env) as client:
        yield client
