"""Finding and reading what stands on disk and in the buffers."""
