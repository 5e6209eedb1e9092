"""What is never run, whatever the mode and the rules say: hard deny, one command at a time."""

from __future__ import annotations

import re
from collections.abc import Callable

from mazu_ls.agent.permissions import targets
from mazu_ls.agent.permissions.expansions import UNKNOWN
from mazu_ls.agent.permissions.rules import Decision
from mazu_ls.agent.permissions.scope import Scope

_PRIVILEGE = frozenset(
    str.split(
        "sudo su doas pkexec run0 sudoedit visudo runuser gosu su-exec dzdo pfexec please kdesu kdesudo gksu gksudo beesu calife"
        " super sux op userv machinectl chroot nsenter setuidgid newgrp sg passwd chpasswd usermod useradd userdel groupadd groupmod"
        " gpasswd adduser deluser vipw vigr chsh chfn setcap insmod rmmod modprobe capsh"
    )
)
_MACHINE = frozenset(
    str.split(
        "reboot shutdown halt poweroff telinit kexec wipefs fdisk sfdisk cfdisk gdisk sgdisk parted mkswap swapon swapoff blkdiscard"
        " hdparm nvme cryptsetup lvremove vgremove pvremove mdadm zpool zfs mount umount losetup dmsetup debugfs tune2fs e2label"
        " sysctl iptables ip6tables nft ufw firewall-cmd setenforce efibootmgr grub-install fsfreeze badblocks flashrom killall5"
        " systemd-nspawn format diskutil"
    )
)
_POWER_VERBS = frozenset(
    str.split(
        "reboot poweroff halt kexec suspend hibernate emergency rescue isolate soft-reboot mask disable stop exit switch-root"
    )
)


def deny(argv: list[str], globs: set[str], scope: Scope) -> Decision | None:
    """The hard deny that one command meets, if any. `argv[0]` is the program's name without its folder."""
    name, rest = argv[0].casefold(), argv[1:]
    if name in _PRIVILEGE:
        return Decision("deny", f"{argv[0]} changes whose rights commands have", rule="no other rights")
    if name in _MACHINE or name.startswith(("mkfs", "fsck.", "newfs")):
        return Decision(
            "deny", f"{argv[0]} acts on the machine, its disks or its network", rule="never destructive"
        )
    if (check := _CHECKS.get(name)) is not None and (reason := check(rest, scope)) is not None:
        return Decision("deny", reason, rule="never destructive")
    if UNKNOWN in argv[0] and (reason := _looks_like_rm(rest, scope)) is not None:
        return Decision("deny", reason, rule="never destructive")
    if (reason := _force_push(name, rest)) is not None:
        return Decision("deny", reason, rule="no force push")
    if (reason := _reverse_shell(name, rest)) is not None:
        return Decision("deny", reason, rule="no reverse shell")
    if (reason := _writes(name, rest, scope)) is not None:
        return Decision("deny", reason, rule="writes stay inside the workspace")
    if (reason := _secrets(name, rest, scope)) is not None:
        return Decision("deny", reason, rule="keys are not read")
    return None


def _flags(rest: list[str]) -> str:
    """All short option letters, and `r`, `f` for the long options that mean them, abbreviations included."""
    letters = ""
    for word in rest:
        if word == "--":
            break
        if word.startswith("--"):
            letters += "r" if len(word) > 3 and "--recursive".startswith(word) else ""
            letters += "D" if len(word) > 4 and "--delete".startswith(word) else ""
        elif word.startswith("-"):
            letters += word[1:]
    return letters


def _operands(rest: list[str]) -> list[str]:
    if "--" in rest:
        cut = rest.index("--")
        return [word for word in rest[:cut] if not word.startswith("-")] + rest[cut + 1 :]
    return [word for word in rest if not word.startswith("-") or word == "-"]


def _rm(rest: list[str], scope: Scope) -> str | None:
    if "--no-preserve-root" in rest or any(len(w) > 6 and "--no-preserve-root".startswith(w) for w in rest):
        return "rm without its own last guard"
    for word in _operands(rest):
        if (lost := targets.everything(word, scope)) is not None:
            return f"it would remove {lost}"
    return None


