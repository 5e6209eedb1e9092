"""The commands of the wire as `mazu-ls ...`, with and without --json."""

import json
from pathlib import Path

import pytest

from mazu_ls.server import commands
from mazu_ls.terminal import cli, grammar

NOT_TYPED = {
    "mazu.cancel",
    "mazu.chat",
    "mazu.permissions.answer",
}  # Ctrl-C, `mazu-ls chat`, the prompt itself
OF_EDITORS = ("mazu.proposal.", "mazu.view")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.txt").write_text("one\ntwo\n")
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "DEEPSEEK_API_KEY", "GEMINI_API_KEY", "MAZU_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MAZU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MAZU_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(folder)
    return folder


def typed(line: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = cli.run(line)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_every_command_of_the_wire_can_be_typed():
    known = {verb.command for verb in grammar.VERBS}
    assert {name for name in commands.names() if not name.startswith(OF_EDITORS)} - known == NOT_TYPED


def test_memory_from_the_terminal(project: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = typed(["remember", "The", "port", "is", "8080", "--json"], capsys)
    memory = json.loads(out)["memory"]
    assert (code, memory["title"]) == (0, "The port is 8080")
    code, out, _ = typed(["recall", "port"], capsys)
    assert code == 0 and "The port is 8080" in out
    code, out, _ = typed(["memory", "forget", memory["id"], "--json"], capsys)
    assert json.loads(out)["forgotten"]["id"] == memory["id"]


def test_a_checkpoint_and_back(project: Path, capsys: pytest.CaptureFixture[str]):
    assert typed(["checkpoint", "before", "--json"], capsys)[0] == 0
    (project / "a.txt").write_text("spoilt\n")
    code, out, _ = typed(["rollback", "--on-conflict", "overwrite", "--json"], capsys)
    assert (code, json.loads(out)["applied"]) == (0, True)
    assert (project / "a.txt").read_text() == "one\ntwo\n"


def test_without_a_key_it_says_what_to_set(project: Path, capsys: pytest.CaptureFixture[str]):
    code, out, err = typed(["ask", "why?", "--json"], capsys)
    assert code == 1
    assert json.loads(out)["error"]["kind"] == "auth"
    assert "ANTHROPIC_API_KEY" in err


def test_a_wrong_command_line_and_wrong_arguments_are_2(project: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        cli.run(["fly"])
    assert left.value.code == 2
    assert typed(["call", "recall", '{"wrong": 1}'], capsys)[0] == 2
    assert typed(["call", "recall", "{"], capsys)[0] == 2


def test_a_place_is_a_file_with_lines():
    place = grammar.place("a.txt:2-3")
    assert place["uri"].endswith("/a.txt")
    assert (place["range"]["start"]["line"], place["range"]["end"]["line"]) == (1, 3)
    assert "range" not in grammar.place("a.txt")
