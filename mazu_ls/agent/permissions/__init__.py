"""Who may do what: pure decisions about tool calls, and the grants a user has given."""

from mazu_ls.agent.permissions.given import Given
from mazu_ls.agent.permissions.grants import Grant, Grants
from mazu_ls.agent.permissions.policy import decide
from mazu_ls.agent.permissions.rules import Call, Decision, Place, Rule, Verdict

__all__ = ["Call", "Decision", "Given", "Grant", "Grants", "Place", "Rule", "Verdict", "decide"]
