"""`mazu-ls demo`: the main features step by step, each claim checked when it is made."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from mazu_ls.demo import repository
from mazu_ls.demo.editor import DemoDocument, DemoEditor
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.demo.script import DECISION, REPLIES
from mazu_ls.demo.state import Fingerprint, git_state

REMOTE_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)
UNSAVED = "\n\n# TODO(me): currencies. I have not saved this yet.\n"


class Story:
    """The scenes share an editor and a list of what was verified."""

    def __init__(self, root: Path, env: dict[str, str]) -> None:
        self.out = Console(highlight=False, record=True)
        self.root = root
        self.editor = DemoEditor(root, env)
        self.checks: list[tuple[str, bool]] = []
        self.good: Fingerprint
        self.safety: str
        self.book: DemoDocument

    def scene(self, title: str) -> None:
        """A heading."""
        self.out.print(f"\n[bold cyan]{title}[/]")

    def print_line(self, text: str) -> None:
        """A line of the story."""
        self.out.print("  " + escape(text))

    def verify(self, what: str, fact: bool) -> None:
        """Record a claim and whether it holds."""
        self.checks.append((what, fact))
        self.out.print(f"  [{'green' if fact else 'red'}]{'✓' if fact else '✗'}[/] {escape(what)}")

    def turn(self, result: dict[str, Any]) -> None:
        """Show what a turn did."""
        calls = [
            u["update"]
            for u in self.editor.updates
            if u["turnId"] == result["turnId"] and u["update"]["kind"] == "tool_call"
        ]
        for call in calls:
            self.print_line(f"→ {call['title']}")
        for edit in result["edits"]:
            self.print_line(
                f"  edited {Path(edit['uri']).name}: +{edit['added']} -{edit['removed']}, in the editor, undoable"
            )
        self.print_line(f"“{result['reply']}” ({result['stopReason']})")

    async def begin(self) -> None:
        """Set up the project, the dirty tree, the unsaved buffer, the server."""
        self.scene(
            "1  A git repository with a bug, a dirty tree and an unsaved buffer; a real server process"
        )
        await self.editor.start()
        self.money = self.editor.open(self.root / "ledger/money.py")
        self.book = self.editor.open(self.root / "ledger/book.py")
        self.editor.type(self.book, self.book.text + UNSAVED)
        self.git = git_state(self.root)
        status = await self.editor.command("mazu.status")
        self.print_line(
            f"server up, model {status['model']}; git status: {repository.git(self.root, 'status', '--short').split()}"
        )
        self.verify("book.py has unsaved text that is not on disk", UNSAVED not in self.book.path.read_text())

    async def remember(self) -> None:
        """Store a decision in memory."""
        self.scene("2  A chat in which a decision is made")
        said = "Amounts are whole cents, never floats: Ada decided it after the March report. Remember that."
        self.print_line(f"you: {said}")
        self.turn(await self.editor.command("mazu.chat", message=said, wait=True))
        found = await self.editor.command("mazu.recall", query="floats for amounts?")
        self.verify("the decision is recalled", [m["title"] for m in found["memories"]][:1] == [DECISION])

    async def fix_bug(self) -> None:
        """Let a run find and fix the bug, and verify it."""
        self.scene("3  An autonomous run: find the bug, fix it through the editor, run the tests")
        before = len(self.money.undo)
        task = "Two tests fail. Find out why and fix it."
        self.print_line(f"you: {task}")
        result = await self.editor.command("mazu.run", task=task, allowShell=True, maxSteps=10, wait=True)
        self.turn(result)
        for question in dict.fromkeys(self.editor.questions):
            self.print_line(f"asked for permission: {question}")
        done = await asyncio.create_subprocess_exec(
            "python3",
            "-m",
            "unittest",
            cwd=self.root,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.verify("the tests are green now", await done.wait() == 0)
        self.verify(
            "the edit came through workspace/applyEdit, one step of the editor's undo",
            len(self.money.undo) == before + 1,
        )
        self.verify("the unsaved text of book.py is untouched", self.book.text.endswith(UNSAVED))
        self.verify("the tree was dirty and nobody refused to start", result["stopReason"] == "end_turn")

    async def checkpoints(self) -> str:
        """Show the tree of checkpoints; return the newest id."""
        self.scene("4  Every step is a checkpoint: code, buffers, memory, conversation in one commit")
        mark = await self.editor.command("mazu.checkpoint", label="tests are green")
        listed = await self.editor.command("mazu.checkpoint.list")
        for checkpoint in listed["checkpoints"]:
            here = "●" if checkpoint["id"] == listed["current"] else "○"
            files, memories = checkpoint["files"], checkpoint["memories"]
            self.print_line(
                f"{here} {checkpoint['id']} {checkpoint['kind']:8} files +{files['added']} ~{files['modified']} -{files['deleted']}"
                f"  memories +{memories['added']}  {checkpoint['bytes']:6} bytes  {checkpoint['label'][:40]}"
            )
        self.verify(
            "the user's HEAD, index, branches, stash and config are byte-identical",
            git_state(self.root) == self.git,
        )
        return mark["id"]

    async def delete_work(self) -> None:
        """Let the agent do something stupid."""
        self.good = await Fingerprint.take(self.editor)
        self.scene("5  The agent has a bad idea")
        self.turn(await self.editor.command("mazu.run", task="Make money simpler.", wait=True))
        self.bad = await Fingerprint.take(self.editor)
        self.show(self.good, self.bad, "before", "after")
        changed = [
            a != b for a, b in zip(self.good.__dict__.values(), self.bad.__dict__.values(), strict=True)
        ]
        self.verify("code, buffers, memory and conversation all changed", all(changed))

    async def roll_back(self, mark: str) -> None:
        """Restore everything with one command, and revert that with another one."""
        self.scene("6  Roll back: one command, everything together")
        preview = await self.editor.command("mazu.rollback", id=mark, preview=True)
        plan = preview["plan"]
        self.print_line(
            f"preview: write {plan['write']}, delete {plan['delete']}, {len(plan['buffers'])} buffer(s), {len(plan['conflicts'])} conflict(s)"
        )
        self.verify("the preview touched nothing", await Fingerprint.take(self.editor) == self.bad)
        report = await self.editor.command("mazu.rollback", id=mark)
        now = await Fingerprint.take(self.editor)
        self.show(self.good, now, "wanted", "now")
        self.verify("code, buffers, memory and conversation came back together, by hash", now == self.good)
        self.verify("the server verified it by hash too", report["applied"] and report["verified"])
        self.safety = report["safety"]["id"]
        self.scene("7  Undo the rollback, then do it again")
        await self.editor.command("mazu.rollback", id=self.safety)
        undone = await Fingerprint.take(self.editor)
        self.show(self.bad, undone, "wanted", "now")
        self.verify(f"rolling back to the safety checkpoint {self.safety} undid it", undone == self.bad)
        await self.editor.command("mazu.rollback", id=mark)
        self.verify("and once more back to the good state", await Fingerprint.take(self.editor) == self.good)
        self.verify(
            "ignored and untracked files were left alone",
            (self.root / "secrets.local").exists() and (self.root / "notes.txt").exists(),
        )

    async def crash(self) -> None:
        """SIGKILL in mid-turn, restart, check that the decision is still there."""
        self.scene("8  SIGKILL in the middle of a turn, then start again")
        self.editor.heard.clear()
        self.editor.updates.clear()
        await self.editor.command("mazu.chat", message="Think about rounding.")
        while not any(u["update"]["kind"] == "message" for u in self.editor.updates):
            await asyncio.wait_for(self.editor.heard.wait(), 20)
            self.editor.heard.clear()
        self.print_line("the model is streaming: kill -9")
        await self.editor.kill()
        began = time.monotonic()
        await self.editor.start()
        status = await self.editor.command("mazu.status")
        self.print_line(
            f"up again after {time.monotonic() - began:.1f} s, {status['memory']['project']['entries']} project memory"
        )
        result = await self.editor.command("mazu.chat", message="May amounts be float values?", wait=True)
        self.turn(result)
        self.verify("the decision was put before the model by itself", bool(result["memories"]["injected"]))
        self.verify("the session continued and the decision was recalled", "never floats" in result["reply"])

    async def bill(self) -> None:
        """Show the cost, and who decided what."""
        self.scene("9  What it cost, and who allowed what")
        usage = await self.editor.command("mazu.usage")
        for model, used in usage["byModel"].items():
            self.print_line(
                f"{model}: {used['modelCalls']} calls, {used['inputTokens']} tokens in, {used['outputTokens']} out"
            )
        cost = usage["costUsd"]
        self.print_line(
            "cost: "
            + (
                "not known"
                if cost is None
                else f"${cost:.4f} at list prices (here: nothing, the model is scripted)"
            )
        )
        audit = await self.editor.command("mazu.audit")
        deciders = sorted({entry["decidedBy"] for entry in audit["entries"]})
        self.print_line(f"{len(audit['entries'])} tool calls in the audit, decided by: {', '.join(deciders)}")
        self.verify(
            "every tool call is in the audit with its outcome",
            all(entry["outcome"] for entry in audit["entries"]),
        )
        self.verify("the server ends in good order", await self.editor.stop() == 0)
        self.verify("the user's git is still byte-identical", git_state(self.root) == self.git)

    def show(self, a: Fingerprint, b: Fingerprint, first: str, second: str) -> None:
        """Two fingerprints side by side."""
        table = Table("", first, second, box=None, padding=(0, 2))
        for name, left in a.__dict__.items():
            right = b.__dict__[name]
            table.add_row(name, left, f"[{'green' if left == right else 'yellow'}]{right}[/]")
        self.out.print(table)


def run_demo(picture: Path | None = None) -> int:
    """Run the demo in a temporary folder; the exit code is 0 only if every check held. `picture` gets an SVG of it."""
    folder = Path(tempfile.mkdtemp(prefix="mazu-demo-"))
    try:
        return asyncio.run(_run_story(folder, picture))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run_story(folder: Path, picture: Path | None) -> int:
    root = folder / "ledger"
    root.mkdir()
    repository.create(root)
    async with ModelServer(REPLIES) as models:
        env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        env |= {
            "HOME": str(folder), "MAZU_HOME": str(folder / "home"), "MAZU_STATE_HOME": str(folder / "state"),
            "ANTHROPIC_API_KEY": "demo-key", "ANTHROPIC_BASE_URL": models.url, "MAZU_MODEL": "",
        }  # fmt: skip
        story = Story(root, env)
        began = time.monotonic()
        await _scenes(story)
    held = sum(fact for _, fact in story.checks)
    verdict = f"{held} of {len(story.checks)} checks held, in {time.monotonic() - began:.0f} s"
    failed = [what for what, fact in story.checks if not fact]
    text = "\n".join([verdict, *(f"FAILED: {what}" for what in failed)])
    story.out.print(Panel(escape(text), border_style="red" if failed else "green", title="mazu-ls demo"))
    if picture:
        drawn = story.out.export_svg(title="mazu-ls demo")
        picture.write_text(REMOTE_FONTS.sub("", drawn), encoding="utf-8")
    return 1 if failed else 0


async def _scenes(story: Story) -> None:
    """Run one scene after the other; one that raises counts as a failed check."""
    mark = ""

    async def keep_mark() -> None:
        nonlocal mark
        mark = await story.checkpoints()

    scenes: list[Callable[[], Awaitable[None]]] = [
        story.begin, story.remember, story.fix_bug, keep_mark, story.delete_work, lambda: story.roll_back(mark), story.crash, story.bill,
    ]  # fmt: skip
    for scene in scenes:
        try:
            async with asyncio.timeout(60):
                await scene()
        except Exception as error:  # noqa: BLE001  (a broken scene is a failed check, whatever broke it)
            story.out.print_exception(max_frames=4)
            story.verify(f"the scene did not break ({type(error).__name__})", False)
            return
