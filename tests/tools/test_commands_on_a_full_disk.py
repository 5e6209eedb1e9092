"""Commands, skills and custom tools where no disk has room: they say so, and lose and hang nothing."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mazu_ls.errors import Kind, MazuError
from mazu_ls.tools.shell.shell import run_shell
from mazu_ls.tools.skills.tools import run_skill, save_skill

SKILL = 'def one() -> int:\n    """One."""\n    return 1\n'


class SmallDisk:
    """A mounted file system on which a test leaves room for nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Take all blocks and all inodes."""
        filler = self.folder / "filler"
        filler.mkdir()
        with contextlib.suppress(OSError), (filler / "blocks").open("wb", buffering=0) as file:
            while file.write(bytes(4096)) == 4096:
                pass
        with contextlib.suppress(OSError):
            for number in range(10_000):
                (filler / str(number)).touch()
        yield
        for file in filler.iterdir():
            file.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4M,nr_inodes=400", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, check=False, timeout=60)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode(errors='replace').strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True, timeout=60)


@pytest.mark.parametrize("attended", [True, False])
async def test_commands_and_skills_say_that_the_disk_is_full(
    project, disk: SmallDisk, attended: bool
) -> None:
    env = {**project.turn.env, "MAZU_STATE_HOME": str(disk.folder / "state")}
    project.turn = replace(project.turn, env=env, attended=attended)
    await project.call(save_skill, name="one", source=SKILL)
    assert await project.text(run_shell, command="echo a") == "a"
    with disk.full():
        for tool, given in (
            (run_skill, {"name": "one"}),
            *([(run_shell, {"command": "echo a"})] if attended else []),
        ):
            with pytest.raises(
                MazuError, match=r"folder cannot be made: .*No space left on device"
            ) as caught:
                await project.call(tool, **given)
            assert caught.value.kind is Kind.STORAGE
            assert "Free space" in caught.value.hint
    assert await project.text(run_shell, command="echo a") == "a"
    assert (await project.text(run_skill, name="one")).startswith("1")


async def test_output_that_finds_no_room_is_counted_and_holds_up_no_command(
    project, disk: SmallDisk, monkeypatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(disk.folder))
    output = await project.call(run_shell, command="yes | head -c 9000000; touch ended", timeout=60)
    assert (project.root / "ended").exists()
    assert "[of 9000000 bytes only the first " in output.text
    assert "were kept: the disk for temporary files is full]" in output.text
