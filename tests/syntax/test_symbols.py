"""What is defined where, in every language we have a grammar for, and in those that are read by the line."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.syntax import comments, language_of, outline, references, symbol_at, symbols
from mazu_ls.syntax.grammar import language
from mazu_ls.syntax.languages import GRAMMARS, STYLES

pytestmark = pytest.mark.portable


OUTLINES = {
    "python": (
        """
        RATE = 2
        @cached
        class Book(Base):
            def balance(self, at: date,
                        currency="EUR") -> Money:
                def exact(): ...
                return exact()
        """,
        """
        variable RATE: RATE = 2
        class Book: class Book(Base)
        method Book.balance: def balance(self, at: date, currency="EUR") -> Money
        local function Book.balance.exact: def exact()
        """,
    ),
    "typescript": (
        """
        export abstract class Book<T> implements Ledger {
          constructor(private rate: number) {}
          balance = async (at: Date): Promise<Money> => { return null }
          abstract close(): void;
        }
        export interface Ledger { total(): number }
        export const open = (path: string) => new Book(path), LIMIT = 3;
        type Money = number;
        namespace Old { export function load(): void {} }
        """,
        """
        class Book: abstract class Book<T> implements Ledger
        method Book.constructor: constructor(private rate: number)
        method Book.balance: balance = async (at: Date): Promise<Money>
        method Book.close: abstract close(): void
        interface Ledger: interface Ledger
        method Ledger.total: total(): number
        function open: open = (path: string)
        constant LIMIT: LIMIT = 3
        type Money: type Money = number
        module Old: namespace Old
        function Old.load: function load(): void
        """,
    ),
    "javascript": (
        """
        class Book { static open(path) { return new Book() } total = () => 1 }
        module.exports.close = function (book) {}
        const api = { list() {}, drop: (id) => id }
        """,
        """
        class Book: class Book
        method Book.open: static open(path)
        method Book.total: total = ()
        function close: module.exports.close = function (book)
        constant api: const api = { list() {}, drop: (id) => id }
        method api.list: list()
        function api.drop: drop: (id)
        """,
    ),
    "go": (
        """
        type Book struct { rate int }
        type Ledger interface { Total() int }
        func (b *Book) Balance(at Time) (Money, error) { return b.rate, nil }
        func Open(path string) *Book { return nil }
        const Limit = 3
        """,
        """
        struct Book: type Book
        interface Ledger: type Ledger
        method Ledger.Total: Total() int
        method Book.Balance: func (b *Book) Balance(at Time) (Money, error)
        function Open: func Open(path string) *Book
        constant Limit: const Limit = 3
        """,
    ),
    "rust": (
        """
        pub struct Book<T> { rate: T }
        impl<T> Ledger for Book<T> { pub async fn balance(&self) -> Money { self.rate() } }
        pub trait Ledger { fn total(&self) -> i32; }
        mod old { pub fn load() {} }
        """,
        """
        struct Book: pub struct Book<T>
        implementation Book: impl<T> Ledger for Book<T>
        method Book.balance: pub async fn balance(&self) -> Money
        interface Ledger: pub trait Ledger
        method Ledger.total: fn total(&self) -> i32
        module old: mod old
        function old.load: pub fn load()
        """,
    ),
    "java": (
        """
        public class Book extends Base { @Override public Money balance(Date at) { return null; } enum Kind { A } }
        record Rate(int value) {}
        """,
        """
        class Book: public class Book extends Base
        method Book.balance: public Money balance(Date at)
        enum Book.Kind: enum Kind
        class Rate: record Rate(int value)
        """,
    ),
    "c": (
        """
        #define LIMIT 3
        typedef struct { int rate; } Rate;
        struct book { Rate rate; };
        static struct book **open_books(const char *path) { return 0; }
        int total(struct book *b);
        """,
        """
        constant LIMIT: #define LIMIT 3
        type Rate: typedef struct { int rate; } Rate
        struct book: struct book
        function open_books: static struct book **open_books(const char *path)
        function total: int total(struct book *b)
        """,
    ),
    "cpp": (
        """
        namespace bank {
        template <class T> class Book : public Base { public: ~Book(); T balance(int at) const { return t; } };
        }
        Money bank::Ledger::total(int at) { return 0; }
        """,
        """
        module bank: namespace bank
        class bank.Book: class Book : public Base
        method bank.Book.~Book: ~Book()
        method bank.Book.balance: T balance(int at) const
        method bank.Ledger.total: Money bank::Ledger::total(int at)
        """,
    ),
    "ruby": (
        """
        module Bank
          class Book < Base
            LIMIT = 3
            def balance(at)
              @rate
            end
            def self.open(path); end
          end
        end
        """,
        """
        module Bank: module Bank
        class Bank.Book: class Book < Base
        constant Bank.Book.LIMIT: LIMIT = 3
        method Bank.Book.balance: def balance(at)
        method Bank.Book.open: def self.open(path); end
        """,
    ),
    "php": (
        """
        <?php
        class Book extends Base { const LIMIT = 3; public function balance(int $at): Money { return $this->rate; } }
        interface Ledger { public function total(); }
        """,
        """
        class Book: class Book extends Base
        constant Book.LIMIT: const LIMIT = 3
        method Book.balance: public function balance(int $at): Money
        interface Ledger: interface Ledger
        method Ledger.total: public function total()
        """,
    ),
    "csharp": (
        """
        namespace Bank { public class Book : Base { public int Rate { get; set; }
          public async Task<Money> Balance(int at) { return null; } } }
        """,
        """
        module Bank: namespace Bank
        class Bank.Book: public class Book : Base
        method Bank.Book.Rate: public int Rate
        method Bank.Book.Balance: public async Task<Money> Balance(int at)
        """,
    ),
    "bash": (
        """
        LIMIT=3
        balance() { total "$1"; }
        """,
        """
        variable LIMIT: LIMIT=3
        function balance: balance()
        """,
    ),
    "kotlin": (
        """
        data class Book(val rate: Int) : Base {
            override fun balance(at: Int): Money {
                return rate
            }
        }
        """,
        """
        class Book: data class Book(val rate: Int) : Base
        method Book.balance: override fun balance(at: Int): Money
        """,
    ),
    "elixir": (
        """
        defmodule Bank.Book do
          def balance(at), do: at
        end
        """,
        """
        module Bank.Book: defmodule Bank.Book do
        function Bank.Book.balance: def balance(at), do: at
        """,
    ),
}


@pytest.mark.parametrize("name", OUTLINES)
def test_what_is_defined(name: str):
    text, expected = map(dedent, OUTLINES[name])
    found = symbols(text, name)
    assert [
        f"{'local ' if s.local else ''}{s.kind} {s.path}: {s.signature}" for s in found
    ] == expected.strip().splitlines()
    for symbol in found:
        line = text.split("\n")[symbol.name_start[0]]
        assert line[symbol.name_start[1] : symbol.name_end[1]].strip("\"'").endswith(symbol.name)


@pytest.mark.parametrize("name", sorted(GRAMMARS))
def test_every_grammar_is_installed_and_its_queries_fit(name: str):
    assert language(name) is not None
    assert outline("x", name).references is not None
    assert comments("x", name) == []


BOOK = """\
@table
class Book:
    def balance(self):
        return self.rate  # ½ übrig

    def close(self): pass


