"""Text of a project that has no end: nothing stands still for it, since a regular expression stops every other task as well."""

import ast
import re
import subprocess
from pathlib import Path

from mazu_ls.gitcmd.obeyed_files import find_obeyed
from mazu_ls.server.chat.markdown import escape
from tests.terminal.test_scripts import Script, script
from tests.test_house import sources

__all__ = ["script"]  # fixtures
COMMIT = "0123456789abcdef" * 2 + "01234567"
EMPTY_LINES = "\n" * 250_000


def test_a_git_folder_with_endless_lines_does_not_stop_an_undo(script: Script):
    """Each part took minutes of a processor, the log hours."""

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=Me", "-c", "user.email=me@example.org")
        subprocess.run(["git", *who, *arguments], cwd=script.root, check=True, capture_output=True)

    git("init", "-qb", "main")
    git("add", ".")
    git("commit", "-qm", "one")
    with (script.root / ".git/logs/HEAD").open("a") as log:
        log.write(
            f"{COMMIT} " * 100_000 + "\n" + f"{COMMIT} {COMMIT} A <a@b> {'9' * 5000} +0000\tcommit: x\n"
        )
    with (script.root / ".git/config").open("a") as config:
        config.write(EMPTY_LINES)
    (script.root / ".git/logs/refs").mkdir(exist_ok=True)
    (script.root / ".git/logs/refs/stash").write_text(f"{COMMIT} " * 10_000)
    line = "git -c user.name=A -c user.email=a@b.c commit -q --allow-empty -m two"
    script.model_says({"calls": [{"name": "run_shell", "arguments": {"command": line}}]}, {"text": "Done."})
    assert script("permissions", "allow", "run_shell", line)[0] == 0
    status, out, err = script("run", "do it")
    assert (status, "\u2713" in err) == (0, True), out + err
    status, out, err = script("undo", "--preview")
    assert (status, "\u201ctwo\u201d" in out) == (0, True), out + err


def test_empty_lines_without_end_are_read_in_linear_time(tmp_path: Path):
    todo = tmp_path / "rebase-merge/git-rebase-todo"
    todo.parent.mkdir()
    todo.write_text(EMPTY_LINES)
    assert not find_obeyed(tmp_path)
    todo.write_text(EMPTY_LINES[:1000] + " \tx touch made\n")
    assert [one.path for one in find_obeyed(tmp_path)] == [todo]
    assert escape(EMPTY_LINES + "  - a\n# b") == EMPTY_LINES + "  \\- a\n\\# b"


def test_no_pattern_looks_for_the_start_of_a_line_across_lines():
    """Where each line may be a start, `\\s*` at it goes over all empty lines that follow, from each of them: `[ \\t]*` does not."""
    across = re.compile(r"(?<!\[)\^[(]*(?:\?:|\?P<\w+>)?(?:\\s|\[(?!\^)[^]]*\\[sn][^]]*\])[*+]")
    found: list[str] = []
    for path in sources():
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for call in calls:
            first, said = call.args[0] if call.args else None, ast.unparse(call)
            if isinstance(first, ast.Constant) and isinstance(first.value, str | bytes):
                text = first.value.decode("latin-1") if isinstance(first.value, bytes) else first.value
                if ("MULTILINE" in said or "(?m" in text) and across.search(text):
                    found.append(f"{path.name}: {text}")
    assert not found
