"""Where a command writes and what it would lose: operands and options that name what it creates, changes or removes."""

from __future__ import annotations

import re
from itertools import pairwise

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import pattern, table, word_set
from mazu_ls.policy.rules import Decision
from mazu_ls.policy.tables import links, targets
from mazu_ls.policy.tables.git import COMMANDS
from mazu_ls.policy.tables.options import abbreviates, find_starts, flags, operands

# Which of their operands programs write to.
_WRITTEN = {
    name: operands
    for key, operands in (("all", slice(None)), ("first", slice(1)), ("behind_first", slice(1, None)))
    for name in word_set(f"write_{key}")
}
_LAST_OF_SEVERAL = word_set("write_last")
_EDITORS = frozenset(str.split("sed perl ruby gsed gawk awk sd"))
_SED_WRITES = re.compile(r"(?:^|[^A-Za-z\\])[gpI\d]*[wW]\s+([^\s;}]+)")
_FIND_WRITES = frozenset(str.split("-fprint -fprint0 -fls -fprintf"))
_OUTPUT_OPTION = pattern("writes.output_option")
_OUTPUT_SHORT: dict[str, str] = table("writes.output_short")
_IN_PLACE = re.compile(r"^(-[a-zA-Z]*i.*|--in-place.*)$")


def refused(name: str, rest: list[str], scope: ShellScope) -> str | None:
    """Return why the command would write to a forbidden place."""
    for word in written_by(name, rest):
        if (reason := targets.write_refused(word, scope)) is not None and not _into_own_temporary(
            name, rest, scope
        ):
            return reason
        if name == "tee" and (found := targets.run_by_itself(word, scope)) is not None:
            return f"{found} is run by other programs by itself; write_file shows it to the user"
    return None


def redirects_to_file(op: str, target: str) -> bool:
    """Return whether a redirection writes, and not into another descriptor."""
    return ">" in op and not (op == ">&" and re.fullmatch(r"\d+-?|-", target))


def refused_redirect(op: str, target: str, scope: ShellScope) -> Decision | None:
    """Return the hard deny that a redirection meets."""
    if re.match(r"^/dev/(tcp|udp)/", target):
        return Decision("deny", "a shell would be connected to the network", rule="no reverse shell")
    if redirects_to_file(op, target):
        if (reason := targets.write_refused(target, scope)) is not None:
            return Decision("deny", reason, rule="writes stay inside the workspace")
        if (name := targets.run_by_itself(target, scope)) is not None:
            reason = f"{name} is run by other programs by itself; write_file shows it to the user"
            return Decision("deny", reason, rule="files that run by themselves")
    if "<" in op and op != "<<<" and (found := targets.secret(target, scope)) is not None:
        return Decision("deny", f"{found} holds keys or passwords", rule="keys are not read")
    return None


def refused_variable(scope: ShellScope) -> Decision | None:
    """Return the hard deny that a variable meets in which programs look for the name of a file to write."""
    for name in filter(_VARIABLES.match, scope.values):
        for value in scope.values[name]:
            if (reason := targets.write_refused(value, scope)) is not None:
                return Decision("deny", reason, rule="writes stay inside the workspace")
    return None


def works_on_unknown(name: str, rest: list[str]) -> bool:
    """Return whether a program that destroys what it is given is given something that cannot be known."""
    if name not in DESTROYS_OPERANDS or not any(UNKNOWN in word for word in rest):
        return False
    if name in ("find", "fd", "fdfind"):
        return "-delete" in rest
    return name not in _RECURSIVELY or not {"r", "R"}.isdisjoint(flags(rest))