print(Book())
"""


@pytest.mark.parametrize(
    ("line", "character", "path"),
    [
        (0, 2, "Book"),
        (2, 0, "Book"),
        (3, 15, "Book.balance"),
        (4, 0, "Book"),
        (5, 24, "Book.close"),
        (8, 3, None),
        (400, 0, None),
    ],
)
def test_the_symbol_round_the_cursor(line: int, character: int, path: str | None):
    found = symbol_at(BOOK, "python", line, character)
    assert (found and found.path) == path


def test_characters_are_those_of_the_text_whatever_stands_before():
    text = 'a = "🎈é"; f = lambda: 0\r\nclass Ünit: pass\rclass Second: pass\n'
    unit, second = symbols(text, "python")[-2:]
    assert (unit.name, unit.start_line, unit.name_start, unit.name_end) == ("Ünit", 1, (1, 6), (1, 10))
    assert (second.name, second.start_line) == ("Second", 2)  # an editor counts a lone CR as a line end
    found = symbols('x = "🎈é"; y = 2', "python")
    assert [(s.name, s.start_char) for s in found] == [("x", 0), ("y", 10)]


def test_what_is_used_is_counted_without_definitions_comments_and_strings():
    text = 'def pay(book):\n    book.total("pay pay")  # pay\n    return pay(book)\n'
    assert references(text, "python") == {"book": 3, "total": 1, "pay": 1}


def test_broken_code_gives_what_can_be_made_out():
    text = "class Book:\n    def balance(self):\n        x = = 1 +\n\ndef later(x): return x\n"
    assert "later" in {s.name for s in symbols(text, "python")}


def test_text_over_the_limit_has_no_symbols():
    assert symbols("def f(): pass\n" * 100_000, "python") == []


def test_names_that_editors_use():
    assert symbols("const f = () => 1", "typescriptreact")[0].name == "f"
    assert symbols("f() { :; }", "shellscript")[0].name == "f"
    assert symbols("anything", "no such language") == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("src/app.py", "python"),
        ("A.TSX", "tsx"),
        ("x.h", "cpp"),
        ("Makefile", "make"),
        ("a/.bashrc", "bash"),
        ("notes", None),
        ("pic.png", None),
    ],
)
def test_languages_by_file_name(path: str, name: str | None):
    assert language_of(path) == name


CODE = st.text(alphabet="abc(){}[]<>;:=.,#/*-!\"'`\\ \n\r\tdefclassfunction🎈é\ud800\0", max_size=120)


@given(text=CODE, name=st.sampled_from(sorted({*GRAMMARS, *STYLES, "unknown"})))
def test_any_text_in_any_language(text: str, name: str):
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = symbols(text, name)
    for at, symbol in enumerate(found):
        assert (symbol.start_line, symbol.start_char) <= (symbol.end_line, symbol.end_char)
        assert symbol.end_line < len(lines)
        assert symbol.parent is None or symbol.parent < at
        assert symbol.path.endswith(symbol.name)
    for comment in comments(text, name):
        assert comment.start_line <= comment.end_line < len(lines)
        first = lines[comment.start_line][comment.start_char :]
        assert first.startswith(comment.text.split("\n")[0].rstrip("\r"))
