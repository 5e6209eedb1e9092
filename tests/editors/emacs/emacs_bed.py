"""Obtaining Emacs with eglot, and running one story in it, in a terminal of its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

from mazu_ls.demo.model_server import ModelServer

HERE = Path(__file__).parent
STORY_SECONDS = 900
EARLY = (
    "(setq native-comp-deferred-compilation nil native-comp-jit-compilation nil inhibit-startup-screen t)\n"
)
WITHOUT = "Install Emacs with eglot (Debian: emacs-nox and elpa-eglot), or leave the editors out by MAZU_SKIP_EDITORS=1."


class NoEmacs(Exception):
    """Emacs with eglot could not be obtained; the message says why and what to do."""


def obtain() -> Path:
    """An Emacs that has eglot: $MAZU_E2E_EMACS, else that of the machine, installed by apt where root may do that."""
    given = os.environ.get("MAZU_E2E_EMACS") or shutil.which("emacs")
    if not given and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
        given = shutil.which("emacs")
    if not given:
        raise NoEmacs(f"there is no emacs. {WITHOUT}")
    answer = subprocess.run(
        [given, "--batch", "--eval", "(progn (package-activate-all) (require 'eglot))"],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise NoEmacs(f"{given} has no eglot: {answer.stderr.strip()[-500:]} {WITHOUT}")
    return Path(given)


def _install() -> None:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    packages = ["--no-install-recommends", "emacs-nox", "elpa-eglot"]
    for command in (["update", "-qq"], ["install", "-y", "-qq", *packages]):
        answer = subprocess.run(["apt-get", *command], env=quiet, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise NoEmacs(f"apt-get {command[0]} failed: {answer.stderr.strip()[-1000:]} {WITHOUT}")


@dataclass
class Bed:
    """A project, a home of its own, and an Emacs that knows nothing else."""

    emacs: Path
    project: Path
    home: Path
    model: ModelServer

    async def tell(self, story: str) -> str:
        """Run `{story}.el`; its report. Fails where the story does, with the report."""
        report = self.home / "report.txt"
        settings = self.home / ".emacs.d"
        settings.mkdir(exist_ok=True)
        (settings / "early-init.el").write_text(EARLY)
        keyboard, terminal = os.openpty()
        process = await asyncio.create_subprocess_exec(
            self.emacs, "-nw", "-L", HERE, "-l", HERE / f"{story}.el",
            cwd=self.project, env=self._environment(report), start_new_session=True, preexec_fn=_own_terminal,
            stdin=terminal, stdout=terminal, stderr=terminal,
        )  # fmt: skip
        os.close(terminal)
        screen = asyncio.create_task(asyncio.to_thread(_drain, keyboard))
        try:
            await asyncio.wait_for(process.wait(), STORY_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        text = report.read_text(errors="replace") if report.exists() else ""
        tail = await screen
        assert process.returncode == 0, f"{story} ended with {process.returncode}\n{text}\n{tail[-2000:]!r}"
        return text

    def _environment(self, report: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR") if name in os.environ}
        return kept | {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "XDG_STATE_HOME": str(self.home / "state"),
            "ANTHROPIC_BASE_URL": self.model.url,
            "ANTHROPIC_API_KEY": "test-key",
            "MAZU_TEST_SERVER": sys.executable,
            "MAZU_TEST_REPORT": str(report),
        }


def _own_terminal() -> None:
    """Runs in the child: standard input becomes its controlling terminal, which Emacs opens by name."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _drain(keyboard: int) -> bytes:
    """Read what is drawn, so that Emacs never waits for its terminal."""
    seen = b""
    try:
        while data := os.read(keyboard, 65536):
            seen = (seen + data)[-20000:]
    except OSError:
        pass  # Linux says EIO when the other end is closed
    os.close(keyboard)
    return seen
