"""The mounts of a bubblewrap sandbox: only what is listed here exists for the command (bwrap(1))."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from mazu_ls.gitcmd.process import find_program
from mazu_ls.platform import open_flags
from mazu_ls.platform.own_program import own_folders_in
from mazu_ls.state.paths import mazu_home, private_folder, state_home
from mazu_ls.tools.shell.protected_files import MAX_PROTECTED, Protected
from mazu_ls.tools.shell.toolchains import CACHES, credential_files, home_of, shown_places
from mazu_ls.workspace import project_files
from mazu_ls.workspace.text import split_lines

PROBE_SECONDS = 5
TMP_BYTES = 2 * 2**30
_BINDS = ("--ro-bind", "--ro-bind-try", "--bind")
_SYSTEM: list[str] = str.split(
    "/usr /bin /sbin /lib /lib32 /lib64 /libx32 /etc /opt /nix /gnu /snap /sys /run/current-system /var/lib/dpkg"
    " /var/lib/gems /var/lib/texmf /var/cache/fontconfig /usr/local"
)
_SYSTEM_SECRETS: list[str] = str.split(
    "/etc/shadow /etc/shadow- /etc/gshadow /etc/gshadow- /etc/sudoers /etc/sudoers.d /etc/ssh /etc/ssl/private /etc/krb5.keytab"
    " /etc/security/opasswd /etc/NetworkManager/system-connections /etc/wpa_supplicant /etc/docker /etc/kubernetes /etc/wireguard"
    " /etc/openvpn /etc/letsencrypt /etc/mysql/debian.cnf /etc/postfix/sasl_passwd /etc/exim4/passwd.client /etc/cups /etc/ppp"
)
_PROC_OF_KERNEL: list[str] = str.split(
    "/proc/sys /proc/sysrq-trigger /proc/irq /proc/bus /proc/fs /proc/scsi /proc/acpi /proc/driver /proc/asound /proc/tty"
    " /proc/mtrr /proc/dynamic_debug /proc/pressure"
)
_PROC_PROBE = "/proc/sys/kernel/core_pattern"
GRADLE_CACHE = "/mazu/gradle-cache"


class Mounts(Struct, frozen=True):
    """The mounts of one command. `git`: its `.git` is writable, except what git runs or reads as configuration. `own`: what of
    the project is the user's own settings. `outside`: folders in the place of `/tmp`, `/var/tmp` and the home, by their names in
    `state.left_files`; without them these are in memory and end with the command."""

    roots: Sequence[Path]
    env: Mapping[str, str]
    network: bool
    protected: Protected
    hidden: Sequence[Path]
    git: bool = False
    unattended: bool = True
    own: Sequence[Path] = ()
    outside: Mapping[str, Path] = {}


@cache
def trouble() -> str:
    """Return why bubblewrap cannot be used here; empty if it works. Determined by a trial, which takes up to a second."""
    if find_program("bwrap") is None:
        return "bubblewrap is not installed"
    reason = _reason_not_started("--dev", "/dev", "--proc", "/proc", "--unshare-all", "--cap-drop", "ALL")
    if not reason and not _proc_cover() and os.access(_PROC_PROBE, os.W_OK):
        return "bubblewrap cannot make /proc/sys read-only here, and root could change the kernel's settings"
    return reason


def _reason_not_started(*options: str) -> str:
    """Return why a bubblewrap that shows the whole file system with these options does not start; empty if it does."""
    argv = [find_program("bwrap") or "bwrap", "--ro-bind", "/", "/", *options, "--", "true"]
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=PROBE_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start ({error})"
    if done.returncode == 0:
        return ""
    return f"bubblewrap does not work here ({done.stderr.decode(errors='replace').strip()[:120]})"


@cache
def _proc_cover() -> tuple[str, ...]:
    """Return options, for after `--proc /proc`, that make the kernel's own part of /proc read-only; empty if that does not work.

    Sysctls check for the user alone, not for a capability: without this a root that has none still sets kernel.core_pattern.
    Bubblewrap's own cover leaves out folders that are not writable themselves (0555). Other users cannot write there.
    """
    if open_flags.user_id() != 0:
        return ()
    places = [place for place in _PROC_OF_KERNEL if os.path.lexists(place)]
    words = tuple(word for place in places for word in ("--ro-bind-try", place, place))
    return () if _reason_not_started("--unshare-all", "--proc", "/proc", *words) else words


@cache
def _knows(option: str) -> bool:
    """Return whether this bubblewrap has an option: `--size` limits a tmpfs (0.7), `--disable-userns` forbids namespaces (0.8)."""
    done = subprocess.run(
        [find_program("bwrap") or "bwrap", "--help"],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return option.encode() in done.stdout + done.stderr


@cache
def _forbids_namespaces() -> bool:
    """Return whether `--disable-userns` works here, by a trial: it needs its own /proc and no setuid bubblewrap."""
    if not _knows("--disable-userns"):
        return False
    return not _reason_not_started("--unshare-user", "--disable-userns", "--proc", "/proc")


def arguments(mounts: Mounts) -> list[str]:
    """Return bubblewrap's command line up to the `--` before the command. Later mounts cover earlier ones."""
    argv = [
        find_program("bwrap") or "bwrap",
        "--unshare-user",
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-uts",
    ]
    argv += ["--unshare-cgroup-try", *(() if mounts.network else ("--unshare-net",))]
    argv += ["--die-with-parent", "--cap-drop", "ALL"]
    argv += ["--disable-userns"] if mounts.unattended and _forbids_namespaces() else []
    argv += _system(mounts)
    argv += _home(mounts)
    for place in shown_places(mounts.env):
        argv += ["--ro-bind-try", str(place), str(place)]
    roots = [Path(os.path.realpath(root)) for root in mounts.roots]
    for root in roots:
        argv += _repository_around(root, mounts.env)
    for root, spelt in zip(roots, mounts.roots, strict=True):
        argv += ["--bind", str(root), str(root)]
        if spelt.absolute() != root:
            argv += ["--symlink", str(root), str(spelt.absolute())]
    argv += _inside_project(roots, mounts)
    argv += _masks(mounts, visible=[*map(Path, _SYSTEM), *roots, *_bound(argv, mounts)])
    return [*argv, "--remount-ro", "/"]


