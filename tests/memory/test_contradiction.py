"""What goes against a decision, and what only looks as if: a hint that cries wolf is worse than none."""

from __future__ import annotations

import pytest

from mazu_ls.memory.anchors.contradiction import find_violations

pytestmark = pytest.mark.portable


YES = [
    ("Use httpx, not requests", "", "import requests"),
    ("Use httpx instead of requests for HTTP calls", "", "import requests  # http"),
    ("We use pathlib rather than os.path", "", "name = os.path.join(a, b)"),
    ("Never use eval or exec", "", "    exec(source)"),
    ("Never call `print()` in this codebase", "", "    print(total)"),
    ("No mocks in tests/", "", "client = Mock()"),
    ("Money is kept in cents", "Do not use floats for money.", "money: float = 0.5"),
    ("moment.js is banned because it is large", "", "import moment from 'moment.js'"),
    ("Avoid using global variables", "", "    global counter"),
    ("Do not add lodash as a dependency", "", '    "lodash": "^4.17"'),
]
NO = [
    ("Use httpx, not requests", "", "import httpx"),
    ("Use httpx, not requests", "", "# requests is gone"),
    ("Use httpx, not requests", "", 'log("too many requests came in")'),
    ("Never use print outside of cli.py", "", "print(1)"),
    ("Never use eval unless the input is ours", "", "eval(x)"),
    ("Use Postgres instead of Redis for sessions", "", "cache = Redis()"),
    ("Do not use floats for money", "", "angle: float = 0.5"),
    ("No new files without a test", "", "files = new(test)"),
    ("Never commit secrets", "", "session.commit()"),
    ("Requests are retried three times", "Never more, because of the load.", "requests.get(url)"),
    ("We decided to keep the parser small", "", "parser = Parser()"),
    ("Do not import anything at start", "", "import anything"),
    ("Prefer composition over inheritance in models", "", "class A(B):"),
]


@pytest.mark.parametrize(("title", "body", "line"), YES)
def test_new_code_that_names_what_is_ruled_out_breaks_the_decision(title: str, body: str, line: str):
    found = find_violations(title, body, "tests/app.py", ["x = 1\n"], ["y = 2\n", line + "\n"])
    assert found is not None
    assert found.line == 1


@pytest.mark.parametrize(("title", "body", "line"), NO)
def test_what_only_looks_like_it_is_left_alone(title: str, body: str, line: str):
    assert find_violations(title, body, "src/app.py", [], [line + "\n"]) is None


def test_what_stood_there_before_or_is_said_in_prose_is_no_contradiction():
    title = "Use httpx, not requests"
    assert find_violations(title, "", "a.py", ["import requests\n"], ["import requests, sys\n"]) is None
    assert find_violations(title, "", "README.md", [], ["import requests\n"]) is None
    assert find_violations(title, "", "requirements.txt", [], ["requests==2.0\n"]) is not None


def test_a_value_that_is_fixed_and_changed_breaks_the_decision():
    title = "The API listens on port 8080"
    found = find_violations(title, "", "conf.py", ["a = 1\n", "PORT = 8080\n"], ["a = 1\n", "PORT = 9090\n"])
    assert found is not None
    assert (found.line, found.what) == (1, "8080")
    assert find_violations(title, "", "conf.py", ["WIDTH = 8080\n"], ["WIDTH = 9090\n"]) is None
    assert find_violations(title, "", "conf.py", ["PORT = 9090\n"], ["PORT = 8080\n"]) is None
    assert find_violations(title, "", "conf.py", ["PORT = 8080\n"], ["port = settings.port\n"]) is None
    python = "Python 3.11 is the minimum"
    was, now = ['requires-python = ">=3.11"\n'], ['requires-python = ">=3.9"\n']
    assert find_violations(python, "", "pyproject.toml", was, now) is not None
