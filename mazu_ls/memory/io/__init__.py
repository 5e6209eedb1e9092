"""Import, export, Markdown, and extraction from sessions."""
