"""Separating the changes of the user from those of the agent in one file."""
