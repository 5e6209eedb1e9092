"""Runs commands: processes, background commands, sandbox, environment."""
