"""Tools for the agent's knowledge: memories, wiki pages, the graph."""
