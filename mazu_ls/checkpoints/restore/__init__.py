"""Bringing files, buffers and rows back: plan, staging, atomic renames, merge."""
