"""Proposals: edits that wait for the user, hunk by hunk."""
