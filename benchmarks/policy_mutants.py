"""Mutation score of the permission policy: which rules would be missed if they were gone.

    python benchmarks/policy_mutants.py [--only FILE] [--fuzz N=1500] [--share 1.0] [--seed N=1] [--tables] [--list] [--rows]

One mutant at a time, in a forked process: a condition that is never or always true, one operand of `and`/`or` left out, one
alternative of a pattern left out, and with --tables one word of a table left out. A mutant is killed when any row of the
labelled corpora (commands, rules, files on the disk, paths), any case of `CASES`, or any of N random lines gets another verdict. For speed only those rows are judged
that run the mutated line. What no row notices outside bash/ and tables/ is given to the tests of tests/permissions, which ask about
grants, rules of other tools, other modes and places: the mutant is written into a copy of the checkout (--rows leaves that out).
--share 0.2 takes a fifth of the mutants, drawn with a seed. Survivors that change no verdict stand with their reason in
benchmarks/data/policy_mutants.toml, and are not counted. Prints the score for each file; --list names the survivors.
"""

from __future__ import annotations

import ast
import copy
import json
import os
import random
import re
import runpy
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from mutants import Checkout  # noqa: E402

from mazu_ls import policy  # noqa: E402
from mazu_ls.policy import PolicyContext, Rule, ToolCallInfo, Verdict  # noqa: E402
from mazu_ls.policy.data import pattern  # noqa: E402
from mazu_ls.policy.decide import decide  # noqa: E402
from mazu_ls.tools.base import Effect  # noqa: E402
from tests.permissions.disk_project import make_project  # noqa: E402

FOLDER = Path(policy.__file__).parent
PLACE = PolicyContext([Path("/proj")], Path("/proj"), Path("/home/u"))
MOST_ROWS = 2_000  # of those that run the line, drawn at random
SECONDS = 5  # a mutant that loops is killed, and counts as killed
TESTS = ("test_policy", "test_repository_programs", "test_launched_grants")
EXPLAINED = {
    (row["file"], row["line"], row["change"])
    for row in tomllib.loads((ROOT / "benchmarks/data/policy_mutants.toml").read_text(encoding="utf-8"))["explained"]
}  # fmt: skip
# Lines and rules that no corpus has: what stands behind global options, grants, the sandbox.
DENIED = ("git push*", "npm publish", "rm", "npm run deploy", "docker push", "docker rm", "kubectl delete *", "terraform apply", "docker compose down")  # fmt: skip
ALLOWED: tuple[tuple[str, Verdict], ...] = (
    ("npm test", "allow"),
    ("pytest *", "allow"),
    ("git push*", "ask"),
    ("make", "allow"),
    ("git status", "deny"),
)
ALLOWED_CASES = """npm test|npm test x|npm testing|npm test && ls|npm test; rm x|npm test | tee x|npm test $(rm x)|pytest|pytest -q x|pytest > x|CI=1 pytest|env pytest|git push|git -C . push
git status|git status -s|make|make x|make; make|make && pytest && npm test|ls|ls && cat x|make | head|(make)|sh -c make|npm run test|git stat|'npm' test""".replace("\n", "|").split("|")  # fmt: skip
CASES = """git -c a=b push|git -C . push|git --git-dir=.git push|git --frob x push|npm --silent publish|npm --prefix x publish|kubectl -n prod delete x|kubectl -nprod delete x
kubectl --namespace=prod delete x|terraform -chdir=x apply|docker --context x push|docker compose -f x down|git status|git -C src status|npm test|docker ps""".replace("\n", "|").split("|")  # fmt: skip


_TOOLS = {"run_shell": (Effect.EXECUTE, "command"), "read_file": (Effect.READ, "path"), "write_file": (Effect.EDIT, "path")}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One question to the policy."""

    command: str
    mode: str = "auto"
    confined: bool = False
    ruled: bool = False
    there: PolicyContext = PLACE
    tool: str = "run_shell"

    def verdict(self) -> str:
        place = PolicyContext(self.there.roots, self.there.cwd, self.there.home, self.confined)
        # Made here, for a mutant's class is another one.
        rules = [Rule.parse("run_shell", pattern, "deny") for pattern in DENIED if self.ruled]
        if self.ruled and self.mode == "ask":
            rules = [Rule.parse("run_shell", pattern, verdict) for pattern, verdict in ALLOWED]
        effect, name = _TOOLS[self.tool]
        call = ToolCallInfo(self.tool, effect, {name: self.command})
        found = decide(call, self.mode, rules, place)  # type: ignore[arg-type]
        return f"{found.verdict} {found.always if self.mode == 'ask' else ''} {found.changes_git if self.mode == 'ask' else ''}"


@dataclass(frozen=True)
class Mutant:
    """A module's tree with one change, where it is, and words that a row about it would hold."""

    file: str
    line: int
    what: str
    tree: ast.Module
    last_line: int
    about: str | None = None


