"""Team memory: chosen project memories that travel in a git repository, merged without conflicts."""
