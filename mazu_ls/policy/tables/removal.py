"""Commands that remove or disable more than the project's own files, judged by what would be lost."""

from __future__ import annotations

import re
from collections.abc import Callable

from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import word_set
from mazu_ls.policy.tables import targets
from mazu_ls.policy.tables.argv import flags, operands

_POWER_VERBS = word_set("power_verbs")


def _rm(rest: list[str], scope: ShellScope) -> str | None:
    if "--no-preserve-root" in rest or any(len(w) > 6 and "--no-preserve-root".startswith(w) for w in rest):
        return "rm without its own last guard"
    for word in operands(rest):
        if (lost := targets.irreplaceable_target(word, scope)) is not None:
            return f"it would remove {lost}"
    return None


def looks_like_rm(rest: list[str], scope: ShellScope) -> str | None:
    """Judge an unknown program that is called like rm."""
    if set(flags(rest).lower()) & {"r", "f"}:
        for word in operands(rest):
            if (lost := targets.irreplaceable_target(word, scope)) is not None:
                return f"an unknown program would be let loose on {lost}"
    return None


def _on_everything(rest: list[str], scope: ShellScope) -> str | None:
    """Judge chmod, chown and the like: recursive, or on a place outside the project."""
    if any(re.fullmatch(r"[ugoa]*[+=][rwxXt]*s[rwxXst]*|[2467]\d{3}", word) for word in operands(rest)[:1]):
        return "it would let a program run with the rights of its owner"
    recursive = "R" in flags(rest) or "r" in flags(rest)
    for word in operands(rest)[1:] or operands(rest):
        lost = targets.irreplaceable_target(word, scope)
        if lost is not None and (recursive or targets.write_refused(word, scope)):
            return f"it would change the rights of {lost}"
    return None


def _mv(rest: list[str], scope: ShellScope) -> str | None:
    for word in operands(rest):
        if (lost := targets.irreplaceable_target(word, scope)) is not None and not targets.is_device(word):
            if word == operands(rest)[-1] and targets.write_refused(word, scope) is None:
                continue
            return f"it would move {lost}"
    return None


def _dd(rest: list[str], scope: ShellScope) -> str | None:
    for word in rest:
        if word.startswith("of=") and (refused := targets.write_refused(word[3:], scope)) is not None:
            return refused
    return None


def _on_devices(rest: list[str], scope: ShellScope) -> str | None:
    for word in operands(rest):
        if (refused := targets.write_refused(word, scope)) is not None:
            return refused
    return None


def _kill(rest: list[str], scope: ShellScope) -> str | None:
    signals = [word for word in rest if word.startswith("-")]
    everybody = {"-1", "0", "1", "-0"} & set(rest[1:] if signals and rest[0] in signals else rest)
    return "it would end processes that are not its own" if everybody else None


def _pkill(rest: list[str], scope: ShellScope) -> str | None:
    wide = [
        word
        for word in operands(rest)
        if word in (".", ".*", "", "^", "$", "bash", "sh", "init", "systemd", "sshd", "Xorg")
    ]
    return "it would end processes that are not its own" if wide or "-u" in rest or "-U" in rest else None


def _init(rest: list[str], scope: ShellScope) -> str | None:
    return "it would change the state of the machine" if rest else None


def _systemctl(rest: list[str], scope: ShellScope) -> str | None:
    return "it would change the state of the machine" if _POWER_VERBS & set(rest) else None


def _crontab(rest: list[str], scope: ShellScope) -> str | None:
    named = [
        word
        for word, before in zip(rest, ["", *rest], strict=False)
        if not word.startswith("-") and before != "-u"
    ]
    return "it would remove or replace your scheduled jobs" if "r" in flags(rest) or named else None


def _find(rest: list[str], scope: ShellScope) -> str | None:
    """Judge `find START -delete` and `-exec rm` as an rm of START if no test narrows it."""
    starts = []
    for word in rest:
        if word.startswith("-") or word in ("(", "!"):
            break
        starts.append(word)
    starts = starts or ["."]
    if "-delete" not in rest:
        return None
    narrowed = any(
        word in ("-name", "-iname", "-path", "-regex", "-empty", "-newer", "-mtime", "-size", "-user")
        for word in rest
    )
    for start in starts:
        lost = targets.irreplaceable_target(start, scope)
        if lost is not None and (not narrowed or targets.write_refused(start, scope)):
            return f"it would remove everything in {lost}"
    return None


def _docker(rest: list[str], scope: ShellScope) -> str | None:
    joined = " ".join(rest)
    if re.search(
        r"--privileged|--pid[= ]host|--cap-add|docker\.sock|(-v|--volume)[= ]?/((etc|root|home|var|usr|bin|boot|run|dev)\b\S*)?:|source=/[,\s]",
        joined,
    ):
        return "a container with the rights of the machine"
    return None


CHECKS: dict[str, Callable[[list[str], ShellScope], str | None]] = {
    "rm": _rm, "unlink": _rm, "rmdir": _rm, "srm": _rm, "shred": _on_devices, "wipe": _on_devices, "trash": _rm, "trash-put": _rm,
    "gio": _rm, "rimraf": _rm, "chmod": _on_everything, "chown": _on_everything, "chgrp": _on_everything, "setfacl": _on_everything,
    "chattr": _on_everything, "chcon": _on_everything, "mv": _mv, "dd": _dd, "dcfldd": _dd, "kill": _kill, "pkill": _pkill,
    "killall": _pkill, "init": _init, "systemctl": _systemctl, "loginctl": _systemctl, "service": _systemctl, "rc-service": _systemctl, "initctl": _systemctl, "crontab": _crontab, "atrm": _init,
    "find": _find, "fd": _find, "docker": _docker, "podman": _docker, "nerdctl": _docker,
}  # fmt: skip
