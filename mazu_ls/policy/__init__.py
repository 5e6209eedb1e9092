"""Who may do what: pure decisions about tool calls, and the grants a user has given."""

from mazu_ls.policy.decide import decide
from mazu_ls.policy.grants import Grant, Grants
from mazu_ls.policy.rules import Call, Decision, Place, Rule, Verdict
from mazu_ls.policy.runtime_rules import Given

__all__ = ["Call", "Decision", "Given", "Grant", "Grants", "Place", "Rule", "Verdict", "decide"]