def _bound(argv: Sequence[str], mounts: Mounts) -> list[Path]:
    own = {str(folder) for folder in mounts.outside.values()}
    binds = (argv[at + 1 : at + 3] for at, word in enumerate(argv) if word in _BINDS)
    return [Path(shown) for source, shown in binds if source not in own]


def _system(mounts: Mounts) -> list[str]:
    argv: list[str] = []
    for place in _SYSTEM:
        if Path(place).is_symlink():
            argv += ["--symlink", str(Path(place).readlink()), place]
        elif Path(place).is_dir():
            argv += ["--ro-bind", place, place]
    size = ["--size", str(TMP_BYTES)] if _knows("--size") else []
    argv += ["--dev", "/dev", "--proc", "/proc", *_proc_cover()]
    for name, place in (("tmp", "/tmp"), ("var-tmp", "/var/tmp")):
        folder = mounts.outside.get(name)
        argv += ["--bind", str(folder), place] if folder else [*size, "--tmpfs", place]
    argv += ["--tmpfs", "/dev/shm", *size, "--tmpfs", "/run", "--symlink", "/run", "/var/run"]
    resolver = os.path.realpath("/etc/resolv.conf")
    if mounts.network and resolver.startswith("/run/"):
        argv += ["--ro-bind-try", resolver, resolver]
    return argv


