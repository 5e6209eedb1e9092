"""The sandbox of a child process: bubblewrap if it works, otherwise Landlock, otherwise none, which is reported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd.process import find_program
from mazu_ls.state import command_folder
from mazu_ls.state.own_places import OwnPlaces, find_own_places
from mazu_ls.state.paths import mazu_home, state_home
from mazu_ls.tools.shell import bubblewrap, landlock, resource_limits, seccomp
from mazu_ls.tools.shell.bubblewrap import Mounts
from mazu_ls.tools.shell.protected_files import Protected, find_protected
from mazu_ls.tools.shell.toolchains import home_of

Strength = Literal["bubblewrap", "landlock", "none"]
Setting = Literal["auto", "required", "off"]
_SECRET_PLACES: list[str] = str.split(
    ".ssh .gnupg .aws .azure .kube .docker .config/gh .config/gcloud .config/op .netrc .pypirc .npmrc .git-credentials"
    " .config/git/credentials .pgpass .password-store .local/share/keyrings .bash_history .zsh_history .python_history"
    " .cargo/credentials.toml .cargo/credentials .gem/credentials .m2/settings.xml .m2/settings-security.xml"
    " .terraform.d/credentials.tfrc.json .mozilla .config/google-chrome .config/chromium .thunderbird .config/rclone"
    " .config/hub .config/doctl .yarnrc.yml .my.cnf .s3cfg .boto .dockercfg .authinfo .authinfo.gpg .vault-token"
    " .anthropic .claude .claude.json .codex .gemini .config/anthropic .config/openai .config/github-copilot .electrum .bitcoin"
)
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_SYSTEM_SECRETS = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssh")


class Sandbox(Struct, frozen=True):
    """The strongest confinement that works here; `why` says what it restricts, or why there is none."""

    kind: Strength
    why: str

    @property
    def in_force(self) -> bool:
        """Whether anything is restricted at all."""
        return self.kind != "none"


class SandboxedCommand(Struct, frozen=True):
    """The command line that starts a command in the sandbox, and the project's files that are protected from it."""

    argv: tuple[str, ...]
    kind: Strength
    protected: Protected | None = None


@cache
def probe() -> Sandbox:
    """Determine, by trial, what works on this machine. Takes up to a second; call it off the event loop."""
    trouble = bubblewrap.trouble()
    if not trouble:
        return Sandbox(
            "bubblewrap",
            "only the project, toolchains and the system are there, only the project is writable, no network unless shell.network is set",
        )
    version = landlock.abi()
    if version:
        signals = "" if version >= landlock.ABI_SCOPES else ", this kernel does not restrict signals"
        why = f"Landlock {version}: only the project is writable, no sockets unless shell.network is set{signals}; {trouble}"
        return Sandbox(
            "landlock",
            f"{why}; .git and .mazu are protected by the policy only; modes, times and attributes of your other files are not protected",
        )
    kernel = "macOS has no sandbox here" if sys.platform == "darwin" else "this kernel has no Landlock"
    return Sandbox("none", f"{trouble}, and {kernel}: commands run with your own rights")


def holds_unattended(setting: Setting, *, network: bool) -> bool:
    """Return whether an unapproved command may run: bubblewrap works, is not switched off, and has no network."""
    return setting != "off" and not network and probe().kind == "bubblewrap"


