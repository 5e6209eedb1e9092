"""The built-in tools, in the order in which the model sees them; a stable order keeps the provider's cache warm."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mazu_ls.host import LanguageServices
    from mazu_ls.tools.base import Tool


@cache
def builtin_tools() -> list[Tool]:
    """Return the built-in tools. Imported on first use, so that starting the server does not pay for them."""
    from mazu_ls.tools import files
    from mazu_ls.tools.edit import tools as edit
    from mazu_ls.tools.knowledge import graph, memory, wiki
    from mazu_ls.tools.search import tools as search
    from mazu_ls.tools.shell import shell
    from mazu_ls.tools.skills import tools as skills
    from mazu_ls.tools.web import fetch

    return [
        files.read_file, files.list_dir, search.glob_files, search.grep, edit.edit_file, edit.write_file,
        shell.run_shell, shell.shell_output, shell.shell_stop, fetch.web_fetch,
        memory.recall, memory.remember, memory.memory_search,
        wiki.wiki_read, wiki.wiki_write, wiki.wiki_list, wiki.wiki_search,
        graph.graph_add, graph.graph_match, graph.graph_neighbours, graph.graph_path,
        skills.list_skills, skills.run_skill, skills.save_skill,
    ]  # fmt: skip


def language_server_tools(lender: LanguageServices | None) -> list[Tool]:
    """Return the tools that ask the editor's other language servers, as far as the editor shares them."""
    if lender is None:
        return []
    from mazu_ls.tools import language_servers

    tools = (
        language_servers.diagnostics,
        language_servers.definition,
        language_servers.references,
        language_servers.symbols,
    )
    return [tool for tool in tools if tool.name in lender.lends]
