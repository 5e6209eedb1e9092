"""A path on the command line is relative to the current folder, also in a folder below the top of the project."""

import json
import shutil

import pytest

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture
OTHER = {"when": "return 'web'", "text": "It is attached."}


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_paths_are_relative_to_the_current_folder(script: Script):
    web = script.root / "packages" / "web"
    web.mkdir(parents=True)
    (script.root / ".git").mkdir()
    (web / "w.py").write_text("return 'web'\n")
    assert script("checkpoint", "take", "q")[0] == 0
    (web / "w.py").write_text("return 'new'\n")
    assert script("checkpoint", "file", "q", "w.py", cwd=web)[1] == "return 'web'\n"
    assert script("checkpoint", "file", "q", "../../app.py", cwd=web)[1].startswith("def total")
    assert script("checkpoint", "file", "q", "packages/web/w.py", cwd=web)[1] == "return 'web'\n"
    assert script("rollback", "q", "--path", "w.py", "--on-conflict", "overwrite", cwd=web)[0] == 0
    assert (web / "w.py").read_text() == "return 'web'\n"
    for line, rule in {
        ("w.py",): "packages/web/w.py",
        ("*.py",): "*.py",
        ("lib/**",): "packages/web/lib/**",
    }.items():
        assert f"allow edit_file {rule}:" in script("permissions", "allow", "edit_file", *line, cwd=web)[1]
    status, _, err = script("permissions", "deny", "edit_file", "tests/**", cwd=web)
    assert (status, "It holds in all your projects" in err) == (0, True), err
    for named, rule in (
        ("lib/**", "allow edit_file packages/web/lib/**"),
        ("edit_file tests/**", "deny edit_file packages/web/tests/**"),
    ):
        status, _, err = script("permissions", "revoke", named, cwd=web)
        assert (status, f"{rule}: removed" in err) == (0, True), err
    script.model_says(OTHER, {"text": "It is not."})
    status, out, _ = script("chat", "look at @w.py:1, and @nothing.py", "--json", cwd=web)
    assert (status, json.loads(out)["reply"]) == (0, "It is attached.")
