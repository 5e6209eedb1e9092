"""Lines that stand for text left out are never written over that text."""

import pytest

from mazu_ls.tools.edit.elisions import find_elision
from mazu_ls.tools.edit.omitted_text import find_omission
from tests.scenario import check

ELISIONS = [
    '"" rest of the config',
    '"" ... existing settings ...',
    "# ... rest of the code unchanged ...",
    "    // ... existing code ...",
    "... rest of the code unchanged ...",
    "# existing code",
    "// rest of the file remains the same",
    "/* ... existing styles ... */",
    "<!-- rest of the content -->",
    "{/* ... existing code ... */}",
    "-- ... remaining lines ...",
    "// ... (rest of the code stays the same)",
    "# [... existing imports ...]",
    "…rest of the function unchanged…",
    "// keep existing code",
    "# ... other methods ...",
    "// unchanged",
    "(* ... rest of the implementation ... *)",
    "# ---- snip ----",
    "# (unchanged)",
    ";; rest of the code stays the same",
    "% rest omitted for brevity",
    '" ... remaining mappings unchanged',
    "REM ... rest of script ...",
    "Dnl ... rest of script ...",
    "{- rest unchanged -}",
    "{# ... existing blocks ... #}",
    "<%# rest unchanged %>",
    "# keep the rest as is",
    "# Continue with the rest of the code",
    "# ... other services ...",
    "# Rest bleibt unverändert",
    "# ... le reste du code reste inchangé",
    "// el resto del código",
    "# остальной код без изменений",
    "# 其余代码不变",
    "# ... 既存のコード ...",
    "# 기존 코드 유지",
    "// ... 40 more lines ...",
    "# lines 10-50 unchanged",
    "# [40 lines omitted]",
    "// ... (truncated)",
    "# ... more methods ...",
    "# your existing code here",
    "# Same imports as before",
    "// no changes below",
    "// other code remains",
    "@* existing markup *@",
    "<rest of the code>",
    "import ... // existing imports",
    "pass  # existing code",
    "# resto do código",
    "# reszta kodu bez zmian",
    "// kodun geri kalanı",
    "# bestehender Code",
    "// существующий код",
    "# ... keep the other functions as they are",
    "//... keep everything else the same",
    ":: ... existing code ...",
    "# ... （其余部分不变）",
    "// 以下同じ",
    "# 残りのコードは変更なし",
    "// bestaande code",
    "# ... rest van de code ongewijzigd",
    "# ... resten av koden oförändrad",
    "// ... muu koodi ennallaan",
    "# ... pozostała część kodu bez zmian",
    "// решта коду без змін",
    "# ... restul codului rămâne neschimbat",
    "# ... a kód többi része változatlan",
    "# ... υπόλοιπος κώδικας ...",
    "# ... phần còn lại của mã giữ nguyên",
    "# ... sisa kode tetap sama",
    "// ... geri kalan kod aynı",
    "# ... שאר הקוד ללא שינוי",
    "// ... باقي الكود ...",
    "# ... बाकी कोड वैसा ही रहेगा ...",
    "# rest of the UserService class",
    "# rest of the code for login",
    "# ... il resto del codice rimane invariato",
]
SHORTER = [
    "/* ... */", "; ...", "-- …", "(* ... *)", "# etc.", "# rest", "// other methods", "# Existing tests", "// more code here", "# truncated",
]  # fmt: skip
"""These stand for text only where text goes."""
TEXT = [
    'set foo = "" rest',
    '"" if rest else "x"',
    '"", the rest of it',
    "# The rest of the arguments go to the child, existing code or not.",
    "x = ...",
    "    ...",
    "def f(*rest): ...",
    "# existing code = legacy(mode)",
    "the rest is silence",
    "// other fields: see the schema",
    "print('... loading ...')",
    "- existing users keep their passwords",
    "const { a, ...rest } = props;",
    "# unchanged since 2019; see the log",
    "# TODO: rest of implementation",
    "* rest of the world",
    "#include <rest.h>",
    "# The existing rule is kept: it holds.",
    "// Restarts the server",
    "# reste = total - somme",
    "! the rest of the input",
    "'rest of it'",
    "# other",
    "- ...",
    "# ...",
    "# The rest of the arguments are positional",
    "// rest of line is a comment",
    "// unchanged lines are drawn grey",
    "# keep the existing connection open while the pool drains",
    "## Existing code style",
    "# Other methods",
    "# same thing for y",
    "# Omitted fields default to 0",
    "template <class... Ts>",
    "#define LOG(...) log(__VA_ARGS__)",
    "case 1 ... 5:",
    "# The rest of this module handles retries.",
    "# The rest of the items arrive later",
    "# le reste de la division",
    "// resto de la división",
    "# resto da divisão",
    "# resto della divisione",
    "# остальные строки пропускаются",
    "# 其他",
    "# 其他用户的权限",
    "# 省略可能な引数",
    "# 残りの秒数",
    "# 나머지 값을 계산한다",
    "std::keep other;",
]


