"""The project of the demo: a small ledger in git, with a bug, a failing test, a dirty tree."""

from __future__ import annotations

from pathlib import Path

from mazu_ls import gitcmd

FILES = {
    "ledger/__init__.py": '"""A ledger that never loses a cent."""\n',
    "ledger/money.py": '''\
"""Amounts of money."""


def parse(text: str) -> int:
    """The cents in a text such as "12.34" or "-7"."""
    whole, _, fraction = text.strip().partition(".")
    return int(whole) * 100 + int(fraction or 0)


def show(cents: int) -> str:
    """The amount as text, with two decimals."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
''',
    "ledger/book.py": '''\
"""Entries and their balance."""

from dataclasses import dataclass, field

from ledger import money


@dataclass
class Book:
    entries: list[tuple[str, int]] = field(default_factory=list)

    def enter(self, what: str, amount: str) -> None:
        self.entries.append((what, money.parse(amount)))

    def balance(self) -> str:
        return money.show(sum(cents for _, cents in self.entries))
''',
    "tests/__init__.py": "",
    "tests/test_ledger.py": """\
import unittest

from ledger import money
from ledger.book import Book


class Ledger(unittest.TestCase):
    def test_whole_amounts(self):
        self.assertEqual(money.parse("12"), 1200)

    def test_one_decimal_is_tenths(self):
        self.assertEqual(money.parse("0.5"), 50)

    def test_debts_are_negative_to_the_cent(self):
        self.assertEqual(money.parse("-7.25"), -725)

    def test_balance(self):
        book = Book()
        book.enter("salary", "100.50")
        book.enter("rent", "-99.75")
        self.assertEqual(book.balance(), "0.75")
""",
    "README.md": "# ledger\n\nKeeps books in whole cents.\n",
    ".gitignore": "__pycache__/\n*.local\n",
}

FIXED = """\
    sign = -1 if text.strip().startswith("-") else 1
    whole, _, fraction = text.strip().lstrip("+-").partition(".")
    return sign * (int(whole or 0) * 100 + int(fraction.ljust(2, "0") or 0))
"""
BROKEN = """\
    whole, _, fraction = text.strip().partition(".")
    return int(whole) * 100 + int(fraction or 0)
"""


def create(root: Path) -> None:
    """Write the files, commit them, and leave the tree dirty: one file changed, one untracked, one ignored."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    gitcmd.create_repository(root, "main")
    git(root, "add", ".")
    git(root, "-c", "user.name=Demo", "-c", "user.email=demo@example.org", "commit", "-q", "-m", "A ledger")
    (root / "README.md").write_text(FILES["README.md"] + "\nTo do: debts.\n")
    (root / "notes.txt").write_text("ask Ada about rounding\n")
    (root / "secrets.local").write_text("ignored by git\n")


def git(root: Path, *arguments: str) -> str:
    """Run git and return what it printed."""
    done = gitcmd.run(arguments, gitcmd.environment(root / ".git", root), root)
    done.check_returncode()
    return done.stdout.decode()
