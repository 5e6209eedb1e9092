"""Settings that another command stores while a conversation is open hold in it from its next message on."""

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.terminal.terminal import Terminal
from tests.terminal.test_chat_screen import Chat, chat, shell

__all__ = ["chat"]  # a fixture


async def beside(terminal: Terminal, *words: str) -> None:
    """Run a command in another terminal of the same user."""
    command = (sys.executable, "-m", "mazu_ls", *words)
    await asyncio.to_thread(subprocess.run, command, cwd=terminal.root, env=terminal.env, check=True)


async def test_a_rule_and_a_mode_that_are_stored_meanwhile_hold(chat: Chat):
    terminal = await chat(
        {"text": "Here."}, shell("echo one"), {"text": "So not."}, shell("echo two"), {"text": "Nor so."}
    )
    await terminal.says("hello")
    await terminal.sees("Here.")
    await beside(terminal, "permissions", "deny", "run_shell", "echo *")
    await terminal.says("do it")
    await terminal.sees("– Run echo one", "not allowed: a rule denies it", "So not.")
    await beside(terminal, "permissions", "mode", "plan")
    await terminal.says("do it again")
    await terminal.sees("– Run echo two", "not allowed: mode plan only reads", "Nor so.", "plan · ")


async def test_the_model_of_a_setup_meanwhile_is_used(chat: Chat, tmp_path: Path):
    terminal = await chat({"text": "Here I am."}, ANTHROPIC_API_KEY="", sees="No model can be called yet")
    await terminal.says("hello")
    await terminal.sees("No model can be called: no API key")
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "config.toml").write_text('[models.anthropic]\napi_key = "test-key"\n')
    (tmp_path / "home" / "config.toml").chmod(0o600)
    await terminal.says("hello")
    await terminal.sees("Here I am.", "ask · claude-")
