"""mazu-ls in scripts: what goes where, the exit statuses, and nothing left behind by reading."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.turn.limits import EMPTY_ANSWER
from tests.terminal.terminal import project

RUN = {"calls": [{"name": "run_shell", "arguments": {"command": "touch ran.txt"}}]}
WRITE = {"calls": [{"name": "write_file", "arguments": {"path": "new.txt", "content": "new\n"}}]}


class Script:
    """Runs `mazu-ls` without a terminal, with a model that says these things."""

    def __init__(self, folder: Path) -> None:
        self.root = project(folder)
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MAZU_", "ANTHROPIC_", "OPENAI_"))},
            "HOME": str(folder), "MAZU_HOME": str(folder / "home"), "MAZU_STATE_HOME": str(folder / "state"),
        }  # fmt: skip
        self._model: subprocess.Popen[str] | None = None

    def model_says(self, *replies: dict[str, Any]) -> None:
        self.close()
        script = self.root.parent / "script.json"
        script.write_text(json.dumps(list(replies)))
        command = [sys.executable, "-m", "mazu_ls.demo.model_server", str(script)]
        self._model = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._model.stdout
        port = self._model.stdout.readline().strip()
        self.env |= {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}", "ANTHROPIC_API_KEY": "test-key"}

    def start(self, *line: str, cwd: Path | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "mazu_ls", *line], cwd=cwd or self.root, env=self.env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def __call__(self, *line: str, typed: str = "", cwd: Path | None = None) -> tuple[int, str, str]:
        with self.start(*line, cwd=cwd) as process:
            out, err = process.communicate(typed, timeout=60)
        return process.returncode, out, err

    def close(self) -> None:
        if self._model:
            self._model.kill()
            self._model.wait()


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    made = Script(tmp_path)
    yield made
    made.close()


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_done_is_0_and_stdout_is_the_answer(script: Script):
    script.model_says(WRITE, {"text": "The answer."})
    status, out, err = script("run", "write it")
    assert (status, out) == (0, "The answer.\n")
    assert "Write new.txt" in err
    assert "1 file changed +1 -0" in err


def test_an_empty_answer_and_an_error_are_said_once(script: Script):
    script.model_says({"text": ""}, {"fault": "401"})
    _, out, err = script("chat", "hi")
    assert out == "" and err.startswith(f"{EMPTY_ANSWER} · ")
    status, out, err = script("chat", "hi")
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert err.count("does not accept the key") == 1 and "$" not in err


def test_a_message_on_a_pipe_is_answered(script: Script):
    script.model_says({"text": "The answer."})
    status, out, _ = script("chat", typed="what is it?\n")
    assert (status, out) == (0, "The answer.\n")


def test_a_file_above_the_folder_is_attached(script: Script):
    deep = script.root / "sub" / "deep"
    deep.mkdir(parents=True)
    (script.root / "sub" / "mod.py").write_text("above = 1\n")
    assert script("init")[0] == 0
    script.model_says({"text": "Seen."})
    out, err = script.start("chat", "see", "--attach", "../mod.py", cwd=deep).communicate(timeout=60)
    assert "Seen." in out, err


@pytest.mark.parametrize("verb", ["chat", "run"])
def test_an_option_lifts_no_limit_of_the_settings(script: Script, verb: str):
    script.model_says({"text": "The answer.", "repeat": True})
    assert script("config", "set", "limits.max_cost_usd", "0.0001")[0] == 0
    status, out, err = script(verb, "hi", "--max-cost", "5")
    assert (status, "The answer." in out) == (3, False), out + err
    assert script("config", "set", "limits.max_cost_usd", "5")[0] == 0
    assert script(verb, "hi", "--max-cost", "0.0001")[0] == 3
    assert script(verb, "hi", "--max-cost", "1")[0] == 0


@pytest.mark.parametrize("verb", ["chat", "ask"])
def test_a_text_on_a_pipe_is_attached_or_said_not_to_be_read(script: Script, verb: str):
    script.model_says({"when": "ünïcode diff", "text": "Attached."}, {"text": "The answer."})
    status, out, err = script(verb, "what is it?", "--attach", "-", typed="ünïcode diff\n")
    assert (status, out.splitlines()[0], "not read" in err) == (0, "Attached.", False)
    status, out, err = script(verb, "what is it?", typed="more\n")
    assert (status, out.splitlines()[0]) == (0, "The answer.")
    assert "is not read" in err and "--attach -" in err
    assert script(verb, "what is it?", "--attach", "-", typed="x" * 2**20 + "y")[0] == 2
    for unfit in ("", "\n", "a\0b"):  # nothing is sent, nor paid
        assert script(verb, "what is it?", "--attach", "-", typed=unfit)[0] == 2
    assert script("council", "what is it?", "--attach", "-", typed="x")[0] == 2


def test_without_a_key_it_is_1_and_the_json_says_why(script: Script):
    status, out, err = script("run", "do it", "--json")
    assert status == 1
    assert json.loads(out)["error"]["kind"] == "auth"
    assert "ANTHROPIC_API_KEY" in err


def test_the_example_of_the_readme_finds_what_was_remembered(script: Script):
    assert script("remember", "Amounts are whole cents", "--category", "decision")[0] == 0
    status, out, _ = script("recall", "how do we store money")
    assert status == 0 and "Amounts are whole cents" in out and "close in meaning" in out
    assert "Nothing remembered" not in out
    assert "Nothing remembered matches" in script("recall", "qwzx blorf")[1]


def test_wrong_usage_is_2(script: Script):
    assert script("rnu")[0] == 2
    assert script("run")[0] == 2
    assert script("memory", "update", "m1", "--cateory", "x")[0] == 2
    assert script("config", "set", "limits.max_stepz", "3")[0] == 2
    for limit in ("--max-cost=-1", "--max-cost=nan", "--max-steps=0", "--max-seconds=inf"):
        assert script("run", "x", limit)[0] == 2
    for folder in ("nowhere", "/etc/passwd"):
        status, out, err = script("status", "--folder", folder)
        assert (status, out) == (2, "") and f"{folder} is not a folder" in err and "Traceback" not in err


def test_a_file_that_cannot_be_printed_is_1_and_not_in_stdout(script: Script):
    assert script("checkpoint", "take", "here")[0] == 0
    status, out, err = script("checkpoint", "file", "here", "nosuch")
    assert (status, out) == (1, "") and "no such file" in err
    status, out, _ = script("checkpoint", "file", "here", "nosuch", "--json")
    assert (status, json.loads(out)["exists"]) == (1, False)


def test_an_argument_that_is_not_utf8_is_called_that(script: Script):
    status, _, err = script("remember", os.fsdecode(b"caf\xe9"))
    assert status == 2 and "is not valid UTF-8" in err, err


def test_a_limit_is_3(script: Script):
    script.model_says(WRITE, {"text": "Go on?"})
    status, out, _ = script("run", "write it", "--max-steps", "1", "--json")
    assert (status, json.loads(out)["stopReason"]) == (3, "max_steps")


def test_what_nobody_could_allow_is_4_and_stands_in_the_json(script: Script):
    script.model_says(RUN, {"text": "I could not."})
    status, out, _ = script("chat", "do it", "--json")
    result = json.loads(out)
    assert not (script.root / "ran.txt").exists()
    assert [(one["what"], one["by"]) for one in result["refusals"]] == [("Run touch ran.txt", "nobody")]
    assert "nobody is here to approve it" in result["refusals"][0]["reason"]
    assert status == 4


def test_interrupted_is_130(script: Script):
    script.model_says({"text": "word " * 400, "delay": 0.1})
    with script.start("run", "go on and on", "--stream-json") as process:
        assert process.stdout
        while '"message"' not in (line := process.stdout.readline()):
            assert line, "it ended before it began"
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert json.loads(rest.splitlines()[-1])["result"]["stopReason"] == "cancelled"


def test_stream_json_is_one_event_a_line(script: Script):
    script.model_says(WRITE, {"text": "The answer."})
    status, out, _ = script("run", "write it", "--stream-json")
    lines = [json.loads(line) for line in out.splitlines()]
    kinds = [line["update"]["kind"] for line in lines if line["type"] == "update"]
    assert status == 0
    assert {"tool_call", "tool_result", "message", "state"} <= set(kinds)
    assert (lines[-1]["type"], lines[-1]["result"]["reply"]) == ("result", "The answer.")


READING = (
    ("status",), ("recall", "port"), ("memory", "list"), ("session", "list"), ("checkpoint", "list"), ("models",), ("tools",),
    ("permissions",), ("skills",), ("usage",), ("audit",), ("config", "get"), ("config", "path"), ("call", "mazu.status"), ("memory", "stats"),
    ("session", "search", "port"), ("doctor",),
)  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        ("chat", "go"),
        ("run", "go"),
        ("ask", "go"),
        ("council", "go", "--member", "anthropic:one", "--member", "anthropic:two"),
    ],
)
def test_no_key_of_an_answer_is_printed(script: Script, words: tuple[str, ...]):
    key = "sk-proj-" + "AbCdEfGhIj0123456789" * 3
    script.model_says(*[{"text": f"the key {key} end"}] * 12)
    for options in ((), ("--json",), *([("--stream-json",)] if words[0] in ("chat", "run") else [])):
        code, out, err = script(*words, *options)
        assert "[redacted: openai key]" in out and key not in out + err, (code, out, err)


def test_a_council_with_one_answer_says_that_there_is_nothing_to_compare(script: Script):
    script.model_says({"when": "two", "fault": "404"}, {"text": "Cents.", "repeat": True})
    _, out, _ = script("council", "go", "--member", "anthropic:one", "--member", "anthropic:two")
    assert "No recommendation: Only anthropic:one answered" in out and "recommends" not in out, out


def test_reading_leaves_nothing_behind_and_starts_nothing(script: Script, tmp_path: Path):
    (tmp_path / "home").mkdir(mode=0o700)
    server = f'[[mcp_servers]]\nname = "own"\ncommand = "touch"\nargs = ["{tmp_path}/started"]\n'
    (tmp_path / "home" / "config.toml").write_text(server)
    (tmp_path / "home" / "config.toml").chmod(0o600)
    before = below(tmp_path)
    for line in READING[:-1]:
        status, _, err = script(*line)
        assert status == 0, (line, err)
        assert below(tmp_path) == before, line
    status, out, _ = script("doctor")  # which tries what the others start no more
    assert (status, "missing mcp own" in out) == (1, True), out
    assert below(tmp_path) == before | {"started"}


def test_what_a_project_brings_and_nobody_can_agree_to_is_said(script: Script):
    script.model_says({"text": "Done."})
    own = script.root / ".mazu"
    own.mkdir()
    (own / "role.md").write_text("You are a pirate.")
    (own / "config.toml").write_text('[[mcp_servers]]\nname = "clock"\ncommand = "true"\n')
    _, _, err = script("run", "what time is it?")
    unsaid = "Nobody can be asked here, so for now it is not: a conversation asks about it."
    assert f"mazu-ls: Start the MCP server clock of this project? {unsaid}" in err, err
    assert f"Use it? {unsaid}" in err, err


def test_the_project_is_the_one_that_was_opened_above(script: Script, tmp_path: Path):
    deep = script.root / "src" / "deep"
    deep.mkdir(parents=True)
    assert script("remember", "The port is 8080")[0] == 0
    assert "8080" in script("recall", "port", cwd=deep)[1]
    assert str(script.root) in script("status", cwd=deep)[1]
    package = script.root / "src"
    assert script("init", "--folder", str(package))[0] == 0  # a package that is a project of its own
    assert "8080" not in script("recall", "port", cwd=deep)[1]
    assert str(package) in script("status", cwd=deep)[1]


def test_the_git_top_level_is_the_project(script: Script, tmp_path: Path):
    subprocess.run(["git", "init", "-q", str(script.root)], check=True)
    deep = script.root / "src"
    deep.mkdir()
    assert f"{script.root} (" in script("status", cwd=deep)[1]


def test_a_home_folder_and_a_folder_of_projects_are_no_project(script: Script, tmp_path: Path):
    status, _, err = script("run", "do it", cwd=tmp_path)
    assert status == 2
    assert "your home folder" in err
    several = tmp_path / "several"
    for name in ("one", "two"):
        (several / name / ".git").mkdir(parents=True)
    status, _, err = script("checkpoint", "take", cwd=several)
    assert status == 2
    assert "a folder of several projects" in err
    assert script("run", "do it", cwd=Path("/"))[0] == 2


def test_nothing_is_kept_where_it_would_never_be_found(script: Script, tmp_path: Path):
    for line in (
        ("remember", "The port is 8080"),
        ("redo",),
        ("permissions", "allow", "run_shell", "make *"),
    ):
        for place in (tmp_path, Path("/")):
            status, _, err = script(*line, cwd=place)
            assert status == 2, line
            assert "Go into a project, or name one with --folder." in err
    status, out, _ = script("remember", "The port is 8080", "--json", cwd=tmp_path)
    assert (status, json.loads(out)["error"]["kind"]) == (2, "usage")
    assert not list((tmp_path / "state").glob("no-folder"))
    assert script("remember", "I like tabs", "--scope", "global", cwd=tmp_path)[0] == 0
    status, out, err = script("recall", "tabs", cwd=tmp_path)
    assert (status, "I like tabs" in out) == (0, True)
    assert "Only what holds everywhere is shown." in err


def test_an_early_interrupt_and_a_reader_that_left_are_no_tracebacks(script: Script, tmp_path: Path):
    for _ in range(3):  # wherever in its imports it is
        with script.start("timeline") as process:
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert "mazu_ls" not in err, err
        assert process.returncode in (130, 1, -signal.SIGINT)
    with script.start("config", "get", "--json") as process:
        assert process.stdout and process.stderr
        process.stdout.close()  # before anything can be printed
        assert "Traceback" not in process.stderr.read()
        process.wait(60)


def test_a_turn_ends_when_nobody_reads_its_events_any_more(script: Script):
    script.model_says({"text": "word " * 4000, "delay": 1})  # longer than anybody waits here
    with script.start("chat", "go on", "--stream-json") as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
        assert process.wait(60) == 1


def test_streams_that_are_closed_full_or_of_another_encoding_are_no_tracebacks(script: Script):
    shell = subprocess.run(
        ["bash", "-c", (f"{sys.executable} -m mazu_ls remember 'The café' >&- && "
         f"{sys.executable} -m mazu_ls memory list --json >/dev/full; "
         f"echo $?; PYTHONIOENCODING=ascii {sys.executable} -m mazu_ls memory list")],
        cwd=script.root, env=script.env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in shell.stderr
    assert "could not be written" in shell.stderr
    assert shell.stdout.startswith("1\n")
    assert "The caf\\xe9" in shell.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_only_what_printing_raises_is_said_to_be_of_the_output(script: Script, unbuffered: str):
    def end(failure: str, stdout: str) -> str:
        code = f"import errno, mazu_ls.__main__ as program\ndef fail(_): {failure}\nprogram._run = fail\nprogram.main()"
        with Path(stdout).open("w") as out:
            return subprocess.run(
                [sys.executable, "-c", code], cwd=script.root, env={**script.env, "PYTHONUNBUFFERED": unbuffered},
                stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            ).stderr  # fmt: skip

    for failure in (
        "TimeoutError('slow')",
        "ConnectionError('gone')",
        "OSError(errno.EMFILE, 'many')",
        "OSError(errno.ENOSPC, 'full')",
    ):
        err = end(f"print('said'); raise {failure}", os.devnull)
        assert failure.partition("(")[0] in err and "Traceback" in err and "output" not in err
    for said in ("print('said' * 10000)", "print('said', flush=True)"):
        err = end(said, "/dev/full")
        assert err == "mazu-ls: the output could not be written: No space left on device\n"


def test_a_place_that_cannot_be_written_is_named(script: Script, tmp_path: Path):
    (tmp_path / "home").write_text("a file where the folder would be")
    status, _, err = script("config", "set", "limits.max_steps", "3")
    assert status == 1
    assert "Traceback" not in err
    assert str(tmp_path / "home") in err


def test_a_setting_can_be_taken_back(script: Script, tmp_path: Path):
    assert script("config", "set", "limits.max_cost_usd", "3")[0] == 0
    status, out, _ = script("config", "unset", "limits.max_cost_usd")
    assert (status, out) == (
        0,
        f"limits.max_cost_usd: removed from {tmp_path}/home/config.toml; it has no value now\n",
    )
    assert script("config", "get", "limits.max_cost_usd")[1] == "null\n"
    status, out, _ = script("config", "unset", "limits.max_cost_usd")
    assert (status, "is not set in" in out) == (0, True)
    assert script("config", "unset", "limits.nope")[0] == 2
    (tmp_path / "home" / "config.toml").write_text("[limits]\nnope = 1  # a slip\nmax_steps = 4\n")
    assert script("config", "unset", "limits.nope")[0] == 0
    assert (tmp_path / "home" / "config.toml").read_text() == "[limits]\nmax_steps = 4\n"
    status, _, err = script(
        "config", "unset", "limits"
    )  # a model's table may hold a key: never all of them at once
    assert (status, "limits.max_steps" in err) == (2, True)


def test_settings_that_do_not_fit_are_explained(script: Script, tmp_path: Path):
    for line, said in (
        (("edits.apply", "propos"), "'propos' is none of direct, propose. Nothing was stored."),
        (("limits.max_steps", "ten"), "a whole number is expected, not a text. Nothing was stored."),
        (
            ("limits.max_stepz", "3"),
            "there is no such setting (did you mean limits.max_steps?). Nothing was stored.",
        ),
        (
            ("shell", '{"netwrk": true}'),
            "shell.netwrk: there is no such setting (did you mean shell.network?)",
        ),
        (("models.local.base_urll", "x"), "there is no such setting (did you mean models.local.base_url?)"),
        (("memry.write", "ask"), "there is no such setting (did you mean memory.write?)"),
    ):
        status, _, err = script("config", "set", *line)
        assert (status, said in err) == (2, True), err
    assert "there is no such setting (did you mean permissions.mode?)" in script("config", "get", "mode")[2]
    assert script("config", "set", "shell.readable", '["/opt"]')[0] == 0
    assert script("config", "unset", "shell.readable")[0] == 0
    assert (tmp_path / "home" / "config.toml").read_text() == ""
    rules = '[[permissions.rules]]\ntool = "run_shel"\nverdict = "deny"\n'
    (tmp_path / "home" / "config.toml").write_text(rules)
    assert "there is no tool run_shel (did you mean run_shell?)" in script("status")[1]
    (tmp_path / "home" / "tools").mkdir()
    (tmp_path / "home" / "config.toml").write_text(rules + rules.replace("run_shel", "deploy"))
    said = script("status")[1]
    assert (
        "mazu-ls has no tool run_shel (did you mean run_shell?). Unless a tool or skill of your own" in said
    )
    assert "deploy" not in said, "it may be a custom tool"


def test_what_a_person_reads_names_what_can_be_typed(script: Script):
    _, _, err = script("rollback")
    assert "`mazu-ls checkpoint take`" in err
    assert "is not JSON" in script("permissions", "set", "run_shell")[2]
    assert "app.py has only 2 lines" in script("ask", "why?", "--attach", "app.py:5-9")[2]
    assert script("remember", "x", "--category", "foo")[0] == 2
    status, _, err = script("permissions", "allow", "run_shell", "sudo *")
    assert (status, "is denied all the same" in err) == (0, True)
    assert "read_file" in script("tools", "list")[1]
    (script.root / "skill.py").write_text(
        'def add(a: int, b: int) -> int:\n    """Add."""\n    return a + b\n'
    )
    assert script("skills", "save", "skill.py")[1].startswith("saved: add (project")
    assert script("skills", "run", "add", '{"a": 1, "b": 2}')[1] == "3\n"
    assert "`mazu-ls skills show`" in script("skills", "run", "add", "{}")[2]
    assert script("skills", "forget", "add")[1].startswith("forgotten: add")


def test_a_label_is_a_target(script: Script):
    app = script.root / "app.py"
    assert script("checkpoint", "take", "before refactoring")[0] == 0
    before = app.read_text()
    app.write_text("other\n")
    assert script("checkpoint", "take", "after")[0] == 0
    app.write_text("third\n")
    assert "app.py" in script("checkpoint", "diff", "after")[1]
    assert script("checkpoint", "take", "after")[0] == 0
    status, _, err = script("rollback", "after")
    assert (status, "2 checkpoints are called 'after'" in err) == (1, True)
    assert script("rollback", "before refactoring", "--on-conflict", "overwrite")[0] == 0
    assert app.read_text() == before


def test_own_work_beside_a_redo_and_a_rollback_stays_and_the_sentence_says_what_decides(script: Script):
    app = script.root / "app.py"
    assert script("checkpoint", "take", "before")[0] == 0
    script.model_says(WRITE, {"text": "Done."})
    assert script("run", "write it")[0] == 0
    assert script("undo")[0] == 0
    app.write_text("mine\n")
    status, out, _ = script("redo")
    assert (status, "--on-conflict" in out) == (0, False), out  # a redo has no such option
    # Its undo did not touch app.py, so that a redo has nothing to do with it.
    assert "app.py" not in out and app.read_text() == "mine\n" and (script.root / "new.txt").exists()
    status, out, _ = script("rollback", "before", "--on-conflict", "leave")
    assert status == 4 and "Nothing was changed" in out and "with leave they stay" in out, out
    assert "in advance" not in out and (script.root / "new.txt").exists()
    status, out, _ = script("rollback", "before")
    assert (
        status == 4 and "What only you changed stays; --on-conflict overwrite restores that, too." in out
    ), out
    assert app.read_text() == "mine\n" and not (script.root / "new.txt").exists()


def test_an_ask_rule_is_named_where_nobody_answers(script: Script, tmp_path: Path):
    (tmp_path / "home").mkdir()
    rules = '[[permissions.rules]]\ntool = "write_file"\npattern = "*.txt"\nverdict = "ask"\n'
    (tmp_path / "home" / "config.toml").write_text(rules)
    script.model_says(WRITE, {"text": "No."})
    status, _, err = script("run", "write it")
    assert status == 4
    assert "change that rule in config.toml" in err
    assert "ask write_file *.txt" in err


def _a_pattern_is_never_empty_and_revokes_what_it_names(script: Script) -> None:
    for rule in ("allow", "deny"):
        status, _, err = script("permissions", rule, "run_shell", " ")
        assert (status, "`rule.pattern`: must not be empty" in err) == (2, True)
        assert script("permissions", rule, "run_shell", "git push*")[0] == 0
    assert "git push* *" in script("permissions")[1]
    status, _, err = script("permissions", "revoke", "git push*")
    assert (status, "name one: allow run_shell git push* *; deny run_shell git push*" in err) == (2, True)
    status, left, err = script("permissions", "revoke", "deny run_shell git push*")
    assert (status, "deny" in left, "git push* *" in left) == (0, False, True), err
    status, left, err = script("permissions", "revoke", "git push*")
    assert (status, "git push" in left, "allow run_shell git push* *: removed" in err) == (0, False, True)


def test_what_is_set_is_stored_where_it_says(script: Script, tmp_path: Path):
    script.model_says({"text": "Yes."})
    settings = tmp_path / "home" / "config.toml"
    settings.parent.mkdir()
    settings.write_text("# mine\n[limits]\nmax_steps = 7  # few\n")
    status, out, _ = script("models", "set", "claude-opus-5")
    assert status == 0
    assert str(settings) in out
    assert [row.split()[1] for row in script("models")[1].splitlines() if row.startswith("*")] == [
        "anthropic:claude-opus-5"
    ]
    reply = json.loads(script("chat", "hello", "--json")[1])
    assert reply["reply"] == "Yes."
    assert "claude-opus-5" in script("usage")[1]
    assert script("permissions", "mode", "plan")[0] == 0
    assert "mode plan" in script("permissions")[1]
    assert script("permissions", "deny", "run_shell", "curl *")[0] == 0
    assert script("permissions", "allow", "run_shell", "pytest *")[0] == 0
    rules = json.loads(script("permissions", "--json")[1])["rules"]
    assert ("run_shell", "curl *", "deny") in [
        (rule["tool"], rule["pattern"], rule["verdict"]) for rule in rules
    ]
    assert any("pytest" in rule["pattern"] and rule["verdict"] == "allow" for rule in rules)
    assert "curl" not in script("permissions", "revoke", "curl *")[1]
    assert script("permissions", "revoke", "curl *")[0] == 1
    _a_pattern_is_never_empty_and_revokes_what_it_names(script)
    assert script("permissions", "mode", "bypass")[0] == 2
    assert script("chat", "hello", "--mode", "bypass")[0] == 2
    assert script("run", "hello", "--mode", "bypass")[0] == 2
    text = settings.read_text()
    assert text.startswith("# mine\n")
    assert "max_steps = 7  # few" in text
    assert settings.stat().st_mode & 0o077 == 0
    assert script("config", "get", "limits.max_steps")[1] == "7\n"


def test_a_dry_run_only_proposes(script: Script):
    script.model_says(
        {"calls": [{"name": "edit_file", "arguments": {"path": "app.py", "old": "a - b", "new": "a + b"}}]}, RUN, {"text": "Proposed."}
    )  # fmt: skip
    status, _, err = script("run", "change it", "--dry-run", "--allow-shell")
    assert (status, err.count("not run:")) == (0, 1)
    assert "this is a dry run, in which nothing is run" in err and "a rule denies" not in err, err
    assert "? Edit app.py  +1 -1 proposed" in err, err
    assert "a - b" in (script.root / "app.py").read_text()
    assert not (script.root / "ran.txt").exists()
    assert "+    return a + b" in script("proposals")[1]
    assert script("undo")[0] == 0
    assert "nothing is proposed" in script("proposals")[1]
    assert script("redo")[0] == 0
    assert "+    return a + b" in script("proposals")[1]


def test_a_dry_run_runs_no_tool_that_a_rule_allows(script: Script):
    tools = script.root.parent / "home" / "tools"
    tools.mkdir(parents=True)
    (tools / "mark.py").write_text(
        'def mark() -> str:\n    """Mark it."""\n    open("ran.txt", "w").close()\n    return "marked"\n'
    )
    assert script("permissions", "allow", "mark", "*")[0] == 0
    call = {"calls": [{"name": "mark", "arguments": {}}]}
    script.model_says(call, {"text": "Not."}, call, {"text": "Marked."})
    assert script("chat", "mark it", "--dry-run")[1] == "Not.\n"
    assert script("proposals", "reject")[:2] == (0, "nothing is proposed\n")
    assert not (script.root / "ran.txt").exists()
    assert script("chat", "mark it")[1] == "Marked.\n"
    assert (script.root / "ran.txt").exists()


def test_a_timeline_and_a_comparison(script: Script):
    read = {"calls": [{"name": "read_file", "arguments": {"path": "app.py"}}]}
    script.model_says(read, WRITE, {"text": "The answer."})
    assert script("run", "write it")[0] == 0
    _, out, _ = script("timeline")
    assert json.loads(script("timeline", "--json")[1])["steps"][0]["turnId"] in out, "as undo --turn takes it"
    assert "Read app.py  2 lines" in out and "return a - b" not in out, out
    assert [
        word for word in ("> write it", "Write new.txt", "checkpoint", "The answer.", "$") if word not in out
    ] == []
    checkpoints = json.loads(script("checkpoint", "list", "--json")[1])["checkpoints"]
    assert " pinned " in script("checkpoint", "pin", checkpoints[0]["id"])[1]
    assert script("checkpoint", "list")[1].count(" pinned ") == 1
    assert " pinned " not in script("checkpoint", "unpin", checkpoints[0]["id"])[1]
    assert "new.txt" in script("compare", checkpoints[-1]["id"], checkpoints[0]["id"])[1]


def test_bare_mazu_ls_on_a_pipe_is_the_server(script: Script):
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {"processId": None, "rootUri": None, "capabilities": {}},
        }
    )
    with script.start() as process:
        assert process.stdin and process.stdout
        process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n{body}")
        process.stdin.flush()
        assert process.stdout.readline().startswith("Content-")
        process.stdin.close()
        process.wait(120)


def test_what_was_changed_in_the_same_line_stays_and_the_sentence_says_how_to_decide(script: Script):
    path = script.root / "list.txt"
    path.write_text("".join(f"{n}\n" for n in range(1, 10)))
    changes = [{"old": "3\n", "new": "three\n"}, {"old": "9\n", "new": "nine\n"}]
    edit = {"name": "edit_file", "arguments": {"path": "list.txt", "edits": changes}}
    read = {"name": "read_file", "arguments": {"path": "list.txt"}}
    script.model_says({"calls": [read]}, {"calls": [edit]}, {"text": "Done."})
    assert script("run", "change two lines")[0] == 0
    path.write_text(path.read_text().replace("three", "drei").replace("1\n", "eins\n"))
    mine = path.read_text()
    status, preview, _ = script("undo", "--preview")
    assert "conflict: list.txt" in preview and "You would be asked" not in preview
    status, out, _ = script("undo")
    assert (status, path.read_text()) == (4, mine), out
    assert "mazu-ls redo, then mazu-ls undo with --on-conflict keep or overwrite" in out
    assert script("redo")[0] == 0
    status, out, _ = script("undo", "--on-conflict", "keep")
    assert (status, path.read_text()) == (0, "eins\n2\ndrei\n4\n5\n6\n7\n8\n9\n")
    assert "write: list.txt" in out
    assert "keep: list.txt (your text stays in the lines that both you and the agent changed)" in out


@pytest.mark.parametrize(
    ("command", "given", "named"),
    [
        ("mazu.permissions.check", '{"tool": "run_shell", "input": {}}', "input"),
        ("mazu.permissions.revoke", "{}", "id"),
        ("mazu.permissions.revoke", '{"id": 5}', "id"),
        ("mazu.rollback", '{"id": 5}', "id"),
    ],
)
def test_a_field_that_is_missing_or_wrong_is_a_sentence(script: Script, command: str, given: str, named: str):
    status, out, err = script("call", command, given)
    assert status != 0 and named in out + err, out + err
    assert "Traceback" not in err, err


@pytest.mark.parametrize("more", [[], ["and one more"]])
def test_one_line_of_mine_in_a_block_keeps_no_other_lines_of_the_agents_unsaid(
    script: Script, more: list[str]
):
    path = script.root / "list.txt"
    before = [f"line {n}" for n in range(1, 13)]
    path.write_text("\n".join([*before, ""]))
    block = "\n".join(before[4:9])
    after = [line.upper() for line in before[4:9]] + more
    read = {"name": "read_file", "arguments": {"path": "list.txt"}}
    edit = {"name": "edit_file", "arguments": {"path": "list.txt", "old": block, "new": "\n".join(after)}}
    script.model_says({"calls": [read]}, {"calls": [edit]}, {"text": "Done."})
    assert script("run", "shout")[0] == 0
    path.write_text(path.read_text().replace("LINE 7", "mine"))
    typed = path.read_text().splitlines()
    status, out, _ = script("undo", "--on-conflict", "keep")
    if more:
        assert (status, path.read_text().splitlines()) == (0, typed)
        assert "such a block stays as it is, with the agent's other lines in it" in out
    else:
        assert (status, path.read_text().splitlines()) == (0, [*before[:6], "mine", *before[7:]])
        assert "keep: list.txt (your text stays in the lines that both you and the agent changed)" in out


def test_undo_where_nobody_can_be_asked_takes_the_agents_changes_only_and_leaves_no_folder_behind(
    script: Script,
):
    path = script.root / "list.txt"
    path.write_text("".join(f"{n}\n" for n in range(1, 10)))
    edit = {
        "name": "edit_file",
        "arguments": {"path": "list.txt", "edits": [{"old": "3\n", "new": "three\n"}]},
    }
    read = {"name": "read_file", "arguments": {"path": "list.txt"}}
    script.model_says({"calls": [read]}, {"calls": [edit]}, {"text": "Done."})
    assert script("run", "change the third line")[0] == 0
    assert "three\n" in path.read_text()
    path.write_text(path.read_text().replace("8\n", "eight\n"))
    status, out, _ = script("undo", "--on-conflict", "ask")
    assert (status, "conflict: list.txt" in out) == (4, True)
    status, preview, _ = script("undo", "--preview")
    status, out, _ = script("undo")
    assert status == 0, out
    assert "write: list.txt" in preview and preview.splitlines()[:-1] == out.splitlines()[:-1]
    assert path.read_text() == "1\n2\n3\n4\n5\n6\n7\neight\n9\n"
    assert not list(script.root.glob(".mazu-staging*"))


def test_a_message_that_is_refused_leaves_no_conversation(script: Script):
    script.model_says({"text": "The answer."})
    assert script("chat", "hi")[0] == 0
    for refused in (("chat", "see", "--attach", "../no.py"), ("run", "do", "--model", "nosuch:one")):
        status, out, err = script(*refused)
        assert (status, out) == (1, "") and err
    listed = json.loads(script("session", "list", "--json")[1])["sessions"]
    assert [one["name"] for one in listed] == ["hi"]


def test_a_web_page_in_place_of_a_model_is_one_sentence(script: Script):
    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(
                b"<html><head><title>404 Not Found</title></head><body><h1>nginx</h1></body></html>"
            )

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script.env |= {
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}",
            "ANTHROPIC_API_KEY": "test-key",
        }
        status, out, err = script("chat", "Hi")
        server.shutdown()
    assert status == 1
    assert 'it answered with a web page, "404 Not Found" (status 404). Correct base_url' in out + err
    assert "nginx" not in out + err and "Traceback" not in out + err
