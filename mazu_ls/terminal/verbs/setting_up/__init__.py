"""Verbs that set mazu-ls up, with questions."""
