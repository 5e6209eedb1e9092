"""Arguments and results of everything about memory, wiki and graph."""
