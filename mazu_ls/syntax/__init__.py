"""Analyses source code: definitions, the names it uses, comments. tree-sitter is used in this package only."""

from mazu_ls.syntax.comments import SourceComment, comments
from mazu_ls.syntax.grammar import first_error
from mazu_ls.syntax.languages import language_of
from mazu_ls.syntax.outline import CodeSymbol, Outline, outline, references, symbol_at, symbols

__all__ = [
    "CodeSymbol",
    "Outline",
    "SourceComment",
    "comments",
    "first_error",
    "language_of",
    "outline",
    "references",
    "symbol_at",
    "symbols",
]
