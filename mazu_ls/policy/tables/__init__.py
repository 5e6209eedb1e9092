"""Tables of programs, options, paths and files: harmless, destructive, wrappers, keys."""
