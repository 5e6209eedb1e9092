"""The commands that a server does for another process of its user. Nothing is imported: short commands read this first."""

from __future__ import annotations

from collections.abc import Mapping


def _names(words: str) -> frozenset[str]:
    return frozenset(f"mazu.{name}" for name in words.split())


SHOWING = _names(
    """status recall usage audit memory.list memory.show memory.why memory.stats memory.trait.list memory.import.proposals
    wiki.list wiki.show wiki.search graph.show session.list session.search checkpoint.list checkpoint.diff checkpoint.file
    checkpoint.contents"""
)
"""What changes nothing: it may be done again by whoever got no answer."""
CHANGING = _names(
    """checkpoint checkpoint.pin checkpoint.unpin checkpoint.prune remember memory.update memory.forget memory.archive
    memory.unarchive memory.restore memory.supersede memory.consolidate memory.trait.set memory.trait.delete memory.import.accept
    memory.import.reject memory.share memory.unshare wiki.write wiki.delete session.new session.rename session.fork session.rewind session.end session.delete
    proposal.accept proposal.reject"""
)
"""What changes something of the project and asks nothing; it is not done a second time where it may have been done."""
ASKING = _names("rollback undo redo")
"""What changes files, and may ask the user."""
TALKING = _names("chat run ask")
"""What calls a model."""
LONG = ASKING | TALKING | _names("session.compact turn.revert")
"""What waits for a model or for the user's answer. Other requests of the same client do not wait for it."""
STOPPING = _names("cancel")
SERVED = SHOWING | CHANGING | ASKING | TALKING | STOPPING
OF_SESSIONS = _names(
    """chat run cancel undo redo session.show session.events session.queue session.rename session.rewind session.compact session.end
    session.delete turn.changes turn.revert"""
)
"""What the server of a second editor asks of the one that has the session open."""
PREVIEWED = _names("undo rollback")
"""With `preview` these show something, too."""


def is_served(command: str, arguments: Mapping[str, object]) -> bool:
    """Whether a server does this for another process. A turn is stopped by the id of its session alone."""
    if command in STOPPING:
        return isinstance(arguments.get("sessionId"), str)
    if command == "mazu.chat":  # without a message a document would be opened in the editor
        return isinstance(arguments.get("message"), str)
    return command in SERVED


NOT_KNOWN = "Look at what is there before you ask for it again."


def unanswered(command: str) -> str:
    """That it is not known whether a command was carried out."""
    return f"The server that has this project open ended before it answered {command}."
