"""Describes an undo, a redo or a rollback in a sentence. Works on the wire result and imports nothing heavy: terminal,
chat documents and code actions use the same text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

Result = Mapping[str, Any]
NAMED = 6
"""Maximum number of files that are named."""


def rollback_sentence(result: Result, done: str = "Undone", then: str = "") -> str:
    """Return only facts: what was restored, what was left as it is and why, what could not be restored.

    `then`, a sentence, stands ahead of the last: that is a list, and nothing may stand behind its last line."""
    facts, problems = rollback_facts(result, done)
    return " ".join(filter(None, (facts, then, problems)))


def rollback_facts(result: Result, done: str) -> tuple[str, str]:
    """Return what was restored and what was left as it is, and as a list what could not be restored; "" if all was."""
    if not result["applied"]:
        names = [one["path"] for one in result["plan"]["conflicts"]] or result["plan"]["users"]
        if not result["plan"]["undecided"] or not names:
            return "Nothing was changed.", ""
        return f"Nothing was changed: you changed {listed_names(names)} since then.", ""
    parts = restored_parts(result)
    what = f"{done}: {', '.join(parts)}." if parts else f"{done}, but there was nothing to change."
    if parts and not _count_files(result["plan"]):
        what += " No file was changed."
    return " ".join([what, *left_alone(result["plan"])]), " ".join(problem_lines(result))


def restored_parts(result: Result) -> list[str]:
    """Return what was restored: "2 files", "memory", "the conversation"."""
    plan = result["plan"]
    files = _count_files(plan)
    parts = [f"{files} file{'' if files == 1 else 's'}"] if files else []
    if any(plan["memories"].values()):
        parts.append("memory")
    if plan["conversation"]:
        parts.append("the conversation")
    return parts


def _count_files(plan: Result) -> int:
    """Count files whose text changed, on disk, in an open document or in both."""
    files = {*plan["write"], *plan["delete"]}
    documents = [_document_name(uri) for uri in plan["buffers"]]
    return len(files) + sum(not uri.endswith(tuple(f"/{path}" for path in files)) for uri in documents)


def _document_name(uri: str) -> str:
    """Return the name by which a document is compared with files: one that is open through a link is the file it leads to."""
    named = unquote(uri)
    if not named.startswith("file:///") or "\0" in named:
        return named
    return os.path.realpath(named.removeprefix("file://"))


def left_alone(plan: Result) -> list[str]:
    """Return what was not restored, by reason: "Kept: a.py (only you changed it)."."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for key, verb in (("conflicts", "Not undone"), ("keep", "Kept"), ("setAside", "Set aside")):
        for one in plan[key]:
            by_reason.setdefault((verb, one["reason"]), []).append(one["path"])
    return [f"{verb}: {listed_names(paths)} ({reason})." for (verb, reason), paths in by_reason.items()]


def problem_lines(result: Result) -> list[str]:
    """Return what could not be restored; empty if all was verified."""
    if result["verified"]:
        return []
    problems = "".join(f"\n- {one['path']}: {one['reason']}" for one in result["problems"])
    return [f"NOT everything could be verified:{problems}"]


def listed_names(names: Iterable[str]) -> str:
    """Return some of the names, and how many more there are."""
    names = list(names)
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
