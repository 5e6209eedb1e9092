"""One raw word of a command line: the words that the program may get, and the scripts hidden in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice, product
from math import prod

from mazu_ls.policy.bash import elements, outputs
from mazu_ls.policy.bash.evaluations import is_computed
from mazu_ls.policy.bash.expansions import (
    FIELD,
    MAX_BRACES,
    UNKNOWN,
    ansi,
    braces,
    modified,
    protect,
    sliced,
    unprotect,
)
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.step_budget import spend

MAX_CANDIDATES = 256
MAX_OPERANDS = 32  # of `${x:-$y}`, where y has several values
MAX_WORD = 100_000  # maximum of characters
_NAME = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!_-]")
_PARAMETER = re.compile(r"^(!?)(#?)([A-Za-z_]\w*|\d+|[@*?$!_#-])(?:\[([^\]]*)\])?(.*)$", re.DOTALL)
_DEFAULT = re.compile(r"^(:?[-=?+])(.*)$", re.DOTALL)
_EVALUATES = re.compile(
    r"@P|:(?![-=?+])(?!\s*+-?+\d*+\s*+(?::\s*+-?+\d*+\s*+)?+$)"
)  # a prompt; a place or length that is computed
_ARITHMETIC = re.compile(r"^[\d\s+*/%()<>=!&|^~?:,-]*$")
_NAMED = re.compile(r"[A-Za-z_]\w*(?:\[[^\]]*\])?|\d+|[@*#]")
_REPLACES = ("-", "=", "?", "+")
_GLOB = re.compile(r"[*?]|\A[^\[]*+\[.+\]", re.DOTALL)
_LITERAL = re.compile(r"[^\\'\"`$<>~=:]+")


@dataclass
class WordValue:
    """The possible values of a word. `candidates` are lists of words; `inner` are the scripts of its substitutions.

    `known_outputs` counts those that only print a quoted text. `expanded` names the variables in it; `dynamic`: there is an expansion other than quotes, `~` and braces; `cut`: there are more
    candidates than were computed. `computed` are texts that bash evaluates in arithmetic or as a prompt, with the values
    of the variables that they name.
    """

    candidates: list[list[str]]
    inner: list[str] = field(default_factory=list)
    outward: list[str] = field(default_factory=list)
    known_outputs: int = 0
    expanded: list[str] = field(default_factory=list)
    computed: list[str] = field(default_factory=list)
    dynamic: bool = False
    glob: bool = False
    cut: bool = False

    @property
    def fixed(self) -> bool:
        """Whether it is one text that is known, though a command that only prints may make it."""
        printed = not self.expanded and not self.outward and len(self.inner) == self.known_outputs
        whole = len(self.candidates) == 1 and not any(UNKNOWN in word for word in self.candidates[0])
        return whole and not self.glob and not self.cut and (printed or not self.dynamic)

    @property
    def text(self) -> str:
        """The first candidate as one string."""
        return " ".join(self.candidates[0]) if self.candidates else ""


def evaluate(raw: str, scope: ShellScope, depth: int = 0, *, quoted: bool = False) -> WordValue:
    """Return every list of words that bash may make of `raw`; `quoted`: as if it stood in double quotes."""
    return _Word(raw, scope, depth).value(quoted=quoted)


class _Word:
    def __init__(self, raw: str, scope: ShellScope, depth: int) -> None:
        self.raw = raw
        self.scope = scope
        self.depth = depth
        self.parts: list[list[str]] = []
        self.result = WordValue([])
        self.quotes = False

    def value(self, *, quoted: bool) -> WordValue:
        spend(10 + len(self.raw) // 20)
        self._read(self.raw, quoted=quoted)
        result = self.result
        combined = ["".join(parts) for parts in islice(product(*self.parts), MAX_CANDIDATES)]
        spend(sum(map(len, combined)) // 40)
        result.cut = result.cut or prod(len(parts) for parts in self.parts) > MAX_CANDIDATES
        combined = [text if len(text) <= MAX_WORD else text[:MAX_WORD] + UNKNOWN for text in combined]
        if result.cut:  # what the others are cannot be known
            combined.append(UNKNOWN)
        seen: list[list[str]] = []
        for text in combined:
            fields: list[str] = []
            words = braces(text) if "{" in text else [text]
            result.cut = result.cut or len(words) > MAX_BRACES
            for word in words:
                fields += [part for part in word.split(FIELD) if part or (self.quotes and FIELD not in word)]
            result.glob = result.glob or any(_GLOB.search(part) for part in fields)
            if fields not in seen:
                seen.append(fields)
        result.candidates = [[unprotect(part) for part in fields] for fields in seen] or [[]]
        return result

    def _add(self, *texts: str) -> None:
        self.parts.append(list(texts))

    def _read(self, text: str, *, quoted: bool) -> None:
        at = 0
        while at < len(text):
            if not quoted and (match := _LITERAL.match(text, at)):
                self._add(match[0])
                at = match.end()
                continue
            at = self._special(text, at, quoted)

    def _special(self, text: str, at: int, quoted: bool) -> int:
        char = text[at]
        if char == "\\":
            return self._escape(text, at, quoted)
        if char == "$":
            return self._dollar(text, at, quoted)
        if char == "`":
            end = _closing(text, at, "`")
            self._substitution(re.sub(r"\\([`$\\])", r"\1", text[at + 1 : end]), quoted)
            return end + 1
        if quoted:
            match = re.compile(r"[^\\`$]+").match(text, at)
            self._add(protect(match[0] if match else char))
            return match.end() if match else at + 1
        if char == "'":
            end = text.find("'", at + 1)
            end = len(text) if end < 0 else end
            self._quote(text[at + 1 : end])
            return end + 1
        if char == '"':
            end = _closing(text, at, '"')
            self.quotes = True
            self._read(text[at + 1 : end], quoted=True)
            return end + 1
        if text.startswith(("<(", ">("), at):
            end = _closing(text, at + 1, ")")
            inside = text[at + 2 : end]
            (self.result.outward if char == ">" else self.result.inner).append(inside)
            self.result.dynamic = True
            self._add("/dev/fd/63")
            return end + 1
        if (
            char == "~"
            and text != "=~"
            and (at == 0 or text[at - 1] in "=:" or ("{" in text[:at] and text[at - 1] in "{,"))
        ):
            return self._tilde(text, at)
        self._add(char)
        return at + 1

    def _quote(self, text: str) -> None:
        self.quotes = True
        self._add(protect(text))

    def _escape(self, text: str, at: int, quoted: bool) -> int:
        following = text[at + 1 : at + 2]
        if following == "\n":
            return at + 2
        if quoted and following not in '$`"\\':
            self._add(protect("\\" + following))
        else:
            self._quote(following)
        return at + 2

    def _tilde(self, text: str, at: int) -> int:
        name = re.compile(r"[^/:,}\s]*").match(text, at + 1)
        who = name[0] if name else ""
        home = self.scope.place.home
        if who == "+":
            self._add(*self.scope.cwds)
        elif who == "-":
            self._add(UNKNOWN, *self.scope.lookup("OLDPWD"))
        elif who in ("", home.name):
            self._add(protect(str(home)))
        else:
            self._add(protect("/root" if who == "root" else f"/home/{who}"))
        return at + 1 + len(who)

    def _dollar(self, text: str, at: int, quoted: bool) -> int:
        if not quoted and text.startswith("$'", at):
            match = re.compile(r"(?:[^'\\]|\\.)*", re.DOTALL).match(text, at + 2)
            end = match.end() if match else len(text)
            self._quote(ansi(text[at + 2 : end]).partition("\0")[0])  # bash ends it there
            return end + 1
        if not quoted and text.startswith('$"', at):
            return self._special(text, at + 1, quoted)
        if text.startswith("$((", at):
            end = _closing(text, at + 1, ")")
            if _closing(text, at + 2, ")") == end - 1:
                self._arithmetic(text[at + 3 : end - 1])
            else:  # `$((a); b)`: a subshell in a substitution
                self._substitution(text[at + 2 : end], quoted)
            return end + 1
        if text.startswith("$(", at):
            end = _closing(text, at + 1, ")")
            self._substitution(text[at + 2 : end], quoted)
            return end + 1
        if text.startswith("${", at):
            end = _closing(text, at + 1, "}")
            self._parameter(text[at + 2 : end], quoted)
            return end + 1
        if text.startswith("$[", at):  # arithmetic in bash's pre-POSIX syntax
            self.result.expanded.append("((")
            self.result.computed.append("")
            self.result.dynamic = True
            self._add(UNKNOWN)
            return at + 2
        if match := _NAME.match(text, at + 1):
            self._variable(match[0], quoted)
            return match.end()
        self._add(protect("$"))
        return at + 1

    def _arithmetic(self, inside: str) -> None:
        self._add("0")
        plain = _ARITHMETIC.match(inside)
        self.result.expanded.append("(" if plain else "((")
        self.result.dynamic = True
        self._hidden(inside, computed=not plain)

    def _hidden(self, text: str, *, computed: bool = False) -> None:
        """Collect only the scripts in it; where it is `computed`, quotes in it quote nothing."""
        found = None
        if "$" in text or "`" in text or "<(" in text:
            if self.depth >= outputs.MAX_DEPTH:
                self.result.inner.append(text)
                return
            found = self._nested(text, quoted=computed)
        if computed:
            self.result.computed += [" ".join(fields) for fields in found.candidates] if found else [text]

    def _nested(self, text: str, *, quoted: bool = False) -> WordValue:
        """Evaluate a part of the word, and take over what it runs and names."""
        found = evaluate(text, self.scope, self.depth + 1, quoted=quoted)
        self.result.inner += found.inner
        self.result.expanded += found.expanded
        self.result.computed += found.computed
        return found

    def _substitution(self, script: str, quoted: bool) -> None:
        self.result.inner.append(script)
        self.result.dynamic = True
        is_own = "pwd" in self.scope.functions or "alias pwd" in self.scope.values
        if script.strip() == "pwd" and not is_own:  # which does not look at what a line puts into PWD
            self._add(*(self._split(place, quoted) for place in self.scope.cwds))
            return
        text = static_output(script, self.scope, self.depth)
        if text is not None:
            self.result.known_outputs += outputs.quoted_text(script) is not None
            self._add(self._split(text.replace("\0", "").rstrip("\n"), quoted))  # bash drops the NUL
        else:
            self._add(UNKNOWN, "")  # most commands may also print nothing

    def _variable(self, name: str, quoted: bool) -> None:
        self.result.dynamic = True
        self.result.expanded.append(name)
        if name in "@*":
            self._add(*(self._joined(fields, quoted) for fields in self.scope.lists(name)))
        else:
            self._add(*(self._split(value, quoted) for value in self.scope.lookup(name)))

    def _parameter(self, inside: str, quoted: bool) -> None:
        if inside[:1] in set(" \t\n|"):  # `${ command; }`, since bash 5.3
            self._substitution(inside[1:], quoted)
            return
        match = _PARAMETER.match(inside)
        self.result.dynamic = True
        if match is None:
            self.result.expanded.append("?")
            self._hidden(inside)
            self._add(UNKNOWN)
            return
        indirect, length, name, index, rest = match.groups()
        self.result.expanded.append(
            ("#" if length else "!" if indirect else "") + name + ("" if length else rest[:2])
        )
        if index:
            self._hidden(index, computed=is_computed(index))
        if indirect and rest not in ("*", "@") and index not in ("*", "@"):
            self.result.computed.append("")  # the value may be a name with a subscript
        if length and not rest:
            self._add("1")
        elif indirect:
            self._indirect(name, index, rest, quoted)
        elif index in ("@", "*") or name in "@*":
            self._list(name, rest, quoted)
        else:
            values = (
                self.scope.lookup(name) if index is None else elements.lookup_element(self.scope, name, index)
            )
            self._add(*(self._split(value, quoted) for value in self._operated(name, values, rest)))

    def _indirect(self, name: str, index: str | None, rest: str, quoted: bool) -> None:
        """Add what the variables hold that a value names; names of variables and keys of arrays are not known."""
        if rest in ("*", "@") or index in ("*", "@"):
            self._nested(rest)
            self._add(UNKNOWN)
            return
        named = self.scope.lookup(name) if index is None else elements.lookup_element(self.scope, name, index)
        texts: list[str] = []
        for one in named:
            if self.depth >= outputs.MAX_DEPTH or not _NAMED.fullmatch(one):
                texts += [UNKNOWN] if one else []
                continue
            found = self._nested(f"${{{one}{rest}}}", quoted=quoted)
            texts += [FIELD.join(map(protect, fields)) for fields in found.candidates]
        if not texts:  # nothing is named
            texts = [self._split(text, quoted) for text in self._operated("", [""], rest)]
        self._add(*dict.fromkeys(texts))

    def _list(self, name: str, rest: str, quoted: bool) -> None:
        """Add what a list may be: whole, cut, with each field changed, or what stands in its place."""
        lists = self.scope.lists(name)
        whole = [self._joined(fields, quoted) for fields in lists]
        if not rest:
            self._add(*whole)
        elif not rest.startswith(":") or rest[1:2] in _REPLACES:
            if rest[:1] in _REPLACES or rest[1:2] in _REPLACES:
                self._add(*whole, *(self._split(text, quoted) for text in self._operated(name, [""], rest)))
                return
            texts = {text: self._operated(name, [text], rest) for fields in lists for text in fields}
            texts = texts or {"": self._operated(name, [""], rest)}
            several = any(len(found) > 1 for found in texts.values())
            made = [self._joined([texts[text][0] for text in fields], quoted) for fields in lists]
            self._add(*made, *([UNKNOWN] if several else []))
        else:
            self._operated(name, [""], rest)
            loose = name in self.scope.loose
            cut = [None if loose else sliced(["bash", *f] if name in "@*" else f, rest) for f in lists]
            self._add(*whole, *(UNKNOWN if f is None else self._joined(f, quoted) for f in cut))

    def _operated(self, name: str, values: list[str], rest: str) -> list[str]:
        if not rest:
            return values
        if self.depth >= outputs.MAX_DEPTH:
            self.result.inner.append(rest)
            return [UNKNOWN]
        nested = self._nested(rest)
        plains = list(dict.fromkeys(" ".join(fields) for fields in nested.candidates))
        if len(plains) > MAX_OPERANDS:
            plains[MAX_OPERANDS:] = [rest[:1] + UNKNOWN]
        computes = _EVALUATES.match(rest)
        self.result.computed += plains if computes else []
        if computes and not {"(", "(("}.isdisjoint(nested.expanded):
            return [*values, UNKNOWN]
        found: list[str] = []
        for plain in plains:
            found += self._operated_by(name, values, plain)
        return list(dict.fromkeys(found))

    def _operated_by(self, name: str, values: list[str], plain: str) -> list[str]:
        if match := _DEFAULT.match(plain):
            known = [value for value in values if value]
            if match[1].endswith("=") and name:
                self.scope.assign(name, match[2])
            if match[1].endswith("+"):
                return ["", match[2]]
            return [*known, match[2]] if not match[1].endswith("?") else values
        spend(len(values))
        return [modified(value, plain) for value in values]

    def _joined(self, fields: list[str], quoted: bool) -> str:
        return FIELD.join(self._split(text, quoted) for text in fields)

    def _split(self, value: str, quoted: bool) -> str:
        if quoted:
            return protect(value)
        for separator in self.scope.separators:
            value = value.replace(separator, FIELD)
        return value


def _closing(text: str, at: int, closing: str) -> int:
    """Return where the bracket or quote that opens at `at` ends; the end of the text if it does not."""
    from mazu_ls.policy.bash.lexer import _Lexer

    lexer = _Lexer(text)
    end = lexer._skip(at + 1, closing)
    return end if lexer.broken else end - 1


def static_output(script: str, scope: ShellScope, depth: int = 0) -> str | None:
    """Return what a script prints if that is known without running it."""
    return outputs.static_output(
        script, scope, depth, lambda raw, known, at: evaluate(raw, known, at).candidates[0]
    )
