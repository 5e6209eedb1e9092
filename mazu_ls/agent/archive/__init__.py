"""A project's memory, conversations and checkpoints as one file: writing it, and taking it in."""
