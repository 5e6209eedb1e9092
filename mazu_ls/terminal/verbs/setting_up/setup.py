"""`mazu-ls setup`: a short wizard: a key or a local model, the editor, the sandbox."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments
from mazu_ls.gitcmd import find_program
from mazu_ls.terminal.chat.question_keys import Ask, QuestionOption
from mazu_ls.terminal.surfaces.plain_surface import PlainSurface
from mazu_ls.terminal.verbs.stored_settings import settings_file, store_setting

if TYPE_CHECKING:
    import argparse

    from mazu_ls.terminal.project_root import ProjectRoot

PROVIDERS = {
    "a": ("anthropic", "ANTHROPIC_API_KEY", "Anthropic"),
    "o": ("openai", "OPENAI_API_KEY", "OpenAI"),
    "d": ("deepseek", "DEEPSEEK_API_KEY", "DeepSeek"),
    "g": ("gemini", "GEMINI_API_KEY", "Gemini"),
}
EDITORS = {
    "v": ("VS Code", "Install the extension: editors/vscode/README.md. It finds mazu-ls by itself."),
    "n": ("Neovim", "In init.lua: vim.opt.rtp:prepend('editors/neovim') and vim.lsp.enable('mazu_ls')."),
    "e": (
        "Emacs",
        'In your init file: (load "editors/emacs/mazu.el"), then M-x mazu; or eglot alone, as in README.md.',
    ),
    "o": ("another editor", "Any editor that speaks LSP runs the command mazu-ls: docs/editors.md."),
    "t": ("only the terminal", "Type mazu-ls in a project."),
}

ENDPOINT_SECONDS = 3.0
FILES = Path(__file__).parents[3] / "editors"
"""Beside the package in a clone; an installed package has none."""


async def run(given: argparse.Namespace, root: ProjectRoot) -> int:
    """Ask three questions; answers are stored in the user's own settings at once, and confirmed."""
    surface = PlainSurface()
    if not surface.interactive:
        raise InvalidArguments(
            "setup asks questions and needs a terminal; mazu-ls config set does it without", "setup"
        )
    await _model(surface)
    await _editor(surface)
    await _sandbox(surface)
    print("mazu-ls doctor checks everything; mazu-ls begins a conversation.")
    return 0


async def _model(surface: PlainSurface) -> None:
    present = [key for _, key, _ in PROVIDERS.values() if os.environ.get(key)]
    said = f"In the environment: {', '.join(present)}." if present else "No key is in the environment."
    options = [QuestionOption(key, f"a key of {name}") for key, (_, _, name) in PROVIDERS.items()]
    ask = Ask(
        "Which model?",
        (
            *options,
            QuestionOption("l", "a local model (Ollama or any OpenAI-compatible URL)"),
            QuestionOption("k", "keep it as it is"),
        ),
        said,
    )
    match (await surface.ask(ask, None)).key:
        case "l":
            url = _line("URL [http://127.0.0.1:11434/v1]: ") or "http://127.0.0.1:11434/v1"
            name = _line("Name of the model: ")
            said = await said_of_endpoint(url, name)
            while name and "has no model" in said:
                print(said)
                name, before = _line(f"Name of the model [{name} all the same]: "), name
                said = await said_of_endpoint(url, name) if name and name != before else ""
                name = name or before
            store_setting("models.local", {"base_url": url, "price_in": 0, "price_out": 0})
            if name:
                store_setting("model", f"local:{name}")
            print(f"stored in {settings_file()}")
            if said:
                print(said)
        case key if key in PROVIDERS:
            provider, variable, _ = PROVIDERS[key]
            secret = getpass.getpass(f"Key (it is not shown; empty: you set {variable} yourself): ").strip()
            if secret:
                store_setting(f"models.{provider}", {"api_key": secret})
                print(f"stored in {settings_file()}, which only you may read")


async def said_of_endpoint(url: str, name: str) -> str:
    """Ask a local endpoint once for its models; return in a sentence whether it can be called, and has that one."""
    from mazu_ls.models.pricing.model_note import missing_model
    from mazu_ls.models.providers import models_at

    listed = await models_at(url, ENDPOINT_SECONDS)
    if listed is None:
        slash_v1 = "" if url.rstrip("/").endswith("/v1") else " Most addresses end in /v1."
        return f"Nothing there lists its models now: {url.rstrip('/')}/models. Start it before the first message, or correct the address.{slash_v1}"
    return missing_model(url, name, listed) or f"{url} answers."


async def _editor(surface: PlainSurface) -> None:
    options = tuple(QuestionOption(key, name) for key, (name, _) in EDITORS.items())
    answer = await surface.ask(Ask("Which editor?", options), None)
    if answer.key:
        print(EDITORS[answer.key][1].replace("editors/", f"{FILES}/" if FILES.is_dir() else "editors/"))
        if not FILES.is_dir() and answer.key in "vne":
            print(
                "editors/ is in a clone of mazu-ls, from which it was installed; README.md there has the lines to paste."
            )


async def _sandbox(surface: PlainSurface) -> None:
    bubblewrap = find_program("bwrap")
    said = (
        "bubblewrap is installed."
        if bubblewrap
        else "bubblewrap is not installed (apt install bubblewrap): without it, mode auto and `run --allow-shell` run few commands; Landlock confines those that you approve, where the kernel has it."
    )
    options = (
        QuestionOption("a", "use it where the machine has one"),
        QuestionOption("r", "run no command without one"),
        QuestionOption("k", "keep it as it is"),
    )
    match (await surface.ask(Ask("A sandbox for commands?", options, said), None)).key:
        case "a":
            print(f"shell.sandbox: stored in {store_setting('shell.sandbox', 'auto')}")
        case "r":
            print(f"shell.sandbox: stored in {store_setting('shell.sandbox', 'required')}")


def _line(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline().strip()
