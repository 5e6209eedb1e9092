"""What carries a command out: a server in this process, or the one that has the project open already."""
