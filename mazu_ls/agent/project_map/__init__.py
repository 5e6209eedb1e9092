"""The project map: which files and symbols matter, ranked within a token budget."""
