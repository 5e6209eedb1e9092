"""Whether a structured file still parses after an edit: JSON and its kin, TOML, YAML, XML and notebooks."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import PurePath
from xml.parsers import expat

from mazu_ls.syntax import first_error
from mazu_ls.syntax.json_comments import blank_comments
from mazu_ls.workspace import ipynb
from mazu_ls.workspace.text import split_lines

MAX_CHARS = 1 << 20
"""Characters above which texts are not parsed."""
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
        ".sarif",
        ".importmap",
        ".tfstate",
        ".arb",
    ]
)
_JSON_WITH_COMMENTS = frozenset([".jsonc", ".code-workspace", ".sublime-settings", ".sublime-project"])
_COMMENTED_NAMES = re.compile(
    r"^(?:(?:tsconfig|jsconfig|devcontainer|api-extractor|deno|wrangler)\b.*json|\.(?:eslint|swc|babel|jshint|jscs|stylelint|commitlint|lintstaged|mocha|nyc|hint)rc(?:\.json)?)$"
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
Parser = Callable[[str], None]


def has_parser(name: str) -> bool:
    """Return whether files of this name can be checked."""
    return _parser(name.lower()) is not None


def syntax_problem(name: str, before: str | None, after: str) -> str | None:
    """Return why `after` does not parse, if `before` did or there was no file; None if it does, or it is unknown.

    A file that did not parse before, such as a template or a dialect, is not checked. CPU-bound: call it in a thread.
    """
    parser = _parser(name.lower())
    if parser is None or max(len(after), len(before or "")) > MAX_CHARS or not after.strip():
        return None
    for parse in _STRICTER.get(parser, (parser,)):
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
    if suffix == ".json5":
        return _json5
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
    json.loads(blank_comments(text))


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


def _json5(text: str) -> None:
    """Parse JSON5 as JavaScript: as what may follow `=`."""
    if (line := first_error(f"x = {text.rstrip()}\n", "javascript")) is not None:
        raise ValueError(f"line {line} is no JSON5")


def _yaml(text: str) -> None:
    _yaml_keys(text, twice=True)


def _strict_yaml(text: str) -> None:
    _yaml_keys(text, twice=False)


def _yaml_keys(text: str, *, twice: bool) -> None:
    """Compose every document, so that an alias without its anchor is found; `twice` False forbids duplicate keys."""
    import yaml

    def check(node: yaml.Node, seen: set[int]) -> None:
        if id(node) in seen or twice:
            return
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            keys: set[tuple[str, str]] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                    if (key.tag, key.value) in keys:
                        raise ValueError(
                            f"the key {key.value!r} comes again in line {key.start_mark.line + 1}"
                        )
                    keys.add((key.tag, key.value))
                check(value, seen)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                check(value, seen)

    for document in yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if document is not None:
            check(document, set())


def _xml(text: str) -> None:
    expat.ParserCreate("utf-8").Parse(text.encode(), True)


def _xml_with_names(text: str) -> None:
    expat.ParserCreate("utf-8", " ").Parse(text.encode(), True)


_STRICTER: dict[Parser, tuple[Parser, ...]] = {
    _notebook: (_notebook, _json),  # nbformat 3 has worksheets
    _json: (_json, _json_with_comments),
    _yaml: (_strict_yaml, _yaml),
    _xml: (_xml_with_names, _xml),
}
"""Parsers in the order of trial: the first that accepted the file before is the one it must still satisfy."""
