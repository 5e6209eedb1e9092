"""Splits a command line as bash does: segments between operators, raw words, redirections, here documents.

Never fails: an open quote or bracket ends with the line, and is reported. Whether a line is well-formed is decided by a real grammar
(commands.py); this second reading finds every command in it, also in lines that do not parse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mazu_ls.policy.step_budget import spend

_OPERATORS = re.compile(r";;&|;;|;&|&&|&>>|&>|\|\||\|&|<<<|<<-|<<|<&|<>|>>|>&|>\||[;&|()<>\n]")
_ODD_DELIMITER = re.compile(r"""\$['"]|['"][^'"]*\\""")
_REDIRECTS = frozenset(("&>>", "&>", "<<<", "<<-", "<<", "<&", "<>", ">>", ">&", ">|", "<", ">"))
_ARRAY = re.compile(r"^[A-Za-z_]\w*(\[[^\]]*\])?\+?=$")
_FD = re.compile(r"^(\d+|\{[A-Za-z_]\w*\})$")
_PLAIN = re.compile(r"[^\s\\'\"`$<>|&;()#]+")
_CONDITION_END = re.compile(r"(?<=\s)\]\](?=[\s;&|)]|$)")
_BEFORE_CONDITION = frozenset(("if", "then", "elif", "else", "do", "while", "until", "!", "{", "time"))
_NEED_NO_SEPARATOR = frozenset(
    ("then", "do", "else", "elif", "fi", "done", "esac", "}")
)  # behind `]]` and `esac`
# `"$(sort <<'EOF' ... EOF)"`: quotes and brackets in it mean nothing. Bash ends it at EOF, or where EOF begins a line that has a `)`.
_QUOTED_TEXT = re.compile(
    r"\$\([^\n'\"`()]*?<<-?\s*(['\"\\]?)(\w++)['\"]?[^\n'\"`()]*\n(?:(?!\t*\2(?:\n|[^\n]*\)))[^\n]*\n)*\t*\2(?=\n|[^\n]*\))"
)
_SKIPPED = {
    "'": re.compile(r"[^']+"),
    '"': re.compile(r"[^\"\\`$]+"),
    ")": re.compile(r"[^\"'\\`$()]+"),
    "}": re.compile(r"[^\"'\\`$}]+"),
    "`": re.compile(r"[^\\`]+"),
}


@dataclass
class Redirect:
    """One redirection: its operator, the descriptor in front of it, the raw target. `body` is a here document's text."""

    op: str
    fd: str
    target: str
    body: str | None = None

    def is_expanded(self) -> bool:
        """Return whether it is a here document in which the shell expands something."""
        quoted = re.search(r"[\\'\"]", self.target)
        return self.op in ("<<", "<<-") and not quoted and re.search(r"[$`\\]", self.body or "") is not None


@dataclass
class Segment:
    """One simple command: the operator before it, its raw words, its redirections, the operator behind it."""

    before: str
    words: list[str] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    after: str = ""


@dataclass
class LexedLine:
    """The segments of a line, in order; `broken`: a quote, a bracket or a here document was left open."""

    segments: list[Segment]
    broken: bool = False


