"""Which files of its own a package names as what is started: `main` and `bin` of a package.json, scripts of a pyproject.toml."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import cast

from mazu_ls.config.mcp_programs import SUFFIXES
from mazu_ls.workspace import project_files

MAX_PACKAGE = 2**20  # bytes of one package.json or pyproject.toml
MAX_NAMED = 100  # programs of one package
_SCRIPT = re.compile(
    r"""(?<![\w-])(?P<name>[\w-]{1,200})["']?\s{0,20}=\s{0,20}["'](?P<module>[A-Za-z_][\w.]{0,300}):[A-Za-z_]"""
)
"""What looks like a script, in whatever table: a parser of TOML takes minutes for a file that was made for that."""


def names_in_package(root: Path, package: Path, started: Sequence[str], words: Container[str]) -> list[str]:
    """Return names of files, relative to the package's folder, that may be there or not; none of a file that is no package, or
    that cannot be read.

    `started` are the names that are looked for in the folder: `main` and `bin` count where Node starts a folder. `words` are
    those of the command line: of the scripts of a pyproject.toml those that it names, or all where the package is what is run.
    """
    if package.name != "pyproject.toml" and (package.name != "package.json" or "index.js" not in started):
        return []
    try:
        text = project_files.read_text(root, package.relative_to(root).as_posix(), MAX_PACKAGE, "replace")
        if package.name == "pyproject.toml":
            names = _of_python(text, words, is_run="setup.py" in started)
        else:
            names = _of_node(_table(json.loads(text)))
    except (OSError, ValueError, RecursionError):
        return []
    return list(filter(_is_name, dict.fromkeys(names)))


def _of_node(package: Mapping[str, object]) -> list[str]:
    programs, main = package.get("bin"), package.get("main")
    ends = ("", *SUFFIXES, *(f"/index{suffix}" for suffix in SUFFIXES))
    named = [programs, *_table(programs).values()][:MAX_NAMED]
    return [one for one in named if isinstance(one, str)] + [
        main + end for end in ends if isinstance(main, str)
    ]


def _of_python(text: str, words: Container[str], *, is_run: bool) -> list[str]:
    scripts = [(match["name"], match["module"]) for match in _SCRIPT.finditer(text)]
    named = [module for name, module in scripts if name in words]
    named = named or ([module for _, module in scripts] if is_run else [])
    found: list[str] = []
    for module in (one.replace(".", "/") for one in named[:MAX_NAMED]):
        top = module.partition("/")[0]
        for folder in ("", "src/"):
            found += [
                folder + name for name in (f"{top}/__init__.py", f"{module}/__init__.py", f"{module}.py")
            ]
    return found


def _is_name(name: str) -> bool:
    try:
        return 0 < len(os.fsencode(name)) < 4096 and "\0" not in name
    except UnicodeEncodeError:
        return False


def _table(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, dict) else {}
