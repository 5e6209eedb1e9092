"""Programs that run another program: where in their words the inner command begins."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mazu_ls.policy.tables.allowed_commands import PROGRAMS

SHELLS = frozenset(
    str.split("sh bash dash zsh ksh mksh ash fish csh tcsh rbash yash osh ysh xonsh nu elvish")
)
INTERPRETERS = re.compile(
    r"^(python[\d.]*|pypy[\d.]*|perl[\d.]*|ruby[\d.]*|node|nodejs|deno|bun|php[\d.]*|lua[\d.]*|luajit|tclsh|wish|osascript|Rscript|julia"
    r"|guile|scheme|racket|ghci|irb|groovy|scala|jshell|pwsh|powershell|gawk|mawk|awk|nawk|expect|emacs|ocaml|elixir|iex|swift)$"
)
CODE_OPTIONS = {
    "python": "-c", "pypy": "-c", "perl": "-e -E", "ruby": "-e", "node": "-e --eval -p --print", "nodejs": "-e -p", "deno": "eval",
    "bun": "-e", "php": "-r -B -R -E", "lua": "-e", "luajit": "-e", "osascript": "-e", "Rscript": "-e", "julia": "-e -E",
    "guile": "-c", "racket": "-e", "groovy": "-e", "scala": "-e", "pwsh": "-c -Command", "powershell": "-c -Command",
    "expect": "-c", "elixir": "-e", "emacs": "--eval --execute",
}  # fmt: skip


@dataclass(frozen=True)
class Wrapper:
    """Options that take a value, and how many words stand before the inner command."""

    values: str = ""
    before: int = 0
    assignments: bool = False


WRAPPERS: dict[str, Wrapper] = {
    "env": Wrapper("-u --unset -C --chdir -S --split-string --block-signal --default-signal --ignore-signal", 0, True),
    "timeout": Wrapper("-s --signal -k --kill-after", 1),
    "gtimeout": Wrapper("-s --signal -k --kill-after", 1),
    "nice": Wrapper("-n --adjustment"), "nohup": Wrapper(), "setsid": Wrapper(), "command": Wrapper(), "builtin": Wrapper(),
    "exec": Wrapper("-a"), "time": Wrapper("-f --format -o --output"), "gtime": Wrapper("-f --format -o --output"),
    "stdbuf": Wrapper("-i -o -e --input --output --error"), "unbuffer": Wrapper(),
    "ionice": Wrapper("-c -n -p -P -u --class --classdata --pid"), "chrt": Wrapper("-T -P -D -p", 1), "taskset": Wrapper("-p", 1),
    "numactl": Wrapper("-N -m -C -i -p"), "prlimit": Wrapper("-p --pid -o"), "cpulimit": Wrapper("-l -p -e"),
    "flock": Wrapper("-w --wait --timeout -E --conflict-exit-code", 1), "unshare": Wrapper("-R --root -w --wd -S -G --setuid --setgid"),
    "nsenter": Wrapper("-t --target"), "chroot": Wrapper("--userspec --groups", 1), "setarch": Wrapper("", 1), "linux64": Wrapper(),
    "linux32": Wrapper(), "setpriv": Wrapper("--reuid --regid --groups --inh-caps --bounding-set --ambient-caps"),
    "strace": Wrapper("-e -o -p -s -u -E -a -I -O -S -P"), "ltrace": Wrapper("-e -o -p -s -u -a -n -l"), "valgrind": Wrapper(),
    "perf": Wrapper("-e -o", 1), "gdb": Wrapper("-ex -x -iex -p"), "lldb": Wrapper("-o -s -p"), "rr": Wrapper("", 1), "catchsegv": Wrapper(),
    "xargs": Wrapper("-I -i -n -P -L -l -s -a -d -E --max-args --max-procs --max-lines --arg-file --delimiter --replace --max-chars"),
    "parallel": Wrapper("-j --jobs -a --arg-file -I --colsep -n -N -L --joblog --results --sshlogin -S"),
    "watch": Wrapper("-n --interval"), "entr": Wrapper(), "xvfb-run": Wrapper("-s -n -e -f -w"), "dbus-run-session": Wrapper(),
    "dbus-launch": Wrapper(), "fakeroot": Wrapper("-l -s -i -b"), "fakechroot": Wrapper(), "proot": Wrapper("-r -b -w -0 -S"),
    "firejail": Wrapper(), "bwrap": Wrapper("--bind --ro-bind --dev-bind"), "systemd-run": Wrapper("-p --property -u --unit -t -M -E --uid --gid"),
    "systemd-inhibit": Wrapper(), "caffeinate": Wrapper("-t -w"), "arch": Wrapper(), "busybox": Wrapper(), "toybox": Wrapper(),
    "tini": Wrapper(), "dumb-init": Wrapper(), "catatonit": Wrapper(), "dotenv": Wrapper("-f --file", 0), "direnv": Wrapper("", 2),
    "chpst": Wrapper("-u -U -e -n -l -L"), "softlimit": Wrapper("-d -s -m"), "start-stop-daemon": Wrapper(), "daemonize": Wrapper(),
    "torsocks": Wrapper(), "proxychains": Wrapper("-f"), "proxychains4": Wrapper("-f"), "tsocks": Wrapper(), "rlwrap": Wrapper(),
    "coproc": Wrapper(), "cgexec": Wrapper("-g"), "runcon": Wrapper("-u -r -t -l", 0), "setlock": Wrapper("", 1), "noglob": Wrapper(), "nocorrect": Wrapper(), "sem": Wrapper("-j"), "ts": Wrapper(), "chronic": Wrapper(), "faketime": Wrapper("-f", 1),
    "hyperfine": Wrapper("-w -r -m -M -p -c -n -N --warmup --runs --prepare"), "poetry": Wrapper("", 1), "pipenv": Wrapper("", 1),
    "uv": Wrapper("--with --python", 1), "npx": Wrapper("-p --package"), "bunx": Wrapper(), "uvx": Wrapper("--from"), "rye": Wrapper("", 1),
    "hatch": Wrapper("", 1), "pdm": Wrapper("", 1), "conda": Wrapper("-n -p", 1), "bundle": Wrapper("", 1), "mise": Wrapper("", 1),
    "asdf": Wrapper("", 2), "wine": Wrapper(), "qemu-x86_64": Wrapper(), "ld.so": Wrapper(), "ld-linux-x86-64.so.2": Wrapper("--library-path"),
    "ssh": Wrapper("-p -i -l -o -F -J -L -R -D -b -c -e -m -E -I -O -Q -S -W -w", 1), "mosh": Wrapper("", 1),
    "docker": Wrapper("-e -v -w -u --name -p --mount --network --entrypoint --user --workdir --volume --env", 2),
    "podman": Wrapper("-e -v -w -u --name -p", 2), "kubectl": Wrapper("-n -c --namespace --container", 2),
    "distrobox-enter": Wrapper("-n"), "toolbox": Wrapper("", 1), "flatpak-spawn": Wrapper(), "waypipe": Wrapper(), "apptainer": Wrapper("", 2),
    "ssh-agent": Wrapper("-a -E -O -P -t"), "gpg-agent": Wrapper("--options"), "sshpass": Wrapper("-p -f -d -P"), "aws-vault": Wrapper("", 2),
    "ip": Wrapper("-n -netns", 3), "nix": Wrapper("-c --command", 1), "start-server-and-test": Wrapper("", 2),
}  # fmt: skip


# Of a program that nobody here knows, the first operand may be a command; only these are taken for one.
_TAKEN_FOR_COMMANDS = SHELLS | frozenset(
    str.split(
        "sudo su doas pkexec run0 rm dd shred wipe mkfs chmod chown mv eval exec env nc ncat socat reboot shutdown poweroff mount umount"
        " insmod modprobe kill pkill killall crontab curl wget git find xargs tee sed"
    )
)
# Their operands are names of programs or files, never commands.
_ABOUT_PROGRAMS = frozenset(
    str.split(
        "man tldr info whatis apropos which whereis type hash help cheat pgrep pidof apt apt-get brew dnf yum pacman apk snap port"
    )
)


def program(word: str) -> str:
    """A program's name without its folder."""
    return word.rstrip("/").rsplit("/", 1)[-1] or word


