"""Memory: what is remembered of a project and of its user, how it is found again, and how it fades."""
