"""The tables of the policy as data, one file per kind: programs, options and words."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any


@cache
def read_table(name: str) -> dict[str, Any]:
    """Return the whole table `<name>.toml`."""
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


def word_set(key: str) -> frozenset[str]:
    """Return the set of words in words.toml under this key."""
    return frozenset(read_table("words")[key].split())


def pattern(key: str, flags: int = 0) -> re.Pattern[str]:
    """The compiled pattern that stands in patterns.toml under `module.name`."""
    module, name = key.split(".")
    return re.compile(read_table("patterns")[module][name].replace("\n", ""), flags)


def table(key: str) -> Any:
    """What stands in tables.toml under `module.name`: words, or a mapping."""
    module, name = key.split(".")
    return read_table("tables")[module][name]
