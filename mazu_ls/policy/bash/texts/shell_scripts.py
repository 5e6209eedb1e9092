"""How a shell gets its script and the words of that: `sh -c SCRIPT NAME A`, `bash -s A`, `bash /dev/fd/3`, `source <(x)`."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from mazu_ls.policy.bash.texts.pipeline_taint import Stage, executes_input
from mazu_ls.policy.tables.wrappers import INTERPRETERS, SHELLS, unwrapped

_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(?!0$|63$)\d+")  # 63 is what a process substitution becomes


def runs_descriptor(stage: Stage) -> bool:
    """Return whether a shell or an interpreter runs what was opened as a descriptor: `bash /dev/fd/3`, `bash <&3`."""
    for name, *rest in unwrapped(stage.argv):
        runs = name in SHELLS or name in ("source", ".") or INTERPRETERS.match(name)
        if runs and any(_DESCRIPTOR.fullmatch(word) for word in rest):
            return True
    opened = [r.target for r in stage.redirects if r.op in ("<", "<&")]
    named = any(word.startswith("/dev/fd/") or word.isdigit() for word in opened)
    return named and executes_input(stage.argv)


def sources(argv: Sequence[str]) -> bool:
    """Return whether a file or an input runs in the shell itself, also behind `builtin`, `command` and others."""
    return any(name in ("source", ".") for name, *_ in unwrapped([*argv]))


def runs_substitution(stage: Stage) -> bool:
    """Return whether a shell or an interpreter runs what a process substitution prints: `source <(x)`, `bash < <(x)`."""
    if any(r.op == "<" and r.target == "/dev/fd/63" for r in stage.redirects) and executes_input(stage.argv):
        return True
    for name, *rest in unwrapped(stage.argv):
        if name in SHELLS or name in ("source", ".") or INTERPRETERS.match(name):
            script = next((word for word in rest if not word.startswith(("-", "+"))), None)
            started = name in SHELLS and any(word in ("--rcfile", "--init-file") for word in rest)
            if script == "/dev/fd/63" or (started and "/dev/fd/63" in rest):
                return True
    return False


def positional(argv: list[str]) -> list[str] | None:
    """Return what `$0`, `$1`, `$2`, ... are in `sh -c SCRIPT NAME A B`."""
    for index, word in enumerate(argv[:-1]):
        if re.fullmatch(r"[-+][A-Za-z]*c[A-Za-z]*", word):
            return argv[_skip_options(argv, index)[0] + 1 :]
    return None


def given_to_input(argv: list[str], files: Container[str]) -> list[str] | None:
    """Return what `$1`, `$2`, ... are in a file or an input that `bash s A B`, `bash -s A B`, `source s A B` or `./s A B`
    runs; `files` are those that the line writes."""
    for name, *rest in unwrapped(argv):
        if name in ("source", "."):
            return rest[1:] or None
        if name in SHELLS:
            at, letters = _skip_options(rest, 0)
            return rest[at if "s" in letters else at + 1 :] or None
        if name in files:
            return rest or None
    return None


def _skip_options(words: list[str], at: int) -> tuple[int, str]:
    """Return where the words behind a shell's options begin, and the letters of these."""
    letters = ""
    while at < len(words) and words[at][:1] in ("-", "+") and words[at] not in ("-", "--"):
        cluster = "" if words[at].startswith("--") else words[at][1:]
        letters += cluster
        # Each `o` takes a word of its own: `bash -co pipefail SCRIPT`.
        values = sum(map(cluster.count, "oO")) + (words[at] in ("--rcfile", "--init-file"))
        at += 1 + values
    return at + (words[at : at + 1] in (["-"], ["--"])), letters
