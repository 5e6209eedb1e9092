"""What is known of variables, directories and functions at one point of a command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from mazu_ls.policy.bash.evaluations import holds_substitution
from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.data import word_set
from mazu_ls.policy.rules import PolicyContext
from mazu_ls.policy.step_budget import spend

MAX_VALUES = 200
MAX_VALUE = 4096  # characters
MAX_ARRAYS = 12
MAX_FIELDS = 512  # of an array
MAX_POSITIONAL = 100  # lists
_SET_BY_BASH = word_set("set_by_bash")
_INTEGERS = word_set("integers_of_bash")
_SOME_PROCESS = (
    "4194305"  # stands for the number of a process of the line itself; Linux gives no higher one than 4194304
)
SPECIAL = frozenset("@*#?-$!_")


def _bounded(value: str) -> str:
    """Cut a value that doubles with every assignment; its rest is unknown."""
    return value if len(value) <= MAX_VALUE else value[:MAX_VALUE] + UNKNOWN


@dataclass
class ShellScope:
    """Values that a variable may have by now (any of those assigned so far), arrays, directories the line may be in, `links` that it made.

    `tainted` names variables that hold downloaded or decoded data. `jumps` are places of absolute `cd`s, `climbs` of those that end above; `depths` how many folders deeper each
    open block is than where it began, `sinks`: some loop ends above where it began. `left`: where the line was, for `cd -`. `cautious`: a `cd` that leads deeper may fail.
    `held` are all values and fields so far that hold a substitution; one collection for all scopes of a line, as is `computed`, the variables of bash that are given a value as
    arithmetic. `loose` names arrays whose elements are not known by their places. `shares`: the positional parameters are those of the script that started this one.
    """

    place: PolicyContext
    values: dict[str, list[str]] = field(default_factory=dict)
    arrays: dict[str, list[list[str]]] = field(default_factory=dict)
    cwds: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    is_joined: bool = False
    """Whether the `cd` that is read now leads all that follows in its script."""
    jumps: list[str] = field(default_factory=list)
    climbs: list[str] = field(default_factory=list)
    depths: list[int] = field(default_factory=lambda: [0])
    sinks: bool = False
    functions: set[str] = field(default_factory=set)
    tainted: set[str] = field(default_factory=set)
    positional: list[list[str]] = field(default_factory=list)
    separators: str = " \t\n"
    references: dict[str, list[str]] = field(default_factory=dict)
    cautious: bool = False
    unsure: bool = False
    """Whether what may lead elsewhere does: the line is then in any folder above, or at home."""
    held: dict[str, None] = field(default_factory=dict)
    computed: set[str] = field(default_factory=set)
    loose: set[str] = field(default_factory=set)
    shares: bool = True
    links: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cwds = self.cwds or [str(self.place.cwd)]

    def copy(self, positional: list[str] | None = None) -> ShellScope:
        """Return the scope of a script that this one starts."""
        self._hold(positional or ())
        return replace(
            self,
            values={name: list(found) for name, found in self.values.items()},
            arrays=dict(self.arrays),
            cwds=list(self.cwds),
            left=list(self.left),
            jumps=[],
            climbs=[],
            depths=[0],
            sinks=False,
            functions=set(self.functions),
            tainted=set(self.tainted),
            loose=set(self.loose),
            shares=positional is None,
            positional=[positional] if positional is not None else list(self.positional),
        )

    def assign(self, name: str, value: str, *, more: bool = False) -> None:
        """Add one more value that `name` may have."""
        known = self.values.setdefault(name, [])
        new = [_bounded(old + value) for old in known or [""]] if more else [_bounded(value)]
        spend(1 + len(new) // 4)
        self._hold(new)
        known += [one for one in new if one not in known]
        if len(known) > MAX_VALUES:  # the rest is not kept, so it cannot be known
            known[MAX_VALUES:] = [UNKNOWN]
        if name == "IFS":
            self.separators += value
        if name in _INTEGERS:
            self.computed.add(name)

    def assign_array(self, name: str, fields: list[str], *, more: bool = False) -> None:
        """Add one more list that `name` may be."""
        known = self.arrays.get(name, [])
        new = [[*old, *fields] for old in known] if more and known else [fields]
        # Like a value: an array that doubles with every assignment is cut, and its rest unknown.
        new = [one if len(one) <= MAX_FIELDS else [*one[:MAX_FIELDS], UNKNOWN] for one in new]
        every = [*known, *(fields for fields in new if fields not in known)]
        self._hold(text for one in new for text in one)
        self.arrays[name] = every if len(every) <= MAX_ARRAYS else [*every[:MAX_ARRAYS], [UNKNOWN]]

    def set_positional(self, fields: list[str]) -> None:
        """Add one more list that `$1`, `$2`, ... may be."""
        spend(1 + len(self.positional) // 10)
        if fields in self.positional or [UNKNOWN] in self.positional:
            return
        self.positional.append(fields if len(self.positional) < MAX_POSITIONAL else [UNKNOWN])
        self._hold(fields)

    def shift(self, word: str) -> None:
        """Add what `shift` leaves of the positional parameters; every rest of them if it is not known how many go."""
        for fields in list(self.positional):
            if re.fullmatch(r"\d{1,4}", word):
                self.set_positional(fields[int(word) :])
                continue
            for at in range(1, len(fields) + 1):
                self.set_positional(fields[at:])

    def _hold(self, texts: Iterable[str]) -> None:
        self.held.update(dict.fromkeys(filter(holds_substitution, texts)))

    def count_values(self) -> dict[str, int]:
        """Return how many values each variable has; more, as long as another reading of the script finds more."""
        counts = {name: len(values) for name, values in self.values.items()}
        lists = sum(map(len, self.arrays.values())) + sum(map(len, self.references.values()))
        lists += len(self.positional) + len(self.loose)
        return {**counts, "": lists + len(self.tainted) + len(self.next_round([]))}

    def learn(self, parent: ShellScope) -> None:
        """Take over what was assigned in the parent since this scope was made, but for aliases, which hold from there on."""
        for name, values in parent.values.items() if parent is not self else ():
            known = self.values.get(name, [])
            for value in values if not name.startswith("alias ") else ():
                if value not in known:
                    self.assign(name, value)
        for name, lists in parent.arrays.items() if parent is not self else ():
            for one in lists if lists is not self.arrays.get(name) else ():
                self.assign_array(name, one)
        self.tainted |= parent.tainted
        self.loose |= parent.loose
        for fields in list(parent.positional) if self.shares and parent is not self else ():
            self.set_positional(fields)

    def lookup(self, name: str) -> list[str]:
        """Return every value that `$name` may have. An unset variable is empty, as in bash."""
        if name in self.references:
            return [value for target in self.references[name] for value in self.values.get(target, [""])]
        if lists := self.arrays.get(name):
            first = {text for fields in lists for text in (fields if name in self.loose else fields[:1])}
            return list(dict.fromkeys([*self.values.get(name, ()), *sorted(first)])) or [""]
        if name in self.values:
            return self.values[name]
        home = str(self.place.home)
        match name:
            case "HOME":
                return [home]
            case "PWD":
                return list(self.cwds)
            case "OLDPWD":
                return [*self.left, *self.cwds]  # it is not taken over from the environment
            case "USER" | "LOGNAME":
                return [Path(home).name]
            case "IFS":
                return [" "]
            case "SHELL" | "BASH":
                return ["/bin/bash"]
            case "0":
                return ["bash"]
            case _ if name in _SET_BY_BASH:
                return [UNKNOWN]
        if re.fullmatch(r"[1-9]\d*", name):
            at = int(name) if len(name) < 5 else MAX_FIELDS
            found = [fields[at - 1] for fields in self.positional if at <= len(fields)]
            hidden = any(
                UNKNOWN in fields[: at - 1] for fields in self.positional
            )  # it may be several fields
            return [*found, *([UNKNOWN] if hidden else [])] or [""]
        if name == "#" and self.positional:
            return list(dict.fromkeys(UNKNOWN if UNKNOWN in f else str(len(f)) for f in self.positional))
        if name in ("!", "$"):
            return [_SOME_PROCESS, ""]
        return [UNKNOWN, ""] if name in SPECIAL else [""]

    def lists(self, name: str) -> list[list[str]]:
        """Return every list that `${name[@]}` may be."""
        if name in "@*" and name:
            return self.positional or [[]]
        return self.arrays.get(name) or [[value] for value in self.lookup(name)]

    def go(self, word: str, places: Iterable[str]) -> None:
        """Note a `cd WORD` that leads to these places, for the next round of a loop that it may stand in."""
        names = [part for part in word.split("/") if part not in ("", ".")]
        deeper = len(names) - 2 * names.count("..")
        if word.startswith("/"):
            self.jumps += [place for place in places if place not in self.jumps]
        elif deeper < 0:
            self.climbs += [place for place in places if place not in self.climbs]
        certain = min(deeper, 0) if self.cautious else deeper
        self.depths[-1] += 0 if word.startswith("/") else certain

    def enter_brackets(self, operator: str, blocks: list[int]) -> None:
        """Note that a subshell begins or ends, whose directory is its own; `blocks` are those that are open."""
        if operator == "(":
            blocks.append(len(self.depths))
            self.depths.append(0)
        elif (
            operator == ")" and blocks and len(self.depths) == blocks[-1] + 1
        ):  # not that of a pattern of `case`
            blocks.pop()
            # A function whose body is a subshell may call itself from there.
            self.sinks = self.sinks or (self.depths.pop() < 0 and bool(self.functions))

    def end_block(self, *, repeats: bool) -> None:
        """Note the end of a loop or a group: a loop may not run at all, so that it leads up for certain but never down."""
        if len(self.depths) > 1:
            deeper = self.depths.pop()
            self.sinks = self.sinks or deeper < 0
            self.depths[-1] += min(deeper, 0) if repeats else deeper

    def next_round(self, start: list[str]) -> list[str]:
        """Return where the next round of a loop may begin: `cd sub; ...; cd ..` ends where it began."""
        climbs = self.climbs if self.sinks or self.depths[0] < 0 else ()
        return list(dict.fromkeys([*start, *self.jumps, *climbs]))

    def lose(self) -> None:
        """Note that the line may be in any folder above or at home from here on, in the next round of a loop, too."""
        above = {one: None for root in (self.place.cwd, *self.place.roots) for one in (root, *root.parents)}
        for place in map(str, (*above, self.place.home)):
            self.enter(place)
            if place not in self.jumps:
                self.jumps.append(place)

    def enter(self, folder: str) -> None:
        """Apply `cd`: from here on the line may also be in this folder."""
        if folder not in self.cwds:
            self.cwds.append(folder)