def rows(fuzz: int) -> list[Row]:
    """The corpora, the cases, random lines."""
    texts = [row["cmd"] for row in _labelled("commands")]
    found = [Row(text) for text in texts]
    found += [Row(text, "ask") for text in texts[::6]]
    found += [Row(text, confined=True) for text in texts[::6]]
    found += [Row(text, mode, ruled=True) for text in CASES for mode in ("bypass", "auto")]
    found += [Row(text, "ask", ruled=True) for text in ALLOWED_CASES]
    for mode in ("auto", "bypass"):
        found += [Row(row["cmd"], mode, confined=True, ruled=True) for row in _labelled("rules")]
    found += [Row(row["cmd"], "bypass") for row in _labelled("bypass")]
    here = [row["cmd"] for row in _labelled("in_this_shell")]
    found += [Row(text, mode, confined=mode == "auto") for text in here for mode in ("auto", "bypass")]
    there = make_project(Path(tempfile.mkdtemp()))
    found += [Row(row["cmd"], there=there) for row in _labelled("on_disk")]
    tools = {"read": "read_file", "write": "write_file"}
    found += [
        Row(row["path"], there=there, tool=tools[row["op"]]) for row in _labelled("paths") if not row["setup"]
    ]
    invent = runpy.run_path(str(ROOT / "benchmarks/policy_fuzz.py"))["invent"]
    chance = random.Random(7)
    return found + [Row(invent(chance)) for _ in range(fuzz)]


