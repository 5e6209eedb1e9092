"""Changes to the user's own config.toml: comments and order stay, the file is replaced atomically, keys stay private."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mazu_ls.config import config
from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.state import paths
from mazu_ls.workspace.atomic_write import replace_private_file


class StoredRule(NamedTuple):
    """A permission rule as written in the user's settings."""

    verdict: str
    tool: str
    pattern: str


def settings_file(env: Mapping[str, str] = os.environ) -> Path:
    """Return the user's own settings file."""
    return paths.mazu_home(env) / "config.toml"


def parse_value(text: str) -> Any:
    """Return `text` parsed as a TOML value, or as JSON for a list or a table in its spelling; a string if it is neither."""
    import json
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if text.lstrip().startswith(("[", "{")):
            with suppress(ValueError):
                return json.loads(text)
        return text


def store_setting(name: str, value: Any, env: Mapping[str, str] = os.environ) -> Path:
    """Set one dotted setting. Raises InvalidArguments if there is none of that name or the value does not fit."""
    keys = name.split(".")
    if not all(keys):
        raise InvalidArguments(f"{name!r} is no name of a setting; one is limits.max_steps", "name")
    nested: Any = value
    for key in reversed(keys):
        nested = {key: nested}
    problems = config.load([config.Layer("config set", nested)], {}).warnings
    if problems:
        problem = problems[0].removeprefix("config set: ").rpartition("; ")[0]
        key = problem.partition(":")[0]
        if "there is no such setting" in problem and f"{name}.".startswith(f"{key}."):
            whole = no_setting(name)  # a part of the name was checked; the whole one may suggest more
            problem = whole if "(did you mean" in whole else problem
        raise InvalidArguments(f"{problem}. Nothing was stored.", name)

    def change(document: Any) -> None:
        table = document
        for key in keys[:-1]:
            if key not in table:
                import tomlkit  # pyright: ignore[reportMissingImports]

                table[key] = tomlkit.table()
            table = table[key]
        table[keys[-1]] = value

    return _rewrite(change, env)


def no_setting(name: str) -> str:
    """Return the sentence that there is no setting of that name, with the one that was probably meant."""
    from difflib import get_close_matches

    def flat(values: dict[str, Any], above: str = "") -> list[str]:
        return [
            dotted
            for key, value in values.items()
            for dotted in (flat(value, f"{above}{key}.") if isinstance(value, dict) else [f"{above}{key}"])
        ]

    known = flat(msgspec.to_builtins(config.Config()))
    same = [one for one in known if one.endswith(f".{name}")]
    close = same[:1] or get_close_matches(name, known, 1, 0.6)
    return f"{name}: there is no such setting{f' (did you mean {close[0]}?)' if close else ''}"


def stored_list(name: str, env: Mapping[str, str] = os.environ) -> list[Any]:
    """Return the list that the user's own file holds for a setting; empty if it holds none."""
    found: list[Any] = []

    def look(document: Any) -> None:
        table = document
        for key in name.split("."):
            table = table.get(key, {}) if hasattr(table, "get") else {}
        if isinstance(table, list):
            found.extend(getattr(table, "unwrap", lambda: table)())

    if settings_file(env).exists():
        _rewrite(look, env, lambda: False)
    return found


def remove_setting(name: str, env: Mapping[str, str] = os.environ) -> bool:
    """Remove one dotted setting from the user's own file; return whether it was there."""
    *above, last = name.split(".")
    was_there = False

    def change(document: Any) -> None:
        nonlocal was_there
        table = document
        for key in above:
            table = table.get(key, {})
        was_there = last in table
        if was_there and not above and isinstance(table[last], dict) and table[last]:
            named = f"{last}.{next(iter(table[last]))}"
            raise InvalidArguments(
                f"{last} holds several settings: name one of them, such as {named}", "name"
            )
        if was_there:
            del table[last]
            for depth in reversed(range(1, len(above) + 1)):  # tables in which nothing is left
                *outer, key = above[:depth]
                table = document
                for one in outer:
                    table = table[one]
                if len(table[key]) or "#" in table[key].as_string():
                    break
                del table[key]

    if settings_file(env).exists():
        _rewrite(change, env, lambda: was_there)
    return was_there


def add_rule(rule: dict[str, str], env: Mapping[str, str] = os.environ) -> Path:
    """Add one permission rule; one for the same calls is replaced. Raises InvalidArguments if it could not be read again."""
    layer = config.Layer("the rule", {"permissions": {"rules": [rule]}})
    if problems := config.load([layer], {}).warnings:
        raise InvalidArguments(f"{problems[0].removeprefix('the rule: ')}. Nothing was stored.", "rule")

    def change(document: Any) -> None:
        import tomlkit  # pyright: ignore[reportMissingImports]
        from tomlkit.items import AoT  # pyright: ignore[reportMissingImports]

        permissions = document.setdefault("permissions", tomlkit.table())
        rules = permissions.setdefault("rules", tomlkit.aot())
        for number in reversed(range(len(rules))):
            same = (
                rules[number].get("tool") == rule["tool"]
                and rules[number].get("pattern", "*") == rule["pattern"]
            )
            if same:
                del rules[number]
        # An inline `rules = [{...}]`, which a user may have written, allows no [[permissions.rules]].
        added = tomlkit.table() if isinstance(rules, AoT) else tomlkit.inline_table()
        added.update(rule)
        rules.append(added)

    return _rewrite(change, env)


def stored_rules(env: Mapping[str, str] = os.environ) -> list[StoredRule]:
    """Return the permission rules of the user's own settings, in their order."""
    found: list[StoredRule] = []
    if settings_file(env).exists():
        _rewrite(lambda document: found.extend(map(_as_rule, _rules(document))), env, lambda: False)
    return found


def remove_rules(unwanted: Collection[StoredRule], env: Mapping[str, str] = os.environ) -> None:
    """Remove these permission rules from the user's settings."""

    def change(document: Any) -> None:
        rules = _rules(document)
        for number in reversed(range(len(rules))):
            if _as_rule(rules[number]) in unwanted:
                del rules[number]
        if not rules:
            document["permissions"].pop("rules", None)

    if unwanted:
        _rewrite(change, env)


def _rules(document: Any) -> Any:
    return document.get("permissions", {}).get("rules", [])


def _as_rule(table: Any) -> StoredRule:
    return StoredRule(
        str(table.get("verdict", "ask")), str(table.get("tool")), str(table.get("pattern", "*"))
    )


def _rewrite(change: Any, env: Mapping[str, str], is_changed: Callable[[], bool] = lambda: True) -> Path:
    import tomlkit  # pyright: ignore[reportMissingImports]
    from tomlkit.exceptions import TOMLKitError  # pyright: ignore[reportMissingImports]

    path = settings_file(env)
    paths.private_folder(path.parent)
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
        change(document)
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise MazuError(
            Kind.CONFIG, f"{path} is not valid TOML: {error}.", "Correct it, then try again."
        ) from error
    except (TypeError, AttributeError, KeyError) as error:
        raise MazuError(
            Kind.CONFIG, f"{path} holds something else in that place.", "Correct it by hand."
        ) from error
    if is_changed():
        replace_private_file(path, tomlkit.dumps(document).encode())
    return path
