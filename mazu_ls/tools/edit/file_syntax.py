"""Whether a structured file still parses after an edit: JSON, TOML, YAML, XML and notebooks."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import PurePath
from xml.parsers import expat

from mazu_ls.workspace import ipynb
from mazu_ls.workspace.text import split_lines

MAX_CHARS = 1 << 20
"""Longer texts are not parsed."""
_JSON = frozenset(
    [
        ".json",
        ".geojson",
        ".webmanifest",
        ".map",
        ".jsonld",
        ".topojson",
        ".gltf",
        ".har",
        ".avsc",
        ".code-snippets",
        ".resjson",
    ]
)
_JSON_WITH_COMMENTS = frozenset([".jsonc", ".code-workspace", ".sublime-settings", ".sublime-project"])
_COMMENTED_NAMES = re.compile(
    r"^(tsconfig|jsconfig|devcontainer|api-extractor|\.eslintrc|\.swcrc|\.babelrc|\.jshintrc|deno|wrangler)\b.*(json|rc)$"
)
_TOML_NAMES = frozenset(["cargo.lock", "poetry.lock", "uv.lock", "pdm.lock", "pipfile", "pylock.toml"])
_XML = frozenset(
    [
        ".xml",
        ".svg",
        ".xsd",
        ".xsl",
        ".xslt",
        ".xhtml",
        ".plist",
        ".rss",
        ".atom",
        ".gpx",
        ".kml",
        ".wsdl",
        ".xaml",
        ".axaml",
        ".resx",
        ".csproj",
        ".vbproj",
        ".fsproj",
        ".vcxproj",
        ".props",
        ".targets",
        ".nuspec",
        ".pom",
        ".fxml",
        ".storyboard",
        ".xib",
        ".drawio",
        ".graphml",
        ".ui",
        ".qrc",
        ".config",
    ]
)
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[\]}])', re.DOTALL)
Parser = Callable[[str], None]


def syntax_problem(name: str, before: str | None, after: str) -> str | None:
    """Why `after` does not parse, where `before` did or there was no file; None where it does, or nobody can say.

    A file that did not parse, such as a template or a dialect, is left alone. CPU-bound: call it in a thread.
    """
    parser = _parser(name.lower())
    if parser is None or max(len(after), len(before or "")) > MAX_CHARS or not after.strip():
        return None
    for parse in (parser, _json_with_comments) if parser is _json else (parser,):
        if before is None or not before.strip() or _problem(parse, before) is None:
            return _problem(parse, after)
    return None


def _problem(parser: Parser, text: str) -> str | None:
    try:
        parser(text)
    except RecursionError:
        return None
    except Exception as error:  # noqa: BLE001 - each parser has its own errors; all say where
        return " ".join(str(error).split())[:300] or type(error).__name__
    return None


def _parser(name: str) -> Parser | None:
    suffix = PurePath(name).suffix
    if suffix == ".ipynb":
        return _notebook
    if suffix in _JSON_WITH_COMMENTS or _COMMENTED_NAMES.match(name):
        return _json_with_comments
    if suffix in _JSON or name in ("composer.lock", "flake.lock", "pipfile.lock", ".prettierrc"):
        return _json
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines
    if suffix == ".toml" or name in _TOML_NAMES:
        return _toml
    if suffix in (".yaml", ".yml") or name in (".clang-format", ".clang-tidy", "citation.cff"):
        return _yaml
    return _xml if suffix in _XML else None


def _json(text: str) -> None:
    json.loads(text)


def _json_with_comments(text: str) -> None:
    json.loads(_TOKEN.sub(lambda match: match[0] if match[0][0] == '"' else " ", text))


def _json_lines(text: str) -> None:
    for number, line in enumerate(split_lines(text), 1):
        if line.strip():
            try:
                json.loads(line)
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error


def _notebook(text: str) -> None:
    json.loads(text)
    if ipynb.cells_of(text) is None:
        raise ValueError("it has no list of cells")


def _toml(text: str) -> None:
    tomllib.loads(text.replace("\r\n", "\n"))


def _yaml(text: str) -> None:
    import yaml

    for _ in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        pass


def _xml(text: str) -> None:
    expat.ParserCreate("utf-8").Parse(text.encode(), True)
