"""Folders of the machine that a container is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import word_set
from mazu_ls.policy.tables import targets

_STARTERS = frozenset(("docker", "podman", "nerdctl"))
_SYSTEM = word_set("system_folders")
_VOLUME = re.compile(
    r"(?:-[ditPq]*v|--volume)=?(.*)", re.DOTALL
)  # the other letters of the cluster take no value
_SOURCE = re.compile(r"""(?:^|=|["'])(?:source|src|device)=["']?([^"']+)""")


def refused_mount(name: str, rest: list[str], scope: ShellScope) -> str | None:
    """Return why a container would be given what belongs to the machine or the user."""
    for source in _sources(rest) if name in _STARTERS else ():
        for path in targets.places(source, scope):
            system = path == "/" or path.split("/")[1] in _SYSTEM
            if (system or f"{scope.place.home}/".startswith(f"{path}/")) and not targets.inside(
                path, scope.place
            ):
                return "a container with the rights of the machine"
    return None


def _sources(rest: list[str]) -> Iterator[str]:
    for word, following in pairwise([*rest, ""]):
        if match := _VOLUME.fullmatch(word):
            source, to, _ = (match[1] or following).partition(":")
            if to:
                yield source
        if "," in word or "=" in word:
            for part in word.split(","):
                if match := _SOURCE.search(part):
                    yield match[1]
