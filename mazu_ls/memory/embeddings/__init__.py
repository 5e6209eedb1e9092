"""Text embeddings: computed locally from the data files of installed packages, stored next to the entries."""