def _home(mounts: Mounts) -> list[str]:
    """Mount an empty home, with a cache for each project, and what git may read of the user's settings."""
    home = home_of(mounts.env)
    opened = any(home.is_relative_to(os.path.realpath(root)) for root in mounts.roots)
    if opened or len(home.parts) < 2 or not home.is_absolute() or str(home) in ("/tmp", "/usr", "/etc"):
        return []  # the home, or a folder above it, was opened as the project; its keys are masked below
    own = mounts.outside.get("home")
    argv = ["--bind", str(own), str(home)] if own else ["--tmpfs", str(home)]
    cache = _project_cache(mounts.roots, mounts.env)
    argv += ["--bind", str(cache), str(home / ".cache")] if cache else []
    for name in CACHES:
        argv += ["--ro-bind-try", str(home / ".cache" / name), str(home / ".cache" / name)]
    for name in (".gitconfig", ".config/git/config", ".config/git/ignore"):
        if _without_secrets(home, name):
            argv += ["--ro-bind", str(home / name), str(home / name)]
    gradle = home / ".gradle/caches"
    return argv + (["--ro-bind", str(gradle), GRADLE_CACHE] if gradle.is_dir() else [])


def _project_cache(roots: Sequence[Path], env: Mapping[str, str]) -> Path | None:
    """Return the project's cache folder for compilers that insist on a writable one (go, uv, ccache)."""
    if not roots:
        return None
    name = hashlib.sha256(os.fsencode(os.path.realpath(roots[0]))).hexdigest()[:24]
    try:
        return private_folder(state_home(env) / "sandbox-cache" / name)
    except OSError:
        return None


def _without_secrets(home: Path, name: str) -> bool:
    from mazu_ls.redact import has_secret

    try:
        text = project_files.read_text(home, name, 1 << 18, "replace")
    except OSError:
        return False
    words = ("token", "password", "extraheader", "secret")
    return not has_secret(text) and not any(word in text.lower() for word in words)


def _repository_around(root: Path, env: Mapping[str, str]) -> list[str]:
    """Mount the repository that contains `root` or its linked worktree, read-only; never one that holds a home."""
    home = Path(os.path.realpath(home_of(env)))
    if (root / ".git").is_file():
        return [
            word for place in _linked_repository(root, home) for word in ("--ro-bind", str(place), str(place))
        ]
    if (root / ".git").exists():
        return []
    for above in root.parents:
        if home.is_relative_to(above) or len(above.parts) < 3:
            return []
        if (above / ".git").is_dir():
            return ["--ro-bind", str(above), str(above)]
    return []


def _linked_repository(root: Path, home: Path) -> list[Path]:
    """Return the git folder of a linked worktree or a submodule, if it points back to `root`: gitrepository-layout(5).

    A project brings its own `.git` file, so nothing inside the project proves anything. What is mounted is a git folder in the place
    where git creates such ones: never one that holds the project or the home.
    """
    try:
        text = project_files.read_text(root, ".git", 4096).strip()
        folder = Path(os.path.realpath(root / text.removeprefix("gitdir:").strip()))
        if folder.is_relative_to(root):
            return []
        if folder.parent.name == "worktrees":
            back = project_files.read_text(folder, "gitdir", 4096).strip()
            points_back = os.path.realpath(folder / back) == str(root / ".git")
            common = Path(
                os.path.realpath(folder / project_files.read_text(folder, "commondir", 4096).strip())
            )
            place, proved = common, points_back and common == folder.parent.parent
        else:
            config = project_files.read_text(folder, "config", 1 << 18, "replace")
            lines = [line for line in split_lines(config, ends=False) if line.strip().startswith("worktree")]
            back_to = [os.path.realpath(folder / line.partition("=")[2].strip()) for line in lines]
            place, proved = folder, "modules" in folder.parts and str(root) in back_to
    except (OSError, ValueError):
        return []
    holds_others = home.is_relative_to(place) or root.is_relative_to(place) or len(place.parts) < 3
    return [place] if proved and not holds_others and _is_git_folder(place) else []


def _is_git_folder(place: Path) -> bool:
    return (
        project_files.is_regular(place, "HEAD")
        and project_files.is_folder(place, "objects")
        and project_files.is_folder(place, "refs")
    )