def _looks_like_rm(rest: list[str], scope: Scope) -> str | None:
    """A program that cannot be known, called as one calls rm."""
    if set(_flags(rest).lower()) & {"r", "f"}:
        for word in _operands(rest):
            if (lost := targets.everything(word, scope)) is not None:
                return f"an unknown program would be let loose on {lost}"
    return None


def _on_everything(rest: list[str], scope: Scope) -> str | None:
    """chmod, chown and their like: recursive, or on a place that is not the project's."""
    recursive = "R" in _flags(rest) or "r" in _flags(rest)
    for word in _operands(rest)[1:] or _operands(rest):
        lost = targets.everything(word, scope)
        if lost is not None and (recursive or targets.write_refused(word, scope)):
            return f"it would change the rights of {lost}"
    return None


def _mv(rest: list[str], scope: Scope) -> str | None:
    for word in _operands(rest):
        if (lost := targets.everything(word, scope)) is not None and not targets.is_device(word):
            if word == _operands(rest)[-1] and targets.write_refused(word, scope) is None:
                continue
            return f"it would move {lost}"
    return None


def _dd(rest: list[str], scope: Scope) -> str | None:
    for word in rest:
        if word.startswith("of=") and (refused := targets.write_refused(word[3:], scope)) is not None:
            return refused
    return None


def _on_devices(rest: list[str], scope: Scope) -> str | None:
    for word in _operands(rest):
        if (refused := targets.write_refused(word, scope)) is not None:
            return refused
    return None


def _kill(rest: list[str], scope: Scope) -> str | None:
    signals = [word for word in rest if word.startswith("-")]
    everybody = {"-1", "0", "1", "-0"} & set(rest[1:] if signals and rest[0] in signals else rest)
    return "it would end processes that are not its own" if everybody else None


def _pkill(rest: list[str], scope: Scope) -> str | None:
    wide = [
        word
        for word in _operands(rest)
        if word in (".", ".*", "", "^", "$", "bash", "sh", "init", "systemd", "sshd", "Xorg")
    ]
    return "it would end processes that are not its own" if wide or "-u" in rest or "-U" in rest else None


def _init(rest: list[str], scope: Scope) -> str | None:
    return "it would change the state of the machine" if rest else None


def _systemctl(rest: list[str], scope: Scope) -> str | None:
    return "it would change the state of the machine" if _POWER_VERBS & set(rest) else None


def _crontab(rest: list[str], scope: Scope) -> str | None:
    return "it would remove or replace your scheduled jobs" if "r" in _flags(rest) else None


def _find(rest: list[str], scope: Scope) -> str | None:
    """`find START -delete` and `-exec rm`: judged as an rm of START where no test narrows it."""
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
        lost = targets.everything(start, scope)
        if lost is not None and (not narrowed or targets.write_refused(start, scope)):
            return f"it would remove everything in {lost}"
    return None


def _docker(rest: list[str], scope: Scope) -> str | None:
    joined = " ".join(rest)
    if re.search(
        r"--privileged|--pid[= ]host|--cap-add|docker\.sock|(-v|--volume)[= ]?/((etc|root|home|var|usr|bin|boot|run|dev)\b\S*)?:|source=/[,\s]",
        joined,
    ):
        return "a container with the rights of the machine"
    return None


_CHECKS: dict[str, Callable[[list[str], Scope], str | None]] = {
    "rm": _rm, "unlink": _rm, "rmdir": _rm, "srm": _rm, "shred": _on_devices, "wipe": _on_devices, "trash": _rm, "trash-put": _rm,
    "gio": _rm, "rimraf": _rm, "chmod": _on_everything, "chown": _on_everything, "chgrp": _on_everything, "setfacl": _on_everything,
    "chattr": _on_everything, "chcon": _on_everything, "mv": _mv, "dd": _dd, "dcfldd": _dd, "kill": _kill, "pkill": _pkill,
    "killall": _pkill, "init": _init, "systemctl": _systemctl, "loginctl": _systemctl, "crontab": _crontab, "atrm": _init,
    "find": _find, "fd": _find, "docker": _docker, "podman": _docker, "nerdctl": _docker,
}  # fmt: skip


def _abbreviates(word: str, option: str, least: int) -> bool:
    head = word.split("=", 1)[0]
    return len(head) >= least and option.startswith(head)


