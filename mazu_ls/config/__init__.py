"""Settings: their declarations, and what a project may do with each."""
