"""Where the words of a command lead: inside or outside, to keys, to git's and our own files, to a device."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import table, word_set
from mazu_ls.policy.rules import PolicyContext
from mazu_ls.policy.step_budget import known, spend
from mazu_ls.workspace import autorun, path_rules

HARMLESS_DEVICES = word_set("harmless_devices")
_TOP = word_set("top_folders")
_DEVICE_FD = re.compile(r"^/dev/fd/\d+$|^/proc/self/fd/\d+$")
_GLOB = re.compile(r"[*?\[]")
_SECRET_FOLDERS = tuple(table("targets.secret_folders").split())
# `.config`, `.local` and `.cargo` hold keys in some of their folders only.
_PARTLY = table("targets.partly")
_SECRET_FILES = tuple(table("targets.secret_files").split())
_SYSTEM_SECRETS = tuple(table("targets.system_secrets").split())
_PROC_SECRET = re.compile(r"^/proc/[^/]+(/task/[^/]+)?/(environ|mem|maps|fd|root|cwd|auxv)(/|$)")
_KEY_FILE = re.compile(r"^(.*\.(pem|key|p12|pfx|jks|kdbx|ppk)|id_(rsa|dsa|ecdsa|ed25519)\b.*)$")
_ONE_OF_MANY = re.compile(r"/(home|Users|usr|var|etc|lib|opt|mnt|media)/[^/]+")
_CD_FAILS = ": it would be there if a `cd` of the line failed, so join the commands with `&&`"
_HOST_KEY = re.compile(r"^/etc/ssh/[^/]*key[^/]*$")


def places(word: str, scope: ShellScope) -> list[str]:
    """Return the absolute paths that `word` may name, from each directory the line may be in.

    Both by spelling and as the kernel resolves it: `link/../x` is next to the link's target.
    """
    spelt = [word] if word.startswith("/") else [f"{cwd}/{word}" for cwd in scope.cwds]
    found = [normal(path) for path in spelt]
    return found + [
        led
        for path in spelt
        if ".." in path and (led := real(path)) not in found and led != real(normal(path))
    ]


def normal(path: str) -> str:
    """Normalise a path without `.`, `..` and doubled slashes, by spelling alone."""
    return "/" + os.path.normpath(path).lstrip("/")


def real(path: str) -> str:
    """Resolve links; a part that is a wildcard or unknown stays as it is."""
    cache = known()
    if (found := cache.get(("real", path))) is None:
        spend(20)
        found = cache["real", path] = _real(path)
    return found


def _real(path: str) -> str:
    fixed, _, rest = _fixed(path)
    try:
        return os.path.realpath(fixed) + (f"/{rest}" if rest else "")
    except (OSError, ValueError):
        return path


def _fixed(path: str) -> tuple[str, str, str]:
    """Return the part before the first component that is a wildcard or unknown, and the rest."""
    parts = path.split("/")
    for index, part in enumerate(parts):
        # An existing name is taken literally: `app/[id]/link` leads where the link does.
        globbed = _GLOB.search(part) and not os.path.lexists("/".join(parts[: index + 1]))
        if globbed or UNKNOWN in part:
            return "/".join(parts[:index]) or "/", "/", "/".join(parts[index:])
    return path, "", ""


def inside(path: str, place: PolicyContext) -> bool:
    """Return whether an absolute path is inside a workspace folder, links followed."""
    found = real(path)
    for root in place.roots:
        for base in {str(root), real(str(root))}:
            if found == base or found.startswith(base.rstrip("/") + "/"):
                return True
    return False


def is_own_temporary(path: str, place: PolicyContext) -> bool:
    """Return whether a path outside the workspace is in the /tmp that the sandbox makes for each command, and no wildcard in it may
    name a workspace folder there."""
    if not place.confined or UNKNOWN in path or not f"{path}/".startswith(("/tmp/", "/var/tmp/")):
        return False
    fixed = _fixed(path)[0].rstrip("/")
    return not any(
        f"{one}/".startswith(f"{fixed}/") for root in place.roots for one in (str(root), real(str(root)))
    )


def is_device(path: str) -> bool:
    """Return whether it is the terminal, /dev/null or a descriptor: nothing written there stays."""
    return path in HARMLESS_DEVICES or bool(_DEVICE_FD.match(path))


def _component_matches(component: str, name: str) -> bool:
    if not _GLOB.search(component):
        return component == name
    if name.startswith(".") and not component.startswith((".", "[")):
        return False  # a leading dot is never matched by a wildcard
    return fnmatchcase(name, component)


def owner(path: str, place: PolicyContext) -> str | None:
    """Return `.git`, `.mazu` or a place of the user's own if the path, below a workspace folder, belongs to it, also by a wildcard."""
    if not inside(path, place):
        return None
    for candidate in (path, real(path)):
        parts = PurePosixPath(candidate).parts
        if (found := path_rules.is_protected(parts)) is not None:
            return found
        if (found := path_rules.owner_of(candidate, place.own)) is not None:
            return found
        for name in (".git", ".mazu"):
            if any(_GLOB.search(part) and _component_matches(part, name) for part in parts):
                return name
    return None


