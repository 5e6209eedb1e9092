"""What short commands load: their CPU time is the import of it."""

import os
import subprocess
import sys
from pathlib import Path

from mazu_ls.terminal.verbs.grammar import parser
from mazu_ls.terminal.verbs.verbs import HIDDEN, VERBS
from tests.terminal.terminal import project


def run(root: Path, *line: str, columns: int = 80) -> tuple[str, set[str]]:
    """Run a command; return what it prints, and the modules that it imports."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MAZU_")},
        "HOME": str(root.parent), "MAZU_HOME": str(root.parent / "home"),
        "MAZU_STATE_HOME": str(root.parent / "state"), "COLUMNS": str(columns),
    }  # fmt: skip
    command = [sys.executable, "-X", "importtime", "-m", "mazu_ls", *line]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=True)
    loaded = {row.rpartition("|")[2].strip() for row in done.stderr.splitlines() if row.startswith("import")}
    return done.stdout, loaded


def test_help_fits_the_terminal_and_needs_no_grammar(tmp_path: Path) -> None:
    printed, loaded = run(tmp_path, "--help", columns=40)
    assert max(map(len, printed.splitlines())) <= 40
    assert {verb.words.split()[0] for verb in VERBS} - set(HIDDEN) <= set(printed.split())
    assert not {"argparse", "mazu_ls.terminal.verbs.grammar"} & loaded


def test_help_of_the_server_is_no_error(tmp_path: Path) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "mazu_ls", "serve", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (asked.returncode, asked.stderr) == (0, "") and asked.stdout.startswith("usage: mazu-ls [serve]")


def test_the_grammar_says_the_same(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(tmp_path, "help")[0] == parser().format_help()


def test_recalling_opens_no_checkpoints(tmp_path: Path) -> None:
    root = project(tmp_path)
    run(root, "remember", "The port is 8080")
    printed, loaded = run(root, "recall", "port")
    assert "The port is 8080" in printed
    assert "mazu_ls.checkpoints.engine" not in loaded
    assert "mazu_ls.policy.data" not in loaded
