"""Which files of its own a package names as what is started: `main` and `bin` of a package.json, scripts of a pyproject.toml."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import cast

from mazu_ls.config.mcp_programs import SUFFIXES
from mazu_ls.workspace import project_files

MAX_PACKAGE = 2**20  # bytes of one package.json or pyproject.toml
MAX_NAMED = 100  # programs of one package
_PARSERS = {"package.json": json.loads, "pyproject.toml": tomllib.loads}


def names_in_package(root: Path, package: Path, started: Sequence[str], words: Container[str]) -> list[str]:
    """Return names of files, relative to the package's folder, that may be there or not; none of a file that is no package, or
    that cannot be read.

    `started` are the names that are looked for in the folder: `main` and `bin` count where Node starts a folder. `words` are
    those of the command line: of the scripts of a pyproject.toml those that it names, or all where the package is what is run.
    """
    parse = _PARSERS.get(package.name)
    if parse is None or (package.name == "package.json" and "index.js" not in started):
        return []
    try:
        content: object = parse(
            project_files.read_text(root, package.relative_to(root).as_posix(), MAX_PACKAGE, "replace")
        )
    except (OSError, ValueError, RecursionError):
        return []
    if package.name == "package.json":
        names = _of_node(_table(content))
    else:
        names = _of_python(_table(content), words, is_run="setup.py" in started)
    return list(filter(_is_name, dict.fromkeys(names)))


def _of_node(package: Mapping[str, object]) -> list[str]:
    programs, main = package.get("bin"), package.get("main")
    ends = ("", *SUFFIXES, *(f"/index{suffix}" for suffix in SUFFIXES))
    named = [programs, *_table(programs).values()][:MAX_NAMED]
    return [one for one in named if isinstance(one, str)] + [
        main + end for end in ends if isinstance(main, str)
    ]


def _of_python(package: Mapping[str, object], words: Container[str], *, is_run: bool) -> list[str]:
    project, poetry = _table(package.get("project")), _table(_table(package.get("tool")).get("poetry"))
    tables = (project.get("scripts"), project.get("gui-scripts"), poetry.get("scripts"))
    scripts = {name: target for table in tables for name, target in _table(table).items()}
    named = [target for name, target in scripts.items() if name in words] or (
        list(scripts.values()) if is_run else []
    )
    found: list[str] = []
    for target in named[:MAX_NAMED]:
        module = target.partition(":")[0].strip().replace(".", "/") if isinstance(target, str) else ""
        top = module.partition("/")[0]
        for folder in ("", "src/") if top else ():
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
