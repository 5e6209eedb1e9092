"""Which checkpoints are kept, and removing what no checkpoint needs."""
