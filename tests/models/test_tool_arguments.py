"""Arguments are put right where a schema says how; a schema that says nothing sensible leaves them as they are."""

from typing import Any

import pytest

from mazu_ls.models.tool_arguments import fit_to_schema

pytestmark = pytest.mark.portable


DEEP: dict[str, Any] = {"type": "array"}
for _ in range(5000):
    DEEP = {"type": "array", "items": DEEP}


@pytest.mark.parametrize(
    "schema",
    [{"properties": {"a": {"type": "integer"}}, "required": 5}, {"properties": {"a": {"anyOf": True}}}, {"properties": {"a": {"type": [{}]}}},
     {"properties": {"a": {"type": True}}}, {"properties": {"a": DEEP}}, {"properties": 1}, {"properties": {"a": {"items": 3, "type": "array"}}}],
)  # fmt: skip
def test_a_schema_that_is_none_changes_nothing(schema: dict[str, Any]):
    for value in (None, "x", "[[1]]", {"b": 1}, [1]):
        assert fit_to_schema({"a": value}, schema) in ({"a": value}, {"a": [[1]]}, {})
