"""Clients that carry out a command: a server in this process, or the one that already has the project open."""
