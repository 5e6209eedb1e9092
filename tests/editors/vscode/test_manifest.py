"""What the extension's package.json promises, held against the server. No editor is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from msgspec import Struct

from mazu_ls.config.config import Config
from mazu_ls.server.commands import names

EXTENSION = Path(__file__).parents[3] / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
CONTRIBUTES = MANIFEST["contributes"]
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (EXTENSION / "src").rglob("*.ts"))
OWN_SETTINGS = re.compile(r"mazu\.(server|trace)\.")


def camel_case(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def snake_case(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)


def settings_of(struct: type[Struct], prefix: str) -> Iterator[str]:
    """Every setting of the server, dotted; tables whose keys the user chooses are one."""
    for name, hint in get_type_hints(struct).items():
        nested = isinstance(hint, type) and issubclass(hint, Struct) and get_origin(hint) is None
        yield from settings_of(hint, f"{prefix}{name}.") if nested else [camel_case(f"{prefix}{name}")]


def offered() -> dict[str, Any]:
    return {name: it for part in CONTRIBUTES["configuration"] for name, it in part["properties"].items()}


def default_of(config: Any, name: str) -> Any:
    for part in snake_case(name).split(".")[1:]:
        config = getattr(config, part)
    return list(config) if isinstance(config, tuple) else config


def test_the_settings_are_those_of_the_server():
    shown = {name for name in offered() if not OWN_SETTINGS.match(name)}
    assert shown == set(settings_of(Config, "mazu."))


def test_the_defaults_shown_are_those_of_the_server():
    config = Config()
    shown = {name: it["default"] for name, it in offered().items() if not OWN_SETTINGS.match(name)}
    assert shown == {name: default_of(config, name) for name in shown}


def test_what_starts_a_program_cannot_be_set_by_a_project():
    assert {offered()[f"mazu.server.{name}"]["scope"] for name in ("command", "args")} == {"machine"}


def test_no_command_of_the_extension_has_the_id_of_a_server_command():
    own = {it["command"] for it in CONTRIBUTES["commands"]}
    assert not own & set(names())


def test_every_command_of_the_manifest_is_registered_and_the_other_way_round():
    in_code = set(re.findall(r"\b(?:app\.command|each|decide)\(\s*'(mazu\.\w+)'", SOURCES))
    assert in_code == {it["command"] for it in CONTRIBUTES["commands"]}


def test_every_server_command_that_is_used_exists():
    used = set(re.findall(r"execute(?:<\w+>)?\(\s*'(mazu\.[\w.]+)'", SOURCES))
    assert used
    assert used <= set(names())


def test_the_lock_file_names_no_registry():
    lock = (EXTENSION / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock


def test_dependencies_are_pinned_exactly():
    versions = MANIFEST["devDependencies"] | MANIFEST.get("dependencies", {})
    assert not [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)]


def test_what_loosens_the_agents_bounds_cannot_be_set_by_a_project():
    bounds = {"permissions.mode", "permissions.rules", "models", "mcp_servers", "shell.sandbox", "shell.network", "shell.readable", "shell.outputs", "web.allow_private"}  # fmt: skip
    assert {offered()[f"mazu.{camel_case(name)}"]["scope"] for name in bounds} == {"application"}


def test_the_pages_load_nothing_from_anywhere_else():
    page = (EXTENSION / "src" / "panels" / "page.ts").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert "connect-src" not in page
    assert "img-src" not in page


def test_every_command_stands_in_the_palette_or_is_kept_out_of_it_on_purpose():
    listed = {it["command"]: it.get("when") for it in CONTRIBUTES["menus"]["commandPalette"]}
    rows = {it["command"] for it in CONTRIBUTES["menus"]["view/item/context"]}
    hidden = {name for name, when in listed.items() if when == "false"}
    assert rows <= hidden | {"mazu.rollBack"}, rows - hidden


def test_every_button_of_a_row_is_in_its_menu_too():
    menu = CONTRIBUTES["menus"]["view/item/context"]
    buttons = {(it["command"], it["when"]) for it in menu if it["group"].startswith("inline")}
    rows = {(it["command"], it["when"]) for it in menu if not it["group"].startswith("inline")}
    assert {name for name, _ in buttons} <= {name for name, _ in rows}, "no keyboard reaches a button"


def test_every_string_of_the_manifest_can_be_translated():
    strings = json.loads((EXTENSION / "package.nls.json").read_text(encoding="utf-8"))
    used = set(re.findall(r'"%([\w.]+)%"', (EXTENSION / "package.json").read_text(encoding="utf-8")))
    assert used == set(strings)
    assert not [it["command"] for it in CONTRIBUTES["commands"] if not it["title"].startswith("%")]
