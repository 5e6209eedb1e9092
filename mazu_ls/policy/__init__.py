"""Who may do what: pure decisions about tool calls, and the grants a user has given."""

from mazu_ls.policy.decide import decide
from mazu_ls.policy.grants import Grant, GrantStore
from mazu_ls.policy.rules import Decision, PolicyContext, Rule, ToolCallInfo, Verdict
from mazu_ls.policy.runtime_rules import RuntimeRule

__all__ = [
    "Decision",
    "Grant",
    "GrantStore",
    "PolicyContext",
    "Rule",
    "RuntimeRule",
    "ToolCallInfo",
    "Verdict",
    "decide",
]
