"""`mazu-ls config get|set|unset|path`: the settings in force, and the user's own file."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from mazu_ls.config import config, config_files
from mazu_ls.errors import InvalidArguments, MazuError
from mazu_ls.redact import redact
from mazu_ls.state import paths
from mazu_ls.terminal.screen.printing import print_json, print_text
from mazu_ls.terminal.verbs.stored_settings import (
    no_setting,
    parse_value,
    remove_setting,
    settings_file,
    store_setting,
    stored_list,
)

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from mazu_ls.terminal.project_root import ProjectRoot


async def run(given: argparse.Namespace, root: ProjectRoot) -> int:
    """Show or change settings without starting anything else."""
    as_json = bool(getattr(given, "json", False))
    match given.subverb:
        case "path":
            files = [str(path) for path in _files(root)]
            print(json.dumps(files) if as_json else "\n".join(files))
        case "get":
            _show(_value(root, given.name), as_json)
        case "set":
            before = stored_list(given.name)
            path = store_setting(given.name, parse_value(given.value))
            loaded = _loaded(root)
            value = _named(loaded, given.name)
            if lost := [one for one in before if one not in stored_list(given.name)]:
                print_text(f"No longer in {given.name}: {_text(lost)}", sys.stderr)
            if problem := _problem_with(given.name, value, loaded.config):
                print_text(problem, sys.stderr)
            if as_json:
                print(json.dumps({"storedIn": str(path), "value": _shown(value)}))
            else:
                print(f"{given.name}: stored in {path}")
            if value != _own_value(given.name):
                print_text(
                    f"Another place is used before it here: {given.name} is {_text(value)}.", sys.stderr
                )
        case "unset":
            removed, value = remove_setting(given.name), None
            with (
                suppress(InvalidArguments) if removed else nullcontext()
            ):  # a name that is no setting can be removed
                value = _value(root, given.name)
            if as_json:
                print_json({"removed": removed, "value": _shown(value)})
            elif removed:
                print_text(f"{given.name}: removed from {settings_file()}; {_now(given.name, value)}")
            else:
                print_text(f"{given.name} is not set in {settings_file()}; it is {_text(value)}")
    return 0


def _own_value(name: str) -> Any:
    """Return the value that the user's own file alone gives, defaults filled in."""
    layer, _ = config_files.read_layer(settings_file())
    return _named(config.load([layer] if layer else []), name)


def _now(name: str, value: Any) -> str:
    if value is None:
        return (
            "no model is set now: the keys that are there choose one"
            if name == "model"
            else "it has no value now"
        )
    return f"it is {_text(value)} now"


def _problem_with(name: str, value: Any, settings: config.Config) -> str:
    """Return why a value that was stored will not work as it is; empty if nothing is known against it."""
    if name == "model" and isinstance(value, str):
        from mazu_ls.models import catalog
        from mazu_ls.models.pricing.unknown_name import unknown_name_note

        try:
            return unknown_name_note(catalog.resolve(value, settings).name)
        except MazuError as error:
            return f"It cannot be used as it is: {error.message} {error.hint}".strip()
    if name.endswith(".base_url") and isinstance(value, str):
        try:
            address = urlsplit(value)
            usable = address.scheme in ("http", "https") and address.hostname and " " not in value
        except ValueError:  # such as half of an IPv6 address
            usable = False
        if not usable:
            return f"It cannot be used as it is: {value!r} is not an http or https address."
    return ""


def _text(value: Any) -> str:
    return json.dumps(_shown(value), ensure_ascii=False)


def _files(root: ProjectRoot) -> list[Path]:
    """Return the settings files, lowest precedence first."""
    return [settings_file(), *(folder / paths.PROJECT_FOLDER / "config.toml" for folder in root.folders[:1])]


def _loaded(root: ProjectRoot) -> config.Loaded:
    layers: list[config.Layer] = []
    for layer, problem in (
        config_files.read_layer(settings_file()),
        *map(config_files.read_project_layer, root.folders[:1]),
    ):
        if problem:
            print_text(f"mazu-ls: {problem}", sys.stderr)
        layers += [layer] if layer else []
    loaded = config.load(layers)
    for warning in loaded.warnings:
        print_text(f"mazu-ls: {warning}", sys.stderr)
    return loaded


def _value(root: ProjectRoot, name: str | None) -> Any:
    return _named(_loaded(root), name)


def _named(loaded: config.Loaded, name: str | None) -> Any:
    value: Any = msgspec.to_builtins(loaded.config)
    for key in name.split(".") if name else ():
        if not isinstance(value, dict) or key not in value:
            raise InvalidArguments(no_setting(name or ""), "name")
        value = value[key]
    return value


def _shown(value: Any) -> Any:
    """Return the value without keys and other secrets."""
    if isinstance(value, dict):
        return {
            key: "***" if key in ("api_key", "headers", "env") and one else _shown(one)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return redact(value) if isinstance(value, str) else value


def _show(value: Any, as_json: bool, prefix: str = "") -> None:
    shown = _shown(value)
    if as_json or not isinstance(shown, dict):
        print_json(shown, indent=2 if isinstance(shown, dict) else None)
        return
    for name, one in _flat(shown, prefix):
        print_text(f"{name} = {json.dumps(one, ensure_ascii=False)}")


def _flat(values: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        found += (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else [(prefix + key, value)]
        )
    return found
