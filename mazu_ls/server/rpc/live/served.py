"""The commands that a server does for another process of its user. Nothing is imported: short commands read this first."""

from __future__ import annotations

from collections.abc import Mapping


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


SHOWING = _names(
    """
    mazu.status mazu.recall mazu.usage mazu.audit mazu.memory.list mazu.memory.show mazu.memory.why mazu.memory.stats
    mazu.memory.trait.list mazu.memory.import.proposals mazu.wiki.list mazu.wiki.show mazu.wiki.search mazu.graph.show
    mazu.session.list mazu.session.search mazu.checkpoint.list mazu.checkpoint.diff mazu.checkpoint.file mazu.checkpoint.contents
    """
)
"""What changes nothing: it may be done again by whoever got no answer."""
CHANGING = _names(
    """
    mazu.checkpoint mazu.checkpoint.pin mazu.checkpoint.unpin mazu.checkpoint.prune mazu.remember mazu.memory.update
    mazu.memory.forget mazu.memory.archive mazu.memory.unarchive mazu.memory.restore mazu.memory.supersede
    mazu.memory.consolidate mazu.memory.trait.set mazu.memory.trait.delete mazu.memory.import.accept
    mazu.memory.import.reject mazu.memory.share mazu.memory.unshare mazu.wiki.write mazu.wiki.delete mazu.session.new mazu.session.rename mazu.session.fork
    mazu.session.rewind mazu.session.end mazu.session.delete mazu.session.restore mazu.proposal.accept mazu.proposal.reject
    """
)
"""What changes something of the project and asks nothing; it is not done a second time where it may have been done."""
ASKING = _names("mazu.rollback mazu.undo mazu.redo")
"""What changes files, and may ask the user."""
TALKING = _names("mazu.chat mazu.run mazu.ask")
"""What calls a model."""
LONG = ASKING | TALKING | _names("mazu.session.compact mazu.turn.revert")
"""What waits for a model or for the user's answer. Other requests of the same client do not wait for it."""
STOPPING = _names("mazu.cancel")
SERVED = SHOWING | CHANGING | ASKING | TALKING | STOPPING
OF_SESSIONS = _names(
    """
    mazu.chat mazu.run mazu.cancel mazu.undo mazu.redo mazu.session.show mazu.session.events mazu.session.queue
    mazu.session.rename mazu.session.rewind mazu.session.compact mazu.session.end mazu.session.delete mazu.turn.changes
    mazu.turn.revert
    """
)
"""What the server of a second editor asks of the one that has the session open."""
PREVIEWED = _names("mazu.undo mazu.rollback")
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
