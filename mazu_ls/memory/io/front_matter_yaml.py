"""The YAML of memories' front matter: JSON's types, and every other scalar is text.

YAML 1.1 would read `on`, `007`, `12:30` and dates as other types than people mean
(https://yaml.org/spec/1.2.2/#103-core-schema).
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
"""Matches text that some YAML reader takes for another type."""
MAX_EVENTS = 50_000
"""Maximum number of YAML events (scalars, beginnings and ends): some 5,000 changes; three million small numbers took 25 s."""
_UNPRINTABLE = "[^\x09\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"


def quoted(value: Any) -> str:
    """Return a value on one line: JSON, which is valid YAML once unprintable characters are escaped."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return re.sub(
        _UNPRINTABLE, lambda match: f"\\u{ord(match[0]):04x}", text
    )  # compiled once, when first used


def read(text: str) -> dict[str, Any] | None:
    """Return the fields; None for anything but a YAML mapping with text keys, with an alias, or with too
    many items."""
    import yaml

    try:
        for count, event in enumerate(yaml.parse(text, Loader=_loader())):
            if count > MAX_EVENTS or isinstance(event, yaml.AliasEvent):
                return None
        found = yaml.load(text, Loader=_loader())
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    if found is None:
        return {}
    return found if isinstance(found, dict) and all(isinstance(key, str) for key in found) else None


@cache
def _loader() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class FrontMatterLoader(base):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as PyYAML declares it

    def resolve(kind: str, pattern: str, first: str) -> None:
        FrontMatterLoader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), list(first))

    resolve("bool", r"(?i:true|false)$", "tTfF")
    resolve("null", r"(?:null|~|)$", "n~")
    FrontMatterLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"$"), [""])
    resolve("int", r"-?(?:0|[1-9][0-9]{0,17})$", "-0123456789")
    resolve("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", "-0123456789")
    return FrontMatterLoader
