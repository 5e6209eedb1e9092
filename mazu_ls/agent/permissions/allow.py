"""Whether a line may run unasked: only if every word of every command in it is known, and known to be harmless."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from math import prod
from pathlib import PurePosixPath

from mazu_ls.agent.permissions import git_table, grammar, options, scripts, table, targets
from mazu_ls.agent.permissions.commands import MAX_ARGVS, argvs
from mazu_ls.agent.permissions.expansions import UNKNOWN
from mazu_ls.agent.permissions.lexer import Redirect, Segment, lex
from mazu_ls.agent.permissions.rules import Place
from mazu_ls.agent.permissions.scan import RESERVED
from mazu_ls.agent.permissions.scope import MAX_VALUES, Scope
from mazu_ls.agent.permissions.words import Value, evaluate
from mazu_ls.workspace import names

_VARIABLE = re.compile(
    r"^[a-z][a-z0-9]{0,14}$"
)  # nothing that a shell, a loader or a program obeys is spelt like this
_PUBLIC = frozenset(
    str.split(
        "HOME PWD OLDPWD USER LOGNAME SHELL LANG PATH TERM HOSTNAME RANDOM SECONDS LINENO UID EUID PPID TMPDIR VIRTUAL_ENV"
    )
)
_PREFIX = re.compile(
    r"^(LC_ALL|LANG|LC_CTYPE|NO_COLOR|CI|TZ|COLUMNS|PYTHONDONTWRITEBYTECODE|PYTHONUNBUFFERED|FORCE_COLOR)=[\w.:-]*$"
)
_ALL_MATCHING_SECRETS = (".env", ".env.local", "id_rsa", "id_ed25519", "secrets.yaml", "credentials.json", ".netrc", "server.key", "cert.pem", "terraform.tfstate", ".npmrc")  # fmt: skip
_WILD = ("*", "?", "[")
_SAFE_EXPANSION = re.compile(r"^#?[A-Za-z_]\w*$|^[#?$!0-9@*]$|^\($")


class Doubt(Exception):
    """Why the line has to be asked about."""


def doubt(line: str, place: Place) -> str | None:
    """Why a line may not run unasked, in a few words; None if it may."""
    try:
        _Reading(place).line(line)
    except Doubt as reason:
        return str(reason)
    return None


def _unusual_characters(line: str) -> None:
    for char in line:
        if char.isascii():
            if char not in "\n\t" and (ord(char) < 32 or ord(char) == 127):
                raise Doubt("it holds control characters")
        elif unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"):
            raise Doubt("it holds invisible characters")


@dataclass
class _Reading:
    place: Place
    scope: Scope = field(init=False)
    loops: set[str] = field(default_factory=set)
    wild: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scope = Scope(self.place)

    def line(self, line: str) -> None:
        if not line.strip():
            raise Doubt("it is empty")
        _unusual_characters(line)
        by_grammar = grammar.commands(line)
        if isinstance(by_grammar, str):
            raise Doubt(by_grammar)
        lexed = lex(line)
        if lexed.broken:
            raise Doubt("it does not parse")
        self._agree(by_grammar, lexed.segments)
        ran = [self._in_order(segment) for segment in lexed.segments]
        if not any(ran):
            raise Doubt("it runs nothing that is known")

    def _agree(self, by_grammar: list[list[str]], segments: list[Segment]) -> None:
        """Two readings of one line that differ are a sign of a trick in it."""
        if any(segment.before in (";;", ";&", ";;&") for segment in segments):
            raise Doubt("it holds a case")
        ours = [
            words for segment in segments if (words := _own_words(segment)) and words[0] not in ("[", "[[")
        ]
        theirs = [words[1:] if words[0] == "time" else words for words in by_grammar]
        if sorted(ours) != sorted(theirs):
            raise Doubt("it can be read in two ways")

    def _in_order(self, segment: Segment) -> bool:
        """Behind `cd X &&` the line is in X for as long as it goes on with `&&` or a pipe; after that, it may be or not."""
        if segment.before not in ("&&", "|"):
            self.scope.cwds = list(dict.fromkeys([*self.scope.cwds, *self.left]))
        before = list(self.scope.cwds)
        ran = self._segment(segment)
        entered = [place for place in self.scope.cwds if place not in before]
        moves = (
            segment.words[:1] == ["cd"] and segment.after == "&&" and segment.before in ("", "&&", ";", "\n")
        )
        if moves and entered:
            self.left += before
            self.scope.cwds = entered
        return ran

    def _segment(self, segment: Segment) -> bool:
        words = list(segment.words)
        while words and words[0] in RESERVED:
            if words[0] in ("function", "coproc", "-p"):
                raise Doubt(f"{words[0]} is not known to be harmless")
            words.pop(0)
        for redirect in segment.redirects:
            self._redirect(redirect)
        if words and words[0] == "for":
            self._loop(words)
            return False
        while words and re.match(r"^[A-Za-z_]\w*(\[.*\])?\+?=", words[0]):
            self._assign(words.pop(0), alone=len(words) == 0)
        if not words:
            return False
        values = [self._value(raw) for raw in words]
        name = values[0]
        if name.dynamic or name.glob or len(name.candidates[0]) != 1:
            raise Doubt("which program would run cannot be known")
        if prod(len(value.candidates) for value in values) > MAX_ARGVS:
            raise Doubt("it has too many meanings to judge each")
        for argv, globs, unknown in self._argvs(values):
            self._command(argv, globs, unknown)
        return True

    def _argvs(self, values: list[Value]) -> list[tuple[list[str], set[str], bool]]:
        return [(argv, globs, any(UNKNOWN in word for word in argv)) for argv, globs in argvs(values)]

    def _loop(self, words: list[str]) -> None:
        if len(words) < 3 or words[2] != "in" or not _VARIABLE.match(words[1]):
            raise Doubt("the loop is not known to be harmless")
        self.scope.values[words[1]] = []
        for raw in words[3:]:
            value = self._value(raw)
            if value.dynamic:
                raise Doubt("what the loop runs over cannot be known")
            for text in (text for fields in value.candidates for text in fields):
                self.scope.assign(words[1], text)
            if value.glob and any(text.startswith(_WILD) for fields in value.candidates for text in fields):
                self.wild.add(words[1])
        # A scope keeps the last few values of a variable; with more of them some would go unjudged.
        if sum(len(self._value(raw).candidates[0]) for raw in words[3:]) > MAX_VALUES:
            raise Doubt("the loop has too many values to judge each")
        self.loops.add(words[1])

    def _assign(self, word: str, *, alone: bool) -> None:
        name, _, raw = word.partition("=")
        if not alone and _PREFIX.match(word):
            return
        value = self._value(raw)
        if not alone or not _VARIABLE.match(name) or value.dynamic or value.glob:
            raise Doubt(f"it sets {name.rstrip('+')}")
        self.scope.assign(name, " ".join(value.candidates[0]))
        self.loops.add(name)

    def _value(self, raw: str) -> Value:
        value = evaluate(raw, self.scope)
        value.glob = value.glob or bool(self.wild & set(value.expanded))
        if value.cut:
            raise Doubt("it has too many meanings to judge each")
        if value.inner or value.outward:
            raise Doubt("it runs a command inside another")
        for name in value.expanded:
            known = (
                name in self.loops
                or name in _PUBLIC
                or name.lstrip("#") in _PUBLIC
                or name in ("?", "#", "$", "(", "!")
            )
            if not (known and _SAFE_EXPANSION.match(name)):
                raise Doubt(f"what ${name.strip('(') or '((...))'} holds cannot be known")
        return value

    def _redirect(self, redirect: Redirect) -> None:
        op, target = redirect.op, redirect.target
        if redirect.fd not in ("", "0", "1", "2"):
            raise Doubt("it opens a descriptor")
        if op in (">", ">>", "&>", "&>>", ">|") and target == "/dev/null":
            return
        if op == ">&" and target in ("1", "2"):
            return
        if op in ("<<", "<<-"):
            quoted = re.search(r"[\\'\"]", target)
            if not quoted and re.search(r"[$`\\]", redirect.body or ""):
                raise Doubt("the here document is expanded")
            return
        value = self._value(target)
        if value.dynamic or value.glob or len(value.candidates[0]) != 1:
            raise Doubt("a redirection that cannot be known")
        if op == "<<<":
            return
        if op == "<":
            self._path(value.text, listing=False, glob=False)
            return
        raise Doubt(f"it writes to {target}")

    def _command(self, argv: list[str], globs: set[str], unknown: bool) -> None:
        name, rest = argv[0], argv[1:]
        if not name.isascii() or not re.match(r"^[\w.\[:+-]+$", name):
            raise Doubt("the program is not known")
        if name not in table.ANY_OPTION and any(word.startswith(_WILD) for word in globs):
            raise Doubt("a file found by the wildcard may be taken for an option")
        if unknown and name not in table.PRINTS:
            raise Doubt("it uses text that cannot be known")
        if name in ("python", "python3") and rest[:1] != []:
            name, rest = self._python(rest)
        if name == "git":
            self._git(rest, globs)
            return
        if tuple(argv) in table.EXACT or self._listed(name, rest):
            return
        spec = table.PROGRAMS.get(name)
        if spec is None:
            raise Doubt(f"{name} is not known to be harmless")
        if spec.operands == "script":
            self._scripted(name, rest, globs)
            return
        if name in table.PRINTS or name in ("expr", "["):
            if name == "printf" and rest[:1] and rest[0].startswith("-"):
                raise Doubt("printf with options")
            return
        if name == "read" and not all(_VARIABLE.match(word) or word == "-r" for word in rest):
            raise Doubt("read sets a variable that may matter")
        taken = options.split(spec, rest)
        if isinstance(taken, str):
            raise Doubt(f"{name}: {taken}")
        self._known(name, spec, taken, globs)

    def _listed(self, name: str, rest: list[str]) -> bool:
        """`tar tf ARCHIVE` and `unzip -l ARCHIVE`. An archive with a colon in its name would be fetched by tar from a host."""
        archive = {"tar": r"-?[tvzjJ]*t[tvzjJ]*f", "unzip": r"-[lv]", "zipinfo": r"-1"}.get(name)
        if (
            archive is None
            or len(rest) != 2
            or not re.fullmatch(archive, rest[0])
            or ":" in rest[1]
            or rest[1].startswith("-")
        ):
            return False
        self._path(rest[1], listing=True, glob=False)
        return True

    def _python(self, rest: list[str]) -> tuple[str, list[str]]:
        if rest in (["--version"], ["-V"]):
            return "true", []
        if rest[:1] == ["-m"] and rest[1:2] in (
            ["pytest"],
            ["ruff"],
            ["mypy"],
            ["black"],
            ["isort"],
            ["flake8"],
        ):
            return rest[1], rest[2:]
        plain = all(re.fullmatch(r"-[vqbf]+|discover|[A-Za-z_][\w.]*", word) for word in rest[2:])
        if rest[:2] == ["-m", "unittest"] and plain:
            return "true", []
        raise Doubt("python runs a program")

    def _known(self, name: str, spec: options.Spec, taken: options.Split, globs: set[str]) -> None:
        if not all(options.harmless(value) for _, value in taken.options):
            raise Doubt("an option's value is not known to be harmless")
        operands = list(taken.operands)
        given = {option for option, _ in taken.options}
        if spec.needs_option and not given:
            raise Doubt(f"{name} is not known to be harmless")
        if name in ("ruff", "black", "isort"):
            operands = _formatter(name, operands, given)
        if name == "command" and not given & {"-v", "-V"}:
            raise Doubt("command runs a program")
        if name == "read":
            for variable in operands:
                self.scope.assign(variable, UNKNOWN)
                self.loops.add(variable)
            return
        if name == "date" and any(not word.startswith("+") for word in operands):
            raise Doubt("date may set the clock")
        if spec.at_most is not None and len(operands) > spec.at_most:
            raise Doubt(f"{name} writes to its second file")
        if spec.operands == "none" and operands:
            raise Doubt(f"{name} {operands[0]} is not known to be harmless")
        if spec.operands == "text":
            return
        if (
            spec.operands == "pattern"
            and operands
            and not given & {"-e", "--regexp", "--files", "--type-list"}
        ):
            operands = operands[1:]
        for word in (*operands, *taken.paths):
            self._operand(name, word, spec, globs)
        if name == "cd":
            self._enter(operands)

    def _operand(self, name: str, word: str, spec: options.Spec, globs: set[str]) -> None:
        if word == "-":
            return
        if name == "pytest":
            word = word.split("::", maxsplit=1)[0]
        # `grep -r` reads as much as a wildcard does.
        listing = spec.listing or (spec.operands == "pattern" and word in globs)
        self._path(word, listing=listing, glob=word in globs)

    def _enter(self, operands: list[str]) -> None:
        if len(operands) != 1 or operands[0] == "-":
            raise Doubt("cd leaves the workspace")
        for place in targets.places(operands[0], self.scope):
            self.scope.enter(place)

    def _path(self, word: str, *, listing: bool, glob: bool) -> None:
        for path in targets.places(word, self.scope):
            if path == "/dev/null":
                continue
            if not targets.inside(path, self.place):
                raise Doubt(f"{word} is outside the workspace")
            last = PurePosixPath(path).name
            if listing:
                continue
            if glob and any(_matches(last, secret) for secret in _ALL_MATCHING_SECRETS):
                raise Doubt(f"{word} may match files with secrets")
            for candidate in (path, targets.real(path)):
                if (found := names.secret(PurePosixPath(candidate).parts)) is not None:
                    raise Doubt(f"{found} may hold secrets")

    def _scripted(self, name: str, rest: list[str], globs: set[str]) -> None:
        if name in ("test", "[", "[["):
            if name != "test" and (not rest or rest.pop() != {"[": "]", "[[": "]]"}[name]):
                raise Doubt("a test without its end")
            self._or_doubt(scripts.test(rest))
        elif name == "find":
            found = scripts.find(rest)
            if isinstance(found, str):
                raise Doubt(found)
            for word in (*found[0], *found[1]):
                self._operand("find", word, table.PROGRAMS["find"], globs)
        elif name == "sed":
            self._program(name, rest, globs)
        else:
            self._program("jq" if name == "jq" else "awk", rest, globs)

    def _program(self, kind: str, rest: list[str], globs: set[str]) -> None:
        taken = options.split(table.SCRIPTED[kind], rest)
        if isinstance(taken, str):
            raise Doubt(f"{kind}: {taken}")
        operands = list(taken.operands)
        programs = [
            value or ""
            for option, value in taken.options
            if option in ("-e", "--expression") and kind == "sed"
        ]
        if not programs:
            if not operands:
                raise Doubt(f"{kind} without a program")
            programs = [operands.pop(0)]
        check = {"sed": scripts.sed, "awk": scripts.awk, "jq": scripts.jq}[kind]
        for program in programs:
            self._or_doubt(check(program))
        for word in operands:
            self._operand(kind, word, options.Spec(), globs)

    def _git(self, rest: list[str], globs: set[str]) -> None:
        judged = git_table.judge(rest)
        if isinstance(judged, str):
            raise Doubt(judged)
        spec, taken, folders = judged
        for folder in folders:
            self._path(folder, listing=True, glob=False)
        if not all(options.harmless(value) for _, value in taken.options):
            raise Doubt("an option's value is not known to be harmless")
        operands = list(taken.operands)
        if spec.operands == "none" and operands:
            raise Doubt(f"git with {operands[0]} is not known to only read")
        if spec.at_most is not None and len(operands) > spec.at_most:
            raise Doubt("git would change a reference")
        if spec.operands == "pattern" and not any(option == "-e" for option, _ in taken.options):
            operands = operands[1:]
        if spec.operands in ("revisions", "pattern"):
            for word in operands:
                self._revision(word, word in globs)

    def _revision(self, word: str, glob: bool) -> None:
        """A revision, a range, REV:PATH or a path: whatever looks like a path out of the workspace is refused."""
        path = word.split(":", 1)[1] if ":" in word and not word.startswith(":") else word
        if word.startswith("/") or any(part == ".." for part in word.split("/")) or path.startswith("/"):
            self._path(word, listing=False, glob=glob)
        if (found := names.secret(PurePosixPath(path).parts)) is not None:
            raise Doubt(f"{found} may hold secrets")

    @staticmethod
    def _or_doubt(reason: str | None) -> None:
        if reason is not None:
            raise Doubt(reason)


def _own_words(segment: Segment) -> list[str]:
    words = list(segment.words)
    while words and words[0] in RESERVED:
        words.pop(0)
    if words and words[0] == "for":
        return []
    while words and re.match(r"^[A-Za-z_]\w*(\[.*\])?\+?=", words[0]):
        words.pop(0)
    return words


def _formatter(name: str, operands: list[str], given: set[str]) -> list[str]:
    """Formatters that only say what they would do; returns the paths."""
    if name == "ruff":
        verb, *operands = operands or [""]
        if verb not in ("check", "format") or (verb == "format" and not given & {"--check", "--diff"}):
            raise Doubt("ruff would change files")
    elif not given & set(table.ONLY_LOOKS[name]):
        raise Doubt(f"{name} would change files")
    return operands


def _matches(pattern: str, name: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))
