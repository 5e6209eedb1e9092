"""What flows into a shell: downloads, decoded data, known text, unknown text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from mazu_ls.policy.bash.expansions import UNKNOWN, printed
from mazu_ls.policy.bash.lexer import Redirect, Segment, lex
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.bash.words import evaluate
from mazu_ls.policy.data import word_set
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables import writes
from mazu_ls.policy.tables.wrappers import program, unwrapped

DOWNLOADERS = word_set("downloaders")
DECODERS = word_set("decoders")
_LISTERS = word_set("listers")
_SEARCHERS = frozenset(("rg", "grep", "egrep", "fgrep"))
_PATHS_ONLY = ("--files", "--files-with-matches", "--files-without-match")
_GROUP_ENDS = (["}"], ["fi"], ["done"], ["esac"])
# They write no text, or `LineFiles` follows it.
_NO_TEXT = frozenset(
    str.split("touch mkdir rmdir truncate rm unlink shred wipe chattr setfattr ln cp mv install")
)
_PASSES = frozenset(("cat", "tee", ":", "true", "sleep"))
_CUTS = frozenset(("head", "tail"))  # what remains of a text may mean something else
DOWNLOADED = "\ue002"  # stands for a text that comes from elsewhere
MADE = UNKNOWN + "\ue003"  # stands for a text that another program makes
PIPES = ("|", "|&")


@dataclass
class Stage:
    """One command of a pipeline: its words, its operator, and the scripts in its words.

    `given`: texts that it may read, from the pipe or from the redirection of the enclosing compound command; `texts`: what it prints. `number`: of its segment in the script; the stages of one are what it may be.
    `assigned`: the values of variables that are set for it alone.
    """

    argv: list[str]
    before: str
    redirects: list[Redirect] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    number: int = -1
    assigned: list[str] = field(default_factory=list)

    @property
    def bodies(self) -> list[str]:
        """The texts of its own here documents and here strings."""
        return [redirect.body for redirect in self.redirects if redirect.body is not None]

    @property
    def read_files(self) -> set[str]:
        """The base names of files that it reads as its input."""
        return {PurePosixPath(redirect.target).name for redirect in self.redirects if redirect.op == "<"}

    @property
    def written_files(self) -> set[str]:
        """The base names of files that its output goes to."""
        found = [redirect.target for redirect in self.redirects if ">" in redirect.op]
        if self.argv and program(self.argv[0]) == "tee":
            found += [word for word in self.argv[1:] if not word.startswith("-")]
        if self.argv:
            name, rest = program(self.argv[0]), self.argv[1:]
            found += [word for word in writes.written_by(name, rest) if name not in _NO_TEXT]
        return {PurePosixPath(word).name for word in found} - {"", "null"}


def ends_group(segment: Segment | None) -> bool:
    """Return whether a compound command ends with this segment."""
    return segment is not None and (segment.after == ")" or segment.words[:1] in _GROUP_ENDS)


def closes_group(segment: Segment) -> bool:
    """Return whether it is what follows a compound command: its last word, or redirections alone."""
    return segment.words[:1] in _GROUP_ENDS or not segment.words


def feeding(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages of the pipeline that ends with the last one, without it."""
    found: list[Stage] = []
    for stage in reversed(stages):
        found.append(stage)
        if stage.before not in PIPES:
            break
    spend(len(found) // 10)
    return found[:0:-1]


def piped_texts(stages: Sequence[Stage], number: int, *, grouped: bool) -> list[str]:
    """Return what a pipe brings that begins behind `stages`: of a compound command all that any stage prints.

    `number` is that of the segment that reads; those of the one before it are what it may be.
    """
    before = [stage for stage in stages if stage.number != number]
    spend(1 + len(before) // 10)
    if not grouped:
        before = [stage for stage in before if stage.number == before[-1].number]
    whole = ["\n".join(stage.texts[0] for stage in before if stage.texts)] if grouped else []
    return list(dict.fromkeys([*whole, *(text for stage in before for text in stage.texts)]))


def texts_printed(stage: Stage, files: Mapping[str, Iterable[str]]) -> list[str]:
    """Return what a command may print, as far as the line holds it; `files` are those that the line writes.

    DOWNLOADED and MADE stand for what nobody has seen. A program that passes a file on adds nothing to it.
    """
    names = {command[0] for command in unwrapped(stage.argv)} if stage.argv else set()
    if names & (DOWNLOADERS | DECODERS) or any(map(fetches, stage.scripts)):
        return [DOWNLOADED]
    if (text := printed(stage.argv)) is not None:
        return [text, " ".join(stage.argv[1:])]
    if not names or stage.argv[0] in ("echo", "printf"):
        return [" ".join(stage.argv[1:])]
    name = program(stage.argv[0])
    named = {*map(program, stage.argv[1:]), *stage.read_files} & files.keys()
    spend(5 + len(stage.argv))
    found = [*stage.bodies, *stage.given, *(text for one in sorted(named) for text in files[one])]
    changes = found if name in _CUTS else name not in _PASSES
    return [*found, MADE] if changes else found


def given_input(segments: Sequence[Segment], scope: ShellScope) -> list[str]:
    """Return texts that compound commands of a script read by redirection: `while read x; do ...; done <<< TEXT`."""
    redirects = [redirect for segment in filter(closes_group, segments) for redirect in segment.redirects]
    found = [evaluate(r.target, scope).text for r in redirects if r.op == "<<<"]
    return found + [r.body for r in redirects if r.body is not None]


def fetches(script: str) -> str | None:
    """Return the first program anywhere in a script that downloads or decodes."""
    todo, seen = [script], set[str]()
    while todo:
        text = todo.pop()
        if text in seen:
            continue
        seen.add(text)
        for segment in lex(text).segments:
            spend(len(segment.words))
            for raw in segment.words:
                word = re.sub(r"[\\'\"]", "", raw)
                name = program(word) if "/" in word and "$" not in word else word
                if name in DOWNLOADERS or name in DECODERS:
                    return name
                for match in re.finditer(r"\$\(|`|<\(", raw):
                    todo.append(raw[match.end() :].rstrip(")`\"'"))
    return None


def lists_paths(argv: list[str]) -> bool:
    """Return whether a command prints paths below those that it is given, and not what is in files."""
    name, rest = program(argv[0]), argv[1:]
    if name == "git":
        return rest[:1] == ["ls-files"] or (rest[:1] == ["diff"] and "--name-only" in rest)
    if name in _SEARCHERS:
        return any(word in _PATHS_ONLY or re.match(r"-[A-Za-z]*[lL]", word) for word in rest)
    return name in _LISTERS
