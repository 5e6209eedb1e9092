"""Mutation score of the safety code: what a test notices when one line of it is wrong.

    python benchmarks/mutants.py [named] [PACKAGE ...] [--sample N=40] [--all] [--seed N=1] [--file PART] [--tests A,B] [--patient]

One mutant at a time in a copy of the checkout: the changed file is written there, and of the tests named for its package
those that run the changed lines are run, also where a process that they start runs them, until one fails: by turns the
quickest and the one that runs little else than the changed file. Which test runs which line is measured once
for each state of the code (.mutants/). Where MAX_SECONDS end before the tests do, a survivor says how many were left:
its package's score is a lower bound then; --patient runs all of them. A package's mutants are drawn with a fixed
seed; --all takes every one. --tests takes these files alone instead of the package's: a quick look at the ones you are
writing. Survivors that change nothing a user could see stand with their reason in benchmarks/data/mutants.toml, and are not counted.
`named` are mutants written by hand, each the opposite of one promise, with the test that must notice: all of them are run.
Prints the survivors and a score for each package; ends with 1 where a package is below 90 %.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))

from mutation_operators import Mutation, find_mutations  # noqa: E402

TABLE = tomllib.loads((ROOT / "benchmarks/data/mutants.toml").read_text(encoding="utf-8"))
PACKAGES: dict[str, dict[str, list[str]]] = TABLE["package"]
EXPLAINED = {(row["file"], row["line"], row["change"]) for row in TABLE.get("explained", [])}
LIBRARIES = "pytest hypothesis pygls.server lsprotocol.types msgspec apsw anthropic openai httpx2 git pathspec tree_sitter rich prompt_toolkit numpy mcp PIL yaml psutil"
MAX_SECONDS = 60.0  # of the tests that run the line, for one mutant


@dataclass
class Coverage:
    """Which tests run which lines of which file, and the seconds each of them takes."""

    lines: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def tests_of(self, file: str, mutation: Mutation) -> list[str]:
        """The tests that run the changed lines: by turns the quickest and the one that is most about this file."""
        lines = self.lines.get(file, {})
        changed = map(str, range(mutation.first_line, mutation.last_line + 1))
        found = {test for line in changed for test in lines.get(line, ())}
        if mutation.at_import:  # no test runs the line, every test of the file may show what it sets
            found = {test for tests in lines.values() for test in tests}
        quick = sorted(found, key=lambda test: (self.seconds.get(test, 1.0), test))
        here = Counter(test for tests in lines.values() for test in tests)
        devoted = sorted(found, key=lambda test: (-here[test] / self.lines_run[test], test))
        return list(dict.fromkeys(test for pair in zip(devoted, quick, strict=True) for test in pair))

    @cached_property
    def lines_run(self) -> Counter[str]:
        """How many lines of the whole package each test runs."""
        return Counter(test for lines in self.lines.values() for tests in lines.values() for test in tests)


class Checkout:
    """A copy of the working tree in which files are changed and tests are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")
        for name in filter(None, names):
            if (ROOT / name).is_file() and not name.startswith("editors/"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        subprocess.run(
            [sys.executable, "-m", "compileall", "-q", "mazu_ls", "tests"], cwd=folder, check=False
        )

    def run(self, arguments: list[str], log: Path, limit: float | None) -> int | None:
        """pytest's exit status in a process of its own that shares what is imported; None when `limit` seconds are over."""
        child = os.fork()
        if child == 0:
            self._pytest(arguments, log)
        ends = None if limit is None else time.monotonic() + limit
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                _end_group(child)
                return os.waitstatus_to_exitcode(status)
            if ends is not None and time.monotonic() > ends:
                _end_group(child)
                os.waitpid(child, 0)
                return None
            time.sleep(0.02)

    def _pytest(self, arguments: list[str], log: Path) -> None:
        os.setsid()
        os.chdir(self.folder)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.environ |= {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        sys.dont_write_bytecode = True
        sys.path[0] = str(self.folder)
        code = 99
        try:
            import pytest

            code = int(
                pytest.main(
                    ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments], plugins=[Times(log)]
                )
            )
        finally:
            os._exit(code)


class Times:
    """Writes how long each test took beside the log."""

    def __init__(self, log: Path) -> None:
        self.file = log.with_suffix(".times")
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: object) -> None:
        """Count set-up and tear-down too."""
        name = report.nodeid  # type: ignore[attr-defined]
        self.seconds[name] = self.seconds.get(name, 0.0) + report.duration  # type: ignore[attr-defined]
        if report.failed:  # type: ignore[attr-defined]
            self.failed.append(name)

    def pytest_sessionfinish(self) -> None:
        """At the end, also after a failure."""
        self.file.write_text(json.dumps({"seconds": self.seconds, "failed": self.failed}), encoding="utf-8")


