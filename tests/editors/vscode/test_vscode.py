"""The extension in real VS Code, driven through Chromium, with the real server and a scripted model.

Each story is a script in `editors/vscode/e2e/`. Its screenshots are left in `mazu-ls-e2e/vscode/` of the user's cache.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from mazu_ls.demo.model_server import ModelServer, ScriptedReply

pytestmark = pytest.mark.editor

EXTENSION = Path(__file__).parents[3] / "editors" / "vscode"
STORY_SECONDS = 1800
APP = """\
def total(a, b):
    return a - b


def double(a):
    return a * 2
"""
FIX = {"path": "app.py", "old": "return a - b", "new": "return a + b"}
DOCUMENTED = 'def double(a):\n    """Twice the number."""\n    return a * 2\n'


@pytest.fixture(scope="session")
def tools() -> dict[str, str]:
    """Where VS Code, Node, Chromium and the packaged extension are; installed by `setup.sh` where they are not."""
    if os.environ.get("MAZU_SKIP_EDITORS") == "1":
        pytest.skip("MAZU_SKIP_EDITORS=1")
    setup = EXTENSION / "e2e" / "setup.sh"
    done = subprocess.run(["bash", setup], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (
        f"{setup} ended with {done.returncode}; MAZU_SKIP_EDITORS=1 skips\n{done.stderr}"
    )
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@dataclass
class Bed:
    """A project, and a home that knows nothing else. Its path is short: VS Code makes sockets below it."""

    tools: dict[str, str]
    home: Path
    project: Path

    async def tell(
        self, story: str, model: ModelServer, key: str | None = "test-key", more: Sequence[str] = ()
    ) -> None:
        """Run `e2e/{story}.mjs`, with `more` extensions. Fails where it does, with its report; leaves nothing running."""
        shots = _cache() / "vscode" / story
        shutil.rmtree(shots, ignore_errors=True)
        shots.mkdir(parents=True)
        options = self.home / "story.json"
        options.write_text(
            json.dumps(
                {
                    "tools": self.tools,
                    "home": str(self.home),
                    "project": str(self.project),
                    "shots": str(shots),
                    "more": list(more),
                }
            )
        )
        process = await asyncio.create_subprocess_exec(
            self.tools["NODE"], EXTENSION / "e2e" / f"{story}.mjs", options, env=self._environment(model, key),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            out, _ = await asyncio.wait_for(process.communicate(), STORY_SECONDS)
        except TimeoutError:
            process.kill()
            out, _ = await process.communicate()
        print(out.decode(errors="replace"))
        told = f"{story} ended with {process.returncode}; screenshots and log: {shots}"
        assert process.returncode == 0, f"{told}\n{out.decode(errors='replace')}\n{self._server_log()}"

    def _environment(self, model: ModelServer, key: str | None) -> dict[str, str]:
        kept = {
            name: os.environ[name]
            for name in ("LANG", "PYTHONPATH", "TMPDIR", "MAZU_E2E_PATIENCE")
            if name in os.environ
        }
        return kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "ANTHROPIC_BASE_URL": model.url,
            **({} if key is None else {"ANTHROPIC_API_KEY": key}),
        }

    def _server_log(self) -> str:
        return "\n".join(log.read_text(errors="replace")[-6000:] for log in self.home.rglob("Mazu.log"))

    def processes(self) -> list[psutil.Process]:
        """What still runs in this home or project."""
        return [
            process
            for process in psutil.process_iter(["cmdline", "cwd"])
            if process.info["cwd"] == str(self.project)
            or str(self.home) in " ".join(process.info["cmdline"] or ())
        ]

    def clean_up(self) -> list[str]:
        """End what was left running; its command lines."""
        _, left = psutil.wait_procs(self.processes(), timeout=120)
        told = [" ".join(process.cmdline()) for process in left if process.is_running()]
        for process in left:
            process.kill()
        return told


def package_host_tests(folder: Path) -> Path:
    """The extension that holds the tests inside the extension host, as a file that can be installed."""
    packed = folder / "host-tests.vsix"
    with zipfile.ZipFile(packed, "w") as vsix:
        for name in ("package.json", "tests.js"):
            vsix.write(EXTENSION / "e2e" / "host" / name, f"extension/{name}")
    return packed


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mazu-ls-e2e"


@pytest.fixture
def bed(tools: dict[str, str]) -> Iterator[Bed]:
    with tempfile.TemporaryDirectory(prefix="mazu-", ignore_cleanup_errors=True) as folder:
        home, project = Path(folder) / "home", Path(folder) / "project"
        home.mkdir()
        project.mkdir()
        (project / "app.py").write_text(APP)
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "start"]):
            subprocess.run(["git", *command], cwd=project, check=True)
        bed = Bed(tools, home, project)
        try:
            yield bed
        finally:
            left = bed.clean_up()
        assert not left, f"still running: {left}"


async def test_the_main_job(bed: Bed):
    other = FIX | {"new": "return sum((a, b))"}
    product = {"path": "app.py", "old": "return sum((a, b))", "new": "return a * b"}
    script = [
        # First: such requests quote what was said before, such as "please wait".
        ScriptedReply(when="Save what is worth keeping.", text="[]", repeat=True),
        ScriptedReply(when="Add or fix the documentation", text=DOCUMENTED),
        ScriptedReply(
            when="total subtracts",
            thinking="The name says total.",
            text="It **subtracts**; I will change the sign.",
            calls=[{"name": "edit_file", "arguments": FIX}],
        ),
        ScriptedReply(
            when="edited app.py", text="It adds now.\n\n```python\ndef total(a, b):\n    return a + b\n```\n"
        ),
        ScriptedReply(when="let total add", calls=[{"name": "edit_file", "arguments": FIX}]),
        ScriptedReply(when="sum is the builtin", calls=[{"name": "edit_file", "arguments": other}]),
        ScriptedReply(when="edited app.py", text="With sum, then."),
        ScriptedReply(when="continue", text="That was the rest."),
        ScriptedReply(when="are you there", text="Yes, I am here."),
        ScriptedReply(when="make total a product", calls=[{"name": "edit_file", "arguments": product}]),
        ScriptedReply(when="edited app.py", text="Counting the callers. " * 500, delay=0.5),
        ScriptedReply(when="continue", text="It is a product already."),
        ScriptedReply(when="please wait", text="This takes a while. " * 500, delay=0.5, repeat=True),
    ]
    async with ModelServer(script) as model:
        await bed.tell("main_job", model)


async def test_what_is_remembered_is_found_again_and_a_council_decides(bed: Bed):
    answer = ScriptedReply(
        when="any number of arguments", text="Keep two arguments; **the callers** pass two.", repeat=True
    )
    streamed = ScriptedReply(
        when="stream to the other agent",
        text="It will rain in Oslo at six.",
        calls=[{"name": "weather", "arguments": {"city": "Oslo"}}],
        chunk=6,
        delay=0.1,
    )
    host = package_host_tests(bed.home)
    async with ModelServer([streamed, answer]) as model:
        await bed.tell("memory", model, more=[str(host)])


async def test_the_editors_own_chat_and_more_than_one_window_and_folder(bed: Bed):
    size = {"path": "tools/util.py", "old": "size = 1", "new": "size = 2"}
    script = [
        ScriptedReply(when="what is this project", text="A small calculator."),
        ScriptedReply(when="claude-haiku", text="A small model."),
        ScriptedReply(when="mend total", calls=[{"name": "edit_file", "arguments": FIX}]),
        ScriptedReply(when="edited app.py", text="Done."),
        ScriptedReply(when="second-2", text="It says two."),
        ScriptedReply(when="what is double for", text="It doubles."),
        ScriptedReply(when="and what is total for", text="It sums."),
        ScriptedReply(when="and who calls it", text="Nobody yet."),
        ScriptedReply(when="make the size two", calls=[{"name": "edit_file", "arguments": size}]),
        ScriptedReply(when="edited tools/util.py", text="It is two now."),
        ScriptedReply(text="[]", repeat=True),
    ]
    async with ModelServer(script) as model:
        await bed.tell("windows", model)


async def test_the_pages_by_themselves(tools: dict[str, str], tmp_path: Path):
    with zipfile.ZipFile(tools["VSIX"]) as vsix:
        vsix.extractall(tmp_path)
    options = tmp_path / "tools.json"
    options.write_text(json.dumps(tools | {"DIST": str(tmp_path / "extension" / "dist")}))
    done = await asyncio.to_thread(
        subprocess.run, [tools["NODE"], EXTENSION / "e2e" / "pages.mjs", options], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


async def test_setting_up_leads_from_a_folder_that_is_not_trusted_to_a_model(bed: Bed):
    async with ModelServer([]) as model:
        await bed.tell("setting_up", model, key=None)


async def test_proposals_are_decided_in_a_view(bed: Bed):
    twice = {"path": "app.py", "old": "return a * 2", "new": "return 2 * a"}
    edits = [{"name": "edit_file", "arguments": edit} for edit in (FIX, twice)]
    async with ModelServer(
        [ScriptedReply(when="mend both", calls=edits), ScriptedReply(text="Proposed.")]
    ) as model:
        await bed.tell("proposals", model)


async def test_no_folder_and_every_theme(bed: Bed):
    text = (
        "`double` has no documentation. I will say **what it gives**:\n\n"
        "- one line, as the others have\n- see [PEP 257](https://peps.python.org/pep-0257/)\n\n"
        "```python\ndef double(a):\n    return a * 2\n```\n"
    )
    document = {
        "path": "app.py",
        "old": "def double(a):\n",
        "new": 'def double(a):\n    """Twice the number."""\n',
    }
    script = [
        ScriptedReply(
            when="make total add", text="It subtracts.", calls=[{"name": "edit_file", "arguments": FIX}]
        ),
        ScriptedReply(when="edited app.py", text="It adds now."),
        ScriptedReply(
            when="any number of arguments",
            text="Keep **two arguments**: every caller passes two.\n\n1. It says what it does.\n2. `sum` is there for lists.",
            repeat=True,
        ),
        ScriptedReply(
            when="and document double",
            thinking="One line is enough.",
            text=text,
            calls=[
                {"name": "read_file", "arguments": {"path": "app.py"}},
                {"name": "edit_file", "arguments": document},
            ],
        ),
        ScriptedReply(text="Done."),
    ]
    async with ModelServer(script) as model:
        await bed.tell("places", model)
