"""How a shell gets its script and the words of that: `sh -c SCRIPT NAME A`, `bash -s A`, `bash /dev/fd/3`, `source <(x)`."""

from __future__ import annotations

import re
from collections.abc import Container

from mazu_ls.policy.bash.texts.pipeline_taint import Stage
from mazu_ls.policy.tables.wrappers import INTERPRETERS, SHELLS, program, shell_words, unwrapped

_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(?!0$|63$)\d+")  # 63 is what a process substitution becomes
_STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_ONLY_TELLS = frozenset(("--version", "--help"))
_CODE = re.compile(r"-[a-zA-Z]*[ceEmrp]|-V|--version|--help|--eval")  # an interpreter's script, or no script


def runs_descriptor(stage: Stage) -> bool:
    """Return whether a shell or an interpreter runs what was opened as a descriptor: `bash /dev/fd/3`, `bash <&3`."""
    for name, *rest in unwrapped(stage.argv):
        runs = name in SHELLS or name in ("source", ".") or INTERPRETERS.match(name)
        if runs and any(_DESCRIPTOR.fullmatch(word) for word in rest):
            return True
    opened = [r.target for r in stage.redirects if r.op in ("<", "<&")]
    named = any(word.startswith("/dev/fd/") or word.isdigit() for word in opened)
    return named and executes_input(stage.argv)


def runs_substitution(stage: Stage) -> bool:
    """Return whether a shell or an interpreter runs what a process substitution prints: `source <(x)`, `bash < <(x)`."""
    if any(r.op == "<" and r.target == "/dev/fd/63" for r in stage.redirects) and executes_input(stage.argv):
        return True
    return any(
        script_of(name, rest) == "/dev/fd/63"
        or (name in SHELLS and not {"--rcfile", "--init-file"}.isdisjoint(rest) and "/dev/fd/63" in rest)
        for name, *rest in unwrapped(stage.argv)
    )


def executes_input(argv: list[str]) -> bool:
    """Return whether the program would run its input: a shell or interpreter without a script, `source /dev/stdin`, ..."""
    return any(map(_executes, unwrapped(argv)))


def _executes(command: list[str]) -> bool:
    name, rest = command[0], command[1:]
    if name in ("parallel", "at", "batch") or (name == "crontab" and not [w for w in rest if w != "-"]):
        return True
    if name == "xargs":
        return any(program(word) in SHELLS or word == "eval" for word in rest)
    return not name.endswith("awk") and script_of(name, rest) == "-"


def script_of(name: str, rest: list[str]) -> str | None:
    """Return the file that a shell or an interpreter runs, "-" for its input; None where it is given code, and for other programs."""
    letters, words = shell_words(rest)
    if name in SHELLS and "c" not in letters and not _ONLY_TELLS.intersection(rest):
        script = "-" if "s" in letters else (words or ["-"])[0]
    elif name in ("source", "."):
        script = (rest or [""])[0]
    elif name not in SHELLS and INTERPRETERS.match(name):
        script = next((w for w in rest if w in _STDIN or not w.startswith("-") or _CODE.fullmatch(w)), "-")
    else:
        return None
    return "-" if script in _STDIN else script if not script.startswith("-") else None


def positional(argv: list[str]) -> list[str] | None:
    """Return what `$0`, `$1`, `$2`, ... are in `sh -c SCRIPT NAME A B`."""
    letters, words = shell_words(argv[1:])
    return words[1:] if argv[0] in SHELLS and "c" in letters else None


def given_to_input(argv: list[str], files: Container[str]) -> list[str] | None:
    """Return what `$1`, `$2`, ... are in a file or an input that `bash s A B`, `bash -s A B`, `source s A B` or `./s A B`
    runs; `files` are those that the line writes."""
    for name, *rest in unwrapped(argv):
        if name in ("source", "."):
            return rest[1:] or None
        if name in SHELLS:
            letters, words = shell_words(rest)
            return words[0 if "s" in letters else 1 :] or None
        if name in files:
            return rest or None
    return None
