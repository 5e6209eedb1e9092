"""Random command lines that the gate allows, run in real bash inside the sandbox with stub programs.

    python benchmarks/policy_fuzz.py [LINES=2000] [--seed N]

An escape is any effect beyond the verdict: a file made, changed or removed, a program run that the gate did not see, an
option that reached a program unseen. Prints lines, allowed lines, escapes and the time of a verdict; exits 1 if anything escaped.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import stat
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mazu_ls.policy import PolicyContext, ToolCallInfo
from mazu_ls.policy.bash.scan import DenyScan
from mazu_ls.policy.decide import decide
from mazu_ls.policy.tables.allowed_commands import PROGRAMS
from mazu_ls.state.command_folder import FOLDERS
from mazu_ls.tools.base import Effect
from mazu_ls.tools.shell import sandbox
from mazu_ls.tools.shell.process import spawn

SEEDS = """ls|ls -la src|cat a.py|cat a.py b.txt|head -5 a.py|tail -n 2 b.txt|wc -l a.py|grep -n foo a.py|grep -rn 'a b' src|git status|git log --oneline -5
git diff -- a.py|git show HEAD:a.py|find . -name '*.py' -type f|sed -n '1,2p' a.py|sed 's/a/b/' a.py|awk '{print $1}' b.txt|sort b.txt|uniq -c|cut -d: -f1 b.txt
echo hi|echo "a; touch x"|echo 'x > y'|printf '%s\\n' a b|pwd|cd src && ls|(cd src; ls)|{ ls; }|for f in a b; do echo $f; done|for f in *.py; do cat "$f"; done
if [ -f a.py ]; then cat a.py; fi|[ -f a.py ] && echo yes|[[ -d src ]] && ls src|test -f a.py || echo no|ls > /dev/null 2>&1|ls 2>/dev/null|cat < a.py|cat <<< hi
cat <<'E'\\nx $(touch y)\\nE|! grep -q x a.py|true && false || true|while read l; do echo "$l"; done < b.txt|x=1; echo $x|echo ${#PATH}|echo $((1+2))|echo $HOME
ls src/*.py|cat src/[a-c].py|ls *|echo *|echo {a,b}|cat -- -rf|time ls|tr a b < b.txt|diff a.py b.txt|rg foo src|pytest -q src|python -m pytest|basename src/c.py|stat a.py
echo a#b # c|echo "it's"|echo 'it'"'"'s'|echo \\$x|echo "\\$(touch x)"|git -C src status|ls -- -x|jq . b.txt|date +%F|which ls|command -v ls|git branch -a""".replace(
    "\n", "|"
).split("|")
PIECES = """ ;|;;|&|&&| \\|\\| | \\| |\\|&|\\n| |\\t|>|>>|>\\||>&|&>|&>>|<|<>|<<|<<<|>&-|2>|3>|>-|>|-|1|50|a|x|/dev/null|/dev/null/|./|../|~|~/|/|$|$x|${x}|$((|))|$(|)|`|'|"|\\\\
{|}|{a,b}|[|]|[[|]]|*|?|!|#|=|+=|x=|PATH=.|IFS=,|$'|\\x3b|$"|\\r|\\x00|\\u200b|é|-|--|-o|-i|-e|-exec|-delete|--output=x|--pre=./x|-w|touch z|rm a.py|id|sh|eval|exec|source a.py|. a.py
tee z|xargs touch|if|then|fi|for f in|do|done|case x in|esac|function|coproc|f()|time|-p|${x:=y}|${x@P}|${!x}|$[1]|<(ls)|>(cat)|((|))|a[0]=1|a[$(id)]|-v|$@|$*|$_|$-|$?|EOF|<<EOF|\\nEOF\\n""".replace(
    "\n", "|"
).split("|")
PER_BATCH = 400
DRIVER = r"""
index=0
while IFS= read -r -d '' line; do
  LOG="$OUT/$index" /usr/bin/timeout -s KILL 2 /bin/bash --noprofile --norc -c "$line" </dev/null >/dev/null 2>&1
  index=$((index + 1))
done < "$OUT/lines"
"""


# One write, so that the stages of a pipeline do not mix their records.
STUB = """#!/bin/sh
record="${0##*/}"
for word; do record="$record\x1f$word"; done
printf '%s\x1e' "$record" >> "$LOG"
"""


@dataclass
class Result:
    """What a run of the fuzzer found. Times are CPU seconds of one verdict."""

    lines: int
    allowed: int
    ran: int
    escapes: list[tuple[str, str]]
    verdict_p95: float


def fuzz(lines: int, seed: int) -> Result:
    """Judge `lines` random lines and run those that are allowed."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder).resolve())
        place = PolicyContext([world.project], world.project, world.home)
        allowed, times = [], []
        for _ in range(lines):
            line = invent(chance)
            started = time.process_time()
            verdict = decide(
                ToolCallInfo("run_shell", Effect.EXECUTE, {"command": line}), "auto", [], place
            ).verdict
            times.append(time.process_time() - started)
            if verdict == "allow":
                allowed.append(line)
        unique = list(dict.fromkeys(allowed))
        escapes = []
        for start in range(0, len(unique), PER_BATCH):
            escapes += world.run(unique[start : start + PER_BATCH], place)
    return Result(lines, len(allowed), len(unique), escapes, sorted(times)[int(len(times) * 0.95)])


