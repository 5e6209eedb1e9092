"""The environment and the folder of the server's tests, for those here that speak to a server in this process."""

from tests.server.conftest import env, folder

__all__ = ["env", "folder"]
