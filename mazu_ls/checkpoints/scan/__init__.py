"""Finds and reads changed files on disk and unsaved buffers."""
