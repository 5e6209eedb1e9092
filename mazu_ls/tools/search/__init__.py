"""Finds files and lines."""