def wrap_in_sandbox(
    argv: Sequence[str],
    *,
    roots: Sequence[Path],
    env: Mapping[str, str],
    setting: Setting,
    network: bool,
    scratch: Path,
    git: bool = False,
    readable: Sequence[Path] = (),
    unattended: bool = False,
    outputs: Sequence[str] = (),
    largest: tuple[int, int] | None = None,
    programs: Iterable[Path] = (),
) -> SandboxedCommand:
    """Return how to start `argv` in the sandbox.

    `git`: the user agreed to git commands that change the repository, and nothing else runs. `unattended`: nobody
    agreed, so that more of the project is read-only; `outputs` are its build output folders, `largest` the bytes up to which checkpoints hold an untracked file, and a tracked one, `programs` files that run outside of the sandbox. `scratch` is a folder for
    temporary files, and for what an approved command writes in the place of `/tmp` and the home; `readable` shows places that would be hidden. Raises MazuError(unsupported) if a sandbox is
    required and none works.
    """
    limits = resource_limits.shell_limits(own_users=setting != "off" and probe().kind == "bubblewrap")
    bash = (
        find_program("bash") or "/bin/bash"
    )  # our own first step; the command line's programs come from the user's PATH
    argv = (bash, "--noprofile", "--norc", "-c", f'{limits}; exec "$@"', "bash", *argv)
    if setting == "off":
        return SandboxedCommand(_supervised(argv), "none")
    sandbox = probe()
    if sandbox.kind == "none" or (unattended and sandbox.kind != "bubblewrap"):
        if setting == "required" or unattended:
            raise MazuError(
                Kind.UNSUPPORTED, f"No sandbox works here: {sandbox.why}.", "Install bubblewrap, or set shell.sandbox."
            )  # fmt: skip
        return SandboxedCommand(_supervised(argv), "none")
    hidden = _hidden_places(env, (*roots, *readable))
    if sandbox.kind == "landlock":
        families = seccomp.FAMILIES if network else (seccomp.AF_NETLINK,)  # it only informs about the machine
        calls = seccomp.build_filter(families)
        confined = landlock.command(argv, [*roots, scratch], hidden, network=network, calls=calls)
        return SandboxedCommand(_supervised(confined), "landlock")
    protected = _found_in(roots, outputs, largest) if unattended else Protected()
    protected.read_only += programs if unattended else ()
    own = find_own_places(roots, env)
    reason = bubblewrap.too_much(roots, protected) or (_loose(own) if unattended else None)
    if reason is not None:
        raise MazuError(
            Kind.UNSUPPORTED, f"It cannot run in the sandbox: {reason}.", "Or let the user approve it."
        )
    places = tuple(place.path for place in own.held)
    outside = {} if unattended else command_folder.mount_points(scratch)
    mounts = Mounts(roots, env, network, protected, hidden, git, unattended, places, outside)
    confined = (*_filtered(bubblewrap.arguments(mounts), bash, env), "--", *argv)
    return SandboxedCommand(confined, "bubblewrap", protected if unattended else None)


def _loose(own: OwnPlaces) -> str | None:
    """Return what of the user's own settings a command could put another file in the place of, in spite of all mounts."""
    for place, name in own.loose:
        what = (
            "leads over a link of this project" if place.is_symlink() else "leads to nothing in this project"
        )
        return f"{name} {what}, {place}, which no sandbox holds: link it to a file that is there"
    return None


def _filtered(bwrap: list[str], bash: str, env: Mapping[str, str]) -> list[str]:
    """Add a filter of system calls, which bubblewrap reads from a descriptor that bash opens for it."""
    try:
        path = seccomp.filter_file(env)
    except OSError as error:
        raise MazuError(
            Kind.STORAGE, f"The sandbox's filter cannot be written: {error}.", "Free space in the state directory."
        ) from error  # fmt: skip
    if path is None:
        return bwrap
    script = 'exec {filter}<"$1"; exec "$2" --seccomp "$filter" "${@:3}"'
    return [bash, "--noprofile", "--norc", "-c", script, "bash", str(path), *bwrap]


def _supervised(argv: Sequence[str]) -> tuple[str, ...]:
    """Start it below a subreaper that no descendant escapes; available on Linux alone."""
    if not sys.platform.startswith("linux"):
        return tuple(argv)
    return (sys.executable, "-I", "-S", str(_SUPERVISOR), str(os.getpid()), *argv)


def _found_in(roots: Sequence[Path], outputs: Sequence[str], largest: tuple[int, int] | None) -> Protected:
    protected = Protected()
    for root in roots:
        found = find_protected(root, outputs, largest)
        protected.read_only += found.read_only
        protected.hidden += found.hidden
        protected.large += found.large
        protected.run_by_others |= found.run_by_others
        protected.repositories |= found.repositories
        protected.outputs += found.outputs
        protected.complete = protected.complete and found.complete
    return protected


def environment(held: SandboxedCommand, scratch: Path) -> dict[str, str]:
    """Return the variables that tell a command about its sandbox."""
    if held.kind == "landlock":
        return {"TMPDIR": str(scratch)}
    if held.kind == "bubblewrap" and bubblewrap.GRADLE_CACHE in held.argv:
        return {"GRADLE_RO_DEP_CACHE": bubblewrap.GRADLE_CACHE}
    return {}


def _hidden_places(env: Mapping[str, str], shown: Sequence[Path]) -> list[Path]:
    """Return files and folders with keys that exist here, outermost first; no child needs any of them."""
    home = home_of(env)
    places = [
        mazu_home(env),
        state_home(env),
        *(home / name for name in _SECRET_PLACES),
        *map(Path, _SYSTEM_SECRETS),
    ]
    found = sorted({place for place in places if os.path.lexists(place)})
    return [place for place in found if not any(one.is_relative_to(place) for one in shown)]
