"""`/command` in the terminal: those of the chat documents, and /help."""

from __future__ import annotations

from typing import Any

from mazu_ls.errors import InvalidArguments, MazuError
from mazu_ls.terminal.chat.bypass import confirm_bypass
from mazu_ls.terminal.chat.chat_session import MODES, ChatSession
from mazu_ls.terminal.chat.question_keys import Ask, QuestionOption
from mazu_ls.terminal.wording import error_text

LEAVE = ("/quit", "/exit")
KEYS = (
    ("Enter", "send; while a turn runs the message waits for its end"),
    ("Alt-Enter, or \\ and Enter", "a new line"),
    ("Esc, Ctrl-C", "stop the turn; Ctrl-C once more leaves"),
    ("Ctrl-D, /quit", "leave"),
    ("Ctrl-R, Up", "search what you wrote before, or go back through it"),
    ("Ctrl-X Ctrl-E, Ctrl-Z", "write in $EDITOR; suspend, `fg` comes back"),
    ("Shift-Tab", "the next permission mode: ask, auto, plan"),
    ("Ctrl-O", "all of the last output, change or thought"),
    ("@", "name a file; ! runs a command of yours"),
)
OF_SESSION = ("undo", "redo", "rewind", "compact", "usage")
PICKED = 9


def commands() -> dict[str, str]:
    """Return the name of each command, without the slash, and its description."""
    from mazu_ls.server.chat.commands import COMMANDS

    return {
        **{name: one.help for name, one in COMMANDS.items()},
        "mode": "permission mode: ask, auto, plan, or bypass, which has to be typed once more",
        "help": "commands and keys; /help COMMAND for one",
    }


def is_command(line: str) -> bool:
    """Return whether a line is a `/command`, and not a message that begins with a path."""
    first = line.partition("\n")[0].partition(" ")[0]
    return first.startswith("/") and "/" not in first[1:]


async def reply_to(chat: ChatSession, line: str) -> str:
    """Return the reply of a `/command` as Markdown; for a failure its message and hint."""
    try:
        return await run(chat, line)
    except MazuError as error:
        return error_text(error.message, error.hint)
    except InvalidArguments as error:
        return error_text(str(error))


async def run(chat: ChatSession, line: str) -> str:
    """Carry out a line that begins with a slash; return the reply as Markdown."""
    name, _, text = line.removeprefix("/").strip().partition(" ")
    text = text.strip()
    known = commands()
    if name not in known:
        return unknown(name, list(known))
    if name == "help":
        return _help(text.removeprefix("/"), known)
    if name == "model" and not text:
        return await _pick_model(chat)
    if name == "mode":
        chat.require_own_mode()
        return await (_set_mode(chat, text) if text else _pick_mode(chat))
    if name in OF_SESSION and chat.session_id is None:
        return "Nothing was said in this conversation yet."
    if name in ("undo", "redo", "rollback"):
        from mazu_ls.terminal.verbs.undo import take_back

        return await take_back(chat, name, text)
    from mazu_ls.server.chat import commands as chat_commands

    if name == "model":
        return f"Now talking to {await chat.choose_model(text)}."
    said = await chat_commands.run(chat.execute, f"/{name} {text}".strip(), chat.session_id or "")
    return said or ""


def unknown(name: str, known: list[str]) -> str:
    """Return the sentence about an unknown command, with the one that was probably meant."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, 1, 0.5)
    meant = f" Did you mean /{close[0]}?" if close else ""
    return f"There is no command /{name}.{meant} /help lists them."


def _help(name: str, known: dict[str, str]) -> str:
    if name:
        return f"`/{name}`: {known[name]}." if name in known else unknown(name, list(known))
    listed = "\n".join(f"- `/{one}` {said}" for one, said in known.items())
    keys = "\n".join(f"- **{key}** {said}" for key, said in KEYS)
    return f"{listed}\n\n**Keys**\n\n{keys}"


async def _pick_model(chat: ChatSession) -> str:
    listed: dict[str, Any] = await chat.execute("mazu.models.list", {})
    ready = [model["name"] for model in listed["models"] if model["ready"]]
    current = chat.model or listed["current"]
    others = [name for name in ready if name != current][:PICKED]
    said = f"This conversation talks to {current or 'no model'}."
    if not others:
        return f"{said} No other model has a key; `/model NAME` chooses one."
    options = [QuestionOption(str(number), name) for number, name in enumerate(others, 1)]
    answer = await chat.host.surface.ask(
        Ask(f"{said} Talk to another?", (*options, QuestionOption("n", f"Stay with {current}"))), None
    )
    if not answer.key or answer.key == "n":
        return said
    return await run(chat, f"/model {others[int(answer.key) - 1]}")


async def _pick_mode(chat: ChatSession) -> str:
    current = await chat.mode()
    said = {
        "ask": "ask before anything is changed or run",
        "auto": "change files and run what the rules and the sandbox allow, without asking",
        "plan": "read only",
        "bypass": "ask about almost nothing; hard limits still apply",
    }
    options = [QuestionOption(mode[0], f"{mode}: {said[mode]}") for mode in MODES if mode != "auto"]
    options.insert(1, QuestionOption("u", f"auto: {said['auto']}"))
    answer = await chat.host.surface.ask(Ask(f"The mode is {current}.", tuple(options)), None)
    chosen = next((option.label.partition(":")[0] for option in options if option.key == answer.key), None)
    if chosen is None or chosen == current:
        return f"The mode is {current}."
    return await _set_mode(chat, chosen)


async def _set_mode(chat: ChatSession, mode: str) -> str:
    mode = mode.partition(" ")[0]
    if mode not in MODES:
        return f"There is no mode {mode!r}. Choose {', '.join(MODES)}."
    arguments = {"mode": mode}
    if mode == "bypass" and await chat.mode() != "bypass":
        if not await confirm_bypass(chat.host.surface):
            return f"The mode is {await chat.mode()}."
        arguments["confirm"] = "bypass"
    changed = await chat.execute("mazu.permissions.mode", arguments)
    return f"The mode is {changed['mode']} until this conversation is closed."
