"""Files that a line creates: a later command that runs them is judged by what they hold, and refused if it is downloaded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.lexer import Redirect
from mazu_ls.policy.bash.texts.pipeline_taint import DOWNLOADED, DOWNLOADERS, MADE, Stage, fetches
from mazu_ls.policy.bash.texts.shell_scripts import script_of
from mazu_ls.policy.data import table
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables.options import operands
from mazu_ls.policy.tables.wrappers import INTERPRETERS, SHELLS, program, unwrapped
from mazu_ls.workspace.text import split_lines

# Programs that take commands from their input, and the prefix of a line that goes to a shell.
_TAKE_COMMANDS = table("line_files.take_commands")
_BUILD_FILES = table("line_files.build_files")
_MAKEFILES = frozenset(("Makefile", "makefile", "GNUmakefile"))
_MAKE_NO_FILE = frozenset(str.split("ssh host dig nslookup drill"))
_UNPACKERS = frozenset(str.split("tar bsdtar gtar unzip 7z 7za 7zz unar unrar cpio pax ar zipfile tarfile"))
_CLONERS = frozenset(str.split("git hub gh glab hg svn degit"))
_PIPE_MAKERS = frozenset(("mkfifo", "mknod"))  # what comes out of them is from elsewhere
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

    def note(self, stage: Stage) -> None:
        """Record what a command writes to files."""
        self.unpacked = self.unpacked or _clones(stage.argv) or self._unpacks(stage)
        if program(stage.argv[0]) in ("cp", "mv", "ln", "install"):
            *sources, copy = [
                PurePosixPath(word).name for word in stage.argv[1:] if not word.startswith("-")
            ] or [""]
            for name in self.texts.keys() & set(sources) - {copy}:
                self._add(copy, self.texts[name])
            if _STDIN_NAMES & set(stage.argv[1:]):
                self._add(copy, [*stage.bodies, *stage.given])
        for name in stage.written_files:
            self._add(name, stage.texts)
        for name in _fetched_files(stage) if program(stage.argv[0]) in DOWNLOADERS | _PIPE_MAKERS else ():
            self._add(name, [DOWNLOADED])

    def note_group(self, redirects: Sequence[Redirect], earlier: Sequence[Stage]) -> None:
        """Record what a compound command writes by its redirection: any text of the commands before it, in any order."""
        names = {PurePosixPath(redirect.target).name for redirect in redirects if ">" in redirect.op}
        texts = [text for stage in earlier for text in stage.texts] if names - {"", "null"} else []
        for name in names if texts else ():
            self._add(name, [*texts, MADE])

    def input_of(self, stage: Stage) -> list[str]:
        """Return the texts that this stage reads as its input: of itself, of files; UNKNOWN or DOWNLOADED for others."""
        found = [text for name in stage.read_files for text in self.texts.get(name, (UNKNOWN,))]
        return [*stage.bodies, *found, *([DOWNLOADED] if any(map(fetches, stage.scripts)) else [])]

    def _add(self, name: str, texts: Iterable[str]) -> None:
        """Add texts that `name` may hold, if any is known. Each costs a step: files copied back and forth end as too complex."""
        known = dict.fromkeys(UNKNOWN if text == MADE else text for text in texts)
        spend(len(known))
        if known.keys() - {UNKNOWN}:
            self.texts.setdefault(name, {}).update(known)

    def _unpacks(self, stage: Stage) -> bool:
        """Return whether the stage extracts an archive that this line downloads."""
        if not any(_UNPACKERS & set(map(program, command)) for command in unwrapped(stage.argv)):
            return False
        named = {*map(program, stage.argv), *stage.read_files}
        return DOWNLOADED in stage.given or any(DOWNLOADED in self.texts.get(name, ()) for name in named)

    def texts_run_by(self, argv: list[str], folder: str) -> list[str]:
        """Return the texts of files that this command, in this folder, runs or makes executable."""
        named: set[str] = set()
        scripts: set[str] = set()  # of these it matters that nobody knows what is in them
        for name, *rest in unwrapped(argv):
            named |= {name, *(_MAKEFILES if name == "make" else ())}
            scripts |= {name, program(script_of(name, rest) or name)}
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
            found += [script] if (script := script_of(name, rest)) not in (None, "-") else []
        return not all(os.path.lexists(os.path.join(folder, word)) for word in found)  # noqa: PTH118


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


def commands_in_input(stage: Stage, read: Sequence[str] = ()) -> list[str]:
    """Return command lines in the known input of an editor, a debugger, a database client, or of `make -f -`; also in
    what it `read`s."""
    signs = _TAKE_COMMANDS.get(program(stage.argv[0])) if stage.argv else None
    if signs is None:
        return []
    bodies = [*stage.bodies, *stage.given, *read]
    lines = [line for body in bodies for line in split_lines(body, ends=False)]
    return [
        line.lstrip(signs + " ").removeprefix("shell ").removeprefix("system ")
        for line in lines
        if line[:1] in signs and line.strip()
    ] + [line.split(";", 1)[1] for line in lines if signs[0] == "\t" and ";" in line]
