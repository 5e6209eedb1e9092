"""Links that a command makes: later words of the line may lead through them to places outside the workspace."""

from __future__ import annotations

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables import targets
from mazu_ls.policy.tables.options import abbreviates
from mazu_ls.policy.tables.wrappers import program

_MAKERS = frozenset(("ln", "gln", "link", "cp", "gcp"))
_MOST = 20
_LONG = {"--symbolic-link": "s", "--link": "l", "--relative": "r"}


def leads_outside(name: str, rest: list[str], scope: ShellScope) -> str | None:
    """Return which place outside the workspace a command links to, hard or symbolic, if any."""
    if name not in _MAKERS:
        return None
    letters, words, folder = _read(rest)
    copies = name in ("cp", "gcp")
    if copies and letters.isdisjoint("sl"):
        return None
    if folder is None:
        folder = words[-1].rpartition("/")[0] if len(words) > 1 else ""
        words = words[:-1] or words
    if copies or "s" not in letters or "r" in letters:
        folder = ""  # these are relative to the current folder; a symbolic link is relative to its own
    for word in words:
        from_link = word if word.startswith("/") else f"{folder or '.'}/{word}"
        for path in targets.places(from_link, scope):
            if word.startswith(UNKNOWN) or not targets.inside(path, scope.place):
                return (word if word.startswith(UNKNOWN) else path).replace(UNKNOWN, "?")
    return None


def note(name: str, rest: list[str], scope: ShellScope) -> None:
    """Note `ln -s /usr/bin/git g` (from here on `./g` may be git), and the symbolic links that `ln` makes, for `through`."""
    named = [program(word) for word in rest if not word.startswith("-")]
    if len(named) == 2 and named[0] != named[1]:
        scope.assign(f"alias {named[1]}", named[0])
    letters, words, folder = _read(rest)
    if name != "ln" or "s" not in letters or not words:
        return
    into = words[-1] if len(words) > 1 and folder is None else folder or "."
    made = words[:-1] if len(words) > 1 and folder is None else words
    for word in made[:_MOST]:
        base = word.rstrip("/").rpartition("/")[2]
        for place in (into, f"{into}/{base}"):  # beside its target, or in the folder of that name
            above = place.rpartition("/")[0] or ("/" if place.startswith("/") else ".")
            whence = word if word.startswith("/") else word if "r" in letters else f"{above}/{word}"
            for link in targets.places(place, scope):
                known = scope.links.setdefault(link, [])
                known += [led for led in targets.places(whence, scope) if led not in known]


def through(word: str, scope: ShellScope) -> list[str]:
    """Return where a word leads through the links that the line made."""
    spend(len(scope.links))
    end = (
        "/" if word.endswith("/") else ""
    )  # `rm -r link/` empties the folder, `rm -r link` only loses the link
    return [
        led + path.removeprefix(link)
        for path in (targets.places(word, scope) if scope.links else ())
        for link, places in scope.links.items()
        if f"{path}{end}".startswith(f"{link}/")
        for led in places
    ]


def _read(rest: list[str]) -> tuple[set[str], list[str], str | None]:
    """Return the letters of the options, the operands, and the folder of `-t`."""
    letters, words, folder = set[str](), list[str](), None
    left = iter(rest)
    for word in left:
        if word == "--":
            words += left
        elif word.startswith("--"):
            letters |= {letter for option, letter in _LONG.items() if abbreviates(word, option, 3)}
            if abbreviates(word, "--target-directory", 3):
                folder = word.partition("=")[2] or next(left, "")
        elif word.startswith("-"):
            for at, letter in enumerate(word[1:], 2):
                letters.add(letter)
                if letter in "tS":
                    value = word[at:] or next(left, "")
                    folder = value if letter == "t" else folder
                    break
        else:
            words.append(word)
    return letters, words, folder
