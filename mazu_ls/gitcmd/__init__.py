"""The one door to git: processes (`process`), and the user's repository read without obeying it (`user_repository`)."""

from mazu_ls.gitcmd.process import (
    PythonGit,
    create_repository,
    distrust_programs,
    environment,
    find_git,
    find_program,
    require_git,
    run,
    run_with_transport,
    start,
    user_setting,
)

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
    "start",
    "user_setting",
]
