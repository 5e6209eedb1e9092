"""How a shell gets its script and the words of that: `sh -c SCRIPT NAME A`, `bash -s A`, `bash /dev/fd/3`, `source <(x)`."""

from __future__ import annotations

import re
from itertools import takewhile

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
            options = list(takewhile(lambda one: one[:1] in ("-", "+"), argv[index + 1 :]))
            return argv[index + 2 + len(options) :]
    return None


def given_to_input(argv: list[str]) -> list[str] | None:
    """Return what `$1`, `$2`, ... are in a file or an input that `bash s A B`, `bash -s A B` or `source s A B` runs."""
    for name, *rest in unwrapped(argv):
        if name in ("source", "."):
            return rest[1:] or None
        if name not in SHELLS:
            continue
        at, reads = 0, False
        while at < len(rest) and rest[at][:1] in ("-", "+") and rest[at] not in ("-", "--"):
            reads = reads or re.fullmatch(r"[-+][A-Za-z]*s[A-Za-z]*", rest[at]) is not None
            at += 2 if re.fullmatch(r"[-+][A-Za-z]*[oO]|--rcfile|--init-file", rest[at]) else 1
        at += rest[at : at + 1] == ["--"]
        return rest[at if reads else at + 1 :] or None
    return None