def lex(text: str) -> LexedLine:
    """Split a script into its simple commands."""
    spend(12 + len(text) // 40)
    return _Lexer(text).run()


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.segment = Segment("")
        self.found: list[Segment] = []
        self.pending: list[Redirect] = []
        self.redirect: Redirect | None = None
        self.broken = False

    def run(self) -> LexedLine:
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            if char in " \t":
                self.at += 1
            elif text.startswith("\\\n", self.at):
                self.at += 2
            elif char == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            elif (match := _OPERATORS.match(text, self.at)) and not text.startswith(("<(", ">("), self.at):
                self._operator(match[0])
            else:
                self._word()
        self._close("")
        self.broken = self.broken or bool(self.pending)
        return LexedLine(self.found, self.broken)

    def _operator(self, op: str) -> None:
        spend(3)
        start, self.at = self.at, self.at + len(op)
        if self._in_condition():
            self.segment.words += [op] if op != "\n" else []
            return
        if op in _REDIRECTS:
            self._redirect(op, start)
            return
        self._close(op)
        if op == "\n":
            for redirect in self.pending:
                self._here_document(redirect)
            self.pending = []

    def _in_condition(self) -> bool:
        """Return whether this is inside `[[ ... ]]`, where operators are words, provided it is closed at all."""
        words = self.segment.words
        if (
            "[[" not in words[:4]
            or "]]" in words
            or not all(word in _BEFORE_CONDITION for word in words[: words.index("[[")])
        ):
            return False
        spend(1 + (len(self.text) - self.at) // 40)
        return _CONDITION_END.search(self.text, self.at) is not None

    def _redirect(self, op: str, start: int) -> None:
        fd = ""
        words = self.segment.words
        # A number or {name} is a descriptor only if it touches the operator.
        if words and op[0] != "&" and self.text.endswith(words[-1], 0, start) and _FD.match(words[-1]):
            fd = words.pop()
        self.redirect = Redirect(op, fd, "")
        self.segment.redirects.append(self.redirect)

    def _close(self, op: str) -> None:
        self.segment.after = op
        if self.redirect is not None:
            self.broken = True
            self.redirect = None
        if self.segment.words or self.segment.redirects or op in ("(", ")"):
            self.found.append(self.segment)
        self.segment = Segment(op)

    def _word(self) -> None:
        text, start = self.text, self.at
        spend(3)
        while self.at < len(text):
            if match := _PLAIN.match(text, self.at):
                self.at = match.end()
                continue
            char = text[self.at]
            if char == "#":
                self.at += 1
            elif char in "\\'\"`$" or text.startswith(("<(", ">("), self.at):
                self.at = self._quoted(self.at)
            elif char == "(" and _ARRAY.match(text[start : self.at]):
                self.at = self._skip(self.at + 1, ")")
            elif char not in " \t\n<>|&;()":
                self.at += 1  # other white space, such as a carriage return, is part of a word
            else:
                break
        self._take(text[start : self.at])

    def _take(self, word: str) -> None:
        if self.redirect is None:
            words = self.segment.words
            if word in _NEED_NO_SEPARATOR and (
                (words[-1:] == ["]]"] and "[[" in words) or words[-1:] == ["esac"]
            ):
                self._close(";")
            self.segment.words.append(word)
            return
        redirect, self.redirect = self.redirect, None
        redirect.target = word
        if redirect.op in ("<<", "<<-"):
            self.pending.append(redirect)

    def _quoted(self, at: int) -> int:
        """Return the end of the quoted or substituted part that begins here."""
        text = self.text
        if text[at] == "\\":
            return min(at + 2, len(text))
        for opening, closing in (
            ("$((", "))"),
            ("$(", ")"),
            ("<(", ")"),
            (">(", ")"),
            ("${", "}"),
            ('$"', '"'),
        ):
            if text.startswith(opening, at):
                return self._skip(at + len(opening) - (closing == "))"), closing[-1])
        if text.startswith("$'", at):
            match = re.compile(r"(?:[^'\\]|\\.)*'", re.DOTALL).match(text, at + 2)
            self.broken = self.broken or match is None
            return match.end() if match else len(text)
        if text[at] in "'\"`":
            return self._skip(at + 1, text[at])
        return at + 1

    def _skip(self, at: int, closing: str) -> int:
        """Skip to behind the matching `closing`, whatever is nested in between."""
        text, stack, start = self.text, [closing], at
        at = self._skip_text(at)
        while at < len(text):
            top = stack[-1]
            if match := _SKIPPED[top].match(text, at):
                at = match.end()
                continue
            char = text[at]
            if char == top:
                stack.pop()
                at += 1
                if not stack:
                    spend(1 + (at - start) // 2)
                    return at
            elif char == "\\" and top != "'":
                at += 2
            elif char == "$" and text.startswith(("$(", "${"), at):
                stack.append(")" if text[at + 1] == "(" else "}")
                at = self._skip_text(at + 2)
            elif top == ")" and char == "(":
                stack.append(")")
                at += 1
            elif char == "`" or (char == '"' and top != '"') or (char == "'" and top in ")}"):
                stack.append(char)
                at += 1
            else:
                at += 1
        spend(1 + (len(text) - start) // 2)
        self.broken = True
        return len(text)

    def _skip_text(self, at: int) -> int:
        """Skip the here document of a `$(cat <<'EOF'` whose bracket ends at `at`."""
        if self.text.startswith("$(", at - 2) and (match := _QUOTED_TEXT.match(self.text, at - 2)):
            spend(1 + len(match[0]) // 40)
            return match.end()
        return at

    def _here_document(self, redirect: Redirect) -> None:
        delimiter = re.sub(r"[\"'\\]", "", redirect.target)
        line = ("^\\t*" if redirect.op == "<<-" else "^") + re.escape(delimiter)
        end = re.compile(f"{line}$", re.MULTILINE).search(self.text, self.at)
        redirect.body = self.text[self.at : end.start() if end else None].removesuffix("\n")
        if _ODD_DELIMITER.search(
            redirect.target
        ):  # where it ends is not known: its lines are read as commands, too
            self.broken = True
        elif end is None:
            self.broken = True
            # In a substitution bash takes a line that begins with the delimiter for its end, and runs what is behind it.
            begun = re.compile(line, re.MULTILINE).search(self.text, self.at)
            self.at = begun.end() if begun else len(self.text)
        else:
            self.at = end.end() + 1
