"""The one door to git: processes (`process`), and the user's repository read as data, never obeyed (`user_repository`)."""

from mazu_ls.gitcmd.process import (
    PythonGit,
    create_repository,
    distrust_programs,
    environment,
    find_git,
    find_program,
    require_git,
    run,
    start,
)
from mazu_ls.gitcmd.transport import run_with_transport, setting_in, user_identity, user_setting

__all__ = [
    "PythonGit",
    "create_repository",
    "distrust_programs",
    "environment",
    "find_git",
    "find_program",
    "require_git",
    "run",
    "run_with_transport",
    "setting_in",
    "start",
    "user_identity",
    "user_setting",
]