@pytest.mark.parametrize("line", ELISIONS)
def test_an_elision_is_found(line: str):
    assert find_elision(f"a = 1\n{line}\nb = 2\n", []) == line.strip()


@pytest.mark.parametrize("line", ELISIONS)
def test_a_line_that_the_file_had_is_no_elision(line: str):
    assert find_elision(f"a = 1\n{line}\n", ["a = 2", line]) is None


@pytest.mark.parametrize("line", SHORTER)
def test_dots_alone_are_an_elision_where_lines_go(line: str):
    assert find_elision(f"a = 1\n{line}\nb = 2\n", [], 40) == line
    assert find_elision(f"a = 1\n{line}\nb = 2\n", [], 2) is None


@pytest.mark.parametrize("line", TEXT)
def test_ordinary_text_is_kept(line: str):
    assert find_elision(f"{line}\n", []) is None


@pytest.mark.parametrize(
    ("suffix", "text", "found"),
    [
        (".js", "a();\n...\nb();\n", True), (".c", "int a;\n  ...\n", True), (".py", "a = 1\n...\nb = 2\n", True),
        (".py", "def f():\n    x = 1\n    ...\n", True), (".py", "def f():\n    ...\n\nx = 1\n", False),
        (".py", "class A(Protocol):\n    @property\n    ...\n", False), (".md", "a\n...\nb\n", False), (".yaml", "a: 1\n...\n", False),
    ],
)  # fmt: skip
def test_a_line_of_dots_where_it_is_no_code(suffix: str, text: str, found: bool):
    assert (find_elision(text, [], 40, suffix) is not None) is found
    assert find_elision(text, [], 1, suffix) is None


def test_a_lazy_rewrite_is_refused_and_the_file_stays():
    check(
        """
        -- app.py --
        a = 1
        b = 2
        c = 3
        -- model calls write_file --
        path: app.py
        content: |
          a = 7
          # ... rest of the code unchanged ...
        -- model calls edit_file --
        path: app.py
        old: |
          a = 1
          b = 2
        new: |
          a = 7
          # existing code
        -- model says --
        I will quote it.
        """,
        """
        tool: error: the line '# ... rest of the code unchanged ...' is a placeholder for omitted text; wr…
        tool: error: the line '# existing code' is a placeholder for omitted text; wr…
        assistant: I will quote it.
        stop: end_turn
        -- app.py --
        a = 1
        b = 2
        c = 3
        """,
    )


def test_occurrences_that_overlap_are_ambiguous():
    check(
        """
        -- app.py --
        beep()
        beep()
        beep()
        -- model calls edit_file --
        path: app.py
        old: |
          beep()
          beep()
        new: |
          beep(2)
        -- model says --
        Which two?
        """,
        """
        tool: error: `old` occurs 2 times in app.py, and the occurrences overlap; quote more context
        assistant: Which two?
        stop: end_turn
        -- app.py --
        beep()
        beep()
        beep()
        """,
    )


