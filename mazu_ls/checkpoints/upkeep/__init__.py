"""Retention, and removing what no checkpoint needs."""
