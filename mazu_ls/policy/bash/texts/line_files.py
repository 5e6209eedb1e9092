"""Files that a line creates: a later command that runs them is judged by what they hold, and refused if it is downloaded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath

from mazu_ls.policy.bash.expansions import UNKNOWN, printed
from mazu_ls.policy.bash.lexer import Redirect
from mazu_ls.policy.bash.texts.pipeline_taint import (
    DECODERS,
    DOWNLOADERS,
    Stage,
    feeding,
    fetches,
    known_input,
)
from mazu_ls.policy.data import table
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables.options import operands
from mazu_ls.policy.tables.wrappers import INTERPRETERS, SHELLS, program, unwrapped
from mazu_ls.workspace.text import split_lines

DOWNLOADED = "\ue002"  # stands for the text of a file that comes from elsewhere
# Programs that take commands from their input, and the prefix of a line that goes to a shell.
_TAKE_COMMANDS = table("line_files.take_commands")
_BUILD_FILES = table("line_files.build_files")
_MAKEFILES = frozenset(("Makefile", "makefile", "GNUmakefile"))
_MAKE_NO_FILE = frozenset(str.split("ssh host dig nslookup drill"))
_UNPACKERS = frozenset(str.split("tar bsdtar gtar unzip 7z 7za 7zz unar unrar cpio pax ar zipfile tarfile"))
_CLONERS = frozenset(str.split("git hub gh glab hg svn degit"))
_STDIN_NAMES = frozenset(("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"))
_RUNNERS = frozenset(str.split("source . chmod install dpkg rpm apt exec java"))


@dataclass
class LineFiles:
    """What files hold that a line writes, by base name: known texts, or DOWNLOADED; a file may have been written more than once.

    Each text of a name is kept once, as a key in the order of writing. `unpacked`: a downloaded archive was unpacked, or a
    repository cloned.
    """

    texts: dict[str, dict[str, None]] = field(default_factory=dict)
    unpacked: bool = False

    def note(self, stage: Stage, earlier: Sequence[Stage]) -> None:
        """Record what `stage`, behind the `earlier` ones of its script, writes to files."""
        if not stage.argv:
            return
        piped = stage.before in ("|", "|&")
        self.unpacked = self.unpacked or _clones(stage.argv) or self._unpacks(stage, earlier)
        if program(stage.argv[0]) in ("cp", "mv", "ln", "install"):
            *sources, copy = [
                PurePosixPath(word).name for word in stage.argv[1:] if not word.startswith("-")
            ] or [""]
            for name in self.texts.keys() & set(sources) - {copy}:
                self._add(copy, self.texts[name])
            if _STDIN_NAMES & set(stage.argv[1:]):
                self._add(copy, [*stage.bodies, *stage.given, *([UNKNOWN] if piped else [])])
        known = known_input([*feeding([*earlier, stage]), stage]) or self._changed(stage, earlier)
        made = _fetched_files(stage) if program(stage.argv[0]) in DOWNLOADERS else set[str]()
        outside = program(stage.argv[0]) in DECODERS or _prints_download(stage)
        if outside or (piped and any(map(_comes_from_outside, earlier))):
            made |= stage.written_files
        for name in stage.written_files if known else ():
            self._add(name, known)
        for name in made:
            self._add(name, [DOWNLOADED])

    def note_group(self, redirects: Sequence[Redirect], earlier: Sequence[Stage]) -> None:
        """Record what a compound command writes by its redirection: any text of the commands before it, in any order."""
        names = {PurePosixPath(redirect.target).name for redirect in redirects if ">" in redirect.op}
        texts = [text for stage in earlier for text in self.carried_by(stage)] if names - {"", "null"} else []
        for name in names if texts else ():
            self._add(name, [*texts, UNKNOWN])

    def _changed(self, stage: Stage, earlier: Sequence[Stage]) -> list[str]:
        """Return the texts of the line that a program changes before it writes them, and UNKNOWN for what it makes of them."""
        if not stage.written_files:
            return []
        sources = [*feeding([*earlier, stage]), stage]
        found = [text for source in sources for text in self.carried_by(source)]
        return [*found, UNKNOWN] if found else []

    def carried_by(self, stage: Stage) -> list[str]:
        """Return the texts of the line that a command prints or reads, as its input or as a file that it names."""
        spend(5 + len(stage.argv))
        named = {*map(program, stage.argv[1:]), *stage.read_files} & self.texts.keys()
        found = [text for name in sorted(named) for text in self.texts[name]]
        text = printed(stage.argv)
        return [*([text] if text else []), *stage.bodies, *stage.given, *found]

    def input_of(self, stage: Stage) -> list[str]:
        """Return the texts that this stage reads as its input: of itself, of files; UNKNOWN or DOWNLOADED for others."""
        found = [text for name in stage.read_files for text in self.texts.get(name, (UNKNOWN,))]
        return [*stage.bodies, *found, *([DOWNLOADED] if any(map(fetches, stage.scripts)) else [])]

    def _add(self, name: str, texts: Iterable[str]) -> None:
        """Add texts that `name` may hold. Each costs a step: files copied back and forth end as too complex."""
        held = self.texts.setdefault(name, {})
        for text in texts:
            spend(1)
            held[text] = None

    def _unpacks(self, stage: Stage, earlier: Sequence[Stage]) -> bool:
        """Return whether the stage extracts an archive that this line downloads."""
        if not any(_UNPACKERS & set(map(program, command)) for command in unwrapped(stage.argv)):
            return False
        sources = earlier if stage.before in ("|", "|&", "(") else ()
        fed = any(source.argv and program(source.argv[0]) in DOWNLOADERS for source in sources)
        named = {*map(program, stage.argv), *stage.read_files}
        return fed or any(DOWNLOADED in self.texts.get(name, ()) for name in named)

    def texts_run_by(self, argv: list[str], folder: str) -> list[str]:
        """Return the texts of files that this command, in this folder, runs or makes executable."""
        named: set[str] = set()
        scripts: set[str] = set()  # of these it matters that nobody knows what is in them
        for name, *rest in unwrapped(argv):
            named |= {name, *(_MAKEFILES if name == "make" else ())}
            scripts |= {name, *_script_of(name, rest)}
            if name in SHELLS or INTERPRETERS.match(name) or name in _RUNNERS:
                named |= set(map(program, rest))
        spend(len(self.texts) // 10)
        found = [
            text
            for name, texts in self.texts.items()
            if name in named
            for text in texts
            if text != UNKNOWN or name in scripts
        ]
        return [*found, *([DOWNLOADED] if self._runs_unpacked(argv, folder) else [])]

    def _runs_unpacked(self, argv: list[str], folder: str) -> bool:
        """Return whether a command in this folder runs a file that is not there yet, once something was unpacked."""
        found: list[str] = []
        for name, *rest in unwrapped(argv) if self.unpacked else ():
            found += [word for word in argv if "/" in word and program(word) == name]
            found += [_BUILD_FILES[name]] if name in _BUILD_FILES else []
            if name in SHELLS or INTERPRETERS.match(name) or name in ("source", "."):
                code = re.compile(r"-[A-Za-z]*c" if name in SHELLS else r"-[A-Za-z]*[cemEr]")
                script = next(
                    (word for word in rest if not word.startswith("-") or code.fullmatch(word)), "-"
                )
                found += [script] if not script.startswith("-") else []
        return not all(os.path.lexists(os.path.join(folder, word)) for word in found)  # noqa: PTH118


def _script_of(name: str, rest: list[str]) -> list[str]:
    """Return the name of the file that a shell or an interpreter runs."""
    if name not in SHELLS and name not in ("source", ".") and not INTERPRETERS.match(name):
        return []
    return [program(word) for word in rest if not word.startswith(("-", "+"))][:1]


def _clones(argv: list[str]) -> bool:
    """Return whether the command brings somebody else's repository: `git clone URL`, `gh repo clone NAME`, `svn checkout URL`."""
    for name, *rest in unwrapped(argv):
        verbs = {"svn": {"checkout", "co", "export"}, "degit": set(rest)}.get(name, {"clone"})
        if name not in _CLONERS or not verbs.intersection(rest):
            continue
        # A path of this machine has no colon; an address in a variable of the environment leaves no word at all.
        far = any(":" in word or UNKNOWN in word for word in rest) or operands(rest)[-1:] == ["clone"]
        if far or name not in ("git", "hg", "svn"):
            return True
    return False


