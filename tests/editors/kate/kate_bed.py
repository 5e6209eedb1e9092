"""Obtaining Kate, and driving it by its keyboard on a screen of its own. What it shows is read from what it tells the server."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mazu_ls.demo.model_server import ModelServer

HERE = Path(__file__).parent
Value = TypeVar("Value")
WAIT_SECONDS = 120.0
TYPED_MS = "20"
PACKAGES = ("kate", "xvfb", "xdotool", "dbus-daemon")
WITHOUT = f"Install {', '.join(PACKAGES)} (Debian), or leave the editors out by MAZU_SKIP_EDITORS=1."


class NoKate(Exception):
    """Kate, or what it is driven with, could not be obtained; the message says why and what to do."""


def obtain() -> None:
    """See that Kate, a screen and a keyboard are there; installed by apt where root may do that."""
    if _missing() and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
    if missing := _missing():
        raise NoKate(f"there is no {', '.join(missing)}. {WITHOUT}")


def _missing() -> list[str]:
    return [name for name in ("kate", "Xvfb", "xdotool", "dbus-run-session") if not shutil.which(name)]


def _install() -> None:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        answer = subprocess.run(["apt-get", *command], env=quiet, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise NoKate(f"apt-get {command[0]} failed: {answer.stderr.strip()[-1000:]} {WITHOUT}")


@dataclass
class Bed:
    """A project, a home of its own, a screen, and a Kate that is set up as docs/editors.md says."""

    project: Path
    home: Path
    model: ModelServer
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    display: str = ""

    async def start(self, file: str) -> None:
        """Show Kate with one file, and wait until the server serves it."""
        self._configure()
        self.display = await asyncio.to_thread(self._screen)
        self._spawn("dbus-run-session", "--", "bash", "-c", 'echo "$DBUS_SESSION_BUS_ADDRESS" >"$1"; exec kate "$2"', "_", self._bus, file)  # fmt: skip
        await self.until("Kate serves the file", lambda: self.text(file))
        await self.until("its window is there", self._focus)

    async def open(self, path: Path) -> None:
        """Open a file from a terminal beside the Kate that runs."""
        environment = self._environment() | {"DBUS_SESSION_BUS_ADDRESS": self._bus.read_text().strip()}
        await asyncio.to_thread(
            subprocess.run,
            ["kate", path],
            env=environment,
            cwd=self.project,
            check=True,
            timeout=WAIT_SECONDS,
        )
        await self.until(f"{path.name} is open", lambda: self.text(path.name))

    async def keys(self, *names: str) -> None:
        """Press keys one after the other."""
        await asyncio.to_thread(self._xdotool, "key", "--delay", TYPED_MS, *names)

    async def type(self, text: str) -> None:
        """Type text, and wait until the server has heard of it."""
        await asyncio.to_thread(self._xdotool, "type", "--delay", TYPED_MS, text)
        await self.until(
            f"the server hears of {text!r}", lambda: any(text in self.text(name) for name in self.documents)
        )

    async def act(self, title: str) -> None:
        """Choose the code action that contains `title` from the menu at the cursor."""
        before, windows = len(self._offers()), len(self._windows())
        await self.keys("alt+Return")
        await self.until("code actions are offered", lambda: len(self._offers()) > before)
        titles = [action["title"] for action in self._offers()[-1]]
        place = next((at for at, one in enumerate(titles, 1) if title in one), None)
        assert place is not None, f"no {title!r} among {titles}"
        await self.until("the menu is drawn", lambda: len(self._windows()) > windows)
        await asyncio.sleep(0.5)  # and takes the keyboard
        await self.keys(*["Down"] * place, "Return")
        await self.until("the menu is gone", lambda: len(self._windows()) <= windows)

    @property
    def traffic(self) -> list[dict[str, Any]]:
        """What was said so far: {"from", "message"}."""
        path = self.home / "traffic.jsonl"
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def documents(self) -> dict[str, str]:
        """The text of each document by its file name, as Kate last told the server."""
        found: dict[str, str] = {}
        for entry in self.traffic:
            message = entry["message"]
            name = message.get("params", {}).get("textDocument", {}).get("uri", "").rsplit("/", 1)[-1]
            match message.get("method"):
                case "textDocument/didOpen":
                    found[name] = message["params"]["textDocument"]["text"]
                case "textDocument/didChange":
                    found[name] = message["params"]["contentChanges"][-1]["text"]
        return found

    def text(self, name: str) -> str:
        """What a document says; "" when it is not open."""
        return self.documents.get(name, "")

    @property
    def took_all_edits(self) -> bool:
        """Whether every edit came within the two seconds after a command in which Kate takes it."""
        return not any(
            (entry["message"].get("result") or {}).get("applied") is False
            for entry in self.traffic
            if entry["from"] == "client"
        )

    @property
    def told(self) -> str:
        """The messages that stand in the output panel."""
        return "\n".join(
            entry["message"]["params"]["message"]
            for entry in self.traffic
            if entry["message"].get("method") == "window/showMessage"
        )

    @property
    def views(self) -> str:
        """What the server wrote beside the documents."""
        return "".join(path.read_text() for path in (self.project / ".mazu" / "view").glob("*.md"))

    def hints(self, name: str) -> list[str]:
        """The messages of the diagnostics that stand in a document."""
        published = [
            entry["message"]["params"]
            for entry in self.traffic
            if entry["message"].get("method") == "textDocument/publishDiagnostics"
        ]
        last = next((one for one in reversed(published) if one["uri"].endswith(f"/{name}")), None)
        return [one["message"] for one in last["diagnostics"]] if last else []

    async def until(self, what: str, met: Callable[[], Value]) -> Value:
        """Poll until `met` gives something; fails with the end of the traffic and a picture where it does not."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            if value := await asyncio.to_thread(met):
                return value
            await asyncio.sleep(0.1)
        said = "\n".join(json.dumps(entry)[:600] for entry in self.traffic[-12:])
        raise AssertionError(f"waited in vain: {what}\n{said}\n{self._log()}")

    def stop(self) -> None:
        """End what was started."""
        for process in reversed(self.running):
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    @property
    def _bus(self) -> Path:
        return self.home / "bus"

    def _configure(self) -> None:
        """The settings of docs/editors.md; the program is one that Kate was told it may start."""
        server = self.home / "mazu-ls"
        server.write_text(
            f"#!/bin/sh\nexec {sys.executable} {HERE / 'tee.py'} {self.home}/traffic.jsonl {sys.executable} -m mazu_ls\n"
        )
        server.chmod(0o755)
        settings = self.home / "config" / "kate" / "lspclient" / "settings.json"
        settings.parent.mkdir(parents=True)
        markdown = {
            "command": [str(server)],
            "rootIndicationFileNames": [".git"],
            "highlightingModeRegex": "^Markdown$",
        }
        settings.write_text(json.dumps({"servers": {"markdown": markdown, "python": {"use": "markdown"}}}))
        (self.home / "config" / "katerc").write_text(
            "[Kate Plugins]\nlspclientplugin=true\n"
            "[General]\nShow welcome view for new window=false\n"
            f"[lspclient]\nAllowedServerCommandLines={server}\n"
        )

    def _screen(self) -> str:
        """Start a screen; its name."""
        reading, writing = os.pipe()
        self._spawn("Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x860x24", "-nolisten", "tcp", keep=writing)  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as told:
            return f":{told.readline().strip()}"

    def _focus(self) -> bool:
        """Give Kate's window the keyboard; there is no window manager that would."""
        found = self._windows()
        if found:
            self._xdotool("windowsize", found[-1], "1270", "850", "windowfocus", found[-1])
        return bool(found)

    def _windows(self) -> list[str]:
        """The windows that are to be seen; an open menu is one."""
        return self._xdotool("search", "--onlyvisible", "--class", "kate").split()

    def _xdotool(self, *arguments: str) -> str:
        answer = subprocess.run(
            ["xdotool", *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )
        return answer.stdout

    def _spawn(self, *command: object, keep: int | None = None) -> None:
        log = (self.home / "kate.log").open("ab")
        with log:
            self.running.append(
                subprocess.Popen(
                    [str(part) for part in command], cwd=self.project, env=self._environment(), start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=() if keep is None else (keep,),
                )
            )  # fmt: skip

    def _offers(self) -> list[list[dict[str, Any]]]:
        asked = {
            entry["message"]["id"]
            for entry in self.traffic
            if entry["message"].get("method") == "textDocument/codeAction"
        }
        return [
            entry["message"]["result"]
            for entry in self.traffic
            if entry["from"] == "server"
            and entry["message"].get("id") in asked
            and "result" in entry["message"]
        ]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR") if name in os.environ}
        runtime = self.home / "run"
        runtime.mkdir(mode=0o700, exist_ok=True)
        return kept | {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "DISPLAY": self.display,
            "QT_QPA_PLATFORM": "xcb",
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "ANTHROPIC_BASE_URL": self.model.url,
            "ANTHROPIC_API_KEY": "test-key",
        }

    def _log(self) -> str:
        log = self.home / "kate.log"
        return log.read_text(errors="replace")[-600:] if log.exists() else ""
