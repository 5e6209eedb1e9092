"""The folders of a project: what lies inside them, text with its encoding, and atomic writes."""

from mazu_ls.workspace.text import DecodedText, NotText, decode
from mazu_ls.workspace.workspace import UNCHECKED, PathRefused, UncheckedContent, Workspace

__all__ = ["UNCHECKED", "DecodedText", "NotText", "PathRefused", "UncheckedContent", "Workspace", "decode"]
