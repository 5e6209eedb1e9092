"""Splits the words of a command into options and operands."""

from __future__ import annotations


def flags(rest: list[str]) -> str:
    """Return all short option letters, and `r`, `f` for the long options that mean them, abbreviations included."""
    letters = ""
    for word in rest:
        if word == "--":
            break
        if word.startswith("--"):
            letters += "r" if len(word) > 3 and "--recursive".startswith(word) else ""
            letters += "D" if len(word) > 4 and "--delete".startswith(word) else ""
        elif word.startswith("-"):
            letters += word[1:]
    return letters


def operands(rest: list[str]) -> list[str]:
    """Return the words that are no options."""
    if "--" in rest:
        cut = rest.index("--")
        return [word for word in rest[:cut] if not word.startswith("-")] + rest[cut + 1 :]
    return [word for word in rest if not word.startswith("-") or word == "-"]


def abbreviates(word: str, option: str, least: int) -> bool:
    """Return whether `word` is a long option, or its beginning of at least `least` characters."""
    head = word.split("=", 1)[0]
    return len(head) >= least and option.startswith(head)