def inner(argv: list[str]) -> list[list[str]]:
    """The commands that a wrapper may run, read every way its options can be read; none if it is no wrapper."""
    spec = WRAPPERS.get(argv[0])
    if spec is None:
        return _of_unknown(argv)
    if argv[0] == "command" and argv[1:2] in (["-v"], ["-V"]):
        return []
    found: list[list[str]] = []
    for start in _starts(argv, spec):
        command = argv[start + spec.before :]
        while spec.assignments and command and re.match(r"^[A-Za-z_]\w*=", command[0]):
            command = command[1:]
        if command and command not in found:
            found.append(command)
    return found


def _of_unknown(argv: list[str]) -> list[list[str]]:
    """`launcher sudo ls`: what follows the options, if it could be a command, of a program that is on no table."""
    if (
        argv[0] in _ABOUT_PROGRAMS
        or argv[0] in _TAKEN_FOR_COMMANDS
        or argv[0] in PROGRAMS
        or INTERPRETERS.match(argv[0])
    ):
        return []
    starts = [start for start in _starts(argv, Wrapper()) if start + 1 < len(argv)]
    return [argv[start:] for start in starts if program(argv[start]) in _TAKEN_FOR_COMMANDS]


def _starts(argv: list[str], spec: Wrapper) -> list[int]:
    """Where the options end. An unknown option may take a value or not: then it is both."""
    values = spec.values.split()
    starts: list[int] = []
    todo = [1]
    while todo:
        at = todo.pop()
        if at >= len(argv) or at in starts:
            continue
        word = argv[at]
        if word == "--":
            starts.append(at + 1)
        elif not word.startswith("-") or word == "-":
            starts.append(at)
            if word == "-" and spec.assignments:  # `env -` is `env -i`
                todo.append(at + 1)
        elif word in values:
            todo.append(at + 2)
        elif "=" in word or (
            word.startswith("-") and any(v in word[:2] for v in values if len(v) == 2 and len(word) > 2)
        ):
            todo.append(at + 1)
        else:
            takes = word.startswith("--") or f"-{word[-1]}" in values  # `exec -cla NAME`
            todo += [at + 1, at + 2] if takes else [at + 1]
    return starts
