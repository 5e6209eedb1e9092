"""Mode bypass in a terminal: it asks nothing, so the word itself has to be typed; a single key never selects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments
from mazu_ls.terminal.chat.question_keys import Ask, QuestionOption

if TYPE_CHECKING:
    import argparse

    from mazu_ls.agent.project.project import Project
    from mazu_ls.config.config import Mode
    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.surfaces.surface import Surface

WORD = "bypass"


async def confirm_bypass(surface: Surface) -> bool:
    """Return whether the user typed the word; False if nobody can be asked."""
    options = (
        QuestionOption("n", "Keep asking"),
        QuestionOption(
            "t",
            f"Type {WORD}: ask me about nothing until this conversation is closed",
            takes_note=True,
            word=WORD,
        ),
    )
    title = "In mode bypass the agent edits and runs anything without asking; only hard limits apply."
    return (await surface.ask(Ask(title, options), None)).key == "t"


async def confirmed_mode(given: argparse.Namespace, surface: Surface) -> str | None:
    """Return the mode of the command line; None for none, and if bypass was not confirmed.

    Raises InvalidArguments if nobody can be asked and `--confirm bypass` is missing.
    """
    mode: str | None = getattr(given, "mode", None)
    if mode != WORD or getattr(given, "confirm", None) == WORD:
        return mode
    if not surface.interactive:
        raise InvalidArguments("nobody is here to confirm mode bypass: add --confirm bypass", "confirm")
    return mode if await confirm_bypass(surface) else None


def put_back_choices(
    server: ServerState, project: Project, given: argparse.Namespace, talked: str | None
) -> str | None:
    """Put back the mode and the model with which the process began; return the model of a conversation that `talked` to one.

    What was chosen in a conversation holds for that one. Bypass was confirmed for one conversation on the command line, too.
    The model is None if no key is set.
    """
    mode: Mode | None = getattr(given, "mode", None)
    project.put_back_choices(None if mode == WORD else mode)
    server.notify_changed("permissions")
    return talked or getattr(given, "model", None) or project.usable_model()
