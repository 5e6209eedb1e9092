"""Functions of files that nobody agreed to yet: whatever their source is, they are schemas that can be sent, or one sentence."""

from __future__ import annotations

import contextlib
import json

import pytest

from mazu_ls.errors import Kind, MazuError
from mazu_ls.tools.skills import signature

pytestmark = pytest.mark.portable


UNREADABLE = {
    "minus": "x = " + "-" * 200_000 + "1\n",
    "not": "x = " + "not " * 100_000 + "1\n",
    "sum": "x = " + "1+" * 100_000 + "1\n",
    "attributes": "x = a" + ".b" * 100_000 + "\n",
    "calls": "x = a" + "()" * 100_000 + "\n",
    "union": "def f(a: " + "int | " * 1_500 + "str):\n    'D.'\n",
    "nul": "x\0 = 1\n",
    "brackets": "x = " + "(" * 300 + "\n",
}
READABLE = {
    "a: 'a description of it'": {},
    "a: list[()]": {"type": "array", "items": {}},
    "a: Optional[()]": {"anyOf": [{}, {"type": "null"}]},
    "a: Literal[b'x', 1j, ..., 'y']": {"enum": ["y"]},
    "a=b'x'": {},
    "a=1e999": {},
    "a=1j": {},
    "a=...": {},
    "a=0x" + "f" * 5000: {},
    r"a='\ud800'": {},
    "a: int = 3": {"type": "integer", "default": 3},
    r"a: Annotated[int, '\ud800']": {"type": "integer", "description": "?"},
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_a_sentence(name: str) -> None:
    with pytest.raises(MazuError) as caught:
        signature.functions(UNREADABLE[name], "evil.py")
    assert caught.value.kind is Kind.CONFIG
    assert len(caught.value.message) < 200
    with contextlib.suppress(MazuError):  # it looks at no annotation
        assert signature.tests(UNREADABLE[name]) == []


@pytest.mark.parametrize("parameter", READABLE)
def test_every_parameter_has_a_schema_that_can_be_sent(parameter: str) -> None:
    (found,) = signature.functions(f"def f({parameter}):\n    'Half \\ud800 of it.'\n", "x.py")
    assert found.schema["properties"]["a"] == READABLE[parameter]
    json.dumps([found.schema, found.doc], ensure_ascii=False, allow_nan=False).encode()
