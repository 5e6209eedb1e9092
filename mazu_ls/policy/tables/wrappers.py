"""Programs that run another program: where in their words the inner command begins."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mazu_ls.policy.step_budget import spend
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
class WrapperSpec:
    """Options that take a value, and how many words stand before the inner command."""

    values: str = ""
    before: int = 0
    assignments: bool = False


WRAPPERS: dict[str, WrapperSpec] = {
    "env": WrapperSpec("-u --unset -C --chdir -S --split-string --block-signal --default-signal --ignore-signal", 0, True),
    "timeout": WrapperSpec("-s --signal -k --kill-after", 1),
    "gtimeout": WrapperSpec("-s --signal -k --kill-after", 1),
    "nice": WrapperSpec("-n --adjustment"), "nohup": WrapperSpec(), "setsid": WrapperSpec(), "command": WrapperSpec(), "builtin": WrapperSpec(),
    "exec": WrapperSpec("-a"), "time": WrapperSpec("-f --format -o --output"), "gtime": WrapperSpec("-f --format -o --output"),
    "stdbuf": WrapperSpec("-i -o -e --input --output --error"), "unbuffer": WrapperSpec(),
    "ionice": WrapperSpec("-c -n -p -P -u --class --classdata --pid"), "chrt": WrapperSpec("-T -P -D -p", 1), "taskset": WrapperSpec("-p", 1),
    "numactl": WrapperSpec("-N -m -C -i -p"), "prlimit": WrapperSpec("-p --pid -o"), "cpulimit": WrapperSpec("-l -p -e"),
    "flock": WrapperSpec("-w --wait --timeout -E --conflict-exit-code", 1), "unshare": WrapperSpec("-R --root -w --wd -S -G --setuid --setgid"),
    "nsenter": WrapperSpec("-t --target"), "chroot": WrapperSpec("--userspec --groups", 1), "setarch": WrapperSpec("", 1), "linux64": WrapperSpec(),
    "linux32": WrapperSpec(), "setpriv": WrapperSpec("--reuid --regid --groups --inh-caps --bounding-set --ambient-caps"),
    "strace": WrapperSpec("-e -o -p -s -u -E -a -I -O -S -P"), "ltrace": WrapperSpec("-e -o -p -s -u -a -n -l"), "valgrind": WrapperSpec(),
    "perf": WrapperSpec("-e -o", 1), "gdb": WrapperSpec("-ex -x -iex -p"), "lldb": WrapperSpec("-o -s -p"), "rr": WrapperSpec("", 1), "catchsegv": WrapperSpec(),
    "xargs": WrapperSpec("-I -i -n -P -L -l -s -a -d -E --max-args --max-procs --max-lines --arg-file --delimiter --replace --max-chars"),
    "parallel": WrapperSpec("-j --jobs -a --arg-file -I --colsep -n -N -L --joblog --results --sshlogin -S"),
    "watch": WrapperSpec("-n --interval"), "entr": WrapperSpec(), "xvfb-run": WrapperSpec("-s -n -e -f -w"), "dbus-run-session": WrapperSpec(),
    "dbus-launch": WrapperSpec(), "fakeroot": WrapperSpec("-l -s -i -b"), "fakechroot": WrapperSpec(), "proot": WrapperSpec("-r -b -w -0 -S"),
    "firejail": WrapperSpec(), "bwrap": WrapperSpec("--bind --ro-bind --dev-bind"), "systemd-run": WrapperSpec("-p --property -u --unit -t -M -E --uid --gid"),
    "systemd-inhibit": WrapperSpec(), "caffeinate": WrapperSpec("-t -w"), "arch": WrapperSpec(), "busybox": WrapperSpec(), "toybox": WrapperSpec(),
    "tini": WrapperSpec(), "dumb-init": WrapperSpec(), "catatonit": WrapperSpec(), "dotenv": WrapperSpec("-f --file", 0), "direnv": WrapperSpec("", 2),
    "chpst": WrapperSpec("-u -U -e -n -l -L"), "softlimit": WrapperSpec("-d -s -m"), "start-stop-daemon": WrapperSpec(), "daemonize": WrapperSpec(),
    "torsocks": WrapperSpec(), "proxychains": WrapperSpec("-f"), "proxychains4": WrapperSpec("-f"), "tsocks": WrapperSpec(), "rlwrap": WrapperSpec(),
    "coproc": WrapperSpec(), "cgexec": WrapperSpec("-g"), "runcon": WrapperSpec("-u -r -t -l", 0), "setlock": WrapperSpec("", 1), "noglob": WrapperSpec(), "nocorrect": WrapperSpec(), "sem": WrapperSpec("-j"), "ts": WrapperSpec(), "chronic": WrapperSpec(), "faketime": WrapperSpec("-f", 1),
    "hyperfine": WrapperSpec("-w -r -m -M -p -c -n -N --warmup --runs --prepare"), "poetry": WrapperSpec("", 1), "pipenv": WrapperSpec("", 1),
    "uv": WrapperSpec("--with --python", 1), "npx": WrapperSpec("-p --package"), "bunx": WrapperSpec(), "uvx": WrapperSpec("--from"), "rye": WrapperSpec("", 1),
    "hatch": WrapperSpec("", 1), "pdm": WrapperSpec("", 1), "conda": WrapperSpec("-n -p", 1), "bundle": WrapperSpec("", 1), "mise": WrapperSpec("", 1),
    "asdf": WrapperSpec("", 2), "wine": WrapperSpec(), "qemu-x86_64": WrapperSpec(), "ld.so": WrapperSpec(), "ld-linux-x86-64.so.2": WrapperSpec("--library-path"),
    "ssh": WrapperSpec("-p -i -l -o -F -J -L -R -D -b -c -e -m -E -I -O -Q -S -W -w", 1), "mosh": WrapperSpec("", 1),
    "docker": WrapperSpec("-e -v -w -u --name -p --mount --network --entrypoint --user --workdir --volume --env", 2),
    "podman": WrapperSpec("-e -v -w -u --name -p", 2), "kubectl": WrapperSpec("-n -c --namespace --container", 2),
    "distrobox-enter": WrapperSpec("-n"), "toolbox": WrapperSpec("", 1), "flatpak-spawn": WrapperSpec(), "waypipe": WrapperSpec(), "apptainer": WrapperSpec("", 2),
    "ssh-agent": WrapperSpec("-a -E -O -P -t"), "gpg-agent": WrapperSpec("--options"), "sshpass": WrapperSpec("-p -f -d -P"), "aws-vault": WrapperSpec("", 2),
    "ip": WrapperSpec("-n -netns", 3), "nix": WrapperSpec("-c --command", 1), "start-server-and-test": WrapperSpec("", 2),
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
    starts = [start for start in _starts(argv, WrapperSpec()) if start + 1 < len(argv)]
    return [argv[start:] for start in starts if program(argv[start]) in _TAKEN_FOR_COMMANDS]


def _starts(argv: list[str], spec: WrapperSpec) -> list[int]:
    """Where the options end. An unknown option may take a value or not: then it is both."""
    values = spec.values.split()
    starts: list[int] = []
    todo, looked = [1], set[int]()
    while todo:
        at = todo.pop()
        if at >= len(argv) or at in looked:
            continue
        spend(1 + len(values) // 4)
        looked.add(at)
        word = argv[at]
        if word == "--":
            starts += [at + 1] if at + 1 not in starts else []
        elif not word.startswith("-") or word == "-":
            starts += [at] if at not in starts else []
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
