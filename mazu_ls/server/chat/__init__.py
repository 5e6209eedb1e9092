"""Chat documents: Markdown drawn from the journal, commands and questions in it."""
