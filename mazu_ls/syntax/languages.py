"""Which language a file is written in, what parses it, and how its comments look where nothing does."""

from __future__ import annotations

from pathlib import PurePath

from msgspec import Struct


class Grammar(Struct, frozen=True):
    """A tree-sitter grammar: `module.function()` gives it, `queries` find its definitions.

    `references` are the types of the leaves that name something, `comments` those of comments. Languages of one
    `family` may use each other's names.
    """

    module: str
    queries: tuple[str, ...]
    references: tuple[str, ...] = ("identifier",)
    comments: tuple[str, ...] = ("comment",)
    function: str = "language"
    family: str = ""


class Style(Struct, frozen=True):
    """How comments and strings look in a language without a grammar. `code` says that it has definitions."""

    line: tuple[str, ...] = ()
    block: tuple[tuple[str, str], ...] = ()
    quotes: str = "\"'"
    code: bool = True


def words(text: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(text.split())


_JS = ("identifier", "property_identifier", "private_property_identifier", "shorthand_property_identifier")
_TS = (*_JS, "type_identifier")
_C = ("identifier", "field_identifier", "type_identifier")
_LINE_AND_BLOCK = ("line_comment", "block_comment")

GRAMMARS = {
    "python": Grammar("tree_sitter_python", ("python",)),
    "javascript": Grammar(
        "tree_sitter_javascript", ("javascript", "javascript_fields"), _JS, ("comment", "html_comment"), family="js"
    ),
    "typescript": Grammar(
        "tree_sitter_typescript", ("javascript", "typescript"), _TS, ("comment", "html_comment"),
        "language_typescript", "js",
    ),
    "tsx": Grammar(
        "tree_sitter_typescript", ("javascript", "typescript"), _TS, ("comment", "html_comment"), "language_tsx", "js"
    ),
    "go": Grammar("tree_sitter_go", ("go",), _C),
    "rust": Grammar("tree_sitter_rust", ("rust",), _C, _LINE_AND_BLOCK),
    "java": Grammar("tree_sitter_java", ("java",), ("identifier", "type_identifier"), _LINE_AND_BLOCK, family="jvm"),
    "c": Grammar("tree_sitter_c", ("c",), _C, family="c"),
    "cpp": Grammar("tree_sitter_cpp", ("c", "cpp"), (*_C, "namespace_identifier"), family="c"),
    "ruby": Grammar("tree_sitter_ruby", ("ruby",), ("identifier", "constant")),
    "php": Grammar("tree_sitter_php", ("php",), ("name",), function="language_php"),
    "csharp": Grammar("tree_sitter_c_sharp", ("c_sharp",)),
    "bash": Grammar("tree_sitter_bash", ("bash",), ("variable_name", "command_name")),
}  # fmt: skip

_HASH = Style(("#",))
_SLASHES = Style(("//",), (("/*", "*/"),), "\"'`")
_DASHES = Style(("--",), (("/*", "*/"),))
_MARKUP = Style(block=(("<!--", "-->"),), quotes="", code=False)
_SEMICOLON = Style((";",), (("#|", "|#"),), '"', code=False)
_CONFIG = Style(("#",), code=False)
STYLES = {
    **dict.fromkeys(words("kotlin scala swift dart groovy zig objc solidity d vala"), _SLASHES),
    **dict.fromkeys(words("perl r elixir julia crystal nim powershell tcl gdscript starlark"), _HASH),
    **dict.fromkeys(words("yaml toml make dockerfile cmake nix graphql properties gitignore fish awk"), _CONFIG),
    **dict.fromkeys(words("html xml markdown vue svelte"), _MARKUP),
    **dict.fromkeys(words("clojure lisp scheme elisp racket"), _SEMICOLON),
    **dict.fromkeys(("erlang", "tex", "matlab", "prolog"), Style(("%",), quotes='"', code=False)),
    **dict.fromkeys(("proto", "jsonc", "scss", "less", "glsl", "verilog"), Style(("//",), (("/*", "*/"),), code=False)),
    "css": Style((), (("/*", "*/"),), code=False),
    "sql": Style(("--",), (("/*", "*/"),), code=False),
    "ada": _DASHES,
    "vhdl": Style(("--",), quotes='"', code=False),
    "lua": Style(("--",), (("--[[", "]]"),)),
    "haskell": Style(("--",), (("{-", "-}"),), '"', code=False),
    "elm": Style(("--",), (("{-", "-}"),), '"', code=False),
    "ocaml": Style((), (("(*", "*)"),), '"', code=False),
    "fsharp": Style(("//",), (("(*", "*)"),), '"', code=False),
    "pascal": Style(("//",), (("(*", "*)"), ("{", "}")), "'"),
    "terraform": Style(("#", "//"), (("/*", "*/"),), '"', code=False),
    "ini": Style((";", "#"), quotes="", code=False),
    "assembly": Style((";", "#", "//"), (("/*", "*/"),), '"', code=False),
    "vb": Style(("'",), quotes='"', code=False),
    "fortran": Style(("!",), quotes="\"'", code=False),
    "vim": Style(('"',), quotes="", code=False),
    "batch": Style(("REM ", "rem ", "::"), quotes="", code=False),
}  # fmt: skip

_EXTENSIONS = {
    "python": "py pyi pyw", "javascript": "js mjs cjs jsx", "typescript": "ts mts cts", "tsx": "tsx", "go": "go",
    "rust": "rs", "java": "java", "c": "c", "cpp": "cc cpp cxx c++ h hh hpp hxx h++ inl ipp tpp cu cuh ino",
    "ruby": "rb rake gemspec ru", "php": "php phtml", "csharp": "cs csx", "bash": "sh bash zsh ksh bats",
    "kotlin": "kt kts", "scala": "scala sc sbt", "swift": "swift", "dart": "dart", "groovy": "groovy gradle",
    "zig": "zig", "objc": "m mm", "solidity": "sol", "d": "d", "vala": "vala", "perl": "pl pm", "r": "r",
    "elixir": "ex exs", "julia": "jl", "crystal": "cr", "nim": "nim", "powershell": "ps1 psm1", "tcl": "tcl",
    "gdscript": "gd", "starlark": "bzl star", "yaml": "yaml yml", "toml": "toml", "make": "mk mak", "cmake": "cmake",
    "nix": "nix", "graphql": "graphql gql", "properties": "properties", "fish": "fish", "awk": "awk",
    "html": "html htm", "xml": "xml svg xsd xsl", "markdown": "md markdown", "vue": "vue", "svelte": "svelte",
    "clojure": "clj cljs cljc edn", "lisp": "lisp cl lsp", "scheme": "scm ss", "elisp": "el", "racket": "rkt",
    "erlang": "erl hrl", "tex": "tex sty", "prolog": "pro", "proto": "proto", "jsonc": "jsonc json5", "scss": "scss",
    "less": "less", "glsl": "glsl vert frag", "verilog": "v sv svh", "css": "css", "sql": "sql", "ada": "adb ads",
    "vhdl": "vhd vhdl", "lua": "lua", "haskell": "hs", "elm": "elm", "ocaml": "ml mli", "fsharp": "fs fsx fsi",
    "pascal": "pas pp", "terraform": "tf tfvars hcl", "ini": "ini cfg conf", "assembly": "s asm", "vb": "vb vbs bas",
    "fortran": "f f90 f95 f03", "vim": "vim", "batch": "bat cmd",
}  # fmt: skip
_BY_EXTENSION = {ending: name for name, endings in _EXTENSIONS.items() for ending in endings.split()}
_BY_NAME = {
    "makefile": "make", "gnumakefile": "make", "dockerfile": "dockerfile", "containerfile": "dockerfile",
    "cmakelists.txt": "cmake", "gemfile": "ruby", "rakefile": "ruby", "vagrantfile": "ruby", "build": "starlark",
    "build.bazel": "starlark", "workspace": "starlark", ".bashrc": "bash", ".profile": "bash", ".zshrc": "bash",
    ".gitignore": "gitignore", ".vimrc": "vim", "jenkinsfile": "groovy",
}  # fmt: skip
_ALIASES = {
    "javascriptreact": "javascript", "typescriptreact": "tsx", "shellscript": "bash", "sh": "bash", "c#": "csharp",
    "c++": "cpp", "makefile": "make", "objective-c": "objc", "latex": "tex", "bat": "batch", "viml": "vim",
    "emacs-lisp": "elisp", "py": "python", "js": "javascript", "ts": "typescript", "rs": "rust", "golang": "go",
    "hcl": "terraform", "perl6": "perl", "cuda-cpp": "cpp", "zsh": "bash", "plsql": "sql",
    "fortranfreeform": "fortran", "fortran_fixed-form": "fortran",
}  # fmt: skip


def language_of(path: str | PurePath) -> str | None:
    """The language of a file by its name; None where nothing here knows it. `.h` counts as C++, which reads C too."""
    name = PurePath(path).name.lower()
    return _BY_NAME.get(name) or _BY_EXTENSION.get(name.rpartition(".")[2] if "." in name else "")


def canonical(language: str) -> str:
    """Our name of a language, also from the identifiers that editors use."""
    name = language.lower()
    return _ALIASES.get(name, name)


def family_of(language: str) -> str:
    """Languages with the same answer may use each other's names."""
    grammar = GRAMMARS.get(language)
    return (grammar.family if grammar else "") or language


def has_definitions(language: str) -> bool:
    """Whether `symbols` can find anything in this language."""
    return language in GRAMMARS or (language in STYLES and STYLES[language].code)
