"""The house rules: layers, sizes, style, types, and what must not be in the tree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.import_graph import modules_in_circles
from tests.plain_words import private_words

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def sources() -> Iterator[Path]:
    return (ROOT / "mazu_ls").rglob("*.py")


def quantile(values: list[int], share: float) -> int:
    return sorted(values)[int(len(values) * share)]


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_layers_are_kept():
    run(str(BIN / "lint-imports"))


def test_style():
    run(str(BIN / "ruff"), "check", ".")
    run(str(BIN / "ruff"), "format", "--check", ".")


def test_types():
    run(str(BIN / "pyright"), "--pythonpath", sys.executable)


def test_files_are_short():
    texts = {path: path.read_text() for path in sources()}
    lines = {
        path: text.count("\n")
        for path, text in texts.items()
        if "Written by `make generate`" not in text[:200]
    }
    assert {str(path): n for path, n in lines.items() if n > 400} == {}
    assert quantile(list(lines.values()), 0.9) <= 250


def test_functions_are_short():
    sizes: dict[str, int] = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno
                sizes[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = (
                    node.end_lineno - node.lineno + 1
                )
    assert {name: n for name, n in sizes.items() if n > 60} == {}
    assert quantile(list(sizes.values()), 0.9) <= 30


def test_public_names_are_documented():
    missing: list[str] = []
    for path in sources():
        tree = ast.parse(path.read_text())
        if path.stat().st_size and not ast.get_docstring(tree):
            missing.append(str(path.relative_to(ROOT)))
        for node in tree.body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.name[0] != "_" and not ast.get_docstring(node) and not _speaks_for_itself(node):
                missing.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert missing == []


def _speaks_for_itself(node: ast.AST) -> bool:
    """A shape: nothing but named, typed fields, as they or the page of the protocol or the tool's schema describe them."""

    def is_field(line: ast.stmt) -> bool:
        about = isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
        return about or isinstance(line, ast.AnnAssign | ast.Pass)

    return isinstance(node, ast.ClassDef) and all(map(is_field, node.body))


