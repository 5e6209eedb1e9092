"""Reads a bash command line: what it runs, however it is written."""
