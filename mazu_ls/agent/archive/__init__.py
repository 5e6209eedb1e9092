"""A project's memory, conversations and checkpoints as one file: export and import."""
