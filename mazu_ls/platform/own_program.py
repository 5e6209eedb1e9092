"""The files that mazu-ls itself runs from, where they are inside a project: in the project's own virtual environment, often."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path


@cache
def own_folders() -> tuple[Path, ...]:
    """Return what this process's Python runs from, in its environment and outside of it, and the folder of the package."""
    # Not all of an environment: it may be, or hold, the project.
    parts = ("bin", "lib", "lib64", "include", "Scripts", "Lib", "DLLs", "pyvenv.cfg")
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix}
    environment = [Path(prefix, part) for prefix in prefixes for part in parts]
    places = (*environment, Path(sys.executable), Path(os.__file__).parent, Path(__file__).parents[1])
    return tuple({place.resolve() for place in places if place.exists()})


def own_folders_in(roots: Iterable[Path]) -> list[Path]:
    """Return those of them inside these folders: whoever changes them changes the program that guards the sandbox."""
    inside = {root.resolve() for root in roots}
    return [place for place in own_folders() if any(place.is_relative_to(root) for root in inside)]


def is_own_program(path: Path) -> bool:
    """Return whether mazu-ls runs from a file at this path."""
    spelt = f"{path}{os.sep}"
    return spelt.startswith(_own_prefixes())


@cache
def _own_prefixes() -> tuple[str, ...]:
    return tuple(f"{place}{os.sep}" for place in own_folders())
