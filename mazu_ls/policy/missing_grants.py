"""What the user would have to allow so that a command line that was asked about runs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from mazu_ls.policy.bash import shell
from mazu_ls.policy.decide import decide
from mazu_ls.policy.rules import ANYTHING, Mode, PolicyContext, Rule, ToolCallInfo
from mazu_ls.policy.tables import allow

MAX_GRANTS = 3


def missing_grants(call: ToolCallInfo, mode: Mode, rules: Sequence[Rule], place: PolicyContext) -> list[str]:
    """Return the commands of the line that neither only read nor are allowed by `rules`, as patterns of grants.

    Empty if there are too many, or if the line would be asked about all the same. In mode auto it is judged as in mode ask.
    """
    commands = shell.analyse(call, place).commands or []
    allowing = [rule for rule in rules if rule.verdict == "allow" and rule.applies(call.tool)]
    acting = [
        argv
        for argv in commands
        if not any(rule.matches_argv(argv) for rule in allowing)
        and (len(commands) == 1 or not allow.only_reads(argv, place))
    ]
    granted = [Rule(call.tool, (*argv, ANYTHING), "allow") for argv in acting]
    mode = "ask" if mode == "auto" else mode
    if len(acting) > MAX_GRANTS or decide(call, mode, [*granted, *rules], place).verdict != "allow":
        return []
    return list(dict.fromkeys(map(shlex.join, acting)))
