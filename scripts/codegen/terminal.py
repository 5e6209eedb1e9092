"""What the terminal knows without importing what it follows from.

mazu_ls/terminal/verbs/wire_arguments.py: what the grammar needs to know of each argument; the structs of the server would cost more
than the whole command line. mazu_ls/terminal/help/summaries.py: what `mazu-ls --help` says, without the grammar.
"""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import inspect as shapes

from codegen import wire
from codegen.descriptions import field_descriptions
from mazu_ls.terminal.verbs.grammar import summaries
from mazu_ls.terminal.verbs.verbs import VERBS

TERMINAL = Path(__file__).resolve().parents[2] / "mazu_ls" / "terminal"
TABLE = TERMINAL / "verbs" / "wire_arguments.py"
SUMMARIES = TERMINAL / "help" / "summaries.py"
HEAD = '''\
"""The arguments that can be typed, by command and field. Written by `make generate` from mazu_ls/server/wire: do not edit."""

from __future__ import annotations

from mazu_ls.terminal.verbs.verbs import WireArgument

# fmt: off
ARGUMENTS: dict[str, dict[str, WireArgument]] = {
'''


def module() -> str:
    """The whole file."""
    lines = [HEAD]
    typed = {(verb.command, option.field) for verb in VERBS for option in verb.options}
    for command in wire.declared():
        about = field_descriptions(command.params)
        fields = [one for one in wire.fields(command.params) if (command.name, one.encode_name) in typed]
        if fields:
            lines.append(f'    "{command.name}": {{\n')
            for field in fields:
                lines.append(
                    f'        "{field.encode_name}": {_argument(field, about.get(field.name, ""))},\n'
                )
            lines.append("    },\n")
    return "".join([*lines, "}\n# fmt: on\n"])


def summaries_module() -> str:
    """The whole file of what the overview of the commands says."""
    about, epilog, commands, options = summaries()
    head = '"""What `mazu-ls --help` says. Written by `make generate` from mazu_ls/terminal/verbs/grammar.py: do not edit."""'
    tables = [
        f"{name} = (\n{''.join(f'    {row!r},' + chr(10) for row in rows)})\n"
        for name, rows in (("COMMANDS", commands), ("OPTIONS", options))
    ]
    return (
        "\n".join((f"{head}\n\n# fmt: off", f"ABOUT = {about!r}", f"EPILOG = {epilog!r}", *tables))
        + "# fmt: on\n"
    )


def _argument(field: shapes.Field, about: str) -> str:
    stated = [one for one in wire.alternatives(field.type) if not isinstance(one, shapes.NoneType)]
    shape = stated[0] if len(stated) == 1 else None
    many = isinstance(shape, shapes.ListType | shapes.VarTupleType)
    item = shape.item_type if isinstance(shape, shapes.ListType | shapes.VarTupleType) else shape
    parts = [repr(_as_help(about))]
    kind = "other"
    match item:
        case shapes.StrType():
            kind = "text"
        case shapes.LiteralType():
            kind = "text"
            parts.append(f"choices={tuple(str(one) for one in item.values)!r}")
        case shapes.IntType() | shapes.FloatType():
            kind = "integer" if isinstance(item, shapes.IntType) else "number"
            least = item.ge if item.ge is not None else item.gt
            if least is not None:
                parts.append(f"least={least!r}")
            if item.gt is not None:
                parts.append("above=True")
        case shapes.BoolType():
            kind = "switch"
        case _:
            pass
    if kind != "text":
        parts.insert(1, f'kind="{kind}"')
    parts += [f"{name}=True" for name, on in (("required", field.required), ("many", many)) if on]
    return f"WireArgument({', '.join(parts)})"


def _as_help(about: str) -> str:
    """A description as the help of an option: no capital, no full stop."""
    first = about[:1].lower() if re.match(r"[A-Z]([a-z]|\b)", about) else about[:1]
    return first + about[1:].removesuffix(".")
