"""Help and completion of the `/commands` of a conversation in a terminal."""

from __future__ import annotations

from collections.abc import Callable

KEYS = (
    ("Enter", "send; while a turn runs the message waits for its end"),
    ("Alt-Enter, or \\ and Enter", "a new line"),
    ("Esc, Ctrl-C", "stop the turn; without one, Ctrl-C twice leaves"),
    ("Ctrl-D, /quit", "leave"),
    ("Ctrl-R, Up", "search what you wrote before, or go back through it"),
    ("Ctrl-X Ctrl-E, Ctrl-Z", "write in $EDITOR; suspend, `fg` comes back"),
    ("Shift-Tab", "the next permission mode: ask, auto, plan"),
    ("Ctrl-O", "all of the last output, change or thought"),
    ("@", "name a file, such as @app.py or @app.py:3-9; ! runs a command of yours"),
)
MODES = ("ask", "auto", "plan", "bypass")
OWN = {
    "new": "begin a new conversation; the present one is kept",
    "resume": "choose another conversation of this project",
    "status": "project, model, mode, memory, checkpoints, sandbox",
    "help": "commands and keys; /help COMMAND for one",
    "quit": "leave; also /exit and Ctrl-D",
}
"""Commands of the terminal alone. Leaving is done where the line is read."""
USAGE = {
    "rewind": "[TURNS]", "checkpoint": "[LABEL]", "rollback": "[ID or LABEL]", "remember": "TEXT", "recall": "WORDS",
    "model": "[NAME]", "mode": "[ask|auto|plan|bypass]", "resume": "[ID]", "help": "[COMMAND]",
}  # fmt: skip
DETAILS = {
    "undo": "It asks what to do with files that you changed on top of the agent. /redo restores what it undid.",
    "redo": "It asks about files that you changed meanwhile.",
    "rewind": "Without a number the last turn; /undo also reverts what the turn did to files and memory.",
    "compact": "Use it when the share of the context window in the status line becomes large. The messages stay in the session's record.",
    "checkpoint": "A checkpoint holds code, unsaved text, memory and conversation; /rollback goes back to it.",
    "rollback": "Without an id it offers the points by words and time, and shows what would change before your own work is touched.",
    "remember": "Such as /remember Amounts are whole cents. The agent is given it where it applies; `mazu-ls memory list` shows all.",
    "recall": "By words and by meaning, such as /recall how do we store money.",
    "model": "Without a name it offers those that have a key. It holds for this conversation; `mazu-ls models set` holds for new ones.",
    "mode": "Shift-Tab switches between ask, auto and plan. It holds until this conversation is closed.",
    "usage": "In tokens and dollars; `mazu-ls usage` shows all conversations.",
    "new": "Its first message creates it. /resume comes back to the present one.",
    "resume": "Without an id it offers the last ones by name and time.",
}


def commands() -> dict[str, str]:
    """Return the name of each command, without the slash, and its description."""
    from mazu_ls.server.chat.commands import COMMANDS

    mode = "permission mode: ask, auto, plan, or bypass, which has to be typed once more"
    return {
        **{name: one.help for name, one in COMMANDS.items()},
        "mode": mode,
        "rollback": "go back to a checkpoint",
        **OWN,
    }


def help_text(name: str) -> str:
    """Return the help of one command, or of all and of the keys, as Markdown."""
    known = commands()
    if name:
        if name not in known:
            return unknown(name)
        usage = f"/{name} {USAGE.get(name, '')}".rstrip()
        return f"`{usage}`: {known[name]}. {DETAILS.get(name, '')}".rstrip()
    listed = "\n".join(f"- `/{one}`: {said}" for one, said in known.items())
    keys = "\n".join(f"- **{key}**: {said}" for key, said in KEYS)
    return f"{listed}\n\n**Keys**\n\n{keys}"


def unknown(name: str) -> str:
    """Return the sentence about an unknown command, with the one that was probably meant."""
    from difflib import get_close_matches

    swapped = [one for one in commands() if sorted(one) == sorted(name)]  # letters in another order
    close = swapped or get_close_matches(name, commands(), 1, 0.5)
    meant = f" Did you mean /{close[0]}?" if close else ""
    return f"There is no command /{name}.{meant} /help lists them."


def _models() -> list[str]:
    from mazu_ls.models.pricing import model_prices

    return list(dict.fromkeys(f"{row.provider}:{row.model}" for row in model_prices.ROWS))


VALUES: dict[str, Callable[[], list[str]]] = {
    "mode": lambda: list(MODES),
    "model": _models,
    "help": lambda: list(commands()),
}


def completed(line: str) -> list[tuple[str, int, str]]:
    """Return what may follow in a line that begins with a slash: the text, how many typed characters it replaces, and what it means."""
    name, space, typed = line[1:].partition(" ")
    if not space:
        return [(f"/{one}", len(line), said) for one, said in commands().items() if one.startswith(name)]
    values = VALUES[name]() if name in VALUES else []
    return [(value, len(typed), "") for value in values if typed.lower() in value and value != typed]
