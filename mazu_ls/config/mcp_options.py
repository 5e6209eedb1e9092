"""Files by which the words of an MCP server's entry say what runs, whatever these files are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mazu_ls.config.mcp_programs import program_name

_ANY = frozenset(
    str.split(
        "--env-file --env-file-if-exists --experimental-config-file --experimental-default-config-file --import-map"
        " --with-requirements --overrides --override --constraints --constraint --build-constraints --requirements --named-server-config"
    )
)
"""Options of any program: `NODE_OPTIONS` may stand in a file of variables, `x @ file:./pkg` in one of requirements."""
_BY_PROGRAM = {
    r"((docker|podman)-)?compose": ("-f", "--file"),
    r"env-cmd": ("-f", "--file"),
    r"dotenv": ("-e", "-f", "--file"),
    r"mcpo|mcp-proxy|mcp-hub|supergateway": ("-c", "--config"),
}
"""Options of programs that occur in the entry: the file holds the command, or the variables that it is started with."""
_RUNS_OPERAND = re.compile(
    r"(ba|z|da|k|fi)?sh|(pythonw?|pypyw?|pyw?)[\d.]*|node|nodejs|deno|bun|tsx|ruby|perl|php|lua|fastmcp"
)
_DEFAULTS = {"--experimental-default-config-file": "node.config.json"}
_OF_A_LINE = re.compile(r"""[\s'"&|;()]+""")


def obeyed_files(command: str, args: Sequence[str]) -> list[str]:
    """Return the names of such files: those of options, of `@file`, of `source file`, and what an interpreter is given first."""
    words = [command, *args]
    programs = [program_name(word) for word in words]
    options = _ANY | {
        option
        for row, some in _BY_PROGRAM.items()
        if any(re.fullmatch(row, one) for one in programs)
        for option in some
    }
    found = [
        *_of_options(words, options),
        *_operands(words),
        *(word[1:] for word in args if word.startswith("@")),
    ]
    for line in args:
        of_line = [word for word in _OF_A_LINE.split(line[:65536]) if word]
        if len(of_line) > 1:
            found += [*_of_options(of_line, options), *_operands(of_line)]
            found += [name for before, name in pairwise(of_line) if before in (".", "source")]
    return list(dict.fromkeys(name for name in found if name and "\0" not in name))


def _of_options(words: Sequence[str], options: frozenset[str]) -> Iterator[str]:
    for word, following in pairwise([*words, ""]):
        option, sign, value = word.partition("=")
        if option in options:
            yield _DEFAULTS.get(option, value if sign else following)
        elif word[:2] in options and not word.startswith("--"):  # -fmcp.yaml
            yield word[2:]


def _operands(words: Sequence[str]) -> Iterator[str]:
    for at, word in enumerate(words):
        if _RUNS_OPERAND.fullmatch(program_name(word)):
            rest = [one for one in words[at + 1 : at + 10] if one not in ("run", "exec")]
            yield next((one for one in rest if not one.startswith("-")), "")
