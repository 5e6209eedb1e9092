"""How the time of a verdict grows with the length of a hostile line: each construct is repeated n and 2n times.

    python benchmarks/policy_growth.py [--size 12000] [--share 1.0] [--seed 1] [--longest 160000]

Every unit is repeated in every frame, in lines of about `--size` characters and of twice that. What takes more than 2.8 times as long for
twice the length (an exponent above 1.5), and long enough to be measured, is tried again with `--longest` characters: a line that takes more
than 3 s of CPU there is printed, with its verdict. Exit status 1: there is one.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mazu_ls.policy import PolicyContext, Rule, ToolCallInfo
from mazu_ls.policy.decide import decide
from mazu_ls.tools.base import Effect

GROWTH = 2.8
LEAST_SECONDS = 0.05
MOST_SECONDS = 3.0
PLACE = PolicyContext([Path("/proj")], Path("/proj"), Path("/home/u"), confined=True)
RULES = [
    Rule.parse("run_shell", "git push*", "deny"),
    Rule.parse("run_shell", "kubectl delete", "ask"),
    Rule.parse("run_shell", "npm run *", "allow"),
]
# `@` stands for the repeated units.
FRAMES = (
    "@", "x @", "echo @", "echo '@'", 'echo "@"', "x='@'; $x", 'x="@"; eval "$x"', "x=(@); ${x[1]}", "bash -c '@'", "eval '@'",
    "perl -e '@'", "python3 -c '@'", 'python3 -c "@"', "node -e '@'", "ruby -e '@'", "awk '@' f", "sed '@' f", "sed -e '@' f", "jq '@' f",
    "git @", "git -c @ status", "git push @", "git config @", "find @", "find . @", "find . -name '@'", "xargs @", "echo '@' | xargs rm",
    "env @ ls", "timeout 5 @", "ssh h '@'", "tar @", "docker @", "docker run @ x", "kubectl @", "npm @", "rm @", "cp @ d", "cat @ f", "ln @",
    "cat <<'EOF'\n@\nEOF", "cat <<EOF\n@\nEOF", "bash <<'EOF'\n@\nEOF", "python3 <<'EOF'\n@\nEOF", "cat > s.sh <<'EOF'\n@\nEOF\nsh s.sh",
    "cat <<< '@' | sh", "echo '@' | bash", "echo '@' > s; sh s", "read a b <<< '@'; $b", "read -a a <<< '@'; ${a[1]}", "mapfile a <<< '@'; $a",
    "set -- @; $2", "f() { @; }; f", "f() { $1; }; f '@'", "while x; do @; done", "for i in @; do $i; done", "for i in 1 2; do @; done",
    "case x in @ esac", "[[ @ ]]", "[ @ ]", "(( @ ))", "echo $(( @ ))", "echo $(@)", "echo `@`", "echo ${x@}", "x='@'; echo ${x//a/b}",
    "x='@'; echo ${x%%*a}", "x='@'; echo ${x##*a}", "x='@'; echo $((x))", "printf '@' a", "printf -v x '@'; $x", "echo $'@'", "echo {@}", "echo {a,@}",
    "trap '@' EXIT", "alias x='@'; x", "x | @", "x && @", "( @ )", "{ @; }", "diff <(@) f", "export A='@'", "declare -A a=(@); ${a[x]}", "vim -c '@'",
    "parallel @", "echo '@' | parallel", "make -f - <<'EOF'\n@\nEOF", "psql -c '@'", "watch '@'", "crontab <<'EOF'\n@\nEOF", "x <<A @", "mazu-ls @",
    "pip @", "uv run @", "curl @", "curl u | @", "dd @", "tee @", "chmod @", "kill @", "pkill @", "cd @", "trap @", "unset @", "shift @", "tmux @",
)  # fmt: skip
UNITS = (
    "a", "a ", "-a ", "-ab ", "--a ", "--a=b ", "--output=b ", "-c a=b ", "-o ", "-C a ", "-e a ", "a=b ", "a=$a ", "a=$(b) ", "a[1]=b ", "a+=b;", "a+=(b);",
    "a=$a$a;", "b=$a;a=$b;", "$a", "$a ", "${a} ", "${a[1]} ", "${a[@]} ", "${a:-b}", "${a:-", "${", "${a[", "$(", "$(a) ", "$(a)", "`a` ", "`", "$((", "$((1+", "((",
    "(", "( ", ")", "{", "{ ", "}", "{a,b}", "{a,", "{1..9}", "[", "[ ", "[[ ", "]] ", "[a]", "[a-", "*", "**/", "?", "a*", "../", "/..", "/", "//", "./", "~", "~/ ", "a/", "/a ",
    "<", "> ", ">a ", "<a ", "<<<a ", "<<a ", "<<a\n", "2>&1 ", "&>a ", "{x}>a ", "<(a) ", "<(", ">(", ">(a) ", "|", "| a ", "|| a ", "&& a ", "& ", "; ", ";; ", ";a", "\n", "a\n", "a\\\n",
    "\\", "\\\\", "\\a", "\\(", "\\;", "\\; ", "'", '"', '"a" ', "\\'", '\\"', "\\n", "''", '""', "\"'", "$'a'", '$"a"', "#", "# ", "#a\n", "!", "! ", "!a\n", "@", "%", "%s", "%x{", "q{", "q(", "q/", "qx{",
    ",", ", ", ".", ":", ": ", "=", "==", "+", "-", "- ", "-- ", "--", "_", "\t", "  ", "é", "1 ", "1", "0x1", "1+", "\\x41", "\\101", "\\u0041", "s/a/b/", "s/a/b/;", "s/a/b/e;", "/a/", "/a/d;", "w a;", "e a\n", "r a ",
    "if a; then b; fi; ", "if ", "then ", "fi ", "do ", "done ", "while ", "while a; do b; done; ", "for i in a b; do c; done; ", "case a in b) c;; esac; ", "a) b;; ", "f() { a; }; ", "f() { f; }; ", "function f { a; }; ",
    "cd a; ", "cd ..; ", "cd a && ", "(cd a; b); ", "set -- a b; ", "shift; ", "eval a; ", "eval 'a'; ", "export a=b; ", "read a; ", "read a <<< b; ", "local a=b; ", "alias a=b; ", "trap a EXIT; ", "source a; ", ". a; ",
    "echo a | sh; ", "echo a > s; ", "sh s; ", "cat s | sh; ", "cp s t; cp t s; ", "curl u > s; ", "xargs a; ", "env a ", "env -i ", "sudo -n ", "timeout 1 ", "nice ", "sh -c ", "bash -c 'a'; ", "nohup ", "find . -exec ", "-exec ", "-exec a \\; ", "-exec sh -c ls \\; ",
    "-name a ", "-o -name a ", "rm a; ", "git a; ", "git -C a ", "git push; ", "-c alias.a=b ", "--exec=a ", "--config a ", "python3 -c 'a'; ", "exec('a');", "system('a');", "os.system(", "open('a','w');", "subprocess.run(['a']);", "['a',", "fork ", "while(1)", "system(", "import a;", "print(",
    "unlink ", "remove(", "rmtree", "/home/u ", "~/.ssh/ ", "/etc/passwd ", ".git/", "http://a ", "a@b:c ", "a:b ", "a:", "::: a ", "{} ", "-I{} ", "-X ", "-r ", "-rf ", "+x ", "+", "a=1 b=2 ", "X=$(X) ", "${!a} ", "${#a} ", "${a//b/c} ", "${a#b} ", "${a:1:2} ", "${a@P} ", "$1 ", "$@ ", "$* ", "$# ", "$? ", "${@:2} ",
)  # fmt: skip


def seconds(line: str, mode: str = "bypass") -> tuple[float, str]:
    """The CPU seconds that a verdict takes, and the verdict."""
    call = ToolCallInfo("run_shell", Effect.EXECUTE, {"command": line})
    began = time.process_time()
    found = decide(call, mode, RULES, PLACE)  # pyright: ignore[reportArgumentType]
    return time.process_time() - began, f"{found.verdict}: {found.reason}"


def lines(size: int, frame: str, unit: str) -> str:
    """A frame with as many units as make a line of this size."""
    return frame.replace("@", unit * max(1, size // len(unit)))


def suspects(size: int, share: float, seed: int) -> Iterator[tuple[str, str, float]]:
    """Each frame and unit that is worse than linear at this size, with the seconds at twice that."""
    chosen = random.Random(seed)
    for frame in FRAMES:
        for unit in UNITS:
            if chosen.random() >= share:
                continue
            once, _ = seconds(lines(size, frame, unit))
            if once < LEAST_SECONDS / 4:
                continue
            twice, _ = seconds(lines(2 * size, frame, unit))
            if twice > LEAST_SECONDS and twice > GROWTH * once:
                yield frame, unit, twice


def main() -> int:
    """Print what takes too long; 1 if something does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=12_000)
    parser.add_argument("--longest", type=int, default=160_000)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    tried, wrong = 0, 0
    for frame, unit, _ in suspects(given.size, given.share, given.seed):
        tried += 1
        for size in (given.longest,):
            took, verdict = seconds(lines(size, frame, unit))
            if took > MOST_SECONDS:
                wrong += 1
                print(f"{took:6.2f} s  {size} characters  {frame!r} of {unit!r}  {verdict}", flush=True)
                break
    print(
        f"{len(FRAMES)} x {len(UNITS)} combinations, {given.share:.0%} of them; {tried} grow, {wrong} take too long"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
