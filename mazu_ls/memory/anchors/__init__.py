"""Anchors: which code a memory is about, its evidence, contradictions."""
