"""Text on standard input that belongs to a message: `git diff | mazu-ls chat "review this" --attach -`."""

from __future__ import annotations

import argparse
import os
import select
import stat
import sys

from mazu_ls.terminal.verbs.verbs import STANDARD_INPUT, CommandLineError

MAX_BYTES = 1 << 20
TAKING = ("chat", "ask")
NAME = "standard input"
IGNORED = "mazu-ls: The text on standard input is not read, since a message is given."
"""Without `--attach -` nothing is read: in a shell's `while read` loop, standard input is the loop's."""


def attach_standard_input(given: argparse.Namespace) -> None:
    """Read what `--attach -` stands for into `given.texts`; without it, say on stderr that a piped text is not read.

    Raises CommandLineError.
    """
    places = getattr(given, "attachments", None) or []
    program = f"mazu-ls {given.verb}"
    if STANDARD_INPUT not in places:
        message = getattr(given, {"chat": "message", "run": "task"}.get(given.verb, "question"), None)
        if message and _has_piped_text():
            hint = " Add `--attach -` to attach it." if given.verb in TAKING else ""
            sys.stderr.write(f"{IGNORED}{hint}\n")
        return
    if given.verb not in TAKING:
        raise CommandLineError("standard input can be attached to chat and ask only", program)
    if given.verb == "chat" and not given.message:
        raise CommandLineError(
            "`--attach -` needs a message: without one, standard input is the message", program
        )
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise CommandLineError("standard input is larger than 1 MiB: attach a file, or a part of it", program)
    if not data.strip():
        raise CommandLineError(
            "standard input is empty: there is nothing to attach, and nothing was sent", program
        )
    if b"\0" in data:
        raise CommandLineError("standard input is not text: nothing was sent", program)
    given.attachments = [one for one in places if one is not STANDARD_INPUT] or None
    given.texts = [{"name": NAME, "text": data.decode("utf-8", "replace")}]


def _has_piped_text() -> bool:
    """Whether a pipe or a file on standard input holds something now. Reads nothing, waits for nothing."""
    try:
        number = sys.stdin.fileno()
        status = os.fstat(number)
        if stat.S_ISREG(status.st_mode):
            return status.st_size > os.lseek(number, 0, os.SEEK_CUR)
        if not stat.S_ISFIFO(status.st_mode):
            return False
        pipe = select.poll()
        pipe.register(number, select.POLLIN)
        return any(event & select.POLLIN for _, event in pipe.poll(0))
    except (AttributeError, OSError, ValueError):  # closed, or a system without poll(2)
        return False
