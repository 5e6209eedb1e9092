"""Files that no checkpoint holds, since git ignores them or they are too large: what is kept of them, and where they are set aside."""
