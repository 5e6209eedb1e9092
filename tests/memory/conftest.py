"""An empty project and an empty home, with their memory open."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mazu_ls.config.config import MemorySettings
from mazu_ls.memory.memories import Memories


@pytest.fixture
async def memories(tmp_path: Path) -> AsyncIterator[Memories]:
    opened = await Memories.open(tmp_path / "memory.db", tmp_path / "home" / "global.db", MemorySettings())
    yield opened
    await opened.close()
