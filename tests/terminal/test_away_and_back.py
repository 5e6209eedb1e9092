"""The agent's changes that were away for a while (a stash, another branch, a rebase, by hand) are its own when they are there again."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # fixtures
LINES = [f"line {n}\n" for n in range(1, 30)]
AGENTS = [*LINES[:2], "AGENT 3\n", *LINES[3:], "AGENT at the end\n"]


def edits(path: str, *pairs: tuple[str, str]) -> dict[str, object]:
    return {
        "name": "edit_file",
        "arguments": {"path": path, "edits": [{"old": old, "new": new} for old, new in pairs]},
    }


def git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


class Away:
    """A project with `a.txt`, which the agent changes in its first turn and not in its second."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.root = script.root
        self.file = self.root / "a.txt"
        self.file.write_text("".join(LINES))
        git(self.root, "init", "-q", "-b", "main")
        git(self.root, "add", "a.txt")
        git(self.root, "commit", "-qm", "first")

    def edit(self) -> None:
        change = edits("a.txt", ("line 3\n", "AGENT 3\n"), ("line 29\n", "line 29\nAGENT at the end\n"))
        self.first = self.turn(change)
        assert self.file.read_text() == "".join(AGENTS)

    def turn(self, *calls: dict[str, object]) -> dict[str, str]:
        """One turn of a new conversation; returns what `run --json` prints."""
        self.script.model_says(*({"calls": [call]} for call in calls), {"text": "Done."})
        status, out, err = self.script("run", "do it", "--json")
        assert status == 0, out + err
        return json.loads(out)

    def other_turn(self, name: str = "b.txt") -> None:
        self.turn({"name": "write_file", "arguments": {"path": name, "content": "other\n"}})

    def undo_first(self) -> tuple[int, str]:
        """Undo the turn of `edit`."""
        turn = "--session", self.first["sessionId"], "--turn", self.first["turnId"]
        status, out, err = self.script("undo", *turn)
        return status, out + err

    def roll_back(self) -> tuple[int, str]:
        """Roll back to before the turn of `edit`, whoever changed what since."""
        status, out, err = self.script("checkpoint", "list", "--json")
        assert status == 0, err
        first = min(it["id"] for it in json.loads(out)["checkpoints"] if it["kind"] == "baseline")
        status, out, err = self.script("rollback", first, "--path", "a.txt")
        return status, out + err


def stash(away: Away) -> None:
    git(away.root, "stash", "-q")
    away.other_turn()
    git(away.root, "stash", "pop", "-q")


def branch(away: Away) -> None:
    git(away.root, "checkout", "-qb", "feature")
    git(away.root, "commit", "-qam", "the agent's")
    git(away.root, "checkout", "-q", "main")
    away.other_turn()
    git(away.root, "checkout", "-q", "feature")


def by_hand(away: Away) -> None:
    text = away.file.read_text()
    away.file.write_text("".join(LINES))
    away.other_turn()
    away.file.write_text(text)


def deleted(away: Away) -> None:
    text = away.file.read_text()
    away.file.unlink()
    away.other_turn()
    away.file.write_text(text)


def twice(away: Away) -> None:
    stash(away)
    away.other_turn("c.txt")
    branch(away)


@pytest.mark.parametrize("leave", [stash, branch, by_hand, deleted, twice])
def test_what_was_away_is_undone_as_the_agents(script: Script, leave: Callable[[Away], None]):
    away = Away(script)
    away.edit()
    leave(away)
    assert away.file.read_text() == "".join(AGENTS)
    status, said = away.undo_first()
    assert (status, away.file.read_text()) == (0, "".join(LINES)), said


def test_what_was_away_is_rolled_back_as_the_agents(script: Script):
    away = Away(script)
    away.edit()
    stash(away)
    assert away.file.read_text() == "".join(AGENTS)
    status, said = away.roll_back()
    assert (status, away.file.read_text()) == (0, "".join(LINES)), said


def test_after_a_rebase_another_conversations_lines_stay(script: Script):
    away = Away(script)
    away.edit()
    git(away.root, "checkout", "-qb", "feature")
    git(away.root, "commit", "-qam", "the agent's")
    git(away.root, "checkout", "-q", "main")
    away.turn(edits("a.txt", ("line 15\n", "OTHER 15\n")))
    git(away.root, "commit", "-qam", "another conversation's")
    git(away.root, "checkout", "-q", "feature")
    git(away.root, "rebase", "-q", "main")
    status, said = away.undo_first()
    others = "".join([*LINES[:14], "OTHER 15\n", *LINES[15:]])
    assert (status, away.file.read_text()) == (0, others), said


def test_after_a_rebase_the_agents_lines_are_separated_from_the_other_branchs(script: Script):
    away = Away(script)
    away.edit()
    git(away.root, "checkout", "-qb", "feature")
    git(away.root, "commit", "-qam", "the agent's")
    git(away.root, "checkout", "-q", "main")
    mine = [*LINES[:12], "mine 1\n", "mine 2\n", "mine 3\n", *LINES[12:]]
    away.file.write_text("".join(mine))
    git(away.root, "commit", "-qam", "mine")
    away.other_turn()
    git(away.root, "checkout", "-q", "feature")
    git(away.root, "rebase", "-q", "main")
    away.turn(edits("a.txt", ("line 20\n", "AGENT 20\n")))
    status, said = away.roll_back()
    assert (status, away.file.read_text()) == (0, "".join(mine)), said


def test_what_the_user_wrote_after_removing_it_is_the_users(script: Script):
    away = Away(script)
    away.edit()
    away.file.write_text("".join(LINES))
    away.other_turn()
    mine = "".join([*LINES[:20], "mine\n", *LINES[20:]])
    away.file.write_text(mine)
    _, said = away.undo_first()
    assert (away.file.read_text(), "only you changed it" in said) == (mine, True), said
