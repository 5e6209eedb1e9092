"""Assertions in the shared story code explain themselves as those in tests do."""

import pytest

pytest.register_assert_rewrite("tests.scenario")
