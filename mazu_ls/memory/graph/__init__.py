"""The graph of memories, pages, files and symbols; clusters and consolidation."""