_OVERWRITES = ("--force", "--force-with-lease", "--mirror", "--delete", "--prune")


def _force_push(name: str, rest: list[str]) -> str | None:
    """`git push` that overwrites or removes what others have: forced, mirrored, deleting, pruning, `+ref`, `:ref`."""
    if name not in ("git", "hub", "gh", "yadm") or not {"push", "send-pack"} & set(rest):
        return None
    at = min(rest.index(verb) for verb in ("push", "send-pack") if verb in rest)
    for word in rest[at + 1 :]:
        long = word.startswith("--") and any(_abbreviates(word, option, 4) for option in _OVERWRITES)
        short = re.match(r"^-[a-z]+", word) is not None and bool(set("fd") & set(word[1:].split("o")[0]))
        if long or short or (word.startswith(("+", ":")) and len(word) > 1):
            return f"`git push {word}` overwrites or removes what others have"
    return None


_SHELL_PATH = re.compile(
    r"(exec|system|shell|sh-exec|lua-exec):|(^|[\s/])(ba|z|k|da)?sh(\s|$)|cmd\.exe", re.IGNORECASE
)


def _reverse_shell(name: str, rest: list[str]) -> str | None:
    if any(re.search(r"/(dev|inet)/(tcp|udp)\d?/", word) for word in rest):
        return "a shell would be connected to the network"
    if name in ("nc", "ncat", "netcat", "nc.traditional", "nc.openbsd", "cryptcat", "pwncat"):
        short = any(re.fullmatch(r"-[a-zA-Z]*[ec].*", w) and not w.startswith("--") for w in rest)
        if short or any(_abbreviates(w, o, 4) for w in rest for o in ("--exec", "--sh-exec", "--lua-exec")):
            return "a shell would be connected to the network"
    if name == "socat" and any(_SHELL_PATH.search(word) for word in rest):
        return "a shell would be connected to the network"
    return None


# Programs whose every operand is written, and those of which only the last is.
_WRITE_ALL = frozenset(
    str.split(
        "tee touch mkdir rmdir truncate sponge mkfifo mknod patch ed ex split csplit setfattr chattr fallocate mktemp install-info"
        " vim vi nvim nano emacs ranger unlink rm shred sqlite3 gpgconf xdg-settings"
    )
)
_WRITE_LAST = frozenset(
    str.split("cp mv ln install rsync scp sftp link pax cpio ditto gcp gmv gln ginstall xcopy robocopy clone")
)
_OUTPUT_OPTION = re.compile(
    r"^--(output|output-file|output-document|output-dir|output-directory|outfile|out|out-dir|outdir|target-directory|directory-prefix"
    r"|target|prefix|root|destination|dest|save-to|log-file|logfile|append-output|dump-header|cookie-jar|trace|trace-ascii|report"
    r"|backup-dir|write-out-file|export|junitxml|basetemp|cache-dir|hash-style-file|record|separate-git-dir|install-dir)=(.+)$"
)
_OUTPUT_SHORT: dict[str, str] = {
    "sort": "-o", "gsort": "-o", "curl": "-o --output -O -D --dump-header -c --cookie-jar --output-dir --trace --trace-ascii",
    "wget": "-O --output-document -o -a -P --directory-prefix", "git": "--output -o --output-directory --separate-git-dir",
    "gcc": "-o", "cc": "-o", "clang": "-o", "g++": "-o", "c++": "-o", "clang++": "-o", "ld": "-o", "as": "-o", "go": "-o", "rustc": "-o",
    "unzip": "-d", "7z": "-o", "tar": "-C --directory -f --file --one-top-level", "bsdtar": "-C -f", "zip": "", "gpg": "-o --output",
    "openssl": "-out", "pandoc": "-o", "dot": "-o", "jq": "", "yq": "", "ffmpeg": "", "xxd": "", "tree": "-o", "cp": "-t --target-directory",
    "mv": "-t --target-directory", "ln": "-t --target-directory", "install": "-t --target-directory", "pip": "-t --target --root --prefix",
    "npm": "--prefix -C", "make": "-C -f", "ssh-keygen": "-f", "strace": "-o", "ltrace": "-o", "script": "", "time": "-o --output",
    "age": "-o", "sha256sum": "", "mysqldump": "-r", "pg_dump": "-f", "sed": "", "iconv": "-o", "convert": "", "magick": "", "nasm": "-o",
}  # fmt: skip
_IN_PLACE = re.compile(r"^(-[a-zA-Z]*i.*|--in-place.*)$")


