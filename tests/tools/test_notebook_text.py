"""Notebooks as text: whatever is edited there, the file stays a notebook and keeps everything else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mazu_ls.errors import ToolError
from mazu_ls.tools.edit.notebook_text import NotebookText, new_notebook

pytestmark = pytest.mark.portable


CELLS = st.lists(
    st.tuples(st.sampled_from(("code", "markdown", "raw")), st.text(st.sampled_from('ab"\\\n\té<> '), max_size=12)),
    min_size=1, max_size=5,
)  # fmt: skip
LAYOUTS = st.sampled_from(({"indent": 1}, {"indent": 4}, {}, {"separators": (",", ":")}, {"indent": "\t"}))


def notebook(cells: list[tuple[str, str]], *, listed: bool = True, **layout) -> str:
    made = []
    for number, (kind, source) in enumerate(cells):
        cell = {"cell_type": kind, "id": f"id{number}", "metadata": {"n": number}}
        cell |= {"outputs": [{"output_type": "stream", "text": ["out\n"]}]} if kind == "code" else {}
        made.append({**cell, "source": source.splitlines(keepends=True) if listed else source})
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, **layout)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(CELLS, st.booleans(), LAYOUTS, st.integers(0, 4), st.text(st.sampled_from('xy"\\\n '), max_size=9))
def test_one_cell_changes_and_nothing_else(cells, listed, layout, at, new):
    file = notebook(cells, listed=listed, **layout)
    shown = NotebookText.from_source(file)
    assert shown is not None
    assert shown.with_text(shown.text, "a.ipynb") == file
    at %= len(cells)
    kind, source = cells[at]
    head = f"<cell {at + 1} {kind}>\n"
    edited = shown.text.replace(f"{head}{source}\n</cell", f"{head}{new}\n</cell", 1)
    after = json.loads(shown.with_text(edited, "a.ipynb"))
    wanted = json.loads(file)
    assert "".join(after["cells"][at].pop("source")) == new
    wanted["cells"][at].pop("source")
    assert after == wanted


def test_cells_come_and_go() -> None:
    file = notebook([("code", "a"), ("markdown", "b"), ("code", "c")], indent=1)
    shown = NotebookText.from_source(file)
    assert shown is not None
    more = shown.text.replace("<cell 2 markdown>", "<cell code>\nnew\n</cell>\n\n<cell 2 markdown>")
    cells = json.loads(shown.with_text(more, "a.ipynb"))["cells"]
    assert [("".join(cell["source"]), cell["metadata"].get("n")) for cell in cells] == [
        ("a", 0), ("new", None), ("b", 1), ("c", 2)
    ]  # fmt: skip
    assert (cells[1]["outputs"], len(cells[1]["id"])) == ([], 8)
    less = "<cell 1 code>\na\n</cell 1>\n<cell 3 code>\nc\n</cell 3>\n"
    cells = json.loads(shown.with_text(less, "a.ipynb", outputs=False))["cells"]
    assert [cell["id"] for cell in cells] == ["id0", "id2"]


def test_a_cell_may_change_where_another_one_is_added() -> None:
    shown = NotebookText.from_source(notebook([("code", "a"), ("markdown", "b")], indent=1))
    assert shown is not None
    text = "<cell 1 code>\nchanged\n</cell 1>\n<cell code>\nnew\n</cell>\n<cell 2 markdown>\nb\n</cell 2>\n"
    cells = json.loads(shown.with_text(text, "a.ipynb", outputs=False))["cells"]
    assert [("".join(cell["source"]), cell["metadata"].get("n")) for cell in cells] == [
        ("changed", 0), ("new", None), ("b", 1)
    ]  # fmt: skip


def test_renumbered_cells_keep_their_outputs() -> None:
    file = notebook([("code", "a"), ("code", "c")], indent=1)
    shown = NotebookText.from_source(file)
    assert shown is not None
    text = "<cell 1 code>\na\n</cell 1>\n<cell 2 code>\nb\n</cell 2>\n<cell 3 code>\nc\n</cell 3>\n"
    cells = json.loads(shown.with_text(text, "a.ipynb", outputs=False))["cells"]
    assert [cell["metadata"].get("n") for cell in cells] == [0, None, 1]


@pytest.mark.parametrize(
    "text", ["words\n<cell code>\na\n</cell>", "<cell code>\na\n</cell>\n<cell code>\nb\n"]
)
def test_text_outside_cells_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match="between marks"):
        new_notebook(text, "a.ipynb")


def test_a_new_notebook_has_what_the_format_asks_for() -> None:
    made = json.loads(new_notebook("<cell markdown>\n# T\n</cell>\n<cell code>\n</cell>\n", "a.ipynb"))
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    assert [(cell["cell_type"], cell["source"]) for cell in made["cells"]] == [
        ("markdown", ["# T"]),
        ("code", []),
    ]
    always = {"cell_type", "id", "metadata", "source"}
    assert [set(cell) - always for cell in made["cells"]] == [set(), {"execution_count", "outputs"}]


@pytest.mark.parametrize(
    "source",
    ["[" * 100_000, '{"cells": ' + "[" * 100_000, '{"cells": [{"cell_type": "code", "source": "x", "outputs": ["x", 1, null]}]}'],
)  # fmt: skip
def test_an_odd_file_is_shown_or_is_no_notebook(source: str) -> None:
    shown = NotebookText.from_source(source)
    assert shown is None or "<cell 1 code>\nx\n</cell 1>" in shown.text


def test_a_version_that_is_no_number_gets_cells_without_ids() -> None:
    source = '{"cells": [], "nbformat": 4, "nbformat_minor": "x"}'
    shown = NotebookText.from_source(source)
    assert shown is not None
    assert '"id"' not in shown.with_text("<cell code>\nx = 1\n</cell>\n", "a.ipynb")
