"""Rewrites the server's sentences for a terminal: what to type instead of the wire's names."""

from __future__ import annotations

import logging
import re

from mazu_ls.errors import InvalidArguments, MazuError

logger = logging.getLogger(__name__)
_WIRE_NAME = re.compile(r"`?\b(mazu(?:\.[a-z]+)+)\b`?(?!\()")


def in_terminal_words(text: str) -> str:
    """Return the text with each command of the wire as its command line."""
    return _WIRE_NAME.sub(_typed, text) if "mazu." in text else text


def error_text(message: str, hint: str = "") -> str:
    """Return message and hint as complete sentences."""
    first = message.strip()
    if first and hint and first[-1] not in ".!?:":
        first += "."
    return in_terminal_words(f"{first} {hint}".strip())


def failure_text(error: Exception, what: str) -> str:
    """Return a failure for the user; one that nobody foresaw goes to the log, `what` being what failed."""
    if not isinstance(error, MazuError | InvalidArguments):
        from mazu_ls.server.errors import internal
        from mazu_ls.server.logs import log_to_file

        if not logger.handlers:
            log_to_file(logger=logger)
            logger.propagate = (
                not logger.handlers
            )  # the screen is no place for a traceback, unless there is no other
        logger.error("%s failed", what, exc_info=error)
        error = internal(error, what)
    return error_text(str(error), getattr(error, "hint", ""))


def _typed(found: re.Match[str]) -> str:
    from mazu_ls.terminal.verbs.verbs import HIDDEN, VERBS

    for verb in VERBS:
        preferred = verb.words not in HIDDEN and verb.words != "checkpoint"
        if verb.command == found[1] and preferred and not verb.fixed.get("verdict"):
            return f"`mazu-ls {verb.words}`"
    return "Ctrl-C" if found[1] == "mazu.cancel" else "`mazu-ls`" if found[1] == "mazu.chat" else found[0]