def _writes(name: str, rest: list[str], scope: Scope) -> str | None:
    written: list[str] = []
    if name in _WRITE_ALL:
        written += _operands(rest)
    elif name in _WRITE_LAST:
        written += _operands(rest)[-1:] if len(_operands(rest)) > 1 else []
        written += _operands(rest)[1:] if name == "ln" else []
    elif name in ("sed", "perl", "ruby", "gsed", "gawk", "awk", "sd") and any(
        _IN_PLACE.match(word) for word in rest
    ):
        written += _operands(rest)[1:] if name != "perl" else _operands(rest)
    elif name in ("xxd", "uniq", "uudecode", "gunzip", "xz", "gzip", "bzip2", "zstd"):
        written += _operands(rest)[1:] if name in ("xxd", "uniq") else _operands(rest)
    elif name == "script" or (name == "zip" and rest):
        written += _operands(rest)[:1]
    elif name == "find":
        written += [
            rest[i + 1] for i, w in enumerate(rest[:-1]) if w in ("-fprint", "-fprint0", "-fls", "-fprintf")
        ]
    elif name == "git" and any(verb in rest for verb in ("clone", "init", "worktree")):
        written += [word for word in _operands(rest)[1:] if word.startswith(("/", "~", ".."))]
    written += _outputs(name, rest)
    for word in written:
        if (refused := targets.write_refused(word, scope)) is not None:
            return refused
    return None


def _outputs(name: str, rest: list[str]) -> list[str]:
    """Values of options that name an output."""
    found: list[str] = []
    options = _OUTPUT_SHORT.get(name, "").split()
    for index, word in enumerate(rest):
        following = rest[index + 1] if index + 1 < len(rest) else ""
        if match := _OUTPUT_OPTION.match(word):
            found.append(match[2])
        elif "=" in word and _abbreviates(word, "--output", 5):
            found.append(word.split("=", 1)[1])
        elif word in options or (word.startswith("--o") and len(word) > 4 and "--output".startswith(word)):
            found.append(following)
        elif word.startswith(tuple(option for option in options if len(option) == 2)) and not word.startswith(
            "--"
        ):
            found.append(word[2:])
    reads_archive = name in ("tar", "bsdtar") and not re.search(r"[cru]", rest[0] if rest else "")
    return [] if reads_archive and not _extracts(rest) else [word for word in found if word]


def _extracts(rest: list[str]) -> bool:
    return bool(rest) and (
        "x" in rest[0].lstrip("-") or "--extract" in rest or "--get" in rest or "-C" in rest
    )


_TEXT_PROGRAMS = frozenset(
    ("echo", "printf", "true", "false", ":", "test", "[", "[[", "expr", "say", "logger", "return", "exit")
)
_PATTERN_PROGRAMS = frozenset(
    (
        "grep",
        "egrep",
        "fgrep",
        "zgrep",
        "rg",
        "ag",
        "ack",
        "ugrep",
        "sed",
        "awk",
        "gawk",
        "mawk",
        "jq",
        "yq",
        "pgrep",
    )
)


def _secrets(name: str, rest: list[str], scope: Scope) -> str | None:
    """Words that name a place with keys, outside the workspace: as they stand, and behind `=`, `@`, `:` or an option letter."""
    if name in _TEXT_PROGRAMS:
        return None
    skipped = False
    for word in rest:
        if name in _PATTERN_PROGRAMS and not skipped and not word.startswith("-"):
            skipped = True
            continue
        for part in _parts(word):
            if (found := targets.secret(part, scope)) is not None:
                return f"{found} holds keys or passwords"
    return None


def _parts(word: str) -> list[str]:
    parts = [word]
    for separator in ("=", "@", ":", ","):
        if separator in word:
            parts += [piece for piece in word.split(separator) if piece]
    if re.match(r"^-[A-Za-z][/~.]", word):
        parts.append(word[2:])
    return [part.removeprefix("file://").lstrip("@<") for part in parts if part and not part.startswith("--")]
