"""What flows into a shell: downloads, decoded data, known text, unknown text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from mazu_ls.policy.bash.expansions import UNKNOWN, printed
from mazu_ls.policy.bash.lexer import Redirect, Segment, lex
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.bash.words import WordValue, evaluate
from mazu_ls.policy.data import word_set
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables import writes
from mazu_ls.policy.tables.wrappers import INTERPRETERS, SHELLS, program, unwrapped

DOWNLOADERS = word_set("downloaders")
DECODERS = word_set("decoders")
_LISTERS = word_set("listers")
_SEARCHERS = frozenset(("rg", "grep", "egrep", "fgrep"))
_PATHS_ONLY = ("--files", "--files-with-matches", "--files-without-match")
_GROUP_ENDS = (["}"], ["fi"], ["done"], ["esac"])
_STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
# They write no text, or `LineFiles` follows it.
_NO_TEXT = frozenset(
    str.split("touch mkdir rmdir truncate rm unlink shred wipe chattr setfattr ln cp mv install")
)
_PASSES = frozenset(("cat", "tee", "head", "tail", "echo", "printf", ":", "true", "sleep"))


@dataclass
class Stage:
    """One command of a pipeline: its words, its operator, and the scripts in its words.

    `grouped`: its operator follows a compound command, such as `{ a; b; }`, not this command alone. `given`: texts that it may read,
    from the pipe or from the redirection of the enclosing compound command. `number`: of its segment in the script; the stages of one are what it may be.
    `assigned`: the values of variables that are set for it alone. `tainted`: see `tainted_parts`.
    """

    argv: list[str]
    before: str
    redirects: list[Redirect] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    grouped: bool = False
    given: list[str] = field(default_factory=list)
    number: int = -1
    assigned: list[str] = field(default_factory=list)
    tainted: set[str] = field(default_factory=set)

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


def has_own_process(segment: Segment) -> bool:
    """Return whether it is part of a pipeline or runs in the background, so that a `cd` in it has no effect later."""
    return segment.before in ("|", "|&") or segment.after in ("|", "|&", "&")


def closes_group(segment: Segment) -> bool:
    """Return whether it is what follows a compound command: its last word, or redirections alone."""
    return segment.words[:1] in _GROUP_ENDS or not segment.words


def feeding(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages that feed the last one; of a compound command all that print before it, if that is known."""
    found: list[Stage] = []
    for at in reversed(range(len(stages))):
        found.append(stages[at])
        if stages[at].before not in ("|", "|&"):
            break
        if stages[at].grouped:
            spend(len(stages))
            before = [stage for stage in stages[:at] if stage.argv]
            texts = [(known_input([stage]) or [UNKNOWN])[0] for stage in before]
            if before and not any(UNKNOWN in text for text in texts):
                return [Stage(["echo", "\n".join(texts)], ""), *found[:0:-1]]
            return [Stage([UNKNOWN], ""), *before, *found[:0:-1]]
    spend(len(found) // 10)
    return found[:0:-1]


def given_input(segments: Sequence[Segment], scope: ShellScope) -> list[str]:
    """Return texts that compound commands of a script read by redirection: `while read x; do ...; done <<< TEXT`."""
    redirects = [redirect for segment in filter(closes_group, segments) for redirect in segment.redirects]
    found = [evaluate(r.target, scope).text for r in redirects if r.op == "<<<"]
    return found + [r.body for r in redirects if r.body is not None]


def tainted_parts(
    segment: Segment, values: Sequence[WordValue], targets: Sequence[WordValue], scope: ShellScope
) -> set[str]:
    """Return which parts of a command hold what is downloaded or decoded: its "words", its "input", a here string."""
    strings = (target for one, target in zip(segment.redirects, targets, strict=True) if one.op == "<<<")
    return {
        name
        for name, parts in (("words", values), ("input", strings))
        for value in parts
        if scope.tainted & set(value.expanded) or any(map(fetches, value.inner))
    }


def comes_from_elsewhere(stages: Sequence[Stage], piped: bool) -> bool:
    """Return whether what the last stage evaluates is downloaded or decoded."""
    tainted = "words" in stages[-1].tainted or any(map(fetches, stages[-1].scripts))
    unknown = any(UNKNOWN in word for word in stages[-1].argv)
    if tainted or not (piped and unknown):
        return tainted
    spend(len(stages))
    return any(program(stage.argv[0]) in DOWNLOADERS for stage in stages[:-1] if stage.argv)


def executes_input(argv: list[str]) -> bool:
    """Return whether the program would run its input: a shell or interpreter without a script, `source /dev/stdin`, ..."""
    return any(map(_executes, unwrapped(argv)))


def _executes(command: list[str]) -> bool:
    name, rest = command[0], command[1:]
    if name in ("source", "."):
        return rest[:1] != [] and rest[0] in _STDIN
    if name in SHELLS or (INTERPRETERS.match(name) and not name.endswith("awk")):
        return _without_script(name, rest)
    if name in ("parallel", "at", "batch") or (name == "crontab" and not [w for w in rest if w != "-"]):
        return True
    return name == "xargs" and any(program(word) in SHELLS or word == "eval" for word in rest)


def _without_script(name: str, rest: list[str]) -> bool:
    """Return whether no script or code is given, so that the standard input is the script."""
    shell = name in SHELLS
    at = 0
    while at < len(rest):
        word = rest[at]
        at += 1
        if word in _STDIN:
            return True
        if shell and re.fullmatch(r"[-+][a-zA-Z]*s[a-zA-Z]*", word):
            return True
        if word in ("--version", "--help", "-V", "--eval") or re.fullmatch(
            r"-[a-zA-Z]*c" if shell else r"-[a-zA-Z]*[ceEmrp]", word
        ):
            return False
        if shell and (re.fullmatch(r"[-+][a-zA-Z]*[oO]", word) or word in ("--rcfile", "--init-file")):
            at += 1
        elif not word.startswith(("-", "+")):
            return False
    return True


def known_input(stages: Sequence[Stage]) -> list[str] | None:
    """Return the text that these stages send on, if it is known: of an `echo`, a here document; several if ambiguous."""
    if not stages:
        return None
    first, *others = stages
    if any(stage.argv[:1] != ["tee"] and stage.argv != ["cat"] for stage in others):
        return None
    if (text := printed(first.argv)) is not None:
        return [text, " ".join(first.argv[1:])]
    bodies = [r.body for r in first.redirects if r.body is not None]
    return bodies if bodies and (first.argv == ["cat"] or first.argv[:1] == ["tee"]) else None


def known_texts(stages: Sequence[Stage]) -> list[str] | None:
    """Return the texts that may reach the last stage; UNKNOWN among them if only some are known, None if none is."""
    sources = feeding(stages)
    if not sources:
        return None
    spend(1 + len(stages) // 10)
    first, *others = sources
    same = [stage for stage in stages[:-1] if stage.number == first.number >= 0] or [first]
    found = [known_input([stage, *others]) for stage in same]
    if all(texts is None for texts in found):
        return None
    return list(dict.fromkeys(text for texts in found for text in (texts or [UNKNOWN])))


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


def trouble(stages: Sequence[Stage]) -> str | None:
    """Return why the last stage, which runs its input, must not get what the others send; None if that is known text."""
    sources = stages[:-1]
    names = [program(stage.argv[0]) for stage in sources if stage.argv]
    for name, stage in zip(names, (stage for stage in sources if stage.argv), strict=True):
        if name in DOWNLOADERS or any(word in DOWNLOADERS for word in stage.argv[1:2]):
            return "what would run is downloaded"
        if any(fetches(script) for script in stage.scripts):
            return "what would run is downloaded or decoded"
    cut = any(stage.bodies or stage.given or at for at, stage in enumerate(sources) if _cuts(stage))
    if cut or any(name not in _PASSES for name in names):
        return "what would run is made by another program, so it cannot be judged"
    return None


def _cuts(stage: Stage) -> bool:
    """Return whether a stage passes on some lines of a text, so that what remains may mean something else."""
    return bool(stage.argv) and program(stage.argv[0]) in ("head", "tail")


def lists_paths(argv: list[str]) -> bool:
    """Return whether a command prints paths below those that it is given, and not what is in files."""
    name, rest = program(argv[0]), argv[1:]
    if name == "git":
        return rest[:1] == ["ls-files"] or (rest[:1] == ["diff"] and "--name-only" in rest)
    if name in _SEARCHERS:
        return any(word in _PATHS_ONLY or re.match(r"-[A-Za-z]*[lL]", word) for word in rest)
    return name in _LISTERS
