"""2,000 random lines: what the gate allows has no effect in real bash. 100,000 by `python benchmarks/policy_fuzz.py 100000`."""

import runpy
from pathlib import Path

import pytest

from mazu_ls.tools.shell import sandbox


def test_nothing_escapes_the_gate() -> None:
    if not sandbox.probe().in_force:
        pytest.skip("random lines are only run in a sandbox, and none works here")
    fuzz = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/policy_fuzz.py"))["fuzz"]
    result = fuzz(2000, seed=1)
    assert result.escapes == []
    assert result.ran > 300
