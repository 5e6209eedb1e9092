"""Chat documents: Markdown rendered from the journal, with commands and questions."""
