"""What the agent remembers and looks up: memories, wiki pages, the graph."""
