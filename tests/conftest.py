"""Assertions in the shared story code explain themselves as those in tests do; laws do not judge a busy machine."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mazu_ls.platform.open_flags import user_id
from tests.plain_host import PlainHost

pytest.register_assert_rewrite("tests.scenario")

# How long an example takes says how busy the machine is, not whether the law holds.
settings.register_profile("mazu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mazu")

# What is unpacked of the embeddings is the same in every test; a home of its own for each would unpack 65 MB again.
os.environ.setdefault("MAZU_CACHE_HOME", str(Path(tempfile.gettempdir(), f"mazu-ls-test-cache-{user_id()}")))


@pytest.fixture(autouse=True)
def only_expected_questions() -> Iterator[None]:
    """Every question has its answer in the test. An answer may be left: a time limit can come before its question."""
    PlainHost.faults.clear()
    yield
    assert PlainHost.faults == []
