"""Append-only session journals: the file, and the events that it holds."""
