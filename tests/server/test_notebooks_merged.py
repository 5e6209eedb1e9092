"""A merge of notebooks by their cells moves nothing into another cell."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mazu_ls.checkpoints.git.merge_cells import merge_cells
from mazu_ls.checkpoints.git.merge_file import merge_file
from mazu_ls.checkpoints.git.repository import StoreRepository
from mazu_ls.checkpoints.restore.merging.merge_lines import merge_adjoining
from tests.server.test_notebooks import call
from tests.server.test_turns import ALL, agent

Cell = tuple[str, str, str]
"""The id ("" for none), the kind and the source of a cell."""
TITLE: Cell = ("m", "markdown", "# Title")
AGENTS: Cell = ("b", "code", "x = 1\ny = 2")
USERS: Cell = ("b", "code", "x = 1\ny = 2\nz = mine()")


def written(*cells: Cell) -> str:
    """Return the file of a notebook."""
    found: list[dict[str, Any]] = []
    for own, kind, text in cells:
        cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        found.append({**cell, "id": own} if own else cell)
    return json.dumps({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def read(text: str) -> list[Cell]:
    """Return the cells of a file."""
    return [
        (one.get("id", ""), one["cell_type"], "".join(one["source"])) for one in json.loads(text)["cells"]
    ]


def merged(mine: list[Cell], ancestor: list[Cell], theirs: list[Cell]) -> list[Cell] | None:
    """Return the cells of a merge; None if it is a conflict."""
    sides = (written(*side).encode() for side in (mine, ancestor, theirs))
    result = merge_cells(merge_adjoining, b"code/a.ipynb")(*sides)
    return None if result is None else read(result.decode())


@pytest.mark.parametrize("id", ["b", ""])
def test_a_line_whose_cell_goes_is_a_conflict(id: str):
    agents, users = (id, *AGENTS[1:]), (id, *USERS[1:])
    assert merged([TITLE, users], [TITLE, agents], [TITLE]) is None
    changed = ("m", "markdown", "# Title, x = 1")
    assert merged([TITLE, users], [TITLE, agents], [changed]) is None


def test_a_line_whose_cell_goes_keeps_it_if_the_users_lines_win(tmp_path: Path):
    mine_wins = partial(merge_file, StoreRepository(tmp_path), prefer_mine=True)
    sides = [written(TITLE, USERS), written(TITLE, AGENTS), written(TITLE)]
    result = merge_cells(mine_wins, b"code/a.ipynb")(*(side.encode() for side in sides))
    assert result is not None
    assert read(result.decode()) == [TITLE, USERS]


@pytest.mark.parametrize("id", ["b", ""])
def test_a_cell_that_both_changed_is_merged(id: str):
    first, last = ("", "code", "a = 1"), ("", "code", "c = 1")
    agents, then, users = (
        (id, "code", f"x = 1\n{line}\nz = 1\n{end}")
        for line, end in (("y = 1", "q"), ("y = 0", "q"), ("y = 1", "mine"))
    )
    result = (id, "code", "x = 1\ny = 0\nz = 1\nmine")
    assert merged([first, users, last], [first, agents, last], [first, then]) == [first, result]
    assert merged([users, last], [first, agents, last], [first, then, last]) == [result, last]


LINES = st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=3).map("\n".join)
KINDS = st.sampled_from(["code", "markdown"])


@st.composite
def cells(draw: st.DrawFn, with_ids: bool) -> tuple[list[Cell], list[Cell], list[Cell]]:
    """Make an ancestor and two notebooks that were made of it."""
    numbers = iter(range(100))

    def new() -> Cell:
        return (f"{next(numbers)}" if with_ids else "", draw(KINDS), draw(LINES))

    def edited(whole: list[Cell]) -> list[Cell]:
        result: list[Cell] = []
        for cell in whole:
            how = draw(st.sampled_from(["keep", "keep", "edit", "append", "remove", "add"]))
            if how in ("keep", "add"):
                result.append(cell)
            if how == "add":
                result.append(new())
            elif how in ("edit", "append"):
                text = draw(LINES) if how == "edit" else f"{cell[2]}\n{draw(LINES)}"
                result.append((*cell[:2], text))
        return result

    ancestor = [new() for _ in range(draw(st.integers(1, 4)))]
    return edited(ancestor), ancestor, edited(ancestor)


@given(st.booleans().flatmap(cells))
@settings(max_examples=300, deadline=None)
def test_a_merge_changes_no_cell_that_neither_side_changed(sides: tuple[list[Cell], list[Cell], list[Cell]]):
    result = merged(*sides)
    if result is None:
        return
    counts, (mine, ancestor, theirs) = Counter(result), map(Counter, sides)
    for cell, count in ancestor.items():
        if mine[cell] == count == theirs[cell]:
            assert counts[cell] >= count
    for own, kind, text in result if all(cell[0] for cell in result) else ():
        lines = {
            line for side in sides for cell in side if cell[:2] == (own, kind) for line in cell[2].split("\n")
        }
        assert set(text.split("\n")) <= lines


async def test_what_the_user_wrote_in_the_agents_cell_stays_there(env: dict[str, str], folder: Path):
    path = folder / "a.ipynb"
    path.write_text(written(TITLE))
    old, new = (written(*cells).partition('"cells"')[2] for cells in ([TITLE], [TITLE, AGENTS]))
    replies = [call("read_file", path="a.ipynb"), call("edit_file", path="a.ipynb", old=old, new=new)]
    allowed = {**ALL, "allow": ["edit_file: a.ipynb"]}
    async with agent(env, folder, [*replies, {"text": "Done."}], **allowed) as client:
        await client.command("mazu.chat", {"message": "more", "wait": True}, within=60)
        assert read(path.read_text()) == [TITLE, AGENTS]
        path.write_text(written(TITLE, USERS))
        undone = await client.command("mazu.undo", {"onConflict": "keep"}, within=60)
        assert read(path.read_text()) == [TITLE, USERS]
        assert [kept["path"] for kept in undone["plan"]["keep"]] == ["a.ipynb"]
