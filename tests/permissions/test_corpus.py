"""A labelled corpus: the gate is never laxer than the label, and the benign stays allowed.

The reference is mode auto, root and working directory /proj, home /home/u, no rules.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mazu_ls.policy import PolicyContext, Rule, ToolCallInfo, step_budget
from mazu_ls.policy.bash.scan import DenyScan
from mazu_ls.policy.bash.shell import analyse
from mazu_ls.policy.decide import decide
from mazu_ls.tools.base import Effect
from tests.permissions.disk_project import make_project

pytestmark = pytest.mark.portable
STRICTNESS = {"allow": 0, "ask": 1, "deny": 2}


HERE = Path(__file__).parent
COMMANDS = [json.loads(line) for line in (HERE / "commands.jsonl").read_text(encoding="utf-8").splitlines()]
PATHS = [json.loads(line) for line in (HERE / "paths.jsonl").read_text(encoding="utf-8").splitlines()]
PLACE = PolicyContext([Path("/proj")], Path("/proj"), Path("/home/u"))


def verdict(command: str) -> str:
    return decide(ToolCallInfo("run_shell", Effect.EXECUTE, {"command": command}), "auto", [], PLACE).verdict


def test_no_command_is_judged_laxer_than_its_label() -> None:
    judged = [(row, verdict(row["cmd"])) for row in COMMANDS]
    assert [
        (row["cmd"], row["expect"], got) for row, got in judged if STRICTNESS[got] < STRICTNESS[row["expect"]]
    ] == []


def test_what_is_harmless_is_allowed_and_what_may_be_meant_is_asked_not_denied() -> None:
    judged = [(row, verdict(row["cmd"])) for row in COMMANDS]
    assert [(row["cmd"], got) for row, got in judged if STRICTNESS[got] > STRICTNESS[row["expect"]]] == []


def test_what_is_on_the_disk_counts(tmp_path: Path) -> None:
    """Links, secrets, repositories and chosen toolchains of `disk_project`: each row of on_disk.jsonl has its label."""
    place, wrong = make_project(tmp_path), []
    for line in (HERE / "on_disk.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        call = ToolCallInfo("run_shell", Effect.EXECUTE, {"command": row["cmd"]})
        if (got := decide(call, "auto", [], place).verdict) != row["expect"]:
            wrong.append((row["cmd"], row["expect"], got))
    assert wrong == []


@pytest.mark.parametrize(("mode", "every"), [("ask", 10), ("plan", 10), ("bypass", 1)])
def test_a_hard_deny_holds_in_every_mode(mode, every) -> None:
    for row in COMMANDS[::every]:
        if row["expect"] == "deny":
            assert (
                decide(
                    ToolCallInfo("run_shell", Effect.EXECUTE, {"command": row["cmd"]}), mode, [], PLACE
                ).verdict
                == "deny"
            )


def test_bypass_asks_about_what_it_cannot_judge_and_about_nothing_else() -> None:
    """Hard denies hold for what bash evaluates while it runs; what nobody can know is asked about, the rest is free."""
    judged = []
    for line in (HERE / "bypass.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        call = ToolCallInfo("run_shell", Effect.EXECUTE, {"command": row["cmd"]})
        judged.append((row["cmd"], row["expect"], decide(call, "bypass", [], PLACE).verdict))
    assert [row for row in judged if row[1] != row[2]] == []


def test_a_deny_rule_holds_for_what_bash_evaluates_while_it_runs() -> None:
    rules = [Rule.parse("run_shell", "npm publish", "deny")]
    for line in (
        "a='x[$(npm publish)]'; echo $((a))",
        "a='$(npm publish)'; echo ${a@P}",
        "exec <<< 'npm publish'; . /dev/stdin",
        "getopts a: o -a 'npm publish'; $OPTARG",
        "choom -n 0 npm publish",
        "a[1]='npm publish'; ${a[1]}",
        "set -- q 'npm publish'; shift; $1",
        "f() { local c=$1; $c; }; f 'npm publish'",
        "c='npm publish'; n=c; ${!n}",
        "head -1 <<< 'npm publish' > s; sh s",
        "bash -c '$@' q ls; bash -c '$@' q npm publish",
    ):
        call = ToolCallInfo("run_shell", Effect.EXECUTE, {"command": line})
        assert decide(call, "bypass", rules, PLACE).verdict == "deny", line


def test_an_allow_rule_or_a_grant_of_the_line_answers_what_bypass_would_ask() -> None:
    line = 'ls | while read f; do rm "$f"; done'
    call = ToolCallInfo("run_shell", Effect.EXECUTE, {"command": line})
    granted = Rule("run_shell", (line,), "allow", origin="session", exact=(line, PLACE.cwd))
    assert decide(call, "bypass", [granted], PLACE).verdict == "allow"
    assert decide(call, "bypass", [Rule.parse("run_shell", "*", "allow")], PLACE).verdict == "allow"


def test_length_and_nesting_do_not_weaken_a_deny() -> None:
    for line in (
        "true; " * 5000 + "sudo ls",
        "ls " + "a" * 100_000 + "; sudo ls",
        "echo " + "$(echo " * 300 + "$(sudo ls)" + ")" * 300,
        "(" * 300 + "sudo ls" + ")" * 300,
        "echo " + "{a,b}" * 40 + "; sudo ls",
        "x=a; " * 500 + "sudo $x",
    ):
        assert verdict(line) == "deny"


INVOLVED = (
    "eval " * 400 + "ls",
    "x=" + "a" * 4000 + ";" + "echo ${x//a*a*b}" * 800,
    "find . -exec " * 300 + "ls",
    "parallel " * 700 + "ls",
    "strace " + "--x " * 3000 + "ls",
    "alias " + "a=b " * 4000,
    "echo ls > a; " + "cp a a; " * 24 + "bash a",
    "echo ls > b; " + "cp b a; cp a b; " * 18 + "bash b",
    "a=(x); " + 'a+=("${a[@]}"); ' * 24 + 'echo "${a[@]}"',
    "{ bash; } <<< 'ls a'; " * 1000,
    "[ '" + "$( " * 49_000 + "' -eq 1 ]",
    "set -- " + "x " * 4000 + "; shift $n; $1",
    "read x <<< '" + "a " * 4000 + "'; $x",
    "a=(x); " + "a[$i]=y; " * 400 + '"${a[@]}"',
    "f() { f $(f $1); }; " + "f a; " * 100,
    "x=a; " + "echo ${y:-$x}; x=b$x; " * 100,
    ". a; " * 2000,
    "find . " + "-exec sh -c ls \\; " * 3000,
)


@pytest.mark.parametrize("line", INVOLVED, ids=lambda line: line[:12].strip())
def test_no_line_keeps_the_gate_busy(line: str, monkeypatch) -> None:
    """Counted in function calls, which are the same on every machine; each of these lines took tens of millions."""
    monkeypatch.setattr(step_budget, "MAX_SECONDS", 1000)
    left = 10_000_000

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            sys.setprofile(None)
            pytest.fail("the line is judged for too long")

    sys.setprofile(count)
    try:
        verdict(line)
    finally:
        sys.setprofile(None)


def test_what_costs_more_than_its_steps_say_ends_by_the_clock(monkeypatch) -> None:
    monkeypatch.setattr(step_budget, "MAX_SECONDS", 0)
    assert verdict("ls") == "allow"
    assert verdict("ls; " * 200) == "deny"


def test_an_involved_line_is_denied_in_every_mode_and_says_so() -> None:
    call = ToolCallInfo("run_shell", Effect.EXECUTE, {"command": "eval " * 400 + "ls"})
    for mode in ("ask", "auto", "plan", "bypass"):
        found = decide(call, mode, [], PLACE)
        assert (found.verdict, found.reason) == ("deny", "it is too involved to be judged")


@pytest.mark.parametrize("row", PATHS, ids=lambda row: f"{row['class']}-{row['op']}-{row['path'][:20]!a}")
def test_paths(row: dict, tmp_path: Path) -> None:
    root = tmp_path / "proj"
    (root / "src").mkdir(parents=True)
    for name in ("a.py", "src/b.py", "src/x.py"):
        (root / name).write_text("x", encoding="utf-8")
    (tmp_path / "outside.txt").write_text("mine", encoding="utf-8")
    if row["setup"] == "ROOTLINK":
        (tmp_path / "link").symlink_to(root)
        root = tmp_path / "link"
    elif row["setup"]:
        setup = row["setup"].replace("/tmp/outside.txt", str(tmp_path / "outside.txt"))
        if subprocess.run(setup, shell=True, cwd=root, check=False, capture_output=True).returncode:
            pytest.skip(f"{setup} is not possible here")
    path = row["path"].replace("/proj", str(root), 1) if row["path"].startswith("/proj") else row["path"]
    tool, effect = ("read_file", Effect.READ) if row["op"] == "read" else ("write_file", Effect.EDIT)
    got = decide(
        ToolCallInfo(tool, effect, {"path": path}), "auto", [], PolicyContext([root], root, Path("/home/u"))
    )
    assert got.verdict == row["expect"], got.reason


@settings(max_examples=400, deadline=None)
@given(st.text("abf/.~ \n\t'\"\\$`(){}[]<>|&;!#=*?+-:%@^,01", max_size=60))
def test_any_text_gets_a_verdict(text: str) -> None:
    line = analyse(ToolCallInfo("run_shell", Effect.EXECUTE, {"command": text}), PLACE)
    assert line.denied is None or line.denied.reason != "it could not be judged"


TEXTS = (
    "echo \"$(sort <<Q\nit's\nQ\n)\"; touch ran; echo 'x'",
    "echo \"$(tr a b <<-'Q'\n\tit's\n\tQ\n)\"; touch ran",
    'echo "$(cat <<\'EOF\'\nEOF)"; touch ran; echo "\nEOF\n)"',
    "echo $(cat <<'E'\n(\nE ); touch ran; \nE\n)",
    "echo $(cat <<'E'\n\"\nE ; touch ran )\nE\n)",
    "echo \"a$(cat <<'E'\n`\nE)\nE) (\"\ntouch ran\n\nE\n",
    "echo $(cat <<'E'\n)\ntouch ran\nE\n)",
    "echo \"$(cat <<'E'\nit's (\nE\n)\"; touch ran",
    "cat <<E\n$(cat <<'E'\nE\ntouch ran\nE\n)\nE\n",
)


@pytest.mark.parametrize("line", TEXTS)
def test_what_bash_runs_behind_a_text_is_seen(line: str, tmp_path: Path) -> None:
    """Each line is run in bash: a command behind a here document, wherever that ends for bash, is among those judged."""
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", line], cwd=tmp_path, check=False, capture_output=True
    )
    seen = DenyScan(PLACE).run(line).argvs
    assert not (tmp_path / "ran").exists() or ["touch", "ran"] in seen
