"""Policy: pure decisions about tool calls, and the grants that a user has given.

`decide` is in `mazu_ls.policy.decide`: the first call imports it with its tables, not every command.
"""

from mazu_ls.policy.grants import Grant, GrantStore, RuntimeRule
from mazu_ls.policy.rules import Decision, PolicyContext, Rule, ToolCallInfo, Verdict

__all__ = [
    "Decision",
    "Grant",
    "GrantStore",
    "PolicyContext",
    "Rule",
    "RuntimeRule",
    "ToolCallInfo",
    "Verdict",
]