def _comes_from_outside(stage: Stage) -> bool:
    spend(1)
    return bool(stage.argv) and (program(stage.argv[0]) in DOWNLOADERS | DECODERS or _prints_download(stage))


def _prints_download(stage: Stage) -> bool:
    """Return whether it prints a word, or its input, that is nothing else: `echo "$(curl ...)"`, not `echo "version=$x"`."""
    words = [*stage.argv[1:], *stage.bodies]
    return (
        bool(stage.tainted)
        and program(stage.argv[0]) in ("echo", "printf", "cat", "tee")
        and UNKNOWN in words
    )


def _fetched_files(stage: Stage) -> set[str]:
    """Return the names of files that a downloader writes."""
    found = {PurePosixPath(redirect.target).name for redirect in stage.redirects if ">" in redirect.op}
    words = [] if program(stage.argv[0]) in _MAKE_NO_FILE else stage.argv[1:]
    for word, following in pairwise([*words, ""]):
        if re.fullmatch(r"-[a-zA-Z]*[oO]", word) or word in ("--output", "--output-document"):
            found.add(program(following))
        elif match := re.match(r"^(?:--output(?:-document)?=|-[oO])(.+)$", word):
            found.add(PurePosixPath(match[1]).name)
        elif not word.startswith("-"):
            found.add(PurePosixPath(word.split("?")[0]).name)
    return found - {""}


def commands_in_input(stage: Stage, sources: Sequence[Stage], read: Sequence[str] = ()) -> list[str]:
    """Return command lines in the known input of an editor, a debugger, a database client, or of `make -f -`; also in
    what it `read`s."""
    signs = _TAKE_COMMANDS.get(program(stage.argv[0])) if stage.argv else None
    if signs is None:
        return []
    bodies = [*stage.bodies, *(known_input(sources) or []), *read]
    lines = [line for body in bodies for line in split_lines(body, ends=False)]
    return [
        line.lstrip(signs + " ").removeprefix("shell ").removeprefix("system ")
        for line in lines
        if line[:1] in signs and line.strip()
    ] + [line.split(";", 1)[1] for line in lines if signs[0] == "\t" and ";" in line]
