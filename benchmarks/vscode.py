"""Figures of the VS Code extension: in real VS Code the actions of the main job and the activation; of its pages in real
Chromium sizes, frames while streaming, a long transcript, memory.

Run `python benchmarks/vscode.py`; with `--pages` only those of the pages. What it needs is installed once by `editors/vscode/e2e/setup.sh`. Frames are measured against
an idle page in the same run, because a loaded machine drops frames by itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mazu_ls.demo.model_server import ModelServer, ScriptedReply

EDIT = {"path": "app.py", "old": "return a - b", "new": "return a + b"}
EXTENSION = Path(__file__).parents[1] / "editors" / "vscode"


def main() -> int:
    """Build the bundles as they are packaged, measure, print."""
    done = subprocess.run(
        ["bash", EXTENSION / "e2e" / "setup.sh"], stdout=subprocess.PIPE, text=True, check=True
    )
    tools = dict(line.split("=", 1) for line in done.stdout.splitlines())
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "zipfile", "-e", tools["VSIX"], folder], check=True)
        options = Path(folder) / "tools.json"
        options.write_text(json.dumps(tools | {"DIST": str(Path(folder) / "extension" / "dist")}))
        failed = subprocess.run(
            [tools["NODE"], EXTENSION / "e2e" / "figures.mjs", options], check=False
        ).returncode
    return failed or ("--pages" not in sys.argv and asyncio.run(measure_editor(tools)))


async def measure_editor(tools: dict[str, str]) -> int:
    """Do the main job in real VS Code with the real server and a scripted model, and print what it took."""
    script = [
        ScriptedReply(when="total subtracts", calls=[{"name": "edit_file", "arguments": EDIT}]),
        ScriptedReply(text="It adds now.", repeat=True),
    ]
    with tempfile.TemporaryDirectory(prefix="mazu-", ignore_cleanup_errors=True) as folder:
        home, project, shots = (Path(folder) / name for name in ("home", "project", "shots"))
        for made in (home, project, shots):
            made.mkdir()
        (project / "app.py").write_text("def total(a, b):\n    return a - b\n")
        options = home / "story.json"
        places = {"home": str(home), "project": str(project), "shots": str(shots)}
        options.write_text(json.dumps({"tools": tools, **places}))
        async with ModelServer(script) as model:
            env = {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(home),
                "ANTHROPIC_BASE_URL": model.url,
                "ANTHROPIC_API_KEY": "test-key",
            }
            process = await asyncio.create_subprocess_exec(
                tools["NODE"], EXTENSION / "e2e" / "editor_figures.mjs", options, env=env
            )
            return await process.wait()


if __name__ == "__main__":
    raise SystemExit(main())
