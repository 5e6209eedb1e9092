"""One turn: prompt, tool execution, approvals, checkpoints, limits."""
