"""`mazu-ls call` checks arguments as the wire does: what does not fit is a sentence, and nothing of it is stored."""

import json
from pathlib import Path

import pytest

from tests.terminal.test_commands import project, typed

__all__ = ["project"]  # a fixture
RULE = {"tool": "run_shell", "pattern": "git *"}
REFUSED = [
    ("permissions.mode", {}, "mode"),
    ("permissions.mode", {"mode": 5}, "mode"),
    ("permissions.mode", {"mode": "ask", "zz": 1}, "zz"),
    ("models.set", {}, "model"),
    ("models.set", {"model": 5}, "model"),
    ("models.set", {"model": "anthropic:claude-opus-5", "zz": 1}, "zz"),
    ("permissions.set", {}, "rule"),
    ("permissions.set", {"tool": "run_shell", "verdict": "deny"}, "tool"),
    ("permissions.set", {"rule": {**RULE, "verdict": ["x"]}}, "rule.verdict"),
    ("permissions.set", {"rule": {**RULE, "verdict": "Deny"}}, "rule.verdict"),
    ("permissions.set", {"rule": {**RULE, "tool": 5}}, "rule.tool"),
    ("permissions.set", {"rule": {**RULE, "pattern": " "}}, "rule.pattern"),
    ("permissions.set", {"rule": {**RULE, "zz": 1}}, "zz"),
    ("permissions.check", {"arguments": "git push"}, "arguments"),
    ("permissions.check", [], "JSON object"),
    ("recall", None, "JSON object"),
    ("checkpoint.diff", 5, "JSON object"),
]


@pytest.mark.parametrize(("command", "given", "named"), REFUSED)
def test_what_does_not_fit_is_refused_and_not_stored(
    project: Path, capsys: pytest.CaptureFixture[str], command: str, given: object, named: str
):
    code, out, err = typed(["call", f"mazu.{command}", json.dumps(given), "--json"], capsys)
    assert code == 2 and named in json.loads(out)["error"]["message"], (out, err)
    assert not (project.parent / "home" / "config.toml").exists()


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000])
def test_json_that_cannot_be_read_is_a_sentence(project: Path, capsys: pytest.CaptureFixture[str], text: str):
    code, out, _ = typed(["call", "mazu.recall", text, "--json"], capsys)
    assert code == 2 and "not JSON" in json.loads(out)["error"]["message"]


def test_what_fits_is_stored(project: Path, capsys: pytest.CaptureFixture[str]):
    rule = json.dumps({"rule": {**RULE, "verdict": "deny"}})
    assert typed(["call", "mazu.permissions.set", rule], capsys)[0] == 0
    assert (
        typed(["permissions", "set", json.dumps({**RULE, "pattern": "npm *", "verdict": "ask"})], capsys)[0]
        == 0
    )
    listed = json.loads(typed(["permissions", "list", "--json"], capsys)[1])["rules"]
    assert [(one["pattern"], one["verdict"]) for one in listed] == [("git *", "deny"), ("npm *", "ask")]


def test_the_id_before_a_new_name_is_the_session(project: Path, capsys: pytest.CaptureFixture[str]):
    first, last = (json.loads(typed(["session", "new", "--json"], capsys)[1])["id"] for _ in range(2))
    named = lambda id: json.loads(typed(["session", "show", id, "--json"], capsys)[1])["name"]  # noqa: E731
    assert typed(["session", "rename", first, "my", "name"], capsys)[0] == 0
    assert named(first) == "my name" != named(last)
    assert typed(["session", "rename", first], capsys)[0] == 2
    assert typed(["session", "rename", "the", "last"], capsys)[0] == 0
    assert named(first) == "the last" != named(last)  # the one used last


@pytest.mark.parametrize("place", ["../memx", "../m.md", "sub/../../m2.md"])
def test_memory_is_exported_outside_of_the_project(
    project: Path, capsys: pytest.CaptureFixture[str], place: str
):
    (project / "sub").mkdir()
    assert typed(["remember", "The", "port", "is", "8080"], capsys)[0] == 0
    code, out, err = typed(["memory", "export", place], capsys)
    assert code == 0, out + err
    assert (project / place).exists()


def test_a_log_that_does_not_exist_is_not_named(project: Path, capsys: pytest.CaptureFixture[str]):
    assert "nothing was logged yet" in typed(["status"], capsys)[1]
    place = project.parent / "state" / "mazu-ls.log"
    place.parent.mkdir(exist_ok=True)
    place.write_text("")
    assert str(place) in typed(["status"], capsys)[1]


def test_a_council_of_one_model_named_twice_says_so(project: Path, capsys: pytest.CaptureFixture[str]):
    code, _, err = typed(["council", "why?", "--member", "ollama:a", "--member", "ollama:a"], capsys)
    assert code != 0 and "only ollama:a was named" in err and "two different ones" in err


def test_a_project_that_still_exists_is_copied_as_a_whole(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    assert typed(["remember", "The", "port", "is", "8080"], capsys)[0] == 0
    copy = project.parent / "copy"
    copy.mkdir()
    monkeypatch.chdir(copy)
    err = typed(["state", "attach", "../project"], capsys)[2]
    assert "mazu-ls state export there" in err and f"{project} still exists" in err


def test_the_schema_of_remember_allows_what_is_kept():
    from mazu_ls.memory.validation import MAX_TITLE
    from mazu_ls.tools.knowledge.memory import remember

    assert remember.schema["properties"]["title"]["maxLength"] == MAX_TITLE