def _end_group(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return


def measure(checkout: Checkout, package: str) -> Coverage:
    """Run the tests of a package once; kept by the content of the code and the tests."""
    tests = [f"tests/{name}" for name in PACKAGES[package]["tests"]]
    digest = hashlib.sha256(repr(tests).encode())
    for path in sorted((*ROOT.glob("mazu_ls/**/*.py"), *ROOT.glob("tests/**/*.py"))):
        digest.update(path.read_bytes())
    kept = ROOT / ".mutants" / f"{package}-{digest.hexdigest()[:16]}.json"
    if kept.exists():
        data = json.loads(kept.read_text(encoding="utf-8"))
        return Coverage(data["lines"], data["seconds"])
    log = checkout.folder / f"{package}.log"
    print(f"{package}: running {len(tests)} test files once", flush=True)
    database = checkout.folder / f".coverage-{package}"
    started = _cover_started_processes(checkout.folder, package)
    (checkout.folder / "coveragerc").write_text(f"[run]\ndata_file = {database}\n", encoding="utf-8")
    try:
        status = checkout.run(
            [*tests, "-m", "not editor", "--cov=mazu_ls", "--cov-context=test", "--cov-report=", "--cov-config=coveragerc"], log, None
        )  # fmt: skip
    finally:
        del os.environ["COVERAGE_PROCESS_START"]
    times = json.loads(log.with_suffix(".times").read_text(encoding="utf-8"))
    if status not in (0, 1):
        sys.exit(f"{package}: the tests do not run\n{log.read_text(encoding='utf-8')[-3000:]}")
    for name in times["failed"]:
        print(f"{package}: left out, it fails without any change: {name}", flush=True)
    found = Coverage(
        _lines_by_test([database, *started.glob("*.data*")], checkout.folder, set(times["failed"])),
        times["seconds"],
    )
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"lines": found.lines, "seconds": found.seconds}), encoding="utf-8")
    return found


def _cover_started_processes(folder: Path, package: str) -> Path:
    """Have every Python process that a test starts write what it runs to this folder, under the name of the test."""
    data = folder / f"started-{package}"
    data.mkdir()
    (data / "rc").write_text(
        f"[run]\ndata_file = {data}/of.data\nparallel = true\nsource = {folder}/mazu_ls\npatch = _exit\ncontext = ${{PYTEST_CURRENT_TEST}}\n",
        encoding="utf-8",
    )
    os.environ["COVERAGE_PROCESS_START"] = str(data / "rc")
    return data


def _lines_by_test(databases: list[Path], folder: Path, failed: set[str]) -> dict[str, dict[str, list[str]]]:
    from coverage import CoverageData
    from coverage.exceptions import CoverageException

    found: dict[str, dict[str, set[str]]] = {}
    for database in databases:
        data = CoverageData(str(database))
        try:
            data.read()
        except CoverageException:  # its process was killed while it wrote
            continue
        for file in data.measured_files():
            lines = found.setdefault(os.path.relpath(file, folder), {})
            for line, contexts in data.contexts_by_lineno(file).items():
                tests = {re.sub(r"(\|\w+| \(\w+\))$", "", context) for context in contexts if "::" in context}
                lines.setdefault(str(line), set()).update(tests - failed)
    return {
        file: {line: sorted(tests) for line, tests in lines.items() if tests} for file, lines in found.items()
    }