def _inside_project(roots: Sequence[Path], mounts: Mounts) -> list[str]:
    """Mount read-only, or hide, the protected parts of the project."""
    argv: list[str] = []
    fixed = _fixed_folders(roots, mounts.protected) if mounts.unattended else []
    for folder in sorted({*fixed, *_above(mounts.own, roots)}):
        argv += ["--bind", str(folder), str(folder)] if _stays_put(folder) else []
    argv += _read_only(mounts.own)
    for root in roots:
        argv += _read_only([root / ".mazu"])
        argv += _git_folder(root / ".git", mounts.git)
    if not mounts.unattended:
        return argv
    protected = mounts.protected
    covered = {root / name for root in roots for name in (".git", ".mazu")}
    argv += _read_only(place for place in protected.read_only if place not in covered)
    argv += _read_only(own_folders_in(roots))
    for place in filter(_stays_put, protected.hidden):
        argv += _masked(place, mounts.env)
    return argv


def _fixed_folders(roots: Sequence[Path], protected: Protected) -> list[Path]:
    """Return the folders above hidden files and data that no checkpoint holds, which are mounted on themselves: a mount can't be renamed.

    A mount of the file alone moves along with its folder, into build output, say, where the next command would find it as any other.
    What is read-only as a whole is left out: it stays so.
    """
    places = [
        *protected.hidden,
        *(path for path in protected.read_only if path not in protected.run_by_others),
        *own_folders_in(roots),
    ]
    whole = {*protected.read_only, *(root / name for root in roots for name in (".git", ".mazu"))}
    inside = _above(places, roots)
    return sorted(folder for folder in inside if not whole.intersection((folder, *folder.parents)))


def _above(places: Iterable[Path], roots: Sequence[Path]) -> set[Path]:
    above = {folder for place in places for folder in place.parents}
    return {folder for folder in above for root in roots if folder != root and folder.is_relative_to(root)}


def _git_folder(git: Path, writable: bool) -> list[str]:
    if not writable or not git.is_dir():
        return _read_only([git])
    kept = ("hooks", "config", "config.worktree", "info", "modules")
    # A mount of its own, so that nothing that git starts puts another folder in its place.
    own = ["--bind", str(git), str(git)] if _stays_put(git) else []
    return own + _read_only(git / name for name in kept)


def _read_only(places: Iterable[Path]) -> list[str]:
    return [word for place in places if _stays_put(place) for word in ("--ro-bind", str(place), str(place))]


def _stays_put(place: Path) -> bool:
    """Return whether a place below a real root exists without a link on the way: bubblewrap follows links outside the sandbox."""
    return os.path.lexists(place) and os.path.realpath(place) == str(place)


def _masks(mounts: Mounts, visible: Sequence[Path]) -> list[str]:
    """Hide keys and other projects' state, wherever they are."""
    places = [mazu_home(mounts.env), state_home(mounts.env), *map(Path, _SYSTEM_SECRETS)]
    places += [*credential_files(mounts.env), *mounts.hidden]
    roots = [Path(os.path.realpath(root)) for root in mounts.roots]
    argv: list[str] = []
    for place in sorted(set(places)):
        real = Path(os.path.realpath(place))
        shown = any(place.is_relative_to(outer) or real.is_relative_to(outer) for outer in visible)
        if shown and real.exists() and not any(root.is_relative_to(real) for root in roots):
            argv += _masked(real, mounts.env)
            argv += ["--remount-ro", str(real)] if real in mounts.own and real.is_dir() else []
    return argv


def _masked(place: Path, env: Mapping[str, str]) -> list[str]:
    """Mount an empty folder or file in its place: programs handle it better than an unreadable one."""
    return ["--tmpfs", str(place)] if place.is_dir() else ["--ro-bind", _empty_file(env), str(place)]


def _empty_file(env: Mapping[str, str]) -> str:
    path = state_home(env) / "sandbox-empty"
    try:
        private_folder(path.parent)
        path.touch(mode=0o444)
        return str(path)
    except OSError:
        return "/dev/null"


def too_much(roots: Sequence[Path], protected: Protected) -> str | None:
    """Return why not everything that must be protected can be; None if it can."""
    count = len(protected.read_only) + len(protected.hidden) + len(_fixed_folders(roots, protected))
    if protected.complete and count <= MAX_PROTECTED:
        return None
    what = (
        f"{count} ignored files, and folders above them,"
        if protected.complete
        else "more folders than can be looked through"
    )
    return f"{what} would have to be protected one by one: name their folders in shell.outputs"
