"""What past conversations hold of a question that no memory answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mazu_ls.server.wire.memory.past_words import PastWords

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project

MOST = 3
_LEAST_WORDS = 2


async def find_past_words(project: Project, query: str) -> tuple[PastWords, ...]:
    """Return the best turns of this project's conversations in which two words of the query occur (one, of a query of one), then the
    best messages of imported ones."""
    from mazu_ls.agent.session import session_search
    from mazu_ls.memory.search.tokens import query_terms

    least = min(_LEAST_WORDS, len(query_terms(query)))
    turns = await asyncio.to_thread(session_search.search, project.journals, query, MOST)
    found = [
        PastWords("", one.session_id, one.role, one.at, one.text, one.answer)
        for one in turns
        if one.words >= least
    ]
    if project.memories is not None and len(found) < MOST:
        wanted = session_search.SearchWords(query)
        imported = await project.memories.imported.search(query, MOST)
        found += [
            PastWords(one.agent, one.session, one.role, one.at, one.text)
            for one in imported
            if len(wanted.in_text(one.text)) >= least
        ]
    return tuple(found[:MOST])
