"""The user's own settings and our state where they lie inside a project: `~/.mazu` as a link into a dotfiles repository, often."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from mazu_ls.state.paths import mazu_home, state_home
from mazu_ls.workspace.path_rules import OwnPlace

OBEYED = ("config.toml", "skills", "tools", "grants", "trust.json")
"""What of `~/.mazu` is obeyed without consent: it says what programs are started, and what is asked about."""
HOME = "~/.mazu"
MAX_ENTRIES = 1_000
MAX_LINKS = 40  # the kernel's own limit


class OwnPlaces(Struct, frozen=True):
    """`held`: real places inside the project, which no tool and no command may write. `loose`: links of the project on the
    way to them, and places where nothing is yet: no read-only mount can hold these."""

    held: tuple[OwnPlace, ...] = ()
    loose: tuple[OwnPlace, ...] = ()


class _Watched(Struct):
    """What is looked at with each call, as text: `os.lstat` of a `Path` costs twice as much.

    `above`: the folders, and those above the own places, of which any may be replaced by a link. `own`: the own places.
    """

    above: tuple[str, ...]
    own: tuple[str, ...]
    usual: tuple[object, ...] = ()
    """How all of them were when none was a link or inside the folders."""

    def signature(self) -> tuple[object, ...]:
        """Return what tells whether a link was put in the place of one of them, or into an own folder."""
        found: list[object] = []
        for path in self.above:
            try:
                status = os.lstat(path)
                found += (status.st_ino, status.st_mode)
            except OSError:
                found.append(None)
        for path in self.own:
            try:
                status = os.lstat(path)
                found += (status.st_ino, status.st_mode, status.st_mtime_ns)
            except OSError:
                found.append(None)
        return tuple(found)


_watched: dict[tuple[Path, ...], _Watched] = {}
"""By the folders of a project, the user's own folder and the state directory."""
_NONE = OwnPlaces()


def find_own_places(roots: Sequence[Path], env: Mapping[str, str] = os.environ) -> OwnPlaces:
    """Return which of the user's own files lie inside these folders, as links lead now."""
    home, state = mazu_home(env), state_home(env)
    key = (*roots, home, state)
    if (watched := _watched.get(key)) is None:
        above = dict.fromkeys((*roots, *home.parents, *state.parents))
        own = (home, state, *(home / name for name in OBEYED))
        watched = _watched[key] = _Watched(tuple(map(str, above)), tuple(map(str, own)))
    signature = watched.signature()
    if watched.usual == signature:
        return _NONE
    places, is_linked = _find(roots, env)
    watched.usual = () if is_linked or places.held or places.loose else signature
    return places


def _find(roots: Sequence[Path], env: Mapping[str, str]) -> tuple[OwnPlaces, bool]:
    """Return the places, and whether any link leads to one of them."""
    inside = [Path(os.path.realpath(root)) for root in roots]
    found: dict[Path, str] = {}
    loose: dict[Path, str] = {}
    linked = False
    for place, name, whole in _own(env):
        links, real = _follow(place)
        linked |= bool(links)
        for root in inside:
            if real.is_relative_to(root) and (real != root or whole):
                found[real] = name
            elif root.is_relative_to(real) and whole and place != mazu_home(env):
                found[root] = name
        ways = [*links, *(() if os.path.lexists(real) else (real,))]
        loose |= {way: name for way in ways if any(way.is_relative_to(root) for root in inside)}
    free = {way: name for way, name in loose.items() if not found.keys() & set(way.parents)}
    places = (tuple(OwnPlace(*one) for one in sorted(some.items())) for some in (found, free))
    return OwnPlaces(*places), linked


def _own(env: Mapping[str, str]) -> Iterator[tuple[Path, str, bool]]:
    """Yield each place as it is spelt, its name for people, and whether it is obeyed, so that a project may not even lie in it."""
    home = mazu_home(env)
    yield home, HOME, True
    yield state_home(env), "the state directory of mazu-ls", False
    for name in OBEYED:
        yield home / name, f"{HOME}/{name}", True
    for inside in ("", "skills/", "tools/", "grants/"):
        for name in _links_in(home / inside):
            if inside or name not in OBEYED:
                yield home / inside / name, f"{HOME}/{inside}{name}", False


def _links_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [one.name for one in itertools.islice(entries, MAX_ENTRIES) if one.is_symlink()]
    except OSError:
        return []


def _follow(path: Path) -> tuple[list[Path], Path]:
    """Return the links on the way to a path, each by its real folder, and where they lead."""
    links: list[Path] = []
    place, rest = Path("/"), list(path.absolute().parts[1:])
    while rest:
        part = rest.pop(0)
        if part == "..":
            place = place.parent
            continue
        step = place / part
        try:
            target = Path(step.readlink())
        except OSError:
            place = step
            continue
        links.append(step)
        if len(links) > MAX_LINKS:
            break
        rest[:0] = target.parts[1:] if target.is_absolute() else target.parts
        place = Path("/") if target.is_absolute() else place
    return links, place
