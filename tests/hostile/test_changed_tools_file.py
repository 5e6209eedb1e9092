"""A tools file of a project that changes while mazu-ls runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mazu_ls.agent.project.extension_tools import CHOICES, ExtensionTools
from tests.hostile.test_mcp_lists import UnhurriedUser
from tests.tools.test_mcp import until

TOOL = 'def hello(name: str) -> str:\n    """Say hello."""\n    return "GOOD " + name\n'


async def test_a_tools_file_that_changes_after_consent_is_asked_about_again(tmp_path: Path) -> None:
    file = tmp_path / "proj/.mazu/tools/t.py"
    file.parent.mkdir(parents=True)
    file.write_text(TOOL)
    user = UnhurriedUser(CHOICES[0])
    host: Any = user
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MAZU_HOME": str(tmp_path / "home")}
    extensions = ExtensionTools([tmp_path / "proj"], "key", host, env)
    try:
        assert extensions.tools([]) == extensions.tools([]) == []
        await until(lambda: len(user.asked) == 1)
        file.write_text(TOOL.replace("GOOD", "EVIL"))
        assert extensions.tools([]) == []  # one question about a file at a time
        user.answers.release()
        await until(lambda: extensions.tools([]) == [] and len(user.asked) == 2)
        assert ["GOOD" in one.detail for one in user.asked] == [True, False]
        assert "changed since you agreed" in user.asked[1].title
        user.answers.release()
        await until(lambda: [tool.name for tool in extensions.tools([])] == ["hello"])
        file.write_text(TOOL)  # agreed to before
        assert [tool.name for tool in extensions.tools([])] == ["hello"]
        assert len(user.asked) == 2
    finally:
        await extensions.close()