def _labelled(name: str) -> list[dict[str, str]]:
    text = (ROOT / f"tests/permissions/{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def covered(questions: list[Row]) -> tuple[list[str], dict[tuple[str, int], list[int]]]:
    """The verdicts, and which rows run which lines."""
    where: dict[tuple[str, int], set[int]] = defaultdict(set)
    current = 0

    def local(frame: FrameType, event: str, argument: object) -> object:
        where[frame.f_code.co_filename, frame.f_lineno].add(current)
        return local

    def trace(frame: FrameType, event: str, argument: object) -> object:
        if not frame.f_code.co_filename.startswith(str(FOLDER)):
            return None
        where[frame.f_code.co_filename, frame.f_lineno].add(current)
        return local

    verdicts = []
    for current, question in enumerate(questions):  # noqa: B007
        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            verdicts.append(question.verdict())
        finally:
            sys.settrace(None)
    return verdicts, {key: sorted(numbers) for key, numbers in where.items()}


def mutants(path: Path, tables: bool, share: float, seed: int) -> Iterator[Mutant]:
    """The mutants of one file, or a share of them that is drawn with the seed."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    chance = random.Random(f"{path.name} {seed}" if seed != 1 else path.name)
    for index, node in enumerate(ast.walk(tree)):
        for what, change, about in _changes(node, tables):
            if chance.random() >= share:
                continue
            changed = copy.deepcopy(tree)
            target = next(twin for number, twin in enumerate(ast.walk(changed)) if number == index)
            change(target)
            line = getattr(node, "lineno", 0)
            last = getattr(getattr(node, "test", node), "end_lineno", None) or line
            yield Mutant(str(path), line, what, ast.fix_missing_locations(changed), last, about)


def _changes(node: ast.AST, tables: bool) -> Iterator[tuple[str, Callable[[Any], object], str | None]]:
    if isinstance(node, ast.If | ast.IfExp | ast.While) and "TYPE_CHECKING" not in ast.unparse(node.test):
        for value in (False, True) if not isinstance(node, ast.While) else (False,):
            yield f"if {value}", lambda twin, value=value: setattr(twin, "test", ast.Constant(value)), None
    if isinstance(node, ast.BoolOp):
        for number in range(len(node.values)):
            yield f"operand {number} gone", lambda twin, number=number: _leave_out(twin, number), None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "pattern":
        key = ast.literal_eval(node.args[0])
        for start, end, text in _alternatives(text_of := pattern(key).pattern):
            left = ast.Call(ast.parse("re.compile", mode="eval").body, [ast.Constant(text_of[:start] + text_of[end:]), *node.args[1:]], [])  # fmt: skip
            yield (
                f"alternative {text!r} gone",
                lambda twin, left=left: twin.__dict__.update(left.__dict__),
                None,
            )
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return
    if "|" in node.value and ("(" in node.value or "^" in node.value) and len(node.value) > 8:
        for start, end, text in _alternatives(node.value):
            left = node.value[:start] + node.value[end:]
            yield f"alternative {text!r} gone", lambda twin, left=left: setattr(twin, "value", left), None
    elif tables and node.value.count(" ") > 4 and not node.value.endswith("."):
        for word in dict.fromkeys(node.value.split()):
            left = re.sub(rf"(^|\s){re.escape(word)}(?=\s|$)", "", node.value)
            yield (
                f"word {word!r} gone",
                lambda twin, left=left: setattr(twin, "value", left),
                word.strip("=?-"),
            )


def _leave_out(twin: ast.BoolOp, number: int) -> None:
    """Without one operand; of two, the other stands alone."""
    twin.values.pop(number)
    if len(twin.values) == 1:
        left = twin.values[0]
        twin.__class__ = type(left)
        twin.__dict__ = left.__dict__


def _alternatives(pattern: str) -> Iterator[tuple[int, int, str]]:
    for match in re.finditer(r"(?<=[(|])[^()|\[\]\\]+\|", pattern):
        yield match.start(), match.end(), match[0][:-1]


def _words_about(mutant: Mutant) -> list[str]:
    """Of `alternative 'rot_?13' gone`, what a row about it holds; else the texts that the changed lines compare with."""
    if "alternative" in mutant.what:
        text = mutant.what.removeprefix("alternative").removesuffix("gone")
        return [max(re.findall(r"[A-Za-z0-9_./-]+", text), key=len, default="")]
    lines = Path(mutant.file).read_text(encoding="utf-8").split("\n")[mutant.line - 1 : mutant.last_line]
    return [word for word in re.findall(r"""["']([^"'\s]{2,})["']""", "\n".join(lines)) if word.isascii()]


def killed(mutant: Mutant, questions: list[Row], verdicts: list[str], numbers: list[int]) -> bool:
    """Whether a row notices; in a process of its own, whose modules are changed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            compile(mutant.tree, mutant.file, "exec")
        except (SyntaxError, ValueError):
            os._exit(2)
        try:
            _install(mutant)
            import signal

            signal.alarm(SECONDS)
            noticed = any(_verdict(questions[number]) != verdicts[number] for number in numbers)
            code = 0 if noticed else 1
        except BaseException:  # noqa: BLE001  it does not even load
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == 2:
        sys.exit(f"{mutant.file}:{mutant.line} {mutant.what}: it is no Python")
    return status != 256


def _verdict(question: Row) -> str:
    try:
        return question.verdict()
    except Exception as error:  # noqa: BLE001
        return f"raised {error!r}"


def _install(mutant: Mutant) -> None:
    import logging

    logging.disable()
    module = next(m for m in sys.modules.values() if getattr(m, "__file__", None) == mutant.file)
    old = {id(value): name for name, value in vars(module).items() if not name.startswith("__")}
    before = dict(vars(module))
    vars(module).setdefault("re", re)  # a pattern without one alternative is compiled there
    exec(compile(mutant.tree, mutant.file, "exec"), vars(module))
    for name, function in before.items():  # tables of other modules hold the old ones
        _take_code(function, vars(module).get(name))
        if (
            isinstance(function, type) and function.__module__ == module.__name__
        ):  # as do its subclasses elsewhere
            for method, old_method in list(vars(function).items()):
                _take_code(old_method, vars(vars(module)[name]).get(method))
    for other in [m for name, m in sys.modules.items() if name.startswith("mazu_ls.policy")]:
        for name, value in list(vars(other).items()):
            if (
                id(value) in old
                and value is before[old[id(value)]]
                and not isinstance(value, type(os) | int | str)
            ):
                setattr(other, name, vars(module)[old[id(value)]])
    for name, value in vars(module).items():
        if name in globals() and globals()[name] is before.get(name):
            globals()[name] = value
    for other in [m for name, m in sys.modules.items() if name.startswith("mazu_ls")]:
        for value in vars(other).values():  # what other modules remember was found without the change
            if isinstance(value, _lru_cache_wrapper):
                value.cache_clear()


def _take_code(old: object, new: object) -> None:
    """Let a function that others hold do what the mutant's does; also one behind a property or a class method."""
    for wrapped in ("fget", "__func__", "func"):
        old, new = getattr(old, wrapped, old), getattr(new, wrapped, new)
    if isinstance(old, FunctionType) and isinstance(new, FunctionType):
        old.__code__ = new.__code__


def killed_by_tests(mutant: Mutant, checkout: Checkout) -> bool:
    """Whether one of the tests notices, in a copy of the checkout that holds the mutant."""
    target = checkout.folder / Path(mutant.file).relative_to(ROOT)
    source = target.read_text(encoding="utf-8")
    text = ast.unparse(mutant.tree)
    if "re.compile" in text and "import re" not in text:
        text = text.replace(
            "from __future__ import annotations\n", "from __future__ import annotations\nimport re\n"
        )
    names = [f"tests/permissions/{name}.py" for name in TESTS]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        *names,
    ]
    try:
        target.write_text(text, encoding="utf-8")
        done = subprocess.run(
            command,
            cwd=checkout.folder,
            env=os.environ | {"PYTHONPATH": str(checkout.folder), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=600,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        target.write_text(source, encoding="utf-8")
    return done.returncode != 0


def _numbers_about(
    mutant: Mutant, questions: list[Row], where: dict[tuple[str, int], list[int]], fuzz: int
) -> list[int]:
    """The rows that may notice: those that run the line, those that hold the words of it before all others."""
    lines = range(mutant.line, mutant.last_line + 1)  # of an expression, not each line is seen to be run
    numbers = sorted({n for line in lines for n in where.get((mutant.file, line), ())})
    if mutant.about is not None:
        return [n for n, row in enumerate(questions) if mutant.about in row.command]
    if not numbers and "alternative" in mutant.what:
        numbers = list(range(len(questions) - fuzz))
    if len(numbers) > MOST_ROWS:
        words = _words_about(mutant)
        numbers = random.Random(mutant.line).sample(numbers, len(numbers))
        numbers.sort(key=lambda n: not any(word in questions[n].command for word in words))
        numbers = numbers[:MOST_ROWS]
    return numbers


def main() -> int:
    fuzz, share, only, seed = int(_option("--fuzz", "1500")), float(_option("--share", "1")), _option("--only", ""), int(_option("--seed", "1"))  # fmt: skip
    questions = rows(fuzz)
    started = time.process_time()
    verdicts, where = covered(questions)
    print(f"{len(questions)} rows judged in {time.process_time() - started:.0f} s CPU", flush=True)
    total = dead = by_tests = explained = 0
    with tempfile.TemporaryDirectory(prefix="policy-mutants-") as folder:
        checkout = None if "--rows" in sys.argv else Checkout(Path(folder).resolve())
        for path in sorted(FOLDER.rglob("*.py")):
            if only not in path.name:
                continue
            found, survivors = 0, []
            lines = path.read_text(encoding="utf-8").split("\n")
            for mutant in mutants(path, "--tables" in sys.argv, share, seed):
                if (path.name, lines[mutant.line - 1].strip(), mutant.what) in EXPLAINED:
                    explained += 1
                    continue
                found += 1
                numbers = _numbers_about(mutant, questions, where, fuzz)
                if numbers and killed(mutant, questions, verdicts, numbers):
                    continue
                asked_elsewhere = path.parent == FOLDER or path.name == "shell.py"
                if asked_elsewhere and checkout is not None and killed_by_tests(mutant, checkout):
                    by_tests += 1
                    continue
                reached = "" if numbers else " (no row comes here)"
                survivors.append(f"  {path.name}:{mutant.line} {mutant.what}{reached}")
            total, dead = total + found, dead + found - len(survivors)
            print(f"{path.relative_to(FOLDER)}: {found - len(survivors)} of {found}", flush=True)
            if "--list" in sys.argv and survivors:
                print("\n".join(survivors), flush=True)
    print(
        f"killed {dead} of {total} mutants ({100 * dead / max(1, total):.1f} %), {by_tests} of them by tests alone; {explained} explained"
    )
    return 0


def _option(name: str, default: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


if __name__ == "__main__":
    sys.exit(main())
