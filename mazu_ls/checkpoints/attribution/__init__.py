"""Who changed which file between checkpoints."""
