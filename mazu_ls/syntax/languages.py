"""The language of a file, its parser, and the form of its comments if there is none."""

from __future__ import annotations

from pathlib import PurePath

from msgspec import Struct


class LanguageGrammar(Struct, frozen=True):
    """A tree-sitter grammar: `module.function()` returns it, `queries` find its definitions.

    `references` are the types of the leaves that name something, `comments` those of comments. Languages of one
    `family` may use each other's names.
    """

    module: str
    queries: tuple[str, ...]
    references: tuple[str, ...] = ("identifier",)
    comments: tuple[str, ...] = ("comment",)
    function: str = "language"
    family: str = ""


class CommentStyle(Struct, frozen=True):
    """The form of comments and strings in a language without a grammar. `code`: it has definitions."""

    line: tuple[str, ...] = ()
    block: tuple[tuple[str, str], ...] = ()
    quotes: str = "\"'"
    code: bool = True


def words(text: str) -> frozenset[str]:
    """Return the words of a list written as one text."""
    return frozenset(text.split())


_JS = ("identifier", "property_identifier", "private_property_identifier", "shorthand_property_identifier")
_TS = (*_JS, "type_identifier")
_C = ("identifier", "field_identifier", "type_identifier")
_LINE_AND_BLOCK = ("line_comment", "block_comment")

GRAMMARS = {
    "python": LanguageGrammar("tree_sitter_python", ("python",)),
    "javascript": LanguageGrammar(
        "tree_sitter_javascript", ("javascript", "javascript_fields"), _JS, ("comment", "html_comment"), family="js"
    ),
    "typescript": LanguageGrammar(
        "tree_sitter_typescript", ("javascript", "typescript"), _TS, ("comment", "html_comment"),
        "language_typescript", "js",
    ),
    "tsx": LanguageGrammar(
        "tree_sitter_typescript", ("javascript", "typescript"), _TS, ("comment", "html_comment"), "language_tsx", "js"
    ),
    "go": LanguageGrammar("tree_sitter_go", ("go",), _C),
    "rust": LanguageGrammar("tree_sitter_rust", ("rust",), _C, _LINE_AND_BLOCK),
    "java": LanguageGrammar("tree_sitter_java", ("java",), ("identifier", "type_identifier"), _LINE_AND_BLOCK, family="jvm"),
    "c": LanguageGrammar("tree_sitter_c", ("c",), _C, family="c"),
    "cpp": LanguageGrammar("tree_sitter_cpp", ("c", "cpp"), (*_C, "namespace_identifier"), family="c"),
    "ruby": LanguageGrammar("tree_sitter_ruby", ("ruby",), ("identifier", "constant")),
    "php": LanguageGrammar("tree_sitter_php", ("php",), ("name",), function="language_php"),
    "csharp": LanguageGrammar("tree_sitter_c_sharp", ("c_sharp",)),
    "bash": LanguageGrammar("tree_sitter_bash", ("bash",), ("variable_name", "command_name")),
}  # fmt: skip

_HASH = CommentStyle(("#",))
_SLASHES = CommentStyle(("//",), (("/*", "*/"),), "\"'`")
_DASHES = CommentStyle(("--",), (("/*", "*/"),))
_MARKUP = CommentStyle(block=(("<!--", "-->"),), quotes="", code=False)
_SEMICOLON = CommentStyle((";",), (("#|", "|#"),), '"', code=False)
_CONFIG = CommentStyle(("#",), code=False)
STYLES = {
    **dict.fromkeys(words("kotlin scala swift dart groovy zig objc solidity d vala"), _SLASHES),
    **dict.fromkeys(words("perl r elixir julia crystal nim powershell tcl gdscript starlark"), _HASH),
    **dict.fromkeys(words("yaml toml make dockerfile cmake nix graphql properties gitignore fish awk"), _CONFIG),
    **dict.fromkeys(words("html xml markdown vue svelte"), _MARKUP),
    **dict.fromkeys(words("clojure lisp scheme elisp racket"), _SEMICOLON),
    **dict.fromkeys(("erlang", "tex", "matlab", "prolog"), CommentStyle(("%",), quotes='"', code=False)),
    **dict.fromkeys(("proto", "jsonc", "scss", "less", "glsl", "verilog"), CommentStyle(("//",), (("/*", "*/"),), code=False)),
    "css": CommentStyle((), (("/*", "*/"),), code=False),
    "sql": CommentStyle(("--",), (("/*", "*/"),), code=False),
    "ada": _DASHES,
    "vhdl": CommentStyle(("--",), quotes='"', code=False),
    "lua": CommentStyle(("--",), (("--[[", "]]"),)),
    "haskell": CommentStyle(("--",), (("{-", "-}"),), '"', code=False),
    "elm": CommentStyle(("--",), (("{-", "-}"),), '"', code=False),
    "ocaml": CommentStyle((), (("(*", "*)"),), '"', code=False),
    "fsharp": CommentStyle(("//",), (("(*", "*)"),), '"', code=False),
    "pascal": CommentStyle(("//",), (("(*", "*)"), ("{", "}")), "'"),
    "terraform": CommentStyle(("#", "//"), (("/*", "*/"),), '"', code=False),
    "ini": CommentStyle((";", "#"), quotes="", code=False),
    "assembly": CommentStyle((";", "#", "//"), (("/*", "*/"),), '"', code=False),
    "vb": CommentStyle(("'",), quotes='"', code=False),
    "fortran": CommentStyle(("!",), quotes="\"'", code=False),
    "vim": CommentStyle(('"',), quotes="", code=False),
    "batch": CommentStyle(("REM ", "rem ", "::"), quotes="", code=False),
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
    """Return the language of a file by its name; None if it is unknown. `.h` counts as C++, which covers C too."""
    name = PurePath(path).name.lower()
    return _BY_NAME.get(name) or _BY_EXTENSION.get(name.rpartition(".")[2] if "." in name else "")


def canonical(language: str) -> str:
    """Return our name of a language, also from the identifiers that editors use."""
    name = language.lower()
    return _ALIASES.get(name, name)


def family_of(language: str) -> str:
    """Return the family of a language: those of one family may use each other's names."""
    grammar = GRAMMARS.get(language)
    return (grammar.family if grammar else "") or language


def has_definitions(language: str) -> bool:
    """Return whether `symbols` can find anything in this language."""
    return language in GRAMMARS or (language in STYLES and STYLES[language].code)
