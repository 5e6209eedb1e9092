"""The small changes that a mutation run makes: each one stands for a mistake that a test should notice.

A condition that always or never holds, `not` left out, one operand of `and`/`or` left out, a comparison with its limit moved or
turned around, a call or a `raise` left out, another value returned, `+` for `-`, `min` for `max`, a number one higher or a
hundred times as high, another verdict. Log lines, docstrings, annotations and imports are left as they are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Raise, ast.Delete)
_VERDICTS = {"allow": "ask", "ask": "allow", "deny": "allow"}
_LOGS = frozenset(("log", "logger", "logging", "warnings"))


@dataclass(frozen=True)
class Mutation:
    """One change of a source: the lines of the statement it is in, the text that goes (by offset) and what comes instead."""

    first_line: int
    last_line: int
    what: str
    start: int
    end: int
    text: str
    at_import: bool = False

    def apply(self, source: str) -> str:
        """The whole source with the change made."""
        data = source.encode()
        return (data[: self.start] + self.text.encode() + data[self.end :]).decode()


def find_mutations(source: str) -> list[Mutation]:
    """Every change that this module knows of, in the order of the source."""
    starts = [0]
    for line in source.encode().split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    found: list[Mutation] = []
    tree = ast.parse(source)
    inside = {id(part) for outer in ast.walk(tree) if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) for body in outer.body for part in ast.walk(body)}  # fmt: skip
    statements = {id(part): outer for outer in ast.walk(tree) if isinstance(outer, _SIMPLE) for part in ast.walk(outer)}  # fmt: skip
    for node, new, what in _walk(tree, None):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        text = new if isinstance(new, str) else f"({ast.unparse(new)})"
        lines = statements.get(id(node), node)  # not each line of a statement is seen to be run
        last = lines.end_lineno or lines.lineno
        mutation = Mutation(lines.lineno, last, what, start, end, text, id(node) not in inside)
        if _compiles(mutation.apply(source)):
            found.append(mutation)
    return sorted(found, key=lambda one: (one.start, one.end, one.what))


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


Change = tuple[ast.expr | ast.stmt, ast.expr | str, str]


def _walk(node: ast.AST, parent: ast.AST | None) -> Iterator[Change]:
    if _is_left_alone(node):
        return
    yield from _changes(node, parent)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "msg"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child, node)


def _is_left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert):
        return True
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    return isinstance(node, ast.Expr) and _is_log(node.value)


def _is_log(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in _LOGS
    )


def _changes(node: ast.AST, parent: ast.AST | None) -> Iterator[Change]:
    match node:
        case ast.If() | ast.IfExp():
            for value in (True, False):
                yield node.test, ast.Constant(value), f"condition always {value}"
        case ast.While() if not isinstance(node.test, ast.Constant):
            yield node.test, ast.Constant(False), "loop never entered"
        case ast.UnaryOp(op=ast.Not()):
            yield node, node.operand, "`not` left out"
        case ast.BoolOp():
            for at, value in enumerate(node.values):
                left = [other for other in node.values if other is not value]
                rest = left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
                yield (
                    node,
                    rest,
                    f"operand {at + 1} of `{'and' if isinstance(node.op, ast.And) else 'or'}` left out",
                )
        case ast.Compare(ops=[op]) if type(op) in _COMPARED:
            other = _COMPARED[type(op)]()
            yield (
                node,
                ast.Compare(node.left, [other], node.comparators),
                f"{type(op).__name__} is {type(other).__name__}",
            )
        case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())):
            yield node, "pass", f"`{ast.unparse(node)[:60]}` left out"
        case ast.Raise() if node.exc is not None and not isinstance(parent, ast.ExceptHandler):
            yield node, "pass", "raise left out"
        case ast.Return(value=ast.expr() as value):
            yield from _other_return(value)
        case ast.BinOp(op=ast.Add() | ast.Sub()) if not _holds_text(node):
            op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield node, ast.BinOp(node.left, op, node.right), "+ and - exchanged"
        case ast.Call(func=ast.Name(id="min" | "max" as name)):
            yield node.func, "max" if name == "min" else "min", "min and max exchanged"
        case ast.Constant(value=str(word)) if word in _VERDICTS and not isinstance(parent, ast.Dict):
            yield node, repr(_VERDICTS[word]), f"{word!r} is {_VERDICTS[word]!r}"
        case ast.Constant(value=int(number)) if not isinstance(number, bool) and not isinstance(
            parent, ast.Slice
        ):
            other = number + 1 if -10 < number < 10 else number * 100  # a limit that is as good as gone
            yield node, repr(other), f"{number} is {other}"
        case _:
            return


def _other_return(value: ast.expr) -> Iterator[Change]:
    if isinstance(value, ast.Constant):
        if isinstance(value.value, bool):
            yield value, ast.Constant(not value.value), f"returns {not value.value}"
        return
    if isinstance(value, ast.Compare | ast.BoolOp | ast.UnaryOp):
        return  # changed as what they are
    yield value, ast.Constant(None), "returns None"


def _holds_text(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.JoinedStr | ast.List | ast.Tuple)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str | bytes))
        for part in ast.walk(node)
    )
