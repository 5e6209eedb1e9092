"""Recall: tokens, index, vectors, ranking, decay, what is injected."""
