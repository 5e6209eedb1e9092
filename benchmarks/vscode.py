"""Figures of the VS Code extension's pages in real Chromium: sizes, frames while streaming, a long transcript.

Run `python benchmarks/vscode.py`; what it needs is installed once by `editors/vscode/e2e/setup.sh`. Frames are measured against
an idle page in the same run, because a loaded machine drops frames by itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

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
        return subprocess.run(
            [tools["NODE"], EXTENSION / "e2e" / "figures.mjs", options], check=False
        ).returncode


if __name__ == "__main__":
    raise SystemExit(main())
