"""What programs, options, paths and files are known to be: harmless, destructive, wrappers, keys."""
