from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.checkpoints.bed import Bed, Notes, bed


@pytest.fixture
async def project(tmp_path: Path) -> AsyncIterator[Bed]:
    """A folder without git."""
    async with bed(tmp_path) as opened:
        yield opened


@pytest.fixture
async def noted(tmp_path: Path) -> AsyncIterator[Bed]:
    """A folder without git, with memory and conversation as parts."""
    async with bed(tmp_path, [Notes("memory"), Notes("conversation")]) as opened:
        yield opened
