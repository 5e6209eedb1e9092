"""A folder swapped for a link while it is read and written: 20,000 times by `python benchmarks/path_race.py`."""

import runpy
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="swaps by renameat2")
def test_nothing_escapes_the_guard() -> None:
    benchmark = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/path_race.py"))
    counts, _ = benchmark["race"](3000, benchmark["guarded"])
    assert counts["escaped"] == 0
    assert counts["inside"] > 0
    assert counts["refused"] > 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="swaps by renameat2")
async def test_no_checkpoint_holds_a_file_from_outside() -> None:
    benchmark = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/path_race.py"))
    counts, _ = await benchmark["checkpoint_race"](60)
    assert counts["escaped"] == 0
    assert counts["taken"] == 60
    assert counts["inside"] > 0
