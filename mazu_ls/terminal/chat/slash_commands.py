"""`/command` in the terminal: those of the chat documents, and a few of its own."""

from __future__ import annotations

import io
from typing import Any

from mazu_ls.errors import Kind, MazuError
from mazu_ls.terminal.chat.bypass import confirm_bypass
from mazu_ls.terminal.chat.chat_session import MODES, ChatSession
from mazu_ls.terminal.chat.question_keys import Ask, QuestionOption
from mazu_ls.terminal.chat.slash_help import commands, help_text, unknown
from mazu_ls.terminal.wording import failure_text

LEAVE = ("/quit", "/exit")
OF_SESSION = ("undo", "redo", "rewind", "compact", "usage")
PICKED = 9


def is_command(line: str) -> bool:
    """Return whether a line is a `/command`, and not a message that begins with a path."""
    first = line.partition("\n")[0].partition(" ")[0]
    return first.startswith("/") and "/" not in first[1:]


async def reply_to(chat: ChatSession, line: str) -> str:
    """Return the reply of a `/command` as Markdown; for a failure its message and hint."""
    try:
        return await run(chat, line)
    except Exception as error:  # noqa: BLE001 - becomes the reply
        return failure_text(error, line.split(maxsplit=1)[0])


async def run(chat: ChatSession, line: str) -> str:
    """Carry out a line that begins with a slash; return the reply as Markdown."""
    name, _, text = line.removeprefix("/").strip().partition(" ")
    text = text.strip()
    if name not in commands():
        return unknown(name)
    if name in ("new", "quit") and text:
        done = "begins a conversation" if name == "new" else "leaves"
        return f"`/{name}` {done} and takes no message: what you wrote after it was not sent."
    if name == "help":
        return help_text(text.removeprefix("/"))
    if name in ("new", "resume", "status"):
        return await _of_conversation(chat, name, text)
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
        from mazu_ls.models.pricing.model_note import model_note

        chosen = await chat.choose_model(text)
        project = await chat.server.wait_opened()
        return f"Now talking to {chosen}. {await model_note(chosen, project.config, project.env)}".rstrip()
    said = await chat_commands.run(chat.execute, f"/{name} {text}".strip(), chat.session_id or "")
    return said or ""


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
    options.append(QuestionOption("n", f"Stay with {current}"))
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


async def _of_conversation(chat: ChatSession, name: str, text: str) -> str:
    """Carry out /new, /resume or /status; return the reply as Markdown, empty where the opening lines say it."""
    from mazu_ls.terminal.chat.opening import pick_conversation

    if name == "status":
        return await _status(chat)
    if chat.turn_runs and chat.shared_with is None:
        raise MazuError(
            Kind.BUSY, "A turn runs here, begun in another terminal or editor.", "Esc stops it; or wait."
        )
    if name == "new":
        await chat.switch(None)
        return ""
    chosen = text or await pick_conversation(chat, "Stay here")
    if chosen is None:
        return "You stay in this conversation."
    await chat.switch(chosen)
    return ""


async def _status(chat: ChatSession) -> str:
    from mazu_ls.server.chat.markdown import escape
    from mazu_ls.terminal.lists import draw_status
    from mazu_ls.terminal.screen.markup import PlainConsole

    status = await chat.execute("mazu.status", {})
    drawn = io.StringIO()
    model = chat.model or status["model"]
    draw_status(PlainConsole(drawn), {**status, "model": model, "mode": await chat.mode(), "clients": []})
    rows = [
        f"- **{row[:12].strip()}**: {escape(row[13:])}" for row in drawn.getvalue().rstrip("\n").split("\n")
    ]
    project = await chat.server.wait_opened()
    session = project.sessions.find(chat.session_id) if chat.session_id else None
    name = session.name if session else chat.name
    called = f"“{name}”" if name else "new" if chat.session_id is None else "unnamed"
    return "\n".join([f"- **conversation**: {escape(called)}", *rows])
