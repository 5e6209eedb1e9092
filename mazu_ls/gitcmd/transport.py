"""Git with the user's own configuration: fetch and push on the user's behalf, and reading that configuration as data."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd import process
from mazu_ls.platform.process_group import CREATION_FLAGS, NEW_SESSION, kill_group

_LOOK = 0.2  # seconds between two checks whether it was stopped
# What the user's own transport needs in addition: configuration, keys, agents and proxies.
_PASSED_WITH_TRANSPORT = (
    *("HOME", "USER", "LOGNAME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "SSH_AGENT_PID"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *(
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "GIT_SSL_CAINFO",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "DBUS_SESSION_BUS_ADDRESS",
    ),
)


def run_with_transport(
    arguments: Sequence[process.Argument],
    git_dir: Path,
    cwd: Path,
    *,
    protocols: Sequence[str] = ("https", "ssh"),
    seconds: float = process.SECONDS,
    stop: Event | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Fetch or push for the user, with their own global configuration, credential helpers and keys.

    Only for a command that the user started, and only in a `git_dir` whose configuration we wrote. Hooks, fsmonitor,
    submodules and prompts stay off, protocols other than those named are refused. `stop` ends it and the programs that
    it started. Raises MazuError(git) like `run`.
    """
    env = process.passed_environment((*process.PASSED, *_PASSED_WITH_TRANSPORT)) | process.ALWAYS_SET
    env |= {"GIT_DIR": str(git_dir), "GIT_ALLOW_PROTOCOL": ":".join(protocols)}
    deadline = time.monotonic() + seconds
    # A session of its own: ssh finds no terminal to ask on, and all of it ends together.
    with subprocess.Popen(
        process.command_line(arguments, process.SETTINGS),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=NEW_SESSION,
        creationflags=CREATION_FLAGS,
    ) as started:
        try:
            while True:
                try:
                    out, err = started.communicate(timeout=_LOOK)
                    return subprocess.CompletedProcess(started.args, started.returncode, out, err)
                except subprocess.TimeoutExpired:
                    if stop is not None and stop.is_set():
                        raise MazuError(Kind.GIT, f"git {arguments[0]} was stopped.") from None
                    if time.monotonic() > deadline:
                        raise process.too_slow(seconds) from None
        except BaseException:
            kill_group(started.pid)
            raise


def user_setting(key: str) -> str | None:
    """Return a path of the user's own git configuration (`~/.gitconfig` and the system's), read as data; None if it is
    not set.

    No repository's configuration is considered.
    """
    return _setting(["--type=path", "--get", key])


def user_identity(repository: Path | None = None) -> str | None:
    """Return `Name <email>` as git would sign a commit: of the configuration file of a repository, else of the user's
    own, as far as it is set; None if neither is."""
    name, email = (
        (setting_in(repository, key) if repository else None) or _setting(["--get", key])
        for key in ("user.name", "user.email")
    )
    return " ".join(part for part in (name, email and f"<{email}>") if part) or None


def setting_in(file: Path, key: str) -> str | None:
    """Return a value of one configuration file, read as data, without its includes; None if it is not set there."""
    return _setting(["--file", str(file), "--no-includes", "--get", key])


def _setting(arguments: Sequence[str]) -> str | None:
    env = (
        process.passed_environment((*process.PASSED, "HOME", "XDG_CONFIG_HOME"))
        | process.ALWAYS_SET
        | {"GIT_DIR": os.devnull}
    )
    command = process.command_line(["config", *arguments], ())
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=env, cwd="/", check=False, timeout=10
        )
    except subprocess.TimeoutExpired:
        return None
    return os.fsdecode(done.stdout).strip("\n") or None if done.returncode == 0 else None
