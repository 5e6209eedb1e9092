"""Which encoding a file has: what .editorconfig declares, else what is plausible."""
