"""The built-in tools, in the order in which the model sees them; a stable order keeps the provider's cache warm."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mazu_ls.host import Lender
    from mazu_ls.tools.tool import Tool


@cache
def builtin_tools() -> list[Tool]:
    """Imported on first use, so that starting the server does not pay for them."""
    from mazu_ls.tools import edit, files, graph, recollect, search, shell, skills, web, wiki

    return [
        files.read_file, files.list_dir, search.glob_files, search.grep, edit.edit_file, edit.write_file,
        shell.run_shell, shell.shell_output, shell.shell_stop, web.web_fetch,
        recollect.recall, recollect.remember, recollect.memory_search,
        wiki.wiki_read, wiki.wiki_write, wiki.wiki_list, wiki.wiki_search,
        graph.graph_add, graph.graph_match, graph.graph_neighbours, graph.graph_path,
        skills.list_skills, skills.run_skill, skills.save_skill,
    ]  # fmt: skip


def lent_tools(lender: Lender | None) -> list[Tool]:
    """Those that ask the editor's other language servers, as far as the editor lends them."""
    if lender is None:
        return []
    from mazu_ls.tools import editor

    tools = (editor.diagnostics, editor.definition, editor.references, editor.symbols)
    return [tool for tool in tools if tool.name in lender.lends]
