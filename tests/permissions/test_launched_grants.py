"""Grants of commands behind launchers: what "always" offers holds the next time, and allows nothing that a launcher could add."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.policy import PolicyContext, Rule, ToolCallInfo
from mazu_ls.policy.decide import decide
from mazu_ls.policy.grants import GrantStore
from mazu_ls.tools.base import Effect

OFFERED = """
uv run pytest -q                                    | uv run pytest
uv run --frozen --group test pytest -x              | uv run --frozen --group test pytest
uv run -m pytest -q                                 | uv run -m pytest
uv run python -m pytest                             | uv run python -m pytest
poetry run pytest tests                             | poetry run pytest
pipenv run pytest                                   | pipenv run pytest
pdm run mypy .                                      | pdm run mypy
bundle exec rspec spec                              | bundle exec rspec
pnpm exec eslint .                                  | pnpm exec eslint
npx eslint .                                        | npx eslint
npx --yes prettier --check .                        | npx --yes prettier
npm exec -- tsc --noEmit                            | npm exec -- tsc
uvx ruff check .                                    | uvx ruff
timeout 60 pytest                                   | timeout 60 pytest
timeout -k 5 -s KILL 2m uv run pytest               | timeout -k 5 -s KILL 2m uv run pytest
timeout 60 env FOO=1 pytest                         | timeout 60 env FOO=1 pytest
nice -n 5 timeout 60 uv run pytest -q 2>&1 | head   | nice -n 5 timeout 60 uv run pytest
PYTHONPATH=src timeout 60 pytest                    | PYTHONPATH=src timeout 60 pytest
stdbuf -oL pytest | tail -5                         | stdbuf -oL pytest
cd sub && pytest                                    | pytest
(cd sub && pytest -q | tail -3)                     | pytest
cd sub; timeout 60 pytest                           | timeout 60 pytest
"""
ONLY_AS_IT_STANDS = """
uv run --with evil pytest
uv run --python ./evil pytest
uv run make
npx -p evil eslint
npx --package=evil eslint
npx evil
npx user/eslint
npx jest
npm exec eslint .
npm exec --package=evil -- eslint
uvx --from evil ruff
uvx evil
npx pytest
npx ruff check .
npm exec -- black .
bunx ruff
npx biome check
uvx eslint .
uv tool run prettier .
uvx py.test
uvx unbuffer pytest
uvx timeout 5 pytest
npx time eslint .
npx env A=b eslint .
bunx command eslint .
npx uvx ruff
npx npx eslint .
./timeout 60 pytest
timeout 60 FOO=1 pytest
timeout 60 make
env FOO=1 make test
nice -n 5 make
nice -n 5 sh -c pytest
timeout 60 xargs pytest
env LD_PRELOAD=x timeout 60 pytest
timeout 60 env LD_PRELOAD=x pytest
timeout 60 env PYTEST_ADDOPTS=-pevil pytest
timeout 60 env PATH=x pytest
NODE_OPTIONS=-rx npx eslint .
UV_INDEX_URL=x uv run pytest
UV_PYTHON=x uv run pytest
XDG_CONFIG_HOME=x git add a
'uv run' pytest
timeout 60 pytest; touch x
cd .. && pytest
cd sub && make
micromamba run evil
coverage run evil.py
"""
NOT_BY_A_GRANT_OF = {
    "uv run pytest -q": ["uv run --with evil pytest", "UV_INDEX_URL=x uv run pytest", "uv run pytest; touch x", "uv run pytest > x", "uv run pytest | sh",
                         "uv run python x.py", "uv run evil pytest", "LD_PRELOAD=x uv run pytest", "env PYTHONPATH=/x uv run pytest", "uv run pytest $(touch x)"],
    "npx eslint .": ["npx -p evil eslint", "npx --package=evil eslint .", "npx evil eslint", "npx eslint@evil .", "npx eslint '$(touch x)'", "npx eslint '`touch x`'", r"""npx eslint 'a\";touch x;"' """],
    "timeout 60 npx eslint .": ["timeout 60 npx eslint 'a$(touch x)'", "timeout 60 npx eslint . '`touch x`'"],
    "CI=1 npx eslint .": ["CI=1 npx eslint 'a$(touch x)'", "CI=1 npx eslint '${x:-y}'"],
    "env CI=1 npx eslint .": ["env CI=1 npx eslint 'a`touch x`'"],
    "nice -n 5 env CI=1 npx eslint .": ["nice -n 5 env CI=1 npx eslint '$(touch x)'"],
    "uv run npx --yes eslint .": ["uv run npx --yes eslint '$(touch x)'"],
    "timeout 60 npm exec -- tsc": ["timeout 60 npm exec -- tsc '$(touch x)'"],
    "timeout 60 pytest": ["timeout 60 pytest; touch x", "timeout 60 sh -c pytest", "timeout 61 python x.py", "timeout 60 env LD_PRELOAD=x pytest",
                          "PYTEST_ADDOPTS=-pevil timeout 60 pytest", "NODE_OPTIONS=x timeout 60 pytest", "PATH=/x timeout 60 pytest"],
    "cd sub && pytest": ["cd .. && pytest", "cd sub && pytest && touch x", "cd sub && python x.py"],
    "poetry run pytest": ["poetry run python x.py", "poetry -C /x run pytest", "poetry run sh -c pytest"],
}  # fmt: skip


def _asked(command: str) -> ToolCallInfo:
    return ToolCallInfo("run_shell", Effect.EXECUTE, {"command": command})


@pytest.fixture
def place(tmp_path: Path) -> PolicyContext:
    (tmp_path / "project/sub").mkdir(parents=True)
    return PolicyContext([tmp_path / "project"], tmp_path / "project", tmp_path)


def test_first_words_behind_a_launcher_are_offered_and_hold(place: PolicyContext, tmp_path: Path) -> None:
    grants = GrantStore.load(tmp_path / "mazu", "k")
    for line in OFFERED.strip().splitlines():
        command, offered = (part.strip() for part in line.rsplit(" | ", 1))
        asked = decide(_asked(command), "ask", [], place)
        assert (asked.verdict, asked.always) == ("ask", tuple(offered.split())), command
        rule = grants.add("run_shell", tuple(offered.split())).rule
        for again in (command, f"{offered} other.py", f"{offered} -x | tail -3"):
            assert decide(_asked(again), "ask", [rule], place).verdict == "allow", again
        assert (
            decide(_asked(command), "ask", [Rule.parse("run_shell", f"{offered} *", "allow")], place).verdict
            == "allow"
        )


def test_a_launcher_that_could_run_or_load_another_is_offered_as_it_stands(place: PolicyContext) -> None:
    for command in ONLY_AS_IT_STANDS.strip().splitlines():
        asked = decide(_asked(command), "ask", [], place)
        assert (asked.verdict, asked.always, asked.exact) == ("ask", None, (command, place.cwd)), command


def test_a_grant_behind_a_launcher_allows_no_other_option_variable_or_program(place: PolicyContext) -> None:
    for granted, others in NOT_BY_A_GRANT_OF.items():
        always = decide(_asked(granted), "ask", [], place).always
        assert always
        rule = Rule("run_shell", always, "allow", origin="always")
        for other in others:
            assert decide(_asked(other), "ask", [rule], place).verdict != "allow", other


def test_a_word_that_a_shell_reads_again_is_asked_about_with_the_reason(place: PolicyContext) -> None:
    for pattern in (
        "npm test *",
        "npm run *",
        "timeout 60 npm run *",
        "npx eslint *",
        "/usr/bin/npx *",
        "pnpm run *",
        "yarn *",
        "npm.cmd run *",
        "corepack yarn@1 run *",
        "of-no-table npm run *",
        "of-no-table -v in -- npm run *",
        "kubectl exec p -- npm run *",
    ):
        rule, words = Rule.parse("run_shell", pattern, "allow"), pattern.removesuffix("*")
        assert decide(_asked(f"{words} build -- --x='a b'"), "ask", [rule], place).verdict == "allow", pattern
        asked = decide(_asked(f"{words} build -- '$(touch x)'"), "ask", [rule], place)
        assert (asked.verdict, asked.always) == ("ask", None), pattern
        assert "may hand words with `$` or backticks to a shell" in asked.reason, asked.reason
    for pattern in (
        "pnpm exec eslint *",
        "git commit *",
        "git add yarn *",
        "rg -n npm *",
        "ag npm *",
        "of-no-table find npm *",
    ):
        allowed = decide(
            _asked(pattern.replace("*", "-m 'npm: a$b'")),
            "ask",
            [Rule.parse("run_shell", pattern, "allow")],
            place,
        )
        assert allowed.verdict == "allow", pattern
