"""The graph of imports inside the package, imports for type checking included."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found: dict[str, Path] = {}
    for path in (ROOT / "mazu_ls").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of ours that a file names in an import, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{name.name}" for name in node.names}
            found |= inner & known.keys() or {node.module}
            if len(inner & known.keys()) < len(inner):
                found.add(node.module)
    return found & known.keys()


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of modules of which each can be reached from each other."""
    reached: dict[str, set[str]] = {}
    for start, direct in graph.items():
        seen, waiting = set[str](), [*direct]
        while waiting:
            if (one := waiting.pop()) not in seen:
                seen.add(one)
                waiting += graph[one]
        reached[start] = seen
    groups = {
        frozenset(other for other in reached[one] if one in reached[other])
        for one in graph
        if one in reached[one]
    }
    return [set(group) for group in groups]


def modules_in_circles() -> dict[str, int]:
    """How many modules of each package import themselves through others."""
    known = modules()
    graph = {name: imports(path, known) - {name} for name, path in known.items()}
    counts: dict[str, int] = {}
    for module in set[str]().union(*circles(graph)):
        package = ".".join(module.split(".")[:2])
        counts[package] = counts.get(package, 0) + 1
    return counts
