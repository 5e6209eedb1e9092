"""Going back without naming a checkpoint, and what an earlier conversation cost."""

import re
import subprocess
import sys

from tests.terminal.terminal import CTRL_D
from tests.terminal.test_chat_screen import EDIT, Chat, chat
from tests.terminal.test_scripts import WRITE, Script, script

__all__ = ["chat", "script"]  # fixtures


def test_without_an_id_a_rollback_goes_to_before_the_last_change(script: Script):
    script.model_says(WRITE, {"text": "Written."})
    new = script.root / "new.txt"
    assert script("checkpoint", "take", "before refactoring")[0] == 0
    assert script("run", "write it")[0] == 0
    assert script("undo")[0] == 0
    assert not new.exists()
    called = "before undoing: write it"  # in the list, and as a name
    assert called in script("checkpoint", "list")[1]
    assert script("checkpoint", "file", called, "new.txt")[:2] == (0, "new\n")
    status, _, err = script("rollback")  # never to what the undo replaced
    assert (status, "Nothing differs from the checkpoints" in err, new.exists()) == (1, True, False), err
    assert script("redo")[0] == 0
    assert new.exists()
    status, out, _ = script("rollback", "--preview")
    assert (status, out.startswith("To cp_"), "delete: new.txt" in out) == (0, True, True), out
    assert script("rollback")[0] == 0
    assert not new.exists()
    (script.root / "app.py").write_text("mine\n")
    assert script("checkpoint", "take", "of mine")[0] == 0
    new.write_text("other\n")
    named = '{"paths": ["app.py"], "preview": true}'
    status, out, err = script("call", "rollback", named)
    assert (status, "app.py" in out, "of mine" in out) == (0, True, False), (
        out + err
    )  # new.txt does not count


def test_a_binary_file_of_a_checkpoint_goes_to_a_file(script: Script):
    data = bytes(range(256)) * 300
    (script.root / "image.png").write_bytes(data)
    assert script("checkpoint", "take", "with it")[0] == 0
    (script.root / "image.png").unlink()
    command = [sys.executable, "-m", "mazu_ls", "checkpoint", "file", "with it", "image.png"]
    done = subprocess.run(command, cwd=script.root, env=script.env, capture_output=True, check=False)
    assert (done.returncode, done.stdout == data, done.stderr) == (0, True, b"")


def test_small_answers_in_a_shell(script: Script):
    script.model_says({"text": "Hello.", "repeat": True})
    assert script("checkpoint", "take", "now")[0] == 0
    assert script("checkpoint", "diff")[0] == 0  # of the newest
    assert script("trait", "list")[0] == script("wiki", "list")[0] == 0
    assert "app.py: say which lines, app.py:FROM-TO" in script("edit", "app.py", "x")[2]
    assert script("chat", "hi")[0] == 0
    status, out, _ = script("session", "rename", "My talk")
    assert (status, out.startswith("renamed "), out.count("\n")) == (0, True, 1), out


def test_a_limit_says_how_to_go_on(script: Script):
    script.model_says({"calls": [{"name": "read_file", "arguments": {"path": "app.py"}}], "repeat": True})
    status, _, err = script("run", "read it", "--max-steps", "1")
    assert (status, "limits.max_steps" in err, "--continue" in err) == (3, True, True), err


async def test_a_conversation_offers_points_and_knows_what_it_cost(chat: Chat):
    first = await chat({"calls": [EDIT]}, {"text": "Done."})
    await first.says("fix it")
    await first.sees("Edit app.py", "Allow once")
    await first.answers("y")
    await first.sees("1 file changed")
    await first.rests()
    first.types(CTRL_D)
    assert await first.ends() == 0
    terminal = await chat({"text": "Again."}, arguments=("--continue",), sees="fix it")
    await terminal.until(lambda: "$" in terminal.screen.display[-1] or terminal.shows("· $"), "no cost")
    await terminal.says("/rewind x")
    await terminal.sees("'x' is not a number of turns")
    await terminal.says("/rollback")
    await terminal.sees("Roll back everything to…", "before: fix it")
    await terminal.answers("n")
    await terminal.sees("Nothing was rolled back.")
    assert "a + b" in (terminal.root / "app.py").read_text()


def test_a_rewrite_is_shown_and_is_undone_and_redone_where_it_came_last(script: Script):
    app, new = script.root / "app.py", script.root / "new.txt"
    before = app.read_text()
    script.model_says(WRITE, {"text": "Written."}, {"text": "```python\nrewritten = 1\n```"})
    assert script("run", "write it")[0] == 0
    status, out, err = script("edit", "app.py:1", "another line")
    assert (status, "+rewritten = 1" in out, f"-{before.splitlines()[0]}" in out) == (0, True, True), (
        out + err
    )
    rewritten = app.read_text()
    assert script("undo")[0] == 0
    assert (app.read_text(), new.exists()) == (before, True)
    assert script("redo")[0] == 0
    assert app.read_text() == rewritten
    assert script("undo")[0] == 0
    assert script("undo")[0] == 0  # then the turn before it
    assert (app.read_text(), new.exists()) == (before, False)
    status, _, err = script("undo")
    assert (status, "no turn to undo" in err) == (1, True), err


