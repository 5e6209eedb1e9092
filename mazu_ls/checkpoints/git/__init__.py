"""The checkpoint store as git objects: repository, packs, trees, index."""
