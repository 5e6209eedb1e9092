"""Stories of state are told from outside: a real process and a folder of the test."""

from tests.server.conftest import env, folder

__all__ = ["env", "folder"]