def test_an_undo_names_merges_reverts_branches_and_stashes_of_the_turn(script: Script):
    def git(line: str) -> str:
        who = ["git", "-c", "user.name=Me", "-c", "user.email=me@example.org", *line.split()]
        return subprocess.run(who, cwd=script.root, check=True, capture_output=True, text=True).stdout.strip()

    def keeps(line: str) -> str:
        script.model_says(
            {"calls": [{"name": "run_shell", "arguments": {"command": line}}]}, {"text": "Done."}
        )
        for part in line.split(" && "):
            assert script("permissions", "allow", "run_shell", part)[0] == 0
        status, out, err = script("run", "do it")
        assert (status, "\u2713" in err) == (0, True), out + err
        return "".join(one for one in script("undo", "--preview")[1].splitlines(True) if "keep:" in one)

    git("init -qb main")
    git("config user.name Me")
    git("config user.email me@example.org")
    for line in ("add .", "commit -qm one", "commit -q --allow-empty -m two"):
        git(line)
    start = git("rev-parse HEAD")[:8]
    said = keeps("git checkout -qb other")
    assert (
        "keep: branch other (an undo never writes to your git: the branch was main: `git switch main`)"
        in said
    )
    git("commit -q --allow-empty -m three")
    git("checkout -q main")
    said = keeps("git merge -q --no-ff --no-edit other && git checkout -q other")
    assert "\u201cmerge other\u201d" in said and said.count("keep:") == 1, said
    assert f"`git switch main`; then `git reset --soft {start}` removes it and leaves the files" in said
    git("checkout -q main")
    said = keeps("git checkout -qb feat && git commit -q --allow-empty -m left && git checkout -q main")
    assert re.search(r"keep: commit \w+ .left. .*: it is on the branch feat: `git log feat`\)", said), said
    git("checkout -q --detach")
    at = git("rev-parse HEAD")[:8]
    said = keeps("git commit -q --allow-empty -m loose && git checkout -q main")
    assert re.search(r"keep: commit \w+ .loose. ", said) and said.count("keep:") == 1, said
    assert f": HEAD was detached: `git switch --detach {at}`)" in said, said
    (script.root / "app.py").write_text("mine = 1\n")
    (script.root / ".git/info/exclude").write_text(".env\n")
    (script.root / ".env").write_text("only = here\n")
    said = keeps("git stash push -qa")
    assert "drop stash@{0}" not in said and said.count("keep:") == 1, said
    assert script("undo")[0] == 0
    assert not (script.root / ".env").exists()  # ignored, so in no checkpoint: what is said brings it back
    look, back = re.findall(r"`git ([^`]*stash@\{0\}[^`]*)`", said)
    assert ".env" in git(look)
    git(back.replace("FILE", ".env"))
    assert (script.root / ".env").read_text() == "only = here\n"


def test_an_undo_names_the_commit_that_the_turn_made_and_how_to_take_it_back(script: Script):
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=Me", "-c", "user.email=me@example.org")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=script.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    first = git("rev-parse", "HEAD")
    branch = git("branch", "--show-current")
    commit, switch = (
        "git -c user.name=A -c user.email=a@b.c commit -q --allow-empty -m 'two things'",
        "git checkout -qb topic",
    )
    for line in (commit, switch):
        assert script("permissions", "allow", "run_shell", line)[0] == 0

    def run(line: str) -> str:
        script.model_says(
            {"calls": [{"name": "run_shell", "arguments": {"command": line}}]}, {"text": "Done."}
        )
        status, out, err = script("run", "commit it")
        assert (status, git("log", "-1", "--format=%s")) == (0, "two things"), out + err
        return git("rev-parse", "HEAD")

    made = run(commit)
    for arguments in (["--preview"], []):
        status, out, err = script("undo", *arguments)
        assert (status, f"keep: commit {made[:8]} “two things”" in out) == (0, True), out + err
        assert f"`git reset --soft {first[:8]}` removes it and leaves the files" in out
    assert git("rev-parse", "HEAD") == made
    made = run(f"{switch} && {commit}")
    out = script("undo", "--preview")[1]
    assert f"keep: commit {made[:8]} “two things”" in out, "one, and a branch"
    assert f"the branch was {branch}: `git switch {branch}`" in out and "reset" not in out
