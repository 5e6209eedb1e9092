"""The tables of the policy as data, one file for each kind: what programs, options and words are known to be."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any


@cache
def read_table(name: str) -> dict[str, Any]:
    """The whole table `<name>.toml`."""
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


def word_set(key: str) -> frozenset[str]:
    """The set of words that stands in words.toml under this key."""
    return frozenset(read_table("words")[key].split())