def test_no_class_that_does_everything():
    banned = ("Manager", "Helper", "Util", "Base")
    names = [
        node.name
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    assert [name for name in names if name.endswith(banned)] == []


def test_everything_names_one_version():
    run(sys.executable, "scripts/version", "--check")


def test_what_is_generated_is_up_to_date():
    run(sys.executable, "scripts/generate", "--check")


def test_nothing_private_is_tracked():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert [
        name for name in listed if name.endswith((".vsix", ".pyc", ".db")) or "node_modules/" in name
    ] == []


OF_ONE_SYSTEM = re.compile(
    r"\bfcntl\b|^\s*import resource\b|\bos\.(O_(CLOEXEC|NOFOLLOW|NONBLOCK|NOCTTY|DIRECTORY|PATH)|fchmod|get(e)?uid|killpg|sysconf)\b"
    r"|start_new_session=True|SO_PEERCRED|SYS_OPENAT2",
    re.MULTILINE,
)
OWN_PROGRAMS = frozenset(("guard.py", "html_to_text.py", "landlock.py", "supervisor.py"))
"""Started as programs of their own, from the standard library alone: they cannot import the package."""


def test_what_differs_between_systems_has_one_door():
    door = ROOT / "mazu_ls" / "platform"
    found = [
        f"{path.relative_to(ROOT)}: {match[0].strip()}"
        for path in sources()
        if door not in path.parents and path.name not in OWN_PROGRAMS
        for match in OF_ONE_SYSTEM.finditer(path.read_text())
    ]
    assert found == [], "use mazu_ls/platform/"


def test_git_has_one_door():
    """No other module starts git, imports GitPython, or asks where git is. The policy only reads command lines."""
    doors = ("mazu_ls/gitcmd/", "mazu_ls/policy/")
    found: list[str] = []
    for path in sources():
        if path.relative_to(ROOT).as_posix().startswith(doors):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if _names_git(node):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")  # type: ignore[attr-defined]
    assert found == []


def _names_git(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(name.name.split(".")[0] in ("git", "gitdb") for name in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and (node.module or "").split(".")[0] in ("git", "gitdb")
    if isinstance(node, ast.List | ast.Tuple):  # the start of a command line
        first = node.elts[0] if node.elts else None
        return isinstance(first, ast.Constant) and first.value == "git" and _is_command(node.elts)
    if isinstance(node, ast.Call):
        words = [word.value for word in node.args if isinstance(word, ast.Constant)]
        name = ast.unparse(node.func)
        return "git" in words and name.endswith(("which", "exec", "run", "Popen", "check_output", "system"))
    return False


def _is_command(words: list[ast.expr]) -> bool:
    """Whether a list that begins with "git" goes on like a command line: an option or a subcommand of git."""
    rest = [word.value for word in words[1:] if isinstance(word, ast.Constant)]
    commands = (
        "ls-files",
        "config",
        "status",
        "diff",
        "log",
        "rev-parse",
        "add",
        "commit",
        "init",
        "check-ignore",
    )
    return any(str(word).startswith("-") or word in commands for word in rest)


MOST_ENTRIES = 15
MOST_AT_THE_TOP = 20
WITHOUT_A_CHOICE = frozenset(["__init__.py", "__main__.py", "__pycache__", "py.typed"])
"""Names that Python gives; they do not make a folder harder to survey."""


def test_a_folder_holds_few_things():
    top = ROOT / "mazu_ls"
    folders = [top, *(path for path in top.rglob("*") if path.is_dir() and path.name != "__pycache__")]
    counts = {
        folder: sum(entry.name not in WITHOUT_A_CHOICE for entry in folder.iterdir()) for folder in folders
    }
    assert {
        str(folder): count for folder, count in counts.items() if count > MOST_ENTRIES and folder != top
    } == {}
    assert counts[top] <= MOST_AT_THE_TOP


def test_a_class_name_stands_once():
    where: dict[str, list[str]] = {}
    for path in sources():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                where.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: files for name, files in where.items() if len(files) > 1} == {}


def test_no_module_imports_itself_through_others():
    assert modules_in_circles() == {}


PRIVATE_WORDS = frozenset(
    [
        "hear",
        "heard",
        "told",
        "tell",
        "telling",
        "settle",
        "settled",
        "walked",
        "standing",
        "lay_before",
        "aside",
        "listen",
        "noticed",
        "of",
        "bury",
        "doubt",
        "fade",
        "land",
        "mend",
        "meant",
        "place_of_cut",
        "ruin",
        "shed",
        "spot",
        "still",
        "surroundings",
        "withheld",
        "stood_alike",
        "let_go",
        "may_mean",
    ]
)
"""Function names that say too little to be found: a function is a verb with its object, in the field's words."""


def test_functions_are_named_in_the_words_of_the_field():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.strip("_") in PRIVATE_WORDS
        and not any(ast.unparse(line).endswith("property") for line in node.decorator_list)
    ]
    assert found == []


def test_text_is_divided_into_lines_by_one_function():
    """`str.splitlines` also ends lines at form feeds, U+2028 and others, where no editor does: read_file, grep, anchors and
    the editor would count differently. `mazu_ls.workspace.text.split_lines` divides where LSP divides."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "splitlines"
    ]
    assert found == []


def test_whoever_reads_json_expects_bytes_that_are_not_utf_8():
    """msgspec raises DecodeError for what is not JSON, but UnicodeDecodeError for a string that is not UTF-8; both are ValueErrors."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and re.search(
            r"msgspec\.(Decode|Msgspec)Error", caught := ast.unparse(node.type or ast.Constant(None))
        )
        and "ValueError" not in caught
    ]
    assert found == ["mazu_ls/server/rpc/protocol.py:49"], "the one that tries again with json"


def test_the_glossary_names_files_that_exist():
    named = re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|/))`", (ROOT / "docs" / "glossary.md").read_text())
    assert named
    assert [name for name in named if name != "mazu_ls/" and not (ROOT / "mazu_ls" / name).exists()] == []


def test_the_guide_for_contributors_names_files_that_exist():
    rows = [line for line in (ROOT / "CONTRIBUTING.md").read_text().split("\n") if line.startswith("| ")]
    named = re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:\.(?:py|tsx|lua)|/))`", "\n".join(rows))
    assert len(named) > 40
    assert [
        name for name in named if not any((top / name).exists() for top in (ROOT, ROOT / "mazu_ls"))
    ] == []


def test_the_mutants_of_make_mutants_can_be_made():
    """Else it stops at the first of them, and measures nothing."""
    table = tomllib.loads((ROOT / "benchmarks/data/mutants.toml").read_text())
    packages = table["package"].values()
    tests = {f"tests/{test}" for row in (*packages, *table["named"]) for test in row["tests"]}
    assert [test for test in sorted(tests) if not (ROOT / test).exists()] == []
    files = [file for row in packages for file in row["files"]]
    assert [file for file in files if not any((ROOT / "mazu_ls").glob(file))] == []
    named = [
        row["promise"] for row in table["named"] if (ROOT / row["file"]).read_text().count(row["old"]) != 1
    ]
    assert named == [], "change the text in benchmarks/data/mutants.toml as you changed the code"


def test_people_read_words_that_they_would_search_for():
    assert list(private_words()) == []
