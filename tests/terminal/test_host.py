"""TerminalHost: who is asked what, on a surface that answers with prepared keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Choice, HunkOption, Question, UserReply
from mazu_ls.journal.journal import Event
from mazu_ls.terminal.chat.question_keys import Answer, Ask
from mazu_ls.terminal.host import TerminalHost
from mazu_ls.terminal.surfaces.surface import Level


class KeySurface:
    """A surface on which these keys are pressed, one for each question; none: nobody is there."""

    def __init__(self, *keys: str | None) -> None:
        self.keys = list(keys)
        self.interactive = bool(keys)
        self.asked: list[str] = []
        self.said: list[tuple[Level, str]] = []

    def show_event(self, session_id: str, event: Event) -> None: ...

    def say(self, level: Level, text: str) -> None:
        self.said.append((level, text))

    async def ask(self, asked: Ask, timeout: float | None) -> Answer:
        self.asked.append(asked.title)
        return Answer(self.keys.pop(0), "a note" if not self.keys else "")


CHOICES = (Choice("once", "Allow once", "allow_once"), Choice("no", "Deny", "deny"))


def question(command: str = "ls", *, session: str = "s_1", tool: str = "run_shell", hunks: tuple[HunkOption, ...] = ()) -> Question:  # fmt: skip
    detail = f"{command}\n\nWhy this needs approval: it is not known"
    return Question(session, "c_1", tool, f"Run {command}", detail, CHOICES, hunks=hunks)


@pytest.mark.parametrize(
    ("own", "asked", "unasked"),
    [
        (("s_1", "rm -f a"), question("rm -f a"), True), (("s_1", "rm -f a"), question("rm -f b"), False),
        (("s_1", "rm -f a"), question("rm -f a", session="s_2"), False), (("s_1", "rm -f a"), question("rm -f a", tool="run_skill"), False),
        (("s_1", "a \x1b[2J"), question("a \x1b[2J"), True), (("s_1", "a"), question("a\n\nWhy this needs approval: \nrm -rf b"), False),
        (None, question("rm -f a"), False), (("s_1", "a\nb"), question("a\nb"), True),
    ],
)  # fmt: skip
async def test_only_the_users_own_command_is_not_asked_about(
    own: tuple[str, str] | None, asked: Question, unasked: bool, tmp_path: Path
) -> None:
    surface = KeySurface("n")
    host = TerminalHost([tmp_path], surface)
    host.own_command = own
    reply = await host.ask(asked, 60)
    assert reply.choice is not None and reply.choice.kind == ("allow_once" if unasked else "deny")
    assert len(surface.asked) == (0 if unasked else 1)


async def test_a_key_is_an_answer_and_none_is_not(tmp_path: Path) -> None:
    for key, kind in (("y", "allow_once"), ("n", "deny"), (None, None), ("q", None)):
        reply = await TerminalHost([tmp_path], KeySurface(key)).ask(question(), 60)
        assert (reply.choice.kind if reply.choice else None) == kind
        assert reply.note == "a note" and not reply.unreachable


async def test_where_nobody_is_the_question_is_remembered_as_unanswered(tmp_path: Path) -> None:
    host = TerminalHost([tmp_path], KeySurface())
    assert not host.can_ask
    reply = await host.ask(question(), 60)
    assert reply.choice is None and reply.unreachable and host.unanswered == {"c_1"}
    asked = TerminalHost([tmp_path], KeySurface("n"))
    assert asked.can_ask
    await asked.ask(question(), 60)
    assert asked.unanswered == set()


async def test_what_another_conversation_asks_is_not_answered_here(tmp_path: Path) -> None:
    surface, waited = KeySurface("y", "y"), list[str]()
    host = TerminalHost([tmp_path], surface)

    async def chosen() -> None:
        waited.append("chosen")

    host.concerns, host.has_chosen = (lambda session: session == "s_1"), chosen
    assert (await host.ask(question(session="s_2"), 60)).choice is None and surface.asked == []
    assert (await host.ask(question(), 60)).choice is not None and len(waited) == 2
    assert (await host.ask(question(session=""), 60)).choice is not None and len(waited) == 2, (
        "about no session"
    )


@pytest.mark.parametrize(
    ("keys", "taken"),
    [(("h", "y", "n", "y"), ("1", "3")), (("h", "n", "n", "n"), ()), (("h", "y", None, "y"), None)],
)
async def test_hunks_are_asked_about_one_by_one(
    keys: tuple[str | None, ...], taken: tuple[str, ...] | None, tmp_path: Path
) -> None:
    surface = KeySurface(*keys)
    hunks = tuple(HunkOption(str(n), f"@@ {n}") for n in (1, 2, 3))
    reply = await TerminalHost([tmp_path], surface).ask(question(tool="edit_file", hunks=hunks), 60)
    assert reply.hunks == taken
    assert (reply.choice.kind if reply.choice else None) == ("allow_once" if taken is not None else None)
    assert surface.asked[-1] == f"Run ls: change {3 if taken is not None else 2} of 3"


async def test_files_are_read_and_edited_where_no_other_editor_holds_them(tmp_path: Path) -> None:
    path, surface = tmp_path / "a.txt", KeySurface()
    host = TerminalHost([tmp_path], surface)
    await host.edit(path, None, "one\n")
    assert await host.read(path) == "one\n"
    with pytest.raises(MazuError, match="changed on disk"):
        await host.edit(path, "other\n", "two\n")

    async def held(path: Path) -> None:
        raise MazuError(Kind.CONFLICT, "unsaved elsewhere")

    host.require_editable = held
    with pytest.raises(MazuError, match="unsaved elsewhere"):
        await host.edit(path, "one\n", "two\n")
    assert path.read_text() == "one\n"
    assert (host.lender, await host.buffers(), await host.save([path])) == (None, (), ())
    await host.say("warning", "Mazu: mind this")
    assert not await host.show(path, 4) and not await host.show(path)
    assert surface.said == [("warning", "mind this"), ("info", f"{path}:5"), ("info", str(path))]


async def test_an_answer_from_elsewhere_is_said(tmp_path: Path) -> None:
    surface = KeySurface("y")
    host = TerminalHost([tmp_path], surface)
    replies = [
        UserReply(CHOICES[0], answered_in="Vim"),
        UserReply(None, answered_in="Vim"),
        UserReply(CHOICES[1]),
    ]

    class Elsewhere:
        asks_others = True

        async def ask(self, asked: Question, here: object, timeout: float) -> UserReply:
            return replies.pop(0)

    host.questions = Elsewhere()  # pyright: ignore[reportAttributeAccessIssue]
    assert [(await host.ask(question(), 60)).choice for _ in range(3)] == [CHOICES[0], None, CHOICES[1]]
    assert surface.said == [("info", "Answered in Vim: Allow once")]
