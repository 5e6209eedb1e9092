"""The types of lsprotocol are defined one by one, and are what they are when it is imported as a whole."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import random
import subprocess
import sys
from importlib.abc import Loader
from types import ModuleType
from typing import Any

import attrs
import lsprotocol
import pytest

from mazu_ls.server.lazy_lsprotocol import MODULE, TABLES, TypesLoader

LAZILY = "from mazu_ls.server.lazy_lsprotocol import define_types_when_used; define_types_when_used()\n"


def usual_loader() -> importlib.machinery.SourceFileLoader:
    found = importlib.machinery.PathFinder.find_spec(MODULE, list(lsprotocol.__path__))
    assert found is not None
    assert isinstance(found.loader, importlib.machinery.SourceFileLoader)
    return found.loader


def module_of(loader: Loader) -> ModuleType:
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(MODULE, loader))
    loader.exec_module(module)
    return module


def lazy(text: str | None = None) -> ModuleType:
    return module_of(TypesLoader(text or usual_loader().get_source(MODULE) or ""))


def described(value: Any) -> str:
    """What can be compared of a definition."""
    if isinstance(value, type):
        fields = [
            (one.name, str(one.type), repr(one.default), one.kw_only, one.validator is None)
            for one in (attrs.fields(value) if attrs.has(value) else ())
        ]
        return repr((value.__name__, [base.__name__ for base in value.__mro__], sorted(vars(value)), fields))
    if isinstance(value, dict):
        return repr({key: described(one) for key, one in value.items()})
    if isinstance(value, list | tuple):
        return repr([described(one) for one in value])
    return getattr(value, "__qualname__", None) or repr(value)


WHOLE = vars(module_of(usual_loader()))
DESCRIBED = {name: described(value) for name, value in WHOLE.items() if not name.startswith("__")}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_definition_is_what_it_is_in_the_whole_module(seed: int):
    module = lazy()
    assert len(vars(module)) < 40
    assert set(dir(module)) >= DESCRIBED.keys()
    names = sorted(DESCRIBED)
    random.Random(seed).shuffle(names)
    assert {name: described(getattr(module, name)) for name in names} == DESCRIBED
    assert all(one is getattr(module, name) for name, one in module.ALL_TYPES_MAP.items())


@pytest.mark.parametrize("table", sorted(TABLES))
@pytest.mark.parametrize(
    "look", [len, list, dict, repr, lambda table: table.get("x"), lambda table: "x" in table, lambda table: table.items()]
)  # fmt: skip
def test_a_table_is_filled_by_the_first_look(table: str, look: Any):
    module = lazy()
    found = getattr(module, table)
    assert table not in vars(module)
    look(found)
    assert vars(module)[table] is found
    assert len(found) == len(WHOLE[table])


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = lazy().Nothing


def test_a_module_that_cannot_be_split_is_run_as_a_whole(caplog: pytest.LogCaptureFixture):
    text = "import enum\nclass First:\n    pass\n'''\nclass is a word\nOne = of a text\n'''\nSecond = First\n"
    module = lazy(text)
    assert module.Second is module.First
    assert "imported as a whole" in caplog.text
    assert module.Second().__class__.__name__ == "First"


def run(code: str, first: str = LAZILY) -> str:
    done = subprocess.run(
        [sys.executable, "-c", first + code],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_server_is_imported_without_most_types():
    out = run(
        "from mazu_ls.server.app import _import_connection\n"
        "_import_connection()()\n"
        "import lsprotocol.types\n"
        "print(sum(isinstance(one, type) for one in vars(lsprotocol.types).values()))\n",
        first="",
    )
    assert int(out) < 60


def test_what_pygls_does_with_the_types_works_as_before():
    code = (
        "from pygls.protocol import default_converter\n"
        "from lsprotocol import types\n"
        "converter = default_converter()\n"
        "capabilities = {'window': {'workDoneProgress': True}}\n"
        "params = converter.structure({'capabilities': capabilities, 'rootUri': None}, types.InitializeParams)\n"
        "hover = types.Hover(types.MarkupContent(types.MarkupKind.Markdown, 'x'))\n"
        "print(params, converter.unstructure(params), converter.unstructure(hover))\n"
    )
    assert run(code) == run(code, first="")
