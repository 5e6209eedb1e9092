"""What docs/extending.md shows works as it stands there: its files are taken from the page and used from outside."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture
PAGE = Path(__file__).parents[2] / "docs/extending.md"
FILE = re.compile(r"^`([^`\n]+)`(?: \(executable\))?:\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def extended(script: Script) -> Script:
    """A project with all files of the page."""
    for name, text in FILE.findall(PAGE.read_text(encoding="utf-8")):
        home = script.root.parent / "home"
        path = home / name.removeprefix("~/.mazu/") if name.startswith("~") else script.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace('"python3"', json.dumps(sys.executable)))
        path.chmod(0o755 if "hooks" in name else 0o600)
    tickets = [{"title": "It is slow", "labels": ["speed"]}, {"title": "It is ugly", "labels": ["looks"]}]
    (script.root / "tickets.json").write_text(json.dumps(tickets))
    return script


async def test_the_tool_and_what_the_model_is_told(extended: Script):
    call = {"name": "open_tickets", "arguments": {"label": "speed"}}
    assert extended("permissions", "allow", "open_tickets", "*")[0] == 0
    assert extended("role", "set", "reviewer.md")[0] == 0
    async with ModelServer([{"calls": [call]}, {"text": "One."}]) as server:
        extended.env |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test-key"}
        status, out, err = await asyncio.to_thread(extended, "chat", "what is slow?")
        told = [json.dumps(body) for body in server.bodies]
    assert (status, out) == (0, "One.\n"), err
    assert "It is slow" in told[1] and "It is ugly" not in told[1]
    assert "List the titles of open tickets" in told[0]
    assert "You are a careful reviewer." in told[0] and "Amounts are whole cents." in told[0]


def test_the_skill_and_the_rules(extended: Script):
    status, out, err = extended("skills", "save", "slugify.py")
    assert status == 0, out + err
    status, out, err = extended("skills", "run", "slugify", '{"title": "A New Page"}')
    assert (status, "a-new-page" in out) == (0, True), out + err
    for tool, given, verdict in (
        ("run_shell", "make lint", "allow"),
        ("edit_file", '{"path": "migrations/1.sql", "old": "a", "new": "b"}', "deny"),
    ):
        checked = json.loads(extended("permissions", "check", tool, given, "--json")[1])
        assert checked["verdict"] == verdict, checked


def test_the_server(extended: Script):
    pytest.importorskip("mcp")
    out = extended("doctor")[1]
    assert "mcp__clock__now" in out, out


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_git_hook(extended: Script, tmp_path: Path):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "mazu-ls").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mazu_ls "$@"\n')
    (programs / "mazu-ls").chmod(0o755)
    env = {**extended.env, "PATH": f"{programs}:{extended.env['PATH']}", "PYTHONPATH": str(PAGE.parents[1])}
    hook = (extended.root / ".git/hooks/post-commit").read_text()
    shutil.rmtree(extended.root / ".git")
    for line in (("init", "-q"), ("add", "app.py")):
        subprocess.run(("git", *line), cwd=extended.root, env=env, check=True)
    (extended.root / ".git/hooks/post-commit").write_text(hook)
    (extended.root / ".git/hooks/post-commit").chmod(0o755)
    who = ("-c", "user.name=A", "-c", "user.email=a@b.example")
    subprocess.run(("git", *who, "commit", "-qm", "one"), cwd=extended.root, env=env, check=True)
    assert re.search(r"commit [0-9a-f]{7}", extended("checkpoint", "list")[1])
