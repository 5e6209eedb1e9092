"""The inline screen: layout, keys, streaming Markdown, tool call lines."""
