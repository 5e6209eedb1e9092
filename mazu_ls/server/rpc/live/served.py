"""The commands that a server carries out for another process of its user. Imports nothing: short commands read this
first."""

from __future__ import annotations

from collections.abc import Mapping


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


SHOWING = _names(
    """
    mazu.status mazu.recall mazu.usage mazu.audit mazu.memory.list mazu.memory.show mazu.memory.why mazu.memory.stats
    mazu.memory.trait.list mazu.memory.import.proposals mazu.wiki.list mazu.wiki.show mazu.wiki.search mazu.graph.show
    mazu.session.list mazu.session.search mazu.checkpoint.list mazu.checkpoint.diff mazu.checkpoint.file mazu.checkpoint.contents
    mazu.tools.list
    """
)
"""Read-only commands: they may be repeated if no answer came."""
CHANGING = _names(
    """
    mazu.checkpoint mazu.checkpoint.pin mazu.checkpoint.unpin mazu.checkpoint.prune mazu.remember mazu.memory.update
    mazu.memory.forget mazu.memory.archive mazu.memory.unarchive mazu.memory.restore mazu.memory.supersede
    mazu.memory.consolidate mazu.memory.trait.set mazu.memory.trait.delete mazu.memory.import.accept
    mazu.memory.import.reject mazu.memory.share mazu.memory.unshare mazu.wiki.write mazu.wiki.delete mazu.session.new mazu.session.rename mazu.session.fork
    mazu.session.rewind mazu.session.end mazu.session.delete mazu.session.restore mazu.proposal.accept mazu.proposal.reject
    """
)
"""Commands that change the project and ask nothing; never repeated if they may have been carried out."""
ASKING = _names("mazu.rollback mazu.undo mazu.redo")
"""Commands that change files, and may ask the user."""
TALKING = _names("mazu.chat mazu.run mazu.ask")
"""Commands that call a model."""
LONG = ASKING | TALKING | _names("mazu.session.compact mazu.turn.revert")
"""Commands that wait for a model or for the user's answer. Other requests of the same client do not wait for them."""
STOPPING = _names("mazu.cancel")
SERVED = SHOWING | CHANGING | ASKING | TALKING | STOPPING
OF_SESSIONS = _names(
    """
    mazu.chat mazu.run mazu.cancel mazu.undo mazu.redo mazu.session.show mazu.session.events mazu.session.queue
    mazu.session.rename mazu.session.rewind mazu.session.compact mazu.session.end mazu.session.delete mazu.turn.changes
    mazu.turn.revert mazu.turn.output
    """
)
"""What the server of a second editor asks of the one that has the session open."""
OF_LAST = _names("mazu.undo mazu.redo")
"""Those that are, without a session, about the one used last, wherever it is open."""
PREVIEWED = _names("mazu.undo mazu.rollback")
"""Read-only with `preview`, too."""


def is_served(command: str, arguments: Mapping[str, object]) -> bool:
    """Return whether a server carries this out for another process. A turn is stopped only by its session's id."""
    if command in STOPPING:
        return isinstance(arguments.get("sessionId"), str)
    if command == "mazu.chat":  # without a message a document would be opened in the editor
        return isinstance(arguments.get("message"), str)
    return command in SERVED


NOT_KNOWN = "Look at what is there before you ask for it again."


def unanswered(command: str) -> str:
    """Return the sentence that it is unknown whether a command was carried out."""
    return f"The server that has this project open ended before it answered {command}."
