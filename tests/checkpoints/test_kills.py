"""SIGKILL at every named step and at random instants, with a second server and a busy user: benchmarks/kill_harness.py."""

import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).parents[2] / "benchmarks" / "kill_harness.py"


def test_two_hundred_kills_leave_no_mixed_state_and_lose_no_save():
    done = subprocess.run(
        [sys.executable, str(HARNESS), "--kills", "200"],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[1]) >= 200
