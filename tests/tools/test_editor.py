"""What the model gets of the editor's language servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.errors import MazuError, ToolError
from mazu_ls.host import Diagnosed, EditorDiagnostic, EditorSymbol, Severity, Spot
from mazu_ls.tools import language_servers
from mazu_ls.tools.language_servers import occurrences
from tests.tools.conftest import Made, Project

SHOP = "class Cart:\n    total = 0\n\ndef total(cart):\n    return cart.total\n"


@dataclass
class Servers:
    """An editor that lends everything. `known` holds the answer for each place that was asked about, `versions` what is open."""

    project: Project
    known: dict[tuple[int, int], list[Spot]] = field(default_factory=dict)
    reported: list[Diagnosed] = field(default_factory=list)
    defined: list[EditorSymbol] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[int, int]] = field(default_factory=list)
    lends: frozenset[str] = frozenset(("diagnostics", "definition", "references", "symbols"))
    dated: bool = True

    def version(self, path: Path) -> int | None:
        return self.versions.get(path.name)

    async def text(self, path: Path) -> str:
        return await self.project.host.read(path)

    async def diagnostics(self, path: Path | None = None) -> Sequence[Diagnosed]:
        return [one for one in self.reported if path is None or one.path == path]

    async def definition(self, path: Path, line: int, column: int) -> Sequence[Spot]:
        self.asked.append((line, column))
        return self.known.get((line, column), [])

    async def references(self, path: Path, line: int, column: int) -> Sequence[Spot]:
        return await self.definition(path, line, column)

    async def symbols(self, path: Path | None, query: str = "") -> Sequence[EditorSymbol]:
        return self.defined

    def spot(self, name: str, line: int, column: int = 0, text: str = "") -> Spot:
        path = self.project.root / name
        return Spot(path.as_uri(), path, line, column, text)

    def report(self, name: str, version: int | None, *found: tuple[Severity, int, str]) -> None:
        """Diagnostics of one file, each a severity, a line and a message."""
        path = self.project.root / name
        together = tuple(
            EditorDiagnostic(self.spot(name, line), severity, text, "lint", "L1")
            for severity, line, text in found
        )
        self.reported.append(Diagnosed(path.as_uri(), path, version, together))


@pytest.fixture
def servers(made: Made) -> Servers:
    project = made({"shop.py": SHOP, "main.py": "import shop\n"})
    project.host.lender = servers = Servers(project)
    servers.versions["shop.py"] = 3
    return servers


async def text(servers: Servers, tool: Any, **arguments: Any) -> str:
    return await servers.project.text(tool, **arguments)


async def test_diagnostics_say_of_which_version_they_are(servers: Servers):
    servers.versions |= {"old.py": 7, "some.py": 2}
    servers.report("shop.py", 3, ("warning", 4, "late"), ("error", 3, "broken\nin two lines"))
    servers.report("old.py", 6, ("error", 0, "gone?"))
    servers.report("some.py", None, ("error", 0, "when?"))
    servers.report("main.py", None, ("info", 0, "closed"))
    assert await text(servers, language_servers.diagnostics) == "\n".join(
        [
            "[main.py, not open in the editor]",
            "main.py:1:1: info: closed (lint L1)",
            "[old.py, of version 6, which is out of date: it is at version 7 now]",
            "old.py:1:1: error: gone? (lint L1)",
            "[shop.py, version 3]",
            "shop.py:4:1: error: broken in two lines (lint L1)",
            "shop.py:5:1: warning: late (lint L1)",
            "[some.py, the editor does not say of which version; it is at version 2]",
            "some.py:1:1: error: when? (lint L1)",
        ]
    )


async def test_diagnostics_of_one_file_by_severity_and_cut(servers: Servers):
    odd: list[tuple[Severity, int, str]] = [("warning", line, "odd") for line in range(5)]
    servers.report("shop.py", 3, *odd, ("error", 9, "bad"))
    servers.report("main.py", 1, ("error", 0, "elsewhere"))
    only = await text(servers, language_servers.diagnostics, path="shop.py", severity="error")
    assert only == "[shop.py, version 3]\nshop.py:10:1: error: bad (lint L1)"
    cut = await text(servers, language_servers.diagnostics, path="shop.py", limit=2)
    assert cut.splitlines()[-1] == "[5 more; ask about one path or a severity, or raise limit]"


async def test_no_diagnostics_are_said_as_such(servers: Servers):
    assert await text(servers, language_servers.diagnostics) == "the editor has no diagnostics"
    assert "not open in the editor" in await text(servers, language_servers.diagnostics, path="main.py")
    servers.report("shop.py", 3)
    assert (
        await text(servers, language_servers.diagnostics, path="shop.py")
        == "[shop.py, version 3]\nno diagnostics"
    )


async def test_what_is_outside_the_workspace_is_named_and_not_quoted(servers: Servers, tmp_path: Path):
    outside = tmp_path / "lib.py"
    servers.known[0, 6] = [
        Spot(outside.as_uri(), outside, 9, 4, "TOKEN = 'x'"),
        Spot("jdt://contents/List.class", None, 0, 0),
        servers.spot(".env", 0, 0, "KEY=abc"),
    ]
    servers.reported = [Diagnosed(outside.as_uri(), outside, 1, ())]
    found = await text(servers, language_servers.definition, path="shop.py", symbol="Cart")
    assert found.splitlines()[1:] == [f"{outside}:10:5", "jdt://contents/List.class:1:1", ".env:1:1"]
    assert await text(servers, language_servers.diagnostics) == "the editor has no diagnostics"


async def test_the_occurrence_that_the_server_knows_is_found(servers: Servers):
    servers.known[3, 4] = [servers.spot("shop.py", 3, 4, "def total(cart):")]
    found = await text(servers, language_servers.definition, path="shop.py", symbol="total")
    assert found == "[definition of total at shop.py:4, version 3]\nshop.py:4:5: def total(cart):"
    assert servers.asked == [(1, 4), (3, 4)]


async def test_a_line_says_which_occurrence_is_meant(servers: Servers):
    servers.known[1, 4] = [servers.spot("shop.py", 1)]
    with pytest.raises(ToolError, match=r"knows no references of total in shop\.py"):
        await text(servers, language_servers.references, path="shop.py", symbol="total", line=5)
    assert servers.asked == [(4, 16)]


async def test_references_are_listed_once_and_bounded(servers: Servers):
    servers.known[0, 6] = [servers.spot("main.py", line, 0, f"use {line}") for line in range(150)] * 2
    found = (await text(servers, language_servers.references, path="shop.py", symbol="Cart")).splitlines()
    assert (len(found), found[1], found[-1]) == (102, "main.py:1:1: use 0", "[50 more; raise limit]")


async def test_a_name_that_is_not_there_is_refused_with_what_to_do(servers: Servers):
    with pytest.raises(ToolError, match="does not contain 'basket'; name a file"):
        await text(servers, language_servers.definition, path="shop.py", symbol="basket")
    with pytest.raises(ToolError, match=r"main.py \(it is not open in the editor.*Use grep"):
        await text(servers, language_servers.definition, path="main.py", symbol="shop")
    with pytest.raises(ToolError, match="is a folder"):
        await text(servers, language_servers.definition, path=".", symbol="shop")
    with pytest.raises(MazuError, match="outside"):
        await text(servers, language_servers.definition, path="../x.py", symbol="shop")


async def test_symbols_of_a_file_or_of_the_project(servers: Servers):
    servers.defined = [
        EditorSymbol("Cart", "Class", "", servers.spot("shop.py", 0)),
        EditorSymbol("total\x1b[31m", "Field", "Cart", servers.spot("shop.py", 1)),
    ]
    shown = "shop.py:1: Class Cart\nshop.py:2: Field total in Cart"
    assert await text(servers, language_servers.symbols, path="shop.py") == f"{shown}\n[shop.py, version 3]"
    assert await text(servers, language_servers.symbols, query="a") == shown
    for arguments in ({}, {"path": "shop.py", "query": "a"}):
        with pytest.raises(ToolError, match="either path or query"):
            await text(servers, language_servers.symbols, **arguments)
    servers.defined = []
    assert (
        await text(servers, language_servers.symbols, query="zz")
        == "the language server knows no symbols of names like zz"
    )


async def test_where_nothing_is_lent_the_tools_say_so(project: Project):
    project.write({"a.py": "x = 1\n"})
    for tool, arguments in (
        (language_servers.diagnostics, {}),
        (language_servers.symbols, {"query": "x"}),
        (language_servers.definition, {"path": "a.py", "symbol": "x"}),
    ):
        with pytest.raises(ToolError, match="does not share its language servers"):
            await project.call(tool, **arguments)


@pytest.mark.parametrize(
    ("symbol", "line", "found"),
    [
        ("total", None, [(1, 4), (3, 4), (4, 16)]),
        ("total", 4, [(3, 4), (4, 16), (1, 4)]),
        ("cart.total", None, [(4, 16)]),
        ("Cart.total", None, [(1, 4), (3, 4), (4, 16)]),
        ("Cart::total()", None, [(1, 4), (3, 4), (4, 16)]),
        ("tot", None, []),
        ("()", None, []),
    ],
)
def test_a_name_is_found_as_a_word(symbol: str, line: int | None, found: list[tuple[int, int]]):
    assert occurrences(SHOP, symbol, line) == found
    assert occurrences(SHOP.replace("\n", "\r\n"), symbol, line) == found
