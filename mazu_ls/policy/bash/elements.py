"""Elements of arrays: what one of them may be, and what an array may be once one is assigned."""

from __future__ import annotations

import re

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.scope import MAX_FIELDS, ShellScope


def assign_element(scope: ShellScope, name: str, index: str, text: str) -> None:
    """Add what one element of an array may be; its place is known if it is the next one, or one that there is."""
    lists = scope.arrays.get(name) or [[value] for value in scope.values.get(name, ())] or [[]]
    scope.assign(name, text)
    at = int(index) if re.fullmatch(r"\d{1,4}", index) else MAX_FIELDS
    if name in scope.loose or any(at > len(fields) for fields in lists):
        scope.loose.add(name)
        scope.assign_array(name, [text])
        if lists != [[]]:
            scope.assign_array(name, [UNKNOWN])
        return
    for fields in lists:
        scope.assign_array(name, [*fields[:at], text, *fields[at + 1 :]])


def lookup_element(scope: ShellScope, name: str, index: str) -> list[str]:
    """Return every value that `${name[index]}` may have: any of the array where the places are not known."""
    lists = scope.lists(name)
    if not re.fullmatch(r"-?\d{1,4}", index) or name in scope.loose or any(UNKNOWN in f for f in lists):
        return list(dict.fromkeys([*(text for fields in lists for text in fields), *scope.lookup(name)]))
    at = int(index)
    found = [fields[at] for fields in lists if -len(fields) <= at < len(fields)]
    return list(dict.fromkeys([*found, *(scope.lookup(name) if at <= 0 else ())])) or [""]
