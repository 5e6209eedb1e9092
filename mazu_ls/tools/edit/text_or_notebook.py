"""Edits a file in the form in which the model is shown it: text as it is, a notebook as its cells."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mazu_ls.errors import ToolError
from mazu_ls.tools.edit.notebook_text import FORM, NotebookText, is_notebook_text, new_notebook
from mazu_ls.tools.edit.redacted.placeholders import refuse_placeholders
from mazu_ls.tools.edit.replace import Replacement, replace_all_text, replace_passages
from mazu_ls.workspace import ipynb


def notebook_form(path: str, text: str) -> NotebookText | None:
    """Return a file in the form of a notebook; None for one that is shown as it is."""
    return NotebookText.from_source(text) if path.lower().endswith(".ipynb") else None


def edited_text(before: str, edits: Sequence[Replacement], path: str) -> str:
    """Return the file's text with all edits made. Raises ToolError if one does not match, or would damage a notebook."""
    shown = notebook_form(path, before)
    if shown is None:
        return replace_passages(before, edits, path)
    try:
        return shown.with_text(replace_passages(shown.cells, edits, path), path)
    except ToolError as error:
        in_cells = error
    try:
        return shown.with_text(replace_passages(shown.text, edits, path), path)
    except ToolError as error:
        quotes_cells = all(
            edit.old in shown.cells for edit in edits
        )  # where else it occurs makes no difference
        failed = in_cells if quotes_cells else error
    try:
        after = replace_passages(before, edits, path)  # quoted from the JSON, as grep shows it
    except ToolError:
        raise failed from None
    if ipynb.cells_of(after) is None:
        raise ToolError(f"this would make {path} an invalid notebook; edit its cells as read_file shows them")
    return after


def written_text(content: str, before: str | None, path: str) -> str:
    """Return the text of a file that the model wrote as a whole. Raises ToolError if that is not valid."""
    if path.lower().endswith(".ipynb"):
        return _written_notebook(content, before, path)
    if before is None:
        refuse_placeholders(content, "the new file")
        return content
    return replace_all_text(content, before, path)


def _written_notebook(content: str, before: str | None, path: str) -> str:
    if is_notebook_text(content):
        shown = None if before is None else NotebookText.from_source(before)
        if shown is not None:
            return shown.with_text(replace_all_text(content, shown.text, path), path, outputs=False)
        refuse_placeholders(content, "the new notebook")
        return new_notebook(content, path)
    if content.strip():
        try:
            json.loads(content)
        except ValueError as error:
            raise ToolError(
                f"{path} is a notebook: write the JSON of nbformat 4, or its cells as in {FORM!r}; this is neither: {error}"
            ) from error
    if before is None:
        refuse_placeholders(content, "the new notebook")
        return content
    return replace_all_text(content, before, path)
