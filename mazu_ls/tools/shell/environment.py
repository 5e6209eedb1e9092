"""The environment of a child process: what it needs to find its tools, without keys and without variables that make
programs run others."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mazu_ls.redact import has_secret
from mazu_ls.workspace.lazy_pattern import lazy_pattern

_SECRET = lazy_pattern(
    r"key|token|secret|passw|passphrase|credential|cookie|private|(?:^|_)(?:auth|pass|pwd|pat|dsn|jwt|sas)(?:_|$)",
    re.I,
)
_IDENTITY = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
"""Whose commits are made: in CI and containers they have no other place."""
_HARMLESS = frozenset(("PWD", "SSH_TTY", "KEYBOARD", "XKB_DEFAULT_LAYOUT", *_IDENTITY))
# Read by shells, loaders, interpreters and git to run or load something else.
_POISON = lazy_pattern(
    r"^(BASH_ENV|ENV|BASH_FUNC_.*|BASHOPTS|SHELLOPTS|PROMPT_COMMAND|PS[0-4]|IFS|CDPATH|GLOBIGNORE|OLDPWD|LD_.*|DYLD_.*|GCONV_PATH"
    r"|PYTHONSTARTUP|PYTHONHOME|PYTHONINSPECT|PYTHONBREAKPOINT|PERL5OPT|PERL5DB|RUBYOPT|NODE_OPTIONS|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS"
    r"|GIT_.*|SSH_AUTH_SOCK|SSH_ASKPASS|SSH_AGENT_PID|SUDO_.*|GPG_AGENT_INFO|DBUS_SESSION_BUS_ADDRESS|XAUTHORITY"
    r"|LESSOPEN|LESSCLOSE|PAGER|MANPAGER|EDITOR|VISUAL|BROWSER|RIPGREP_CONFIG_PATH|GREP_OPTIONS|TMUX|TMUX_PANE|STY"
    r"|MAZU_.*|ANTHROPIC_.*|OPENAI_.*|DEEPSEEK_.*|GEMINI_.*|GOOGLE_.*|OLLAMA_.*|AWS_.*|AZURE_.*|DOCKER_.*|KUBECONFIG)$"
)
_OF_PROVIDERS = lazy_pattern(r"^(ANTHROPIC|OPENAI|DEEPSEEK|GEMINI|GOOGLE|OLLAMA|AWS|AZURE)_")
_SET = {
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",  # git status must not try to write its index
    "GIT_EDITOR": "true",
    "TERM": "dumb",
    # A folder that only looks like a bare repository must not bring its own config (hooks, fsmonitor) with it.
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "safe.bareRepository",
    "GIT_CONFIG_VALUE_0": "explicit",
    "GIT_CONFIG_KEY_1": "core.fsmonitor",
    "GIT_CONFIG_VALUE_1": "false",
}


def child_environment(env: Mapping[str, str], extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return `env` without keys and dangerous variables, with `extra` added last."""
    kept = {name: value for name, value in env.items() if _kept(name, value)}
    kept.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    return {**kept, **_SET, **(extra or {})}


def without_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """Return `env` without keys, for our own processes: their initial environment can be read in `/proc/PID/environ`."""
    return {name: value for name, value in env.items() if not is_secret(name, value)}


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable holds a key, by its name or by the form of its value."""
    return name not in _HARMLESS and bool(
        _SECRET.search(name) or _OF_PROVIDERS.match(name) or has_secret(f"{name}={value}")
    )


def _kept(name: str, value: str) -> bool:
    return name in _HARMLESS or not (is_secret(name, value) or _POISON.match(name))
