"""docs/protocol.md says what the code does, and all of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

from mazu_ls.config.config import Config
from mazu_ls.errors import Kind
from mazu_ls.server import commands, errors
from mazu_ls.server.wire.common import NoParams

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
SERVER = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mazu_ls" / "server").rglob("*.py"))


def section(number: int) -> str:
    match = re.search(rf"^## {number}\..*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert match
    return match[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row that begins with code."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        for line in text.splitlines()
        if line.startswith("| `")
    ]


def names(cell: str) -> list[str]:
    """The code words of a cell; one that begins with a dot stands behind the first part of the one before."""
    found: list[str] = []
    for word in re.findall(r"`([^`]+)`", cell):
        prefix = found[0].rpartition(".")[0] if found and word.startswith(".") else ""
        found.append(prefix + word)
    return found


def arguments(cell: str) -> set[str]:
    """The fields in the first code of a cell."""
    code = re.match(r"`([^`]*)`", cell)
    if not code:
        return set()
    plain, inner = "", code[1]
    while plain != inner:  # from the innermost bracket outwards
        plain, inner = inner, re.sub(r"\[[^][{}]*\]|\{[^][{}]*\}", "", inner)
    return {re.match(r"\w+", part.strip())[0] for part in plain.split(",") if re.match(r"\w+", part.strip())}


def command_rows() -> dict[str, set[str]]:
    table = section(2).partition("What a command does without arguments")[0]
    return {name: arguments(row[1]) for row in rows(table) for name in names(row[0])}


def test_every_command_is_on_the_page_and_every_one_on_the_page_exists():
    assert sorted(command_rows()) == sorted(commands.names())


@pytest.mark.parametrize("name", commands.names())
def test_the_page_names_exactly_the_arguments_a_command_takes(name: str):
    taken = {field.encode_name for field in msgspec.structs.fields(commands.find(name).params)}
    assert command_rows()[name] == taken


def test_every_command_has_a_form_without_arguments_or_the_page_says_why_not():
    told = section(2).partition("What a command does without arguments")[2]
    for name in commands.names():
        command = commands.find(name)
        needs = [field.encode_name for field in msgspec.structs.fields(command.params) if field.required]
        if (
            command.params is not NoParams
            and (needs or command.natural)
            and not name.startswith("mazu.skills.")
        ):
            assert command.natural, f"{name} needs {needs} and has no natural form"
            assert f"`{name}`" in told, name


def test_every_error_kind_and_code_is_on_the_page():
    text = section(4)
    listed = re.search(r"`kind`: `([^`]+)`", text)
    assert listed
    assert sorted(listed[1].replace(" ", "").split(",")) == sorted(kind.value for kind in Kind)
    for code in (
        errors.INVALID_PARAMS,
        errors.REQUEST_FAILED,
        errors.REQUEST_CANCELLED,
        errors.CONTENT_MODIFIED,
    ):
        assert f"`{code}`" in text


def test_every_notification_and_request_of_ours_is_on_the_page():
    in_code = set(re.findall(r"\"(mazu/[a-z/]+)\"", SERVER))
    on_page = set(re.findall(r"`(mazu/[a-z/]+)`", section(5) + section(7) + section(9)))
    assert in_code == on_page


def test_every_kind_of_update_is_on_the_page():
    files = [
        ROOT / "mazu_ls" / "server" / "client" / name
        for name in ("turn_notifications.py", "event_updates.py")
    ]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    kinds = set(re.findall(r"\"kind\": \"(\w+)\"", source)) | {"message", "thought"}
    on_page = set(re.findall(r"`(\w+) \{|`(restart)`", section(5)))
    assert kinds <= {one or other for one, other in on_page}


def settings(struct: type[Any], prefix: str = "") -> set[str]:
    """The dotted names of all settings."""
    found: set[str] = set()
    for name, hint in get_type_hints(struct).items():
        nested = isinstance(hint, type) and issubclass(hint, msgspec.Struct)
        found |= settings(hint, f"{prefix}{name}.") if nested else {prefix + name}
    return found


def test_every_setting_is_on_the_page_and_every_one_on_the_page_exists():
    on_page = {name.removesuffix(".<name>") for row in rows(section(8)) for name in names(row[0])}
    assert on_page == settings(Config)


def test_the_fields_of_a_configured_model_are_on_the_page():
    (row,) = [row for row in rows(section(8)) if row[0] == "`models.<name>`"]
    from mazu_ls.config.config import ModelSettings

    assert arguments(row[3]) == {field.name for field in msgspec.structs.fields(ModelSettings)}
