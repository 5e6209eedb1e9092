"""Running commands: processes, background jobs, sandbox, environment."""
