"""Checkpoints of code, unsaved buffers, memory, skills and conversation, and rollback to each of them."""
