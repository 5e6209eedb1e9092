"""The encoding of a file: as .editorconfig declares it, otherwise the most plausible one."""