def invent(chance: random.Random) -> str:
    """A seed, or several joined, with pieces put in, taken out, doubled."""
    joint = chance.choice((";", " && ", " | ", "\n", " || ", " ; ", "&", " "))
    line = joint.join(chance.choice(SEEDS) for _ in range(chance.choice((1, 1, 1, 2, 2, 3))))
    line = line.replace("\\n", "\n")
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        at = chance.randrange(len(line) + 1)
        match chance.randrange(5):
            case 0 | 1 | 2:
                piece = chance.choice(PIECES).replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
                piece = (
                    piece.replace("\\x00", "\x01")
                    .replace("\\x3b", ";")
                    .replace("\\u200b", "\u200b")
                    .replace("\\\\", "\\")
                    .replace("\\|", "|")
                )
                line = line[:at] + chance.choice(("", " ")) + piece + chance.choice(("", " ")) + line[at:]
            case 3:
                line = line[:at] + line[at + chance.randrange(1, 4) :]
            case _:
                end = min(len(line), at + chance.randrange(1, 12))
                line = line[:end] + line[at:end] + line[end:]
    return line


class World:
    """A project, a home, and a PATH on which every program only writes down how it was called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project, self.home, self.out = root / "proj", root / "home", root / "out"
        for folder in (
            self.project / "src",
            self.project / ".git",
            self.home,
            self.out,
            root / "bin",
            root / "tmp",
        ):
            folder.mkdir(parents=True)
        for name in ("a.py", "b.txt", "src/c.py", "-rf", "--output=x", "a b", ".env", "a[0]"):
            (self.project / name).write_text("foo\nsh -c 'touch escaped'\n", encoding="utf-8")
        stub = root / "bin" / "stub"
        stub.write_text(STUB, encoding="utf-8")
        stub.chmod(0o755)
        for name in (
            *PROGRAMS,
            *[
                "git",
                "python",
                "python3",
                "touch",
                "rm",
                "id",
                "sh",
                "tee",
                "xargs",
                "env",
                "sudo",
                "cp",
                "mv",
                "x",
                "y",
                "z",
                "f",
                "E",
                "EOF",
                "bash",
                "dash",
                "curl",
            ],
        ):
            if "/" not in name and not (root / "bin" / name).exists():
                (root / "bin" / name).symlink_to("stub")

    def run(self, lines: list[str], place: PolicyContext) -> list[tuple[str, str]]:
        """Escapes among these lines."""
        shutil.rmtree(self.out)
        self.out.mkdir()
        (self.out / "lines").write_bytes(b"".join(line.encode() + b"\0" for line in lines))
        before = self._tree()
        asyncio.run(self._bash())
        escapes = [
            (line, why) for index, line in enumerate(lines) if (why := self._unseen(line, index, place))
        ]
        if self._tree() != before:
            if len(lines) == 1:
                escapes.append((lines[0], "files changed"))
            else:
                self._restore()
                half = len(lines) // 2
                escapes += self.run(lines[:half], place) + self.run(lines[half:], place)
        return escapes

    async def _bash(self) -> None:
        env = {
            "PATH": str(self.root / "bin"),
            "HOME": str(self.home),
            "OUT": str(self.out),
            "LC_ALL": "C.UTF-8",
        }
        held = sandbox.wrap_in_sandbox(
            ["/bin/bash", "-c", DRIVER],
            roots=[self.root],
            env=os.environ,
            setting="required",
            network=False,
            scratch=self.root / "tmp",
        )
        child = await spawn(held.argv, cwd=self.project, env=env)
        while await child.output.read(65536):
            pass
        await child.wait()
        child.close()
        for name in FOLDERS:  # mount points of the sandbox
            shutil.rmtree(self.root / "tmp" / name, ignore_errors=True)

    def _unseen(self, line: str, index: int, place: PolicyContext) -> str | None:
        """A program that ran, or an option it got, that the gate knew nothing of."""
        log = self.out / str(index)
        if not log.exists():
            return None
        seen = DenyScan(place).run(line).argvs
        programs = {argv[0] for argv in seen}
        words = {word for argv in seen for word in argv}
        for record in log.read_text(encoding="utf-8", errors="replace").split("\x1e")[:-1]:
            name, *arguments = record.split("\x1f")
            if name not in programs:
                return f"{name} ran"
            if name not in PROGRAMS and name not in ("git", "python", "python3"):
                return f"{name} ran, which is on no table"
            for argument in arguments:
                if (
                    argument.startswith("-")
                    and argument not in words
                    and name not in ("ls", "cat", "echo", "wc", "head", "tail", "grep")
                ):
                    return f"{name} got {argument}"
        return None

    def _tree(self) -> dict[str, tuple[int, int, int]]:
        found = {}
        for folder, _, names in os.walk(self.root):
            if not folder.startswith(str(self.out)):
                for name in names:
                    status = os.lstat(f"{folder}/{name}")
                    found[f"{folder}/{name}"] = (
                        stat.S_IFMT(status.st_mode),
                        status.st_size,
                        status.st_mtime_ns,
                    )
        return found

    def _restore(self) -> None:
        root = self.root
        for entry in list(root.iterdir()):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.__init__(root)


def main() -> int:
    numbers = [word for word in sys.argv[1:] if word.isdigit()]
    seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 20261121
    lines = int(numbers[0]) if numbers else 2000
    print(f"sandbox: {sandbox.probe().kind}")
    started = time.perf_counter()
    result = fuzz(lines, seed)
    print(
        f"{result.lines} lines, {result.allowed} allowed, {result.ran} different ones run, {time.perf_counter() - started:.1f} s"
    )
    print(f"verdict p95 {result.verdict_p95 * 1000:.2f} ms CPU")
    for line, why in result.escapes[:20]:
        print(f"ESCAPE {why}: {line!r}")
    print(f"{len(result.escapes)} escapes")
    return 1 if result.escapes else 0


if __name__ == "__main__":
    sys.exit(main())
