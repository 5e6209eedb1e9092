"""The commands of the wire as `mazu-ls ...`, with and without --json."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mazu_ls.server import commands
from mazu_ls.terminal import cli
from mazu_ls.terminal.verbs import grammar, verbs

NOT_TYPED = {
    "mazu.cancel",
    "mazu.chat",
    "mazu.models.call",
    "mazu.permissions.answer",
    "mazu.session.events",
    "mazu.session.queue",
}  # Ctrl-C, `mazu-ls chat`, the prompt itself, what chat views are drawn from
OF_EDITORS = ("mazu.view", "mazu.actions.", "mazu.turn.")  # what code actions and views of changes run


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
    known = {verb.command for verb in verbs.VERBS}
    assert {name for name in commands.names() if not name.startswith(OF_EDITORS)} - known == NOT_TYPED


def test_memory_from_the_terminal(project: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = typed(["remember", "The", "port", "is", "8080", "--json"], capsys)
    memory = json.loads(out)["memory"]
    assert (code, memory["title"]) == (0, "The port is 8080")
    code, out, _ = typed(["recall", "port"], capsys)
    assert code == 0 and "The port is 8080" in out
    assert typed(["memory", "update", memory["id"], "--pin"], capsys)[1].startswith(memory["id"])
    assert typed(["memory", "forget", memory["id"]], capsys)[1].startswith(f"forgotten: {memory['id']}")


def test_a_checkpoint_and_back(project: Path, capsys: pytest.CaptureFixture[str]):
    assert typed(["checkpoint", "take", "before", "--json"], capsys)[0] == 0
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
        cli.run(["recal", "port"])
    assert left.value.code == 2
    assert "Did you mean `mazu-ls recall`?" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        cli.run(["checkpoint", "lost"])
    assert left.value.code == 2
    assert "Did you mean `mazu-ls checkpoint list`?" in capsys.readouterr().err
    assert typed(["call", "recall", '{"wrong": 1}'], capsys)[0] == 2
    assert typed(["call", "recall", "{"], capsys)[0] == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stat", "Did you mean `mazu-ls state` or `mazu-ls status`?"),
        ("nope", "there is no `mazu-ls nope`. There are: serve, chat"),
        ("checkpoint prun", "`mazu-ls checkpoint prune`? There are: take, list, show, diff,"),
        ("checkpoint", "say what to do: mazu-ls checkpoint take, list, show,"),
        ("--nope", "there is no option --nope."),
        ("--contnue", "Did you mean `--continue`?"),
        ("run x --alow-shell", "Did you mean `--allow-shell`?"),
        ("ask why --model m not", "too many words: not."),
        ("memory update m_1 --json", "say what to change, for example by --title TEXT"),
        ("memory update m_1 new words", "Give a new text with --title."),
        ("recall --json", "are required: QUERY"),
        ("memory import --from codex", "are required: PATH"),
        ("permissions allow run_shell", "are required: PATTERN"),
        ("chat --stream-json --nope", "there is no option --nope."),
    ],
)
def test_a_mistyped_command_line_is_explained(line: str, said: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        cli.run(line.split())
    out, err = capsys.readouterr()
    assert (left.value.code, said in err) == (2, True)
    if "json" not in line:
        assert out == ""
        return
    printed = json.loads(out)
    assert (printed["error"]["kind"], said in printed["error"]["message"]) == ("usage", True)
    assert printed.get("type") == ("error" if "stream" in line else None)


def test_every_command_and_option_has_help(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        cli.run(["help", "undo"])
    assert "--keep-memory         leave memory as it is" in capsys.readouterr().out
    for verb in verbs.VERBS:
        assert verb.help
    bare: list[str] = []

    def look(parser: argparse.ArgumentParser) -> None:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for below in set(action.choices.values()):
                    look(below)
            elif not action.help:
                bare.append(f"{parser.prog} {action.dest}")

    look(grammar.parser())
    assert bare == []


def test_what_the_policy_decides_is_asked_in_words(project: Path, capsys: pytest.CaptureFixture[str]):
    def decided(*line: str) -> str:
        return typed(["permissions", "check", *line], capsys)[1].partition(":")[0]

    assert decided("run_shell", "git push") == "ask"
    assert decided("run_shell", "sudo ls") == decided("read_file", "/etc/passwd") == "deny"
    assert decided("grep", '{"pattern": "x"}') == "allow"
    said = typed(["permissions", "check", "run_shell", "sleep 9 & echo x"], capsys)[1]
    assert "in the background, which is ended with the command" in said


def test_a_place_is_a_file_with_lines():
    place = verbs.place("a.txt:2-3")
    assert place["uri"].endswith("/a.txt")
    assert (place["range"]["start"]["line"], place["range"]["end"]["line"]) == (1, 3)
    assert "range" not in verbs.place("a.txt")


@pytest.fixture
def proposing(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project in which the agent proposed to change both lines of a file."""
    (project / ".mazu").mkdir()
    (project / ".mazu" / "config.toml").write_text('[edits]\napply = "propose"\n')
    (project / "a.txt").write_text("one\n" + "\n" * 12 + "two\n")
    edits = [{"old": "one", "new": "1"}, {"old": "two", "new": "2"}]
    script = json.dumps(
        [
            {"calls": [{"name": "edit_file", "arguments": {"path": "a.txt", "edits": edits}}]},
            {"text": "Done."},
        ]
    )
    (project.parent / "script.json").write_text(script)
    command = [sys.executable, "-m", "mazu_ls.demo.model_server", str(project.parent / "script.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as model:
        assert model.stdout
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"http://127.0.0.1:{model.stdout.readline().strip()}")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")
        assert cli.run(["chat", "mend both"]) == 0
        yield project
        model.terminate()


def test_proposals_are_listed_accepted_and_rejected(proposing: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = typed(["proposals"], capsys)
    assert code == 0
    assert [line for line in out.splitlines() if line.startswith("a.txt:")]
    assert "  -one\n  +1\n" in out
    code, out, _ = typed(["proposals", "--json"], capsys)
    first, second = (one["id"] for one in json.loads(out)["proposals"])
    code, out, _ = typed(["proposals", "accept", first], capsys)
    assert (code, out.strip()) == (0, "accepted 1 edit")
    assert (proposing / "a.txt").read_text().split() == ["1", "two"]
    code, out, _ = typed(["proposals", "reject", second, "--note", "it is fine"], capsys)
    assert (code, out.strip()) == (0, "rejected 1 edit")
    assert typed(["proposals"], capsys)[1].strip() == "nothing is proposed"


def test_proposals_are_reviewed_one_after_the_other(
    proposing: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    reading, writing = os.pipe()
    os.write(writing, b"n keep it\ny\n")
    os.close(writing)
    capsys.readouterr()
    with os.fdopen(reading) as keyboard:
        monkeypatch.setattr("sys.stdin", keyboard)
        code, out, err = typed(["proposals", "review"], capsys)
    assert code == 0
    assert out.index("+1") < out.index("+2") < out.index("accepted 1 edit")
    assert err.count("[y]es") == 2
    assert (proposing / "a.txt").read_text().split() == ["one", "2"]


ASKS_OR_NEEDS_A_CHECKPOINT = (
    "proposals review",
    "rollback",
    "redo",
    "session restore",
    "memory import",
    "memory accept",
    "memory reject",
    "state attach",
    "state decline",
)  # or one of two ways to name a file, or a project that was moved
BARE = [
    verb.words
    for verb in verbs.VERBS
    if not any(
        grammar.is_required(one, grammar.ARGUMENTS.get(verb.command, {}).get(one.field, grammar.UNDECLARED))
        for one in verb.options
    )
]


@pytest.mark.parametrize("verb", [words for words in BARE if words not in ASKS_OR_NEEDS_A_CHECKPOINT])
def test_what_needs_no_argument_is_shown_to_a_person(
    verb: str, proposing: Path, capsys: pytest.CaptureFixture[str]
):
    capsys.readouterr()
    code, out, err = typed(verb.split(), capsys)
    assert code == 0, err
    assert out.strip()
    assert not out.lstrip().startswith("{"), "that is for programs"


def test_what_may_not_hold_with_an_accepted_proposal_is_named(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    typed(["remember", "Use uv, not pip", "--category", "decision"], capsys)
    (tmp_path / "CONVENTIONS.md").write_text("- Use pip, not uv\n")
    typed(["memory", "import", "--from", "aider", str(tmp_path / "CONVENTIONS.md")], capsys)
    said = typed(["memory", "accept", "--all"], capsys)[1]
    assert "m_000002 is much like m_000001 “Use uv, not pip”" in said


def test_a_team_shares_memories_from_the_terminal(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
    typed(["remember", "Amounts are whole cents", "--category", "decision"], capsys)
    assert "commit them" in typed(["memory", "share", "m_000001"], capsys)[1]
    assert "not shared: m_000001: it is shared already" in typed(["memory", "share", "m_000001"], capsys)[1]
    assert "1 sent, 0 received" in typed(["memory", "sync", "--remote", str(remote)], capsys)[1]
    assert (project / ".mazu" / ".gitignore").read_text().startswith("*\n!/shared/")
    monkeypatch.setenv("MAZU_STATE_HOME", str(tmp_path / "colleague"))  # the same folder, on another machine
    code, out, _ = typed(["memory", "proposals"], capsys)
    assert (code, "new; .mazu/shared/" in out) == (0, True)
    assert "0 sent, 1 received" in typed(["memory", "sync", "--remote", str(remote)], capsys)[1]
    assert "decision, shared by " in typed(["memory", "list"], capsys)[1]
    said = typed(["remember", "Amounts are not whole cents"], capsys)[1]
    assert "For the others m_000001 still holds: mazu-ls memory share m_000002" in said
    typed(["memory", "forget", "m_000002"], capsys)
    assert "title: Amounts are whole cents" in typed(["memory", "show", "m_000001"], capsys)[1]
    assert "no proposals" in typed(["memory", "proposals"], capsys)[1]
    assert "sync` forgets it for everybody" in typed(["memory", "forget", "m_000001"], capsys)[1]
    code, _, err = typed(["memory", "sync", "--remote", str(tmp_path / "nowhere")], capsys)
    assert (code, "is no remote of this repository" in err) == (2, True)


def test_a_memory_is_in_doubt_once_anything_changed_its_file(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    (project / "price.py").write_text("def price():\n    return 100\n")
    typed(["remember", "price", "returns", "cents", "--about", "price.py:1-2"], capsys)
    state = lambda: json.loads(typed(["recall", "price", "--json"], capsys)[1])["memories"][0]["state"]  # noqa: E731
    show = lambda: typed(["memory", "show", "m_000001"], capsys)[1]  # noqa: E731
    assert state() == "current"
    (project / "price.py").write_text("def price():\n    return 1.0\n")
    assert state() == "check"
    assert "fact, to check: its code changed price returns cents" in typed(["memory", "list"], capsys)[1]
    assert (
        "memory update m_000001 --about FILE:LINES" in show() and "price.py#price (changed or gone)" in show()
    )
    typed(["memory", "update", "m_000001", "--about", "price.py:1-2"], capsys)
    assert "to check" not in show() and state() == "current"
    (project / "price.py").write_text("def price():\n    return 100\n")
    assert state() == "check"
    typed(["memory", "update", "m_000001", "--about", "price.py:1-2"], capsys)
    (project / "price.py").unlink()
    assert state() == "check"


def test_a_changed_rule_names_the_old_one_and_how_to_replace_it(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    typed(["remember", "Run the tests with pytest -q"], capsys)
    said = typed(["remember", "Run the tests with tox"], capsys)[1]
    assert "much like m_000001 Run the tests with pytest -q" in said
    assert "If the new one replaces it: mazu-ls memory supersede m_000001 m_000002" in said
    typed(["remember", "Use uv, not pip"], capsys)
    assert "instead of m_000003 Use uv, not pip" in typed(["remember", "Use pip, not uv"], capsys)[1]
    said = typed(["remember", "Use uv, not pip", "--category", "user_preference"], capsys)[1]
    assert "much like m_000004 Use pip, not uv (of this project)" in said
    assert "If it no longer holds: mazu-ls memory forget m_000004" in said
    said = typed(["remember", "Run the tests with nose"], capsys)[1]
    assert "memory supersede m_000002 m_000005" in said and "memory forget m_000001" in said
    # What the other scope says, too, is no contradiction.
    said = typed(["remember", "Run the tests with tox", "--category", "user_preference"], capsys)[1]
    assert "remembered: g_000002" in said and "much like" not in said


def test_an_export_holds_the_project_and_global_memory_only_if_asked(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    typed(["remember", "I like tabs", "--scope", "global"], capsys)
    typed(["remember", "The port is 8080"], capsys)
    written, left_out = typed(["memory", "export", "out.md"], capsys)[1].splitlines()
    assert written == f"1 entry written to {project / 'out.md'}"
    assert left_out == "1 entry of all projects was left out: --scope all writes both"
    assert "I like tabs" not in (project / "out.md").read_text()
    exported = typed(["memory", "export", "all.md", "--scope", "all"], capsys)[1]
    assert "2 entries" in exported and "left out" not in exported
    assert "I like tabs" in (project / "all.md").read_text()


def test_a_server_of_the_project_that_nobody_agreed_to_is_said_to_wait(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    (project / ".mazu").mkdir(exist_ok=True)
    (project / ".mazu/config.toml").write_text('[[mcp_servers]]\nname = "proj"\ncommand = "true"\n')
    assert "proj: not agreed to (see `mazu-ls trust`)" in typed(["status"], capsys)[1]


def test_the_host_of_a_server_of_the_project_is_listed(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / ".mazu").mkdir(exist_ok=True)
    (project / ".mazu/config.toml").write_text(
        '[[mcp_servers]]\nname = "far"\nurl = "https://tools.example/mcp"\n'
        '[[mcp_servers]]\nname = "near"\nurl = "http://2130706433/mcp"\n'
        '[[mcp_servers]]\nname = "own"\ncommand = "true"\n'
    )
    near = "2130706433 (127.0.0.1), on this machine or in your own network"
    for words in (["trust"], ["trust", "list"]):
        far, close, own = typed(words, capsys)[1].splitlines()
        assert far.endswith("config.toml, at tools.example") and close.endswith(f"config.toml, at {near}")
        assert own.endswith("config.toml")
    items = json.loads(typed(["trust", "list", "--json"], capsys)[1])["items"]
    assert [item["host"] for item in items] == ["tools.example", near, ""]


def test_the_status_counts_summaries_apart(project: Path, capsys: pytest.CaptureFixture[str]):
    summary = (
        "---\nid: m_000002\nkind: summary\nkey: s_1\ncategory: summary\nstate: current\n---\n# Deploy day\n"
    )
    (project / "one.md").write_text(summary)
    assert "1 read" in typed(["memory", "import", "one.md"], capsys)[1]
    assert "0 remembered, 1 summary of conversations" in typed(["status"], capsys)[1]
    assert "no memories" in typed(["memory", "list"], capsys)[1]


def test_recall_shows_what_past_conversations_hold_where_no_memory_answers(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    said = "# aider chat started at 2026-05-05 09:00:00\n\n#### why does the flux capacitor hum\n\nA loose screw.\n"
    (tmp_path / ".aider.chat.history.md").write_text(said)
    typed(["memory", "import", "--from", "aider", str(tmp_path / ".aider.chat.history.md")], capsys)
    out = typed(["recall", "flux capacitor"], capsys)[1]
    assert out.startswith("no memories found\nPast conversations hold these words:\n")
    assert "2026-05-05 aider, you: why does the flux capacitor hum" in out
    assert "Past" not in typed(["recall", "giraffes"], capsys)[1]
    typed(["remember", "Electrical devices buzz when something is not tight"], capsys)
    first, past, heading, close, why = typed(["recall", "why does the flux capacitor hum"], capsys)[
        1
    ].splitlines()
    assert (first, heading) == ("Past conversations hold these words:", "Remembered, close in meaning only:")
    assert "flux capacitor" in past, "the very words stand above what is merely close"
    assert "Electrical devices buzz" in close and "close in meaning" in why
    assert "Past" not in typed(["recall", "electrical capacitor"], capsys)[1]  # its own word


def test_the_counts_of_memory_agree_with_their_nouns(project: Path, capsys: pytest.CaptureFixture[str]):
    typed(["remember", "Amounts are whole cents"], capsys)
    assert "project: 1 memory (1 current)" in typed(["memory", "stats"], capsys)[1]
    typed(["remember", "Logs go to Loki"], capsys)
    assert "project: 2 memories (2 current)" in typed(["memory", "stats"], capsys)[1]


def test_a_memory_without_relations_says_what_would_make_one(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    typed(["remember", "Amounts are whole cents"], capsys)
    status, _, err = typed(["graph", "--node", "m_000001"], capsys)
    assert status == 1 and "m_000001 “Amounts are whole cents” is related to nothing yet." in err
    command = "memory update m_000001 --tag TAG"
    assert f"`mazu-ls {command}` adds a tag." in err
    assert "no 'm_000007'" in typed(["graph", "--node", "m_000007"], capsys)[2]
    assert "no 'g_000001'" in typed(["graph", "--node", "g_000001"], capsys)[2]
    assert typed([*command.split()[:-1], "money"], capsys)[0] == 0
    assert "money" in typed(["graph", "--node", "m_000001"], capsys)[1]


def test_one_word_is_close_to_little(project: Path, capsys: pytest.CaptureFixture[str]):
    typed(["remember", "I like tabs", "--scope", "global"], capsys)
    assert "Nothing remembered matches clearly" in typed(["recall", "cents"], capsys)[1]
    typed(["remember", "Amounts are whole cents"], capsys)
    assert "m_000001" in typed(["recall", "money"], capsys)[1].split("\n")[0]


def test_traits_and_pages_from_the_terminal(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert typed(["trait", "set", "tone", "Answer", "briefly"], capsys)[0] == 0
    assert typed(["trait"], capsys)[1].strip() == "tone: Answer briefly"
    code, out, _ = typed(["trait", "delete", "tone"], capsys)
    assert (code, out.split(":")[0]) == (0, "removed")
    (tmp_path / "ops.md").write_text("# Ops\n\nDeploy with make.\n")
    assert typed(["wiki", "write", "ops", str(tmp_path / "ops.md")], capsys)[0] == 0
    assert typed(["wiki"], capsys)[1].strip() == "ops: Ops"
    assert "Deploy with make." in typed(["wiki", "show", "ops"], capsys)[1]
    (tmp_path / "ops.md").write_text("---\ntags: [night]\n---\n# Ops\n\nSee [[backup]].\n")
    assert typed(["wiki", "write", "ops", str(tmp_path / "ops.md")], capsys)[0] == 0
    assert "page:ops -- links -> page:backup" in typed(["graph", "--node", "ops"], capsys)[1]
    code, out, _ = typed(["wiki", "delete", "ops"], capsys)
    assert (code, out.split(":")[0]) == (0, "removed")
