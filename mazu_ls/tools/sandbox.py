"""What holds a child: bubblewrap where it works, Landlock next, else nothing, and that is said."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from mazu_ls.errors import Kind, MazuError
from mazu_ls.paths import mazu_home, state_home
from mazu_ls.tools import landlock
from mazu_ls.tools.process import Confine

log = logging.getLogger(__name__)
Strength = Literal["bubblewrap", "landlock", "none"]
PROBE_SECONDS = 5
PROTECTED = (".git", ".mazu")
_SECRET_PLACES: list[str] = str.split(
    ".ssh .gnupg .aws .azure .kube .docker .config/gh .config/gcloud .config/op .netrc .pypirc .npmrc .git-credentials"
    " .config/git/credentials .pgpass .password-store .local/share/keyrings .bash_history .zsh_history .python_history"
    " .cargo/credentials.toml .gem/credentials .terraform.d/credentials.tfrc.json .mozilla .config/google-chrome"
    " .config/chromium .anthropic .claude .codex .config/anthropic .config/openai"
)
_SYSTEM_SECRETS = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssh")


@dataclass(frozen=True)
class Sandbox:
    """The strongest confinement that works here; `why` says what it holds, or why there is none."""

    kind: Strength
    why: str

    @property
    def in_force(self) -> bool:
        """Whether anything is held at all."""
        return self.kind != "none"


@dataclass(frozen=True)
class Held:
    """A command line as it has to be started to be held."""

    argv: tuple[str, ...]
    confine: Confine | None = None


@cache
def probe() -> Sandbox:
    """Find out, by trying, what works on this machine. Takes up to a second; call it off the event loop."""
    bubblewrap, trouble = shutil.which("bwrap"), "bubblewrap is not installed"
    if bubblewrap is not None:
        trouble = _try_bubblewrap(bubblewrap)
        if not trouble:
            return Sandbox(
                "bubblewrap", "read-only system, writable project, no network unless shell.network is set"
            )
    version = landlock.abi()
    if version:
        signals = "" if version >= landlock.ABI_SCOPES else ", signals are not held by this kernel"
        why = f"Landlock {version}: only the project is writable, no sockets unless shell.network is set{signals}; {trouble}"
        return Sandbox("landlock", f"{why}; .git and .mazu are held by the policy only")
    return Sandbox("none", f"{trouble}, and this kernel has no Landlock: commands run with your own rights")


def _try_bubblewrap(program: str) -> str:
    """Empty if it works, else why it does not."""
    argv = [program, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all", "--", "true"]
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=PROBE_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start ({error})"
    if done.returncode == 0:
        return ""
    return f"bubblewrap does not work here ({done.stderr.decode(errors='replace').strip()[:120]})"


def hold(
    argv: Sequence[str],
    *,
    roots: Sequence[Path],
    env: Mapping[str, str],
    setting: Literal["auto", "required", "off"],
    network: bool,
    scratch: Path,
    git: bool = False,
    readable: Sequence[Path] = (),
) -> Held:
    """How to start `argv` held by the sandbox. `git`: the user agreed to a command that changes the repository.

    `scratch` is a folder for its temporary files; `readable` shows places that would be hidden. Raises MazuError(unsupported) where a sandbox is required and none works.
    """
    if setting == "off":
        return Held(tuple(argv))
    sandbox = probe()
    if sandbox.kind == "none":
        if setting == "required":
            raise MazuError(
                Kind.UNSUPPORTED,
                f"No sandbox works here: {sandbox.why}.",
                "Install bubblewrap, or set shell.sandbox.",
            )
        return Held(tuple(argv))
    hidden = [
        path
        for path in secret_places(env)
        if not any(shown.is_relative_to(path) for shown in (*roots, *readable))
    ]
    if sandbox.kind == "landlock":
        confine = landlock.confinement([*roots, scratch], hidden, network=network)
        return Held(tuple(argv), confine)
    return Held((*_bubblewrap([*roots], hidden, env, network, git), "--", *argv))


def secret_places(env: Mapping[str, str]) -> list[Path]:
    """Files and folders with keys that exist here, outermost first; a child has no business in any of them."""
    home = Path(env.get("HOME") or Path.home())
    places = [
        mazu_home(env),
        state_home(env),
        *(home / name for name in _SECRET_PLACES),
        *map(Path, _SYSTEM_SECRETS),
    ]
    return sorted({place for place in places if os.path.lexists(place)})


def _bubblewrap(
    roots: Sequence[Path], hidden: Sequence[Path], env: Mapping[str, str], network: bool, git: bool
) -> list[str]:
    argv = [shutil.which("bwrap") or "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for place in ("/tmp", "/var/tmp", "/run", "/dev/shm"):
        argv += ["--tmpfs", place]
    for kept in ("/run/current-system", *(("/run/systemd/resolve",) if network else ()), *_programs(env)):
        argv += ["--ro-bind-try", kept, kept]
    for root in roots:
        real = root.resolve()
        argv += ["--bind", str(real), str(real)]
        for name in PROTECTED:
            argv += _protect(real / name, name == ".git" and git)
    for place in hidden:
        real = place.resolve()
        if real.is_dir():
            argv += ["--tmpfs", str(real)]
        elif real.exists():
            argv += ["--ro-bind", "/dev/null", str(real)]
    argv += ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    argv += [] if network else ["--unshare-net"]
    return [*argv, "--die-with-parent", "--cap-drop", "ALL"]


def _programs(env: Mapping[str, str]) -> list[str]:
    """Where programs live that the private /tmp and /run would hide, such as a virtual environment in /tmp."""
    folders = [Path(entry).parent for entry in env.get("PATH", "").split(":") if entry.startswith("/")]
    folders += [Path(sys.prefix), Path(sys.base_prefix)]
    return sorted(
        {str(f) for f in folders if len(f.parts) > 2 and f.parts[1] in ("tmp", "run", "var") and f.is_dir()}
    )


def _protect(place: Path, writable: bool) -> list[str]:
    """`.git` stays read-only; for a command that changes the repository only its hooks and config do."""
    if not place.exists():
        return []
    if not writable:
        return ["--ro-bind", str(place), str(place)]
    kept = [place / name for name in ("hooks", "config") if (place / name).exists()]
    return [word for path in kept for word in ("--ro-bind", str(path), str(path))]
