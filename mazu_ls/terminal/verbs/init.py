"""`mazu-ls init`: creates a project's `.mazu/` folder, with a commented config and a role document."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError
from mazu_ls.state import paths
from mazu_ls.tools.skills.trust import TrustStore
from mazu_ls.workspace import project_files

if TYPE_CHECKING:
    import argparse

    from mazu_ls.terminal.project_root import ProjectRoot

CONFIG = """\
# Settings of this project. They may tighten what the user's own settings allow, never loosen it.
# Every key is optional.

# [limits]
# max_steps = 15        # the default
# max_cost_usd = 1.0    # US dollars for one turn; without it there is no limit

# [memory]
# write = "auto"        # the default; or "ask", "off"

# [checkpoints]
# keep_days = 30        # the default
"""
ROLE = """\
You work on this project as a careful colleague.

- Prefer the smallest change that solves the problem.
- Follow the conventions you find in the code.
- Run the tests after a change and say what they said.
"""


async def run(given: argparse.Namespace, root: ProjectRoot) -> int:
    """Create `.mazu/`; existing files stay."""
    folder, made = await asyncio.to_thread(_create, root.folders[0])
    if getattr(given, "json", False):
        print(json.dumps({"folder": str(folder), "created": made}))
    else:
        print(
            f"{folder} is ready"
            + (f": wrote {', '.join(path.rpartition('/')[2] for path in made)}" if made else "")
        )
    return 0


def _create(root: Path) -> tuple[Path, list[str]]:
    """Return the folder, and the files that did not exist before."""
    made: list[str] = []
    try:
        for name in ("chats", "skills", "tools"):
            paths.project_folder(root, name)
        for name, text in (("config.toml", CONFIG), ("role.md", ROLE)):
            place = PurePosixPath(paths.PROJECT_FOLDER, name)
            if project_files.stat_entry(root, place) is None:
                project_files.write_file(root, place, text.encode())
                made.append(str(root / place))
                if name == "role.md":  # the user creates it here, so it needs no question
                    TrustStore.load(paths.mazu_home()).agree("role", paths.root_key(root), text.encode())
    except OSError as error:
        raise MazuError(
            Kind.STORAGE, f"{root / paths.PROJECT_FOLDER} cannot be written: {error.strerror or error}.",
            "Move or delete whatever is in its place.",
        ) from error  # fmt: skip
    paths.private_folder(paths.root_state(root))  # from now on this folder is a project, for every client
    return root / paths.PROJECT_FOLDER, made