def written_by(name: str, rest: list[str]) -> list[str]:
    """Return the words that name what the command writes, as far as it is known."""
    written = operands(rest)[_WRITTEN[name]] if name in _WRITTEN else []
    if name in _LAST_OF_SEVERAL:
        written = operands(rest)[1:][-1:]
    elif name in _EDITORS and any(map(_IN_PLACE.match, rest)):
        written = operands(rest)[0 if name == "perl" else 1 :]
    elif name in ("sed", "gsed"):
        written = [match[1] for word in rest for match in _SED_WRITES.finditer(word)]
    elif name == "find":
        written = [following for word, following in pairwise(rest) if word in _FIND_WRITES]
    elif name in ("dd", "dcfldd"):
        written = [word[3:] for word in rest if word.startswith("of=")]
    elif name == "git":
        written = _by_git(rest)
    elif name in ("tar", "bsdtar", "gtar"):
        written = _by_tar(rest)
    return written + (_outputs(name, rest) if name != "configure" else [])  # that only notes where to install


_GIT_MAKES = frozenset(("clone", "init", "worktree", "bundle", "pack-objects", "mailinfo"))


def _by_git(rest: list[str]) -> list[str]:
    """Return repositories that git would create or change elsewhere."""
    found: list[str] = []
    while rest and rest[0].startswith("-"):
        word, rest = rest[0], rest[1:]
        if word in ("-C", "--git-dir", "--work-tree") and rest:
            found.append(rest[0])
            rest = rest[1:]
        elif word.startswith(("--git-dir=", "--work-tree=")):
            found.append(word.split("=", 1)[1])
    if not rest or rest[0] in COMMANDS or rest[0] in ("fetch", "push", "remote", "config", "stash"):
        return []
    outside = ("/", "~", "..")
    made = operands(rest)[1:] if rest[0] in _GIT_MAKES else []
    return [word for word in (*found, *made) if word.startswith(outside)]


def _by_tar(rest: list[str]) -> list[str]:
    """Return where tar extracts to, or the archive that it creates. Options may be bundled, with or without a dash."""
    mode = re.sub(r"[^a-zA-Z]", "", rest[0]) if rest and not rest[0].startswith("--") else ""
    letters = mode + "".join(word[1:] for word in rest[1:] if re.fullmatch(r"-[a-zA-Z]+", word))
    extracts = "x" in letters or bool({"--extract", "--get"} & set(rest))
    makes = bool(set("cru") & set(letters)) or bool({"--create", "--append", "--update"} & set(rest))
    found: list[str] = []
    for index, word in enumerate(rest):
        following = rest[index + 1] if index + 1 < len(rest) else ""
        bundled = index == 0 or word.startswith("-")
        if extracts and bundled and (word == "--directory" or re.fullmatch(r"-?[a-zA-Z]*C", word)):
            found.append(following)
        elif extracts and (match := re.match(r"^(?:-C|--directory=|--one-top-level=)(.+)$", word)):
            found.append(match[1])
        elif makes and bundled and (word == "--file" or re.fullmatch(r"-?[a-zA-Z]*f", word)):
            found.append(following)
        elif makes and (match := re.match(r"^--file=(.+)$", word)):
            found.append(match[1])
    return found


def _outputs(name: str, rest: list[str]) -> list[str]:
    """Return values of options that name an output."""
    found: list[str] = []
    options = _OUTPUT_SHORT.get(name, "").split()
    letters = "".join(option[1] for option in options if len(option) == 2)
    for index, word in enumerate(rest):
        following = rest[index + 1] if index + 1 < len(rest) else ""
        if match := _OUTPUT_OPTION.match(word):
            found.append(match[2])
        elif "=" in word and (abbreviates(word, "--output", 5) or word.split("=", 1)[0] in options):
            found.append(word.split("=", 1)[1])
        elif (
            word in options
            or (word.startswith("--o") and len(word) > 4 and "--output".startswith(word))
            or (letters and re.fullmatch(rf"-[a-zA-Z]*[{letters}]", word))
        ):
            found.append(following)
        elif letters and (match := re.fullmatch(rf"-[{letters}](.+)", word)):
            found.append(match[1])
    return [word for word in found if word]


