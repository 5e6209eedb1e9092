"""Memories follow a short function in a file that was renamed and is not committed under its new name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.memory.clones import run_git
from tests.server.client import Client

SHORT = "def rate():\n    return 0.19\n"
OTHER = "def names(rows):\n    return [row.name for row in rows]\n\n\ndef limit():\n    return 50\n"


def _git(folder: Path, *arguments: str) -> None:
    run_git("-C", str(folder), "-c", "user.name=T", "-c", "user.email=t@t", *arguments)


def _moved(folder: Path) -> None:
    _git(folder, "mv", "tax.py", "vat.py")


def _plainly(folder: Path) -> None:
    (folder / "tax.py").rename(folder / "vat.py")


def _and_edited(folder: Path) -> None:
    _moved(folder)
    (folder / "vat.py").write_text("import os\n\n" + (folder / "vat.py").read_text() + "\n\nMORE = 1\n")


def _beside_others(folder: Path) -> None:
    _plainly(folder)
    (folder / "new.py").write_text("def rate():\n    return 1\n")
    (folder / "aside.py").write_text(SHORT)
    _git(folder, "add", "aside.py")
    _git(folder, "commit", "-qm", "another that is the same")


def _folder(folder: Path) -> None:
    (folder / "pkg").rename(folder / "lib")


def _folder_in_git(folder: Path) -> None:
    _git(folder, "mv", "pkg", "lib")


RENAMES: list[tuple[Callable[[Path], None], str, str]] = [
    (_moved, "tax.py", "vat.py"),
    (_plainly, "tax.py", "vat.py"),
    (_and_edited, "tax.py", "vat.py"),
    (_beside_others, "tax.py", "vat.py"),
    (_folder, "pkg/a.py", "lib/a.py"),
    (_folder_in_git, "pkg/a.py", "lib/a.py"),
]


@pytest.mark.parametrize(("rename", "old", "new"), RENAMES)
async def test_a_two_line_function_keeps_its_memory(
    client: Client, folder: Path, rename: Callable[[Path], None], old: str, new: str
):
    (folder / "pkg").mkdir()
    for name, text in (
        ("tax.py", f"{SHORT}\n\n{OTHER}"),
        ("pkg/a.py", SHORT),
        ("pkg/b.py", SHORT),  # the same text under another name
        ("pkg/__init__.py", ""),
        ("main.py", OTHER),
    ):
        (folder / name).write_text(text)
    run_git("init", "-q", str(folder))
    _git(folder, "add", "-A")
    _git(folder, "commit", "-qm", "first")
    await client.initialize(folder)
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 15}}
    anchors = [{"uri": (folder / old).as_uri(), "range": span}]
    await client.command("mazu.remember", {"title": "The rate is fixed by law", "anchors": anchors})
    rename(folder)
    (found,) = (await client.command("mazu.memory.list", {}))["memories"]
    assert (found["state"], found["anchors"][0]["path"]) == ("current", new)


async def test_what_is_gone_or_not_certain_is_followed_nowhere(client: Client, folder: Path):
    (folder / "tax.py").write_text(f"{SHORT}\n\n{OTHER}")
    run_git("init", "-q", str(folder))
    _git(folder, "add", "-A")
    _git(folder, "commit", "-qm", "first")
    await client.initialize(folder)
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 15}}
    anchors = [{"uri": (folder / "tax.py").as_uri(), "range": span}]
    await client.command("mazu.remember", {"title": "The rate is fixed by law", "anchors": anchors})
    (folder / "tax.py").unlink()
    (folder / "new.py").write_text("def total(rows):\n    return sum(rows)\n")  # another file
    for name in ("one.py", "two.py"):
        (folder / name).write_text(f"{SHORT}\n\n{OTHER}")
    (found,) = (await client.command("mazu.memory.list", {}))["memories"]
    assert (found["state"], [a["path"] for a in found["anchors"]]) == ("check", ["tax.py"])
