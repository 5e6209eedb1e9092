"""What is remembered without a category gets the one that its words tell, so that a rule is in every prompt."""

import json

import pytest

from mazu_ls.memory.agents.decision_candidates import stated_category
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # fixtures


@pytest.mark.parametrize(
    "text",
    [
        "Don't touch the generated files", "We never use lodash", "Always run the linter before a commit",
        "Wir verwenden pnpm, niemals npm", "Use tabs in makefiles", "Siempre usamos comillas simples",
    ],
)  # fmt: skip
def test_an_order_is_a_convention(text: str):
    assert stated_category(text) == "convention"


@pytest.mark.parametrize(
    "text",
    ["Answer me in short sentences", "I am colour blind", "Ich bin farbenblind", "I prefer early returns"],
)
def test_what_is_said_of_oneself_is_a_preference(text: str):
    assert stated_category(text) == "user_preference"


@pytest.mark.parametrize(
    "text",
    [
        "The CI machine is called hedgehog", "Amounts are whole cents", "Do we always use tabs?",
        "The staging database is on port 7431", "Releases are made by Katrin",
    ],
)  # fmt: skip
def test_a_statement_is_a_fact(text: str):
    assert stated_category(text) is None


def test_a_rule_without_a_category_is_in_every_prompt(script: Script):
    status, out, err = script("remember", "Answer me in short sentences", "--json")
    assert (status, json.loads(out)["memory"]["category"]) == (0, "user_preference"), err
    assert script("remember", "We never use lodash", "--category", "fact")[0] == 0
    status, out, err = script("memory", "why", "explain closures", "--json")
    assert status == 0 and "Answer me in short sentences" in out, err
    status, out, err = script("memory", "list", "--json")
    assert {one["category"] for one in json.loads(out)["memories"]} == {"user_preference", "fact"}, err
