"""Memory: what is remembered of a project and its user, recall, and decay."""
