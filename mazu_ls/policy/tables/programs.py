"""Judges whether one command with known words only reads: by the tables of programs, options and operands."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from mazu_ls.gitcmd import user_repository
from mazu_ls.policy import repository
from mazu_ls.policy.bash import scripts
from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import table
from mazu_ls.policy.tables import allowed_commands, git, options, targets, wildcards
from mazu_ls.policy.tables.options import NotProvablySafe, require
from mazu_ls.workspace import path_rules

# Nothing that a shell, a loader or a program interprets is spelt like this.
VARIABLE = re.compile(r"^[a-z][a-z0-9]{0,14}$")
WILD = ("*", "?", "[")
_ALL_MATCHING_SECRETS = tuple(table("programs.all_matching_secrets").split())
MAX_MATCHES = 5_000
MAX_DEPTH = 100  # folders that a wildcard leads through
# Files by which a project chooses the program that runs under this name: rustup's, yarn's, corepack's.
_CHOOSES = {
    "cargo": ("rust-toolchain", "rust-toolchain.toml"),
    "yarn": (".yarnrc", ".yarnrc.yml", "package.json"),
}
_CHOOSES |= {"rustc": _CHOOSES["cargo"], "pnpm": _CHOOSES["yarn"]}


@dataclass
class ProgramJudge:
    """Judges commands in a scope. `known` names the variables whose values are known; `read` adds to them and to
    `read_from_input`, whose values are not.

    `git_folders` are those in which the commands so far run git: the caller judges what their repositories name.
    """

    scope: ShellScope
    known: set[str]
    git_folders: set[str] = field(default_factory=set)
    read_from_input: set[str] = field(default_factory=set)

    def command(self, argv: list[str], globs: set[str], unknown: bool) -> None:
        """Raise NotProvablySafe unless the command only reads. `globs` are words with wildcards; `unknown`: some text is not known."""
        name, rest = argv[0], argv[1:]
        require(name.isascii() and re.match(r"^[\w.\[:+-]+$", name), "the program is not known")
        as_option = name not in allowed_commands.ANY_OPTION and any(word.startswith(WILD) for word in globs)
        require(not as_option, "a file found by the wildcard may be taken for an option")
        require(not unknown or name in allowed_commands.PRINTS, "it uses text that cannot be known")
        folders = [folder for place in self.scope.cwds for folder in (place, *Path(place).parents)]
        chosen = any(Path(folder, file).exists() for file in _CHOOSES.get(name, ()) for folder in folders)
        require(not chosen, f"the project may choose which {name} runs")
        if name in ("python", "python3") and rest[:1] != []:
            name, rest = self._python(rest)
        if name == "git":
            self._git(rest, globs)
            return
        if tuple(argv) in allowed_commands.EXACT or self._listed(name, rest):
            return
        from_file = name in allowed_commands.ARGUMENT_FILES and any(word.startswith("@") for word in rest)
        require(not from_file, f"{name} reads more options from a file")
        spec = allowed_commands.PROGRAMS.get(name)
        if spec is None:
            raise NotProvablySafe(f"{name} is not known to be harmless")
        if spec.operands == "script":
            self._scripted(name, rest, globs)
            return
        if name in allowed_commands.PRINTS or name in ("expr", "["):
            # `printf -v 'a[$(...)]'` runs its argument, so the first word must not be an option.
            option = name == "printf" and rest and (rest[0].startswith((UNKNOWN, "-")) or rest[0] in globs)
            require(not option, "printf with options, or with text that may be one")
            return
        plain = name != "read" or all(VARIABLE.match(word) or word == "-r" for word in rest)
        require(plain, "read sets a variable that may matter")
        self._known(name, spec, options.split(spec, rest, name), globs)

    def _listed(self, name: str, rest: list[str]) -> bool:
        """Judge `tar tf ARCHIVE` and `unzip -l ARCHIVE`. tar would fetch an archive with a colon in its name from a host."""
        archive = {"tar": r"-?[tvzjJ]*t[tvzjJ]*f", "unzip": r"-[lv]", "zipinfo": r"-1"}.get(name)
        if (
            archive is None
            or len(rest) != 2
            or not re.fullmatch(archive, rest[0])
            or ":" in rest[1]
            or rest[1].startswith("-")
        ):
            return False
        self.path(rest[1], listing=True, glob=False)
        return True

    def _python(self, rest: list[str]) -> tuple[str, list[str]]:
        if rest in (["--version"], ["-V"]):
            return "true", []
        if (
            rest[:1] == ["-m"]
            and rest[1:]
            and rest[1] in ("pytest", "ruff", "mypy", "black", "isort", "flake8")
        ):
            return rest[1], rest[2:]
        plain = all(re.fullmatch(r"-[vqbf]+|discover|[A-Za-z_][\w.]*", word) for word in rest[2:])
        if rest[:2] == ["-m", "unittest"] and plain:
            return "true", []
        raise NotProvablySafe("python runs a program")

    def _known(
        self, name: str, spec: options.ProgramSpec, taken: options.ParsedOptions, globs: set[str]
    ) -> None:
        operands = list(taken.operands)
        given = {option for option, _ in taken.options}
        require(given or not spec.needs_option, f"{name} is not known to be harmless")
        if name in ("ruff", "black", "isort"):
            operands = _formatter(name, operands, given)
        require(name != "command" or given & {"-v", "-V"}, "command runs a program")
        if name == "read":
            self.known |= set(operands)
            self.read_from_input |= set(operands)
            return
        require(name != "date" or all(word.startswith("+") for word in operands), "date may set the clock")
        require(spec.at_most is None or len(operands) <= spec.at_most, f"{name} writes to its second file")
        none = spec.operands != "none" or not operands
        require(none, f"{name} {' '.join(operands[:1])} is not known to be harmless")
        if spec.operands == "text":
            return
        if (
            spec.operands == "pattern"
            and operands
            and not given & {"-e", "--regexp", "--files", "--type-list"}
        ):
            # Without quotes a pattern may match files, all but the first of which are read.
            if operands[0] in globs:
                self._matches_on_disk(operands[0], listing=False)
            operands = operands[1:]
        for word in (*operands, *taken.paths):
            self._operand(name, word, spec, globs)
        if name in repository.READERS:
            for word in operands or ["."]:
                for path in targets.places(word, self.scope):
                    require(
                        not (why := repository.folder_trouble(name, path, given, self.scope.place)), why or ""
                    )
        if name == "cd":
            self._enter(operands, globs)

    def _operand(self, name: str, word: str, spec: options.ProgramSpec, globs: set[str]) -> None:
        if word == "-":
            return
        if name == "pytest":
            word = word.split("::", maxsplit=1)[0]
        # `grep -r` reads as much as a wildcard does.
        listing = spec.listing or (spec.operands == "pattern" and word in globs)
        if spec.operands == "pattern" and word in globs:
            self._matches_on_disk(word, listing=False)
        self.path(word, listing=listing, glob=word in globs)

    def _enter(self, operands: list[str], globs: set[str]) -> None:
        require(not globs, "cd goes where a wildcard leads")
        require(len(operands) == 1 and operands[0] != "-", "cd leaves the workspace")
        for place in targets.places(operands[0], self.scope):
            self.scope.enter(place)

    def path(self, word: str, *, listing: bool, glob: bool) -> None:
        """Raise NotProvablySafe for a path outside the workspace, or one that may hold secrets if contents are shown."""
        if glob:
            self._matches_on_disk(word, listing=listing)
        for path in targets.places(word, self.scope):
            if path == "/dev/null":
                continue
            require(targets.inside(path, self.scope.place), f"{word} is outside the workspace")
            last = PurePosixPath(path).name
            if listing:
                continue
            swept = glob and any(wildcards.matches(last, secret) for secret in _ALL_MATCHING_SECRETS)
            require(not swept, f"{word} may match files with secrets")
            for candidate in (path, targets.real(path)):
                found = path_rules.is_secret(PurePosixPath(candidate).parts)
                require(found is None, f"{found} may hold secrets")

    def _matches_on_disk(self, word: str, *, listing: bool) -> None:
        """Raise NotProvablySafe if a file that the wildcard finds leads out of the workspace, or may hold secrets."""
        clear = not wildcards.cannot_be_tried(word) and word.count("/") <= MAX_DEPTH
        require(clear, f"what {word} matches cannot be known")
        every = chain.from_iterable(wildcards.matches_on_disk(word, cwd) for cwd in self.scope.cwds)
        found = islice(every, MAX_MATCHES + 1)
        for count, path in enumerate(found):
            require(count < MAX_MATCHES, f"{word} matches too many files to look at each")
            name = PurePosixPath(path).name
            inside = targets.inside(path, self.scope.place)
            require(inside, f"{word} matches {name}, which leads out of the workspace")
            last = PurePosixPath("" if listing else os.path.realpath(path)).parts[-1:]
            secret = path_rules.is_secret(last)
            require(secret is None, f"{word} matches {secret}, which may hold secrets")

    def _scripted(self, name: str, rest: list[str], globs: set[str]) -> None:
        if name in ("test", "[", "[["):
            closed = name == "test" or (rest and rest.pop() == {"[": "]", "[[": "]]"}[name])
            require(closed, "a test without its end")
            scripts.test(rest)
        elif name == "find":
            for word in scripts.find(rest):
                self._operand("find", word, allowed_commands.PROGRAMS["find"], globs)
        else:
            self._program(name if name in ("sed", "jq") else "awk", rest, globs)

    def _program(self, kind: str, rest: list[str], globs: set[str]) -> None:
        taken = options.split(allowed_commands.SCRIPTED[kind], rest, kind, any_value=True)
        operands = list(taken.operands)
        programs = [
            value or ""
            for option, value in taken.options
            if option in ("-e", "--expression") and kind == "sed"
        ]
        require(programs or operands, f"{kind} without a program")
        for program in programs or [operands.pop(0)]:
            {"sed": scripts.sed, "awk": scripts.awk, "jq": scripts.jq}[kind](program)
        for word in operands:
            self._operand(kind, word, options.ProgramSpec(), globs)

    def _git(self, rest: list[str], globs: set[str]) -> None:
        spec, taken, folders = git.judge(rest)
        require(not globs & set(folders), "git -C goes where a wildcard leads")
        if folders:
            self.path(str(Path(*folders)), listing=True, glob=False)
        places = [str(Path(cwd, *folders)) for cwd in self.scope.cwds]
        operands = list(taken.operands)
        none = spec.operands != "none" or not operands
        require(none, f"git with {' '.join(operands[:1])} is not known to only read")
        require(spec.at_most is None or len(operands) <= spec.at_most, "git would change a reference")
        if spec.operands == "pattern" and not any(option == "-e" for option, _ in taken.options):
            operands = operands[1:]
        if spec.operands in ("revisions", "pattern"):
            for word in operands:
                self._revision(word, word in globs)
        for option, value in taken.options:
            if option == "-L":
                self._names_no_secret(value or "")
        if "diff" in rest and len(operands) > 1:
            self._in_repository(places)
        given = {option for option, _ in taken.options}
        behind = [word for at, word in enumerate(rest) if rest[at - 1 : at] != ["-C"]]
        at = next((at for at, word in enumerate(behind) if not word.startswith("-")), len(behind))
        for place in places if behind[at:] and not self.scope.place.confined else ():
            require(
                not (
                    why := repository.tracked_secret(behind[at], behind[at + 1 :], taken, given, Path(place))
                ),
                why or "",
            )
        self.git_folders.update(places)

    def _in_repository(self, places: list[str]) -> None:
        """Require a repository: outside of one, `git diff` compares any two files or folders."""
        here = all(user_repository.find(Path(place)) for place in places if Path(place).is_dir())
        require(here, "git diff outside a repository reads any file")

    def _revision(self, word: str, glob: bool) -> None:
        """Judge a revision, a range, REV:PATH or a path: what looks like a path out of the workspace is refused."""
        path = word.split(":", 1)[1] if ":" in word and not word.startswith(":") else word
        if word.startswith("/") or any(part == ".." for part in word.split("/")) or path.startswith("/"):
            self.path(word, listing=False, glob=glob)
        if glob:
            self._matches_on_disk(word, listing=False)
        self._names_no_secret(word)

    def _names_no_secret(self, word: str) -> None:
        for path in git.named_paths(word):
            found = path_rules.is_secret(PurePosixPath(path).parts)
            require(found is None, f"{found} may hold secrets")
            last = PurePosixPath(path).name.casefold()
            if not wildcards.has_wildcard(path) or not last.strip("*"):
                continue
            swept = any(fnmatchcase(one, last) for one in _ALL_MATCHING_SECRETS)
            clear = not swept and not wildcards.cannot_be_tried(path)
            require(clear, f"{word} may match files with secrets")


def _formatter(name: str, operands: list[str], given: set[str]) -> list[str]:
    """Return the paths of a formatter that only reports what it would do."""
    if name == "ruff":
        verb, *operands = operands or [""]
        looks = verb == "check" or (verb == "format" and given & {"--check", "--diff"})
    else:
        looks = given & set(allowed_commands.ONLY_LOOKS[name])
    require(looks, f"{name} would change files")
    return operands
