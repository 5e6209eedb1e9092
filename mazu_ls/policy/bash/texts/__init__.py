"""Texts of a line on their way: through pipes, files and descriptors, into a shell, an interpreter or `xargs`."""
