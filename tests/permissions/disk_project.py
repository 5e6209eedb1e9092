"""A project on the disk for labelled rows that depend on what is there: links, secrets, repositories, chosen toolchains."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mazu_ls.policy import PolicyContext

FILES = {
    "src/a.py": "x = 1\n",
    "src/b.py": "from a import x\n",
    "docs/guide.md": "Read this.\n",
    "docs/more/deep.md": "More.\n",
    ".env": "SECRET=1\n",
    "deploy/id_rsa": "key\n",
    "crate/rust-toolchain.toml": "[toolchain]\nchannel = 'x'\n",
    "crate/src/lib.rs": "\n",
    "web/package.json": "{}\n",
    "-rf": "named like an option\n",
    "Makefile": "all:\n",
}


def make_project(folder: Path) -> PolicyContext:
    """Make it below `folder`, which is empty; its home is there too."""
    root, outside = folder / "proj", folder / "outside"
    (outside / "in").mkdir(parents=True)
    (outside / "u").write_text("mine\n")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    links = {
        "notes": outside / "u",
        "src/up": outside / "in",
        "open.md": "docs/guide.md",
        "docs/out": outside,
        "web/self": ".",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    for place in (root, root / "evil", root / "tracked"):
        place.mkdir(exist_ok=True)
        subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    (root / "tracked/.env").write_text("SECRET=2\n")
    (root / "tracked/a.py").write_text("y = 1\n")
    subprocess.run(["git", "add", ".env", "a.py"], cwd=root / "tracked", check=True)
    with (root / "evil/.git/config").open("a") as config:
        config.write("[core]\n\tfsmonitor = ./e.sh\n")
    (outside / "bare").mkdir()
    return PolicyContext([root], root, folder / "home")