@dataclass
class Score:
    """What became of a package's mutants."""

    killed: int = 0
    late: int = 0
    explained: int = 0
    survivors: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of those that are valid, in percent."""
        return 100 * self.killed / max(1, self.killed + len(self.survivors))


def score(checkout: Checkout, package: str, sample: int | None, seed: int, part: str) -> Score:
    """Run a package's mutants."""
    covered = measure(checkout, package)
    drawn: list[tuple[str, Mutation]] = []
    for pattern in PACKAGES[package]["files"]:
        for path in sorted(ROOT.glob(f"mazu_ls/{pattern}")):
            file = str(path.relative_to(ROOT))
            drawn += [(file, one) for one in find_mutations(path.read_text(encoding="utf-8")) if part in file]
        if not list(ROOT.glob(f"mazu_ls/{pattern}")):
            sys.exit(f"{package}: there is no mazu_ls/{pattern}")
    total = len(drawn)
    if sample is not None and sample < total:
        drawn = random.Random(f"{package} {seed}").sample(drawn, sample)
    result = Score()
    for file, mutation in drawn:
        source = (ROOT / file).read_text(encoding="utf-8")
        line = source.split("\n")[mutation.first_line - 1].strip()
        if (file, line, mutation.what) in EXPLAINED:
            result.explained += 1
            continue
        why = _survives(checkout, covered, file, mutation, source)
        if why is None:
            result.killed += 1
        elif why == "late":
            result.killed, result.late = result.killed + 1, result.late + 1
        else:
            result.survivors.append(f"{file}:{mutation.first_line} {mutation.what}  [{why}]\n      {line}")
            print(f"  survived {result.survivors[-1]}", flush=True)
    print(
        f"{package}: {result.killed} of {result.killed + len(result.survivors)} killed ({result.share:.1f} %), {result.late} of them by the time limit,"
        f" {result.explained} explained, {len(drawn)} drawn of {total}", flush=True,
    )  # fmt: skip
    return result


def _survives(
    checkout: Checkout, covered: Coverage, file: str, mutation: Mutation, source: str
) -> str | None:
    """Why a mutant survives; None when a test fails, "late" when the tests do not end."""
    tests, seconds = [], 0.0
    running = covered.tests_of(file, mutation)
    for test in running:
        seconds += covered.seconds.get(test, 1.0)
        if tests and seconds > MAX_SECONDS and "--patient" not in sys.argv:
            break
        tests.append(test)
    if not tests:
        return "no test runs it"
    target = checkout.folder / file
    try:
        target.write_text(mutation.apply(source), encoding="utf-8")
        status = checkout.run(["-x", *tests], checkout.folder / "mutant.log", 60 + 10 * seconds)
    finally:
        shutil.copy2(ROOT / file, target)
    if status is None:
        return "late"
    return f"{len(tests)} of {len(running)} tests that run it pass" if status == 0 else None


def run_named(checkout: Checkout) -> Score:
    """The mutants that break one promise each."""
    result = Score()
    for row in TABLE["named"]:
        source = (ROOT / row["file"]).read_text(encoding="utf-8")
        if source.count(row["old"]) != 1:
            sys.exit(f"{row['promise']}: {row['old']!r} does not stand once in {row['file']}")
        target = checkout.folder / row["file"]
        try:
            target.write_text(source.replace(row["old"], row["new"]), encoding="utf-8")
            status = checkout.run(
                ["-x", *(f"tests/{one}" for one in row["tests"])], checkout.folder / "mutant.log", 600
            )
        finally:
            shutil.copy2(ROOT / row["file"], target)
        if status == 0:
            result.survivors.append(row["promise"])
            print(f"  survived: {row['promise']}", flush=True)
        else:
            result.killed += 1
    print(f"named: {result.killed} of {len(TABLE['named'])} killed", flush=True)
    return result


def main() -> int:
    words = [word for word in sys.argv[1:] if word in PACKAGES]
    sample = None if "--all" in sys.argv else int(_option("--sample", "40"))
    for name in LIBRARIES.split():
        try:
            importlib.import_module(name)
        except ImportError:
            print(f"{name} is not there", flush=True)
    if narrow := _option("--tests", ""):
        for name in words:
            PACKAGES[name]["tests"] = narrow.split(",")
    started = time.monotonic()
    scores: dict[str, Score] = {}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        checkout = Checkout(Path(folder).resolve())
        for file, line, change in sorted(EXPLAINED):
            source = (ROOT / file).read_text(encoding="utf-8") if (ROOT / file).is_file() else ""
            if line not in map(str.strip, source.split("\n")):
                print(f"explained, but no longer there: {file}: {line} ({change})", flush=True)
        if not words or "named" in sys.argv:
            scores["named"] = run_named(checkout)
        for package in words or (PACKAGES if "named" not in sys.argv else ()):
            scores[package] = score(
                checkout, package, sample, int(_option("--seed", "1")), _option("--file", "")
            )
    killed = sum(one.killed for one in scores.values())
    valid = killed + sum(len(one.survivors) for one in scores.values())
    print(
        f"all: {killed} of {valid} killed ({100 * killed / max(1, valid):.1f} %), {time.monotonic() - started:.0f} s"
    )
    return 1 if any(one.share < 90 for one in scores.values()) else 0


def _option(name: str, default: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


if __name__ == "__main__":
    sys.exit(main())
