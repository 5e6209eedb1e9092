"""Restoring files, buffers and rows: plan, staging, atomic renames, merge."""
