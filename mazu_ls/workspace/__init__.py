"""The folders of a project: what lies inside them, text with its encoding, and atomic writes."""

from mazu_ls.workspace.text import Decoded, NotText, decode
from mazu_ls.workspace.workspace import UNCHECKED, PathRefused, Unchecked, Workspace

__all__ = ["UNCHECKED", "Decoded", "NotText", "PathRefused", "Unchecked", "Workspace", "decode"]
