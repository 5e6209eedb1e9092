"""The text of `mazu-ls --help`, which is printed without building the grammar."""