def write_refused(word: str, scope: ShellScope) -> str | None:
    """Return why nothing may be written there; None if it may be asked about."""
    if not word or word == "-":
        return None
    for path in places(word, scope):
        if is_device(path):
            continue
        if path.startswith("/dev/"):
            return f"{path} is a device"
        if not (inside(path, scope.place) or is_own_temporary(path, scope.place)):
            tried = scope.cwds if scope.place.confined and word[0] != "/" else ()
            other = any(inside(normal(f"{cwd}/{word}"), scope.place) for cwd in tried)
            return f"{path.replace(UNKNOWN, '?')} is outside the workspace{_CD_FAILS if other else ''}"
        if (found := owner(path, scope.place)) is not None:
            return f"`{found}` is not written by commands"
    return None


def run_by_itself(word: str, scope: ShellScope) -> str | None:
    """Return what programs run by themselves there, below a workspace folder."""
    return _named(word, scope, autorun.runs_by_itself)


def runs_later(word: str, scope: ShellScope) -> str | None:
    """Return what programs run there, by themselves or when a build is started."""
    started = {Path(spelt): path for path in places(word, scope) for spelt in (path, real(path))}
    server = next(iter(started.keys() & scope.place.programs), None)
    return started[server] if server is not None else _named(word, scope, autorun.runs_later)


def _named(word: str, scope: ShellScope, find: Callable[[Sequence[str]], str | None]) -> str | None:
    for path in places(word, scope):
        for candidate in (path, real(path)):
            for root in scope.place.roots:
                for base in (root, Path(real(str(root)))):
                    inner = (
                        Path(candidate).relative_to(base).parts
                        if Path(candidate).is_relative_to(base)
                        else ()
                    )
                    if inner and (found := find(inner)) is not None:
                        return found
    return None


def secret(word: str, scope: ShellScope) -> str | None:
    """Return the place with keys that the word names, outside the workspace; also by a wildcard or a variable."""
    cache, asked = known(), ("secret", word, len(scope.place.roots), *scope.cwds)
    if asked not in cache:
        cache[asked] = _secret_place(word, scope)
    return cache[asked]


def _secret_place(word: str, scope: ShellScope) -> str | None:
    spend(40 * len(scope.cwds))
    for path in places(word, scope):
        if is_device(path):
            continue
        for candidate in {path, real(path)}:
            if (found := _secret(candidate, scope.place)) is not None:
                return found
    return None


def _secret(path: str, place: PolicyContext) -> str | None:
    for place_of_keys in _SYSTEM_SECRETS:
        if _same_or_below(path, place_of_keys):
            return place_of_keys
    if _PROC_SECRET.match(path) or _HOST_KEY.match(path):
        return path
    if inside(path, place):
        return None
    parts = PurePosixPath(path).parts[1:]
    for index, part in enumerate(parts):
        for folder in _SECRET_FOLDERS:
            if not _component_matches(part, folder):
                continue
            if folder not in _PARTLY or _partly_secret(
                "/".join(parts[index + 1 :]), _PARTLY[folder], part == folder
            ):
                return f"~/{folder}"
    if parts and any(_component_matches(parts[-1], name) for name in _SECRET_FILES):
        return path
    return path if parts and _KEY_FILE.match(parts[-1]) else None


def _same_or_below(path: str, folder: str) -> bool:
    parts, wanted = path.split("/"), folder.split("/")
    return len(parts) >= len(wanted) and all(map(_component_matches, parts, wanted))


def _partly_secret(rest: str, folders: tuple[str, ...], exact: bool) -> bool:
    if not rest:
        return exact
    return any(_same_or_below(rest, folder) or rest.startswith(f"{folder}/") for folder in folders)


def irreplaceable_target(word: str, scope: ShellScope) -> str | None:
    """Return what would be lost as a whole: the system, a home, the workspace, what is above it, a repository. None otherwise."""
    kept = scope.unsure and scope.place.confined  # but for the workspace nothing is there, or can be written
    for path in places(word, scope):
        found = real(path)
        bare = re.sub(r"/(\*+|\.\*|\.\[!\.\]\*|\{,\.\}\*|\?+|\[[^\]]*\]\*?)$", "", path) or "/"
        for candidate in {path, found, bare}:
            if not kept and (candidate in _TOP or _ONE_OF_MANY.fullmatch(candidate)):
                return candidate
            if any(
                candidate == str(root) or _above(candidate, str(root))
                for root in (*scope.place.roots, *(() if kept else (scope.place.home,)))
            ):
                return candidate
        if not (inside(path, scope.place) or is_own_temporary(path, scope.place)):
            return path.replace(UNKNOWN, "?")
        if (protected := owner(path, scope.place)) is not None:
            return protected
    return None


def _above(path: str, root: str) -> bool:
    return root.startswith(path.rstrip("/") + "/")
