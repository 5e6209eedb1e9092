"""Imports from other coding agents: their transcripts, rules and memory files on the disk."""