_VARIABLES = pattern("writes.variables")
_RECURSIVELY = word_set("destroys_recursively")
DESTROYS_OPERANDS = word_set("destroys_operands")
# What these programs would do, in words, and the programs.
_LOSSES: dict[str, str] = {
    name: loss for loss, names in table("removal.losses").items() for name in names.split()
}
_AFTER_PACKING: dict[str, str] = table("removal.after_packing")
_NARROWS = frozenset(str.split("-name -iname -path -regex -empty -newer -mtime -size -user"))


_RSYNC_DELETES = re.compile(r"--del(?!ay)")
_RSYNC_VALUES = frozenset(
    str.split("-e -f -T -M -B --rsh --filter --exclude --include --exclude-from --include-from --files-from")
)
_EXTENDED_GLOB = re.compile(r"[?*+@!]\([^()]*\)")


def _without_values(rest: list[str]) -> list[str]:
    """Return the words of rsync without the values of its options."""
    return [word for before, word in pairwise(["", *rest]) if before not in _RSYNC_VALUES]


def _other_places(words: list[str], scope: ShellScope) -> list[str]:
    """Return what words name besides what they say: through links of the line, and, where `!(x)` is a pattern, like any `*`."""
    patterns = [_EXTENDED_GLOB.sub("*", word) for word in words if _EXTENDED_GLOB.search(word)]
    return patterns + [led for word in words for led in links.through(word, scope)]


def refused_loss(name: str, rest: list[str], scope: ShellScope) -> str | None:
    """Return why the command would lose more than the project's own files."""
    loss, words, only_outside = _LOSSES.get(name), operands(rest), False
    if loss is None and UNKNOWN in name and {"r", "f"} & set(flags(rest).lower()):
        loss = "an unknown program would be let loose on"
    elif name in ("find", "fd"):
        words = find_starts(rest) if "-delete" in rest else []
        only_outside = not _NARROWS.isdisjoint(rest)
    elif loss == "it would change the rights of":
        words, only_outside = words[1:] or words, {"r", "R"}.isdisjoint(flags(rest))
    elif name in _AFTER_PACKING and any(re.fullmatch(_AFTER_PACKING[name], word) for word in rest):
        loss = "it would remove"
    elif name == "rsync" and any(map(_RSYNC_DELETES.match, rest)):
        loss, words = "it would replace what is in", operands(_without_values(rest))[1:][-1:]
    for word in (*words, *_other_places(words, scope)) if loss is not None else ():
        is_destination = name == "mv" and word == words[-1] and len(words) > 1
        lost = targets.irreplaceable_target(word, scope)
        refused_there = targets.write_refused(word, scope) if only_outside or is_destination else None
        if lost is None or ((only_outside or is_destination) and refused_there is None):
            continue
        if is_destination and _into_own_temporary(name, rest, scope):
            continue
        if name != "mv" or not targets.is_device(word):
            return refused_there if is_destination and refused_there else f"{loss} {lost}"
    return None


_OWN_TEMPORARY = ("/tmp", "/var/tmp")
_PLAIN_OPTION = re.compile(r"-[afinpruvR]+")


def _into_own_temporary(name: str, rest: list[str], scope: ShellScope) -> bool:
    """Return whether `mv` or `cp` puts what it names into the /tmp that the sandbox makes for the command, and nothing of that into a
    workspace there: the folder itself is above one, but gets only an entry of another name."""
    words = operands(rest)
    if name not in ("mv", "cp") or not scope.place.confined or len(words) < 2:
        return False
    if not all(word in words or _PLAIN_OPTION.fullmatch(word) for word in rest):
        return False
    if not all(path in _OWN_TEMPORARY for path in targets.places(words[-1], scope)):
        return False
    roots = [path for root in scope.place.roots for path in (str(root), targets.real(str(root)))]
    above = {part for root in roots for part in root.split("/")}
    for word in words[:-1]:
        last = word.rstrip("/").rpartition("/")[2]
        if UNKNOWN in word or re.search(r"[*?\[\]{}()!]", word) or last in ("", ".", "..", *above):
            return False
    return True
