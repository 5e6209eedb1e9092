"""A Neovim to tell stories in."""

from pathlib import Path

import pytest
from neovim_bed import Bed, obtain

from mazu_ls.demo.model_server import ModelServer


@pytest.fixture(scope="session")
def nvim(editors_wanted: None) -> Path:
    return obtain()


@pytest.fixture
def bed(nvim: Path, project: Path, home: Path, model: ModelServer) -> Bed:
    return Bed(nvim, project, home, model)