FUNCTIONS = [f"function f{n}() {{\n  return {n};\n}}\n" for n in range(6)]
OMISSIONS = [
    "-- remaining", "# el resto sigue igual", "# same", "# ídem", "# wie oben", "# wie zuvor", "// weitere Funktionen wie bisher",
    "# igual que antes", "# sin cambios", "# 同上", "# далее без изменений", "# le reste est inchangé", "# TODO restore the other functions",
    "# to be continued",
    "// ---- 8< ----", "// \u2702 rest", "// ditto", "// content trimmed", "// trimmed", "// abbreviated", "// continued from original",
    "// preserve everything below", "// + 25 more lines",
    "// f1 through f5 unchanged", "// ...rest", "// (f1-f5 same as original)", "// [Keep f1 through f5]", "// <-- rest of functions here -->",
    "// … f1–f5 …", "// f1, f2, f3: no change", "// The other functions were not modified", "// unchanged code follows", "// and so on for f1 to f5",
    "// copy the rest from the original", "// ---- 20 unchanged lines ----", "// the remaining 5 functions", "// leave the rest",
    "// retained: f1, f2, f3, f4, f5", "// ⋮", "[rest of the file remains unchanged]", "# == EXISTING CODE ==", "/* keep f1 and f2 as they were */",
    "// TODO: rest of file here", "... (f1 to f5 unchanged)",
]  # fmt: skip


@pytest.mark.parametrize("line", OMISSIONS)
def test_a_line_that_stands_where_functions_go_may_say_less(line: str):
    old, new = "\n".join(FUNCTIONS), FUNCTIONS[0].replace("0;", "9;") + f"\n{line}\n"
    assert find_omission(new, old, ".js") == line
    assert find_omission(new + "\n".join(FUNCTIONS[1:]), old, ".js") is None, "nothing goes"
    assert find_omission(new, old + line + "\n", ".js") is None, "it stood there"


@pytest.mark.parametrize(
    "line",
    [
        "// f1 to f5 moved to other.js", "// Nothing else is needed", "f1(...args);", "// Loading...", "// The rest is silence, they say, and it is true: see the play",
        "const rest = [];", "// see other.js", "/** The originals. */", "// Existing users keep their id", "...",
        "// names are trimmed and lowercased", "// cut the text", "// preserve order", "// 3 more lines of defence than before? no", "// continues until done",
    ],
)  # fmt: skip
def test_a_comment_where_functions_go_is_kept(line: str):
    assert find_omission(f"{FUNCTIONS[0]}\n{line}\n", "\n".join(FUNCTIONS), ".js") is None


def test_a_line_that_the_file_had_may_stand_where_lines_go():
    kept = "# the rest is unchanged"
    old = ["first", *"bcdefgh", kept, "last"]
    assert find_omission("\n".join(["first", kept, "between", kept, "last"]), "\n".join(old)) is None
    assert find_omission("\n".join(["first", kept, "between", "last"]), "first\nb\nc\nd\ne\nf\nlast") == kept


def test_the_end_of_a_sentence_is_no_elision():
    assert find_elision("/// Where there is none, the path is returned\n/// unchanged.\n", [], 9) is None
    assert find_elision("/// Where there is none.\n/// unchanged\n", [], 9) == "/// unchanged"


@pytest.mark.parametrize("mark", ["", "// ... rest of the records\n"])
def test_a_list_of_like_records_is_compared_at_once(mark: str):
    """Each of the repeated lines was tried with each other one: minutes, in which nothing else went on."""
    old, new = (
        "".join(f"{{\n{at + n}\n}},\n" for n in range(count)) for at, count in ((0, 660), (9999, 640))
    )
    assert find_omission(new + mark, old, ".json") == (mark.strip() or None)


def test_a_long_line_in_front_of_a_mark_is_no_sentence():
    text = "# a" + " " * 20_000 + "b\n# ... rest of the code\n"
    assert find_elision(text, []) == "# ... rest of the code"


@pytest.mark.parametrize(
    "line",
    [
        "# rest of the division",
        "// remainder of an integer division",
        "# rest of the division by n",
        "-- rest of the modulo",
    ],
)
def test_what_a_division_leaves_is_no_elision(line: str):
    assert find_elision(f"x = a % b\n{line}\ny = 2\n", [], 5, ".py") is None


@pytest.mark.parametrize(
    "line",
    [
        "# ... rest of the division ...",
        "# rest of the division unchanged",
        "# rest of the division function",
        "# rest of divide()",
    ],
)
def test_the_code_of_a_division_is_one(line: str):
    assert find_elision(f"x = a % b\n{line}\ny = 2\n", [], 5, ".py") == line
