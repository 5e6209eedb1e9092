"""Where a command writes: operands and options that name what it creates or changes."""

from __future__ import annotations

import re

from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import pattern, table, word_set
from mazu_ls.policy.tables import targets
from mazu_ls.policy.tables.argv import abbreviates, operands
from mazu_ls.policy.tables.git import COMMANDS

# Programs that write to every operand, and those that write to the last one only.
_WRITE_ALL = word_set("write_all")
_WRITE_LAST = word_set("write_last")
_OUTPUT_OPTION = pattern("writes.output_option")
_OUTPUT_SHORT: dict[str, str] = table("writes.output_short")
_IN_PLACE = re.compile(r"^(-[a-zA-Z]*i.*|--in-place.*)$")


def refused(name: str, rest: list[str], scope: ShellScope) -> str | None:
    """Return why the command would write to a forbidden place."""
    for word in written_by(name, rest):
        if (reason := targets.write_refused(word, scope)) is not None:
            return reason
        if name == "tee" and (found := targets.run_by_itself(word, scope)) is not None:
            return f"{found} is run by other programs by itself; write_file shows it to the user"
    return None


def written_by(name: str, rest: list[str]) -> list[str]:
    """Return the words that name what the command writes, as far as it is known."""
    written: list[str] = []
    if name in _WRITE_ALL:
        written += operands(rest)
    elif name in _WRITE_LAST:
        written += operands(rest)[-1:] if len(operands(rest)) > 1 else []
        written += operands(rest)[1:] if name == "ln" else []
    elif name in ("sed", "perl", "ruby", "gsed", "gawk", "awk", "sd") and any(
        _IN_PLACE.match(word) for word in rest
    ):
        written += operands(rest)[1:] if name != "perl" else operands(rest)
    elif name in ("sed", "gsed"):
        written += [
            match[1]
            for word in rest
            for match in re.finditer(r"(?:^|[^A-Za-z\\])[gpI\d]*[wW]\s+([^\s;}]+)", word)
        ]
    elif name in ("xxd", "uniq", "uudecode", "gunzip", "xz", "gzip", "bzip2", "zstd"):
        written += operands(rest)[1:] if name in ("xxd", "uniq") else operands(rest)
    elif name == "script" or (name == "zip" and rest):
        written += operands(rest)[:1]
    elif name == "find":
        written += [
            rest[i + 1] for i, w in enumerate(rest[:-1]) if w in ("-fprint", "-fprint0", "-fls", "-fprintf")
        ]
    elif name == "git":
        written += _by_git(rest)
    elif name in ("tar", "bsdtar", "gtar"):
        written += _by_tar(rest)
    return written + _outputs(name, rest)


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
    made = operands(rest)[1:] if rest[0] in ("clone", "init", "worktree") else []
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
