"""A system without POSIX: everything can be imported, the program says in one sentence that it does not run there, and the rest is marked."""

import subprocess
import sys
from pathlib import Path

from mazu_ls.platform.support import WINDOWS

ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL
    )  # fmt: skip


def test_every_module_can_be_imported_without_posix():
    done = run("-m", "tests.simulated_windows")
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_the_program_says_that_it_does_not_run_there():
    code = "import sys; import tests.simulated_windows; from mazu_ls.__main__ import main; sys.argv[1:] = ['status']; sys.exit(main())"
    done = run("-c", code)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", WINDOWS)
