"""Recall: tokens, index, vectors, ranking, decay, injection."""
