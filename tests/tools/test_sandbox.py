"""Programs that really try: outside, at the keys, on the network, at other processes, at .git."""

import asyncio
import errno
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mazu_ls.config.config import ShellSettings
from mazu_ls.errors import MazuError
from mazu_ls.tools.shell import landlock, sandbox, supervisor
from mazu_ls.tools.shell.hints import hints_on_failure
from mazu_ls.tools.shell.sandbox import Sandbox
from mazu_ls.tools.shell.shell import run_shell, shell_stop
from tests.own_sleep import own_seconds
from tests.tools.test_shell import gone, sleeps


@pytest.fixture(params=["bubblewrap", "landlock"])
def held(request, monkeypatch) -> str:
    if request.param == "bubblewrap" and sandbox.probe().kind != "bubblewrap":
        pytest.skip("bubblewrap does not work here")
    if request.param == "landlock":
        if not landlock.abi():
            pytest.skip("this kernel has no Landlock")
        monkeypatch.setattr(sandbox, "probe", lambda: Sandbox("landlock", "for the test"))
    return request.param


@pytest.fixture
def keys(project) -> Path:
    (project.home / ".mazu").mkdir()
    (project.home / ".ssh").mkdir()
    (project.home / ".mazu/config.toml").write_text('api_key = "KEY-OF-THE-USER"\n')
    (project.home / ".ssh/id_rsa").write_text("KEY-OF-THE-USER\n")
    (project.home / "notes.txt").write_text("plain\n")
    (project.home / "alias").symlink_to(project.home)  # a way around that a rule must not open
    return project.home


async def test_the_project_is_writable(project, held: str) -> None:
    output = await project.call(
        run_shell,
        command="echo x > new.txt && mkdir -p a/b && mv new.txt a/b/ && cat a/b/new.txt && python3 -c 'print(1)'",
    )
    assert (output.text, output.ok) == ("x\n1", True)


async def test_nothing_outside_is_written(project, held: str, keys: Path) -> None:
    outside = project.home / "outside"
    outside.mkdir()
    for place in (outside, Path("/etc"), Path("/usr/local"), Path("/var/tmp"), Path.home()):
        await project.call(
            run_shell,
            command=f"echo x > {place}/mazu-escape; touch {place}/mazu-escape; ln -s / {place}/mazu-escape",
        )
        assert not os.path.lexists(place / "mazu-escape")
    await project.call(
        run_shell,
        command=f"ln -s {outside} link; echo x > link/mazu-escape; rm -rf {keys}/notes.txt; truncate -s 0 {keys}/notes.txt",
    )
    assert list(outside.iterdir()) == []
    assert (keys / "notes.txt").read_text() == "plain\n"


async def test_keys_are_not_read(project, held: str, keys: Path) -> None:
    text = await project.text(
        run_shell,
        command=f"cat {keys}/.mazu/config.toml {keys}/.ssh/id_rsa; ln -s {keys}/.ssh l; cat l/id_rsa {keys}/alias/.ssh/id_rsa; cat {keys}/notes.txt; cat /etc/shadow",
    )
    assert "KEY-OF-THE-USER" not in text
    assert "plain" in text or held == "bubblewrap"  # which has a /tmp of its own
    assert "root:" not in text


async def test_the_network_is_out_of_reach(project, held: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    reached = threading.Event()
    threading.Thread(target=lambda: (listener.accept(), reached.set()), daemon=True).start()
    port = listener.getsockname()[1]
    script = (
        "import socket\nfor kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):\n  try:\n"
        f"    s = socket.socket(socket.AF_INET, kind); s.connect(('127.0.0.1', {port})); s.send(b'x'); print('sent', kind)\n"
        "  except OSError as error:\n    print('held', error)\n"
    )
    (project.root / "net.py").write_text(script)
    text = await project.text(
        run_shell, command=f"python3 net.py; (echo x > /dev/tcp/127.0.0.1/{port}) 2>&1; true"
    )
    assert not reached.wait(0.2)
    assert "held" in text
    listener.close()


CALLS = {"x86_64": (250, 248, 321, 425), "aarch64": (219, 217, 280, 425)}
TRIES = """
import ctypes, fcntl, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
for number in map(int, sys.argv[1:]):
    print(number if libc.syscall(number, 0, -3, 0, 0, 0) >= 0 else ctypes.get_errno())
for family in (16, 17, 38, 40):
    try:
        socket.socket(family, socket.SOCK_RAW)
        print(family, "made")
    except OSError as error:
        print(family, error.errno)
try:
    fcntl.ioctl(os.openpty()[1], 0x5412, b"x")
    print("typed")
except OSError:
    print("not typed")
"""


@pytest.mark.parametrize("network", [False, True])
async def test_keyrings_vsock_and_terminals_are_out_of_reach(project, held: str, network: bool) -> None:
    """What no namespace holds back: the user's keyrings, sockets into the hypervisor, io_uring, typing into a terminal."""
    if (calls := CALLS.get(platform.machine())) is None:
        pytest.skip("the numbers of this machine's system calls are not known")
    project.configure(ShellSettings(network=network))
    (project.root / "tries.py").write_text(TRIES)
    said = (await project.call(run_shell, command=f"python3 tries.py {' '.join(map(str, calls))}")).text
    refused = [str(errno.EPERM)] * 4
    closed = str(errno.EACCES if held == "landlock" and not network else errno.EAFNOSUPPORT)
    assert said.split("\n")[:8] == [*refused, "16 made", *(f"{family} {closed}" for family in (17, 38, 40))]
    assert said.split("\n")[8] == "not typed"


@pytest.mark.parametrize(
    "command",
    [
        "python3 -c 'import urllib.request as r; r.urlopen(\"http://127.0.0.1:9\")'",
        "python3 -c 'import urllib.request as r; r.urlopen(\"http://name.invalid\")'",
        "bash -c 'curl() { return 7; }; curl -s http://127.0.0.1:9'",
    ],
)
async def test_a_failure_for_want_of_a_network_is_explained(project, held: str, command: str) -> None:
    output = await project.call(run_shell, command=command, timeout=20)
    assert not output.ok
    assert "commands have no network here" in output.text, output.text


async def test_what_waits_for_a_network_until_its_time_is_over_is_explained(project, held: str) -> None:
    """As `npm install` does, which retries without a word; the user is told, too, once."""
    command = "npm() { sleep 30; }; npm install lodash"
    for _ in range(2):
        output = await project.call(run_shell, command=command, timeout=0.4)
        assert "[ended: the time limit of 0.4 s was reached]\n[commands have no network here" in output.text
    told = [text for level, text in project.host.said if "no network" in text]
    assert told == ["Commands have no network here. To change that: mazu-ls config set shell.network true"]
    for slow in ("sleep 30", "echo npx | sleep 30", "mvn -q -o test || sleep 30"):
        output = await project.call(run_shell, command=slow, timeout=0.4)
        assert "network" not in output.text, slow


@pytest.mark.parametrize(
    ("lines", "wants"),
    [
        (
            ["sudo -E npm ci", "if ! npm ci; then exit 1; fi", "while ! curl -s x; do sleep 1; done", "{ npm ci; }", "bash -lc 'npm ci'",
            "CI='a b' npm ci", "python3 -m pip install x", ".venv/bin/pip install x", "corepack pnpm install", "timeout -k 5 60 npm ci",
            "sudo -u bob npm ci", "x=$(curl -s y)", "set -e\n\tnpm ci", "case x in a) npm ci;; esac", "nice -n 10 cargo fetch", "cd a && git -C b pull"],
            True,
        ),
        (
            ["echo npm ci", "grep -rn curl src", "git commit -m 'npm install'", "npm test", "./curl.sh", "python3 -m pytest", "echo time npm ci",
            "gradle --offline build", "cat yarn.lock"],
            False,
        ),
        # Of many parts: a search whose time is not linear in the length does not end here.
        (["\n" * 400_000, "-a(-b " * 40_000, "a=(b=(" * 40_000, "-a time " * 40_000, "(npm -a " * 40_000, "-(" * 100_000, "-exec 1 " * 40_000, "-exec time " * 40_000], False),
    ],
)  # fmt: skip
def test_commands_that_fetch_are_told_from_words(project, held: str, lines: list[str], wants: bool) -> None:
    """Where they run out of time without a word."""
    found = [line[:40] for line in lines if bool(hints_on_failure(line, None, "", project.turn)) != wants]
    assert found == []


async def test_a_server_in_the_background_that_nothing_can_reach_is_said_to_be_one(
    project, held: str
) -> None:
    said = await project.text(run_shell, command="sleep 305", background=True)
    assert "commands have no network here" in said
    await project.call(shell_stop, id="sh1")


async def test_the_network_is_there_when_it_is_switched_on(project, held: str) -> None:
    project.configure(ShellSettings(network=True))
    listener = socket.create_server(("127.0.0.1", 0))
    output = await project.call(
        run_shell, command=f"(echo x > /dev/tcp/127.0.0.1/{listener.getsockname()[1]}) && echo reached"
    )
    assert output.text == "reached"
    listener.close()


async def test_other_processes_are_not_ended(project, held: str) -> None:
    if held == "landlock" and landlock.abi() < landlock.ABI_SCOPES:
        pytest.skip("this kernel's Landlock does not hold signals")
    victim = await asyncio.create_subprocess_exec("sleep", "30")
    await project.call(
        run_shell, command=f"kill -9 {victim.pid}; kill -9 {os.getpid()}; kill -15 {victim.pid}"
    )
    await asyncio.sleep(0.05)
    assert victim.returncode is None
    victim.kill()
    await victim.wait()


async def test_the_server_is_out_of_reach(project, held: str, monkeypatch) -> None:
    """Neither its environment (of any thread) nor its memory can be read, and no capability is left, root or not."""
    script = (
        "import glob, os\n"
        f"for path in [*glob.glob('/proc/{os.getpid()}/task/*/environ'), '/proc/{os.getpid()}/environ', *glob.glob('/proc/{os.getpid()}/task/*/mem')]:\n"
        "    try:\n        open(path, 'rb').read(1); print('READ', path)\n    except OSError: pass\n"
        "print([line for line in open('/proc/self/status') if line.startswith('CapEff')][0].split()[1])\n"
    )
    (project.root / "look.py").write_text(script)
    text = await project.text(run_shell, command="python3 look.py")
    assert text.strip() == "0" * 16


KERNEL_SETTINGS = """
import os
for folder, folders, files in os.walk("/proc"):
    if folder == "/proc":
        folders[:] = [name for name in folders if not name.isdigit() and name not in ("self", "thread-self")]
    for name in files:
        try:
            os.close(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_NONBLOCK))
            print("WRITABLE", f"{folder}/{name}")
        except OSError:
            pass
print("core pattern:", open("/proc/sys/kernel/core_pattern").read().strip())
"""


async def test_settings_of_the_kernel_are_read_only(project, held: str) -> None:
    """Root can set them without any capability, kernel.core_pattern with them: a program that the kernel starts as root."""
    (project.root / "settings.py").write_text(KERNEL_SETTINGS)
    text = await project.text(run_shell, command="python3 settings.py")
    assert text == f"core pattern: {Path('/proc/sys/kernel/core_pattern').read_text().strip()}"


async def test_git_is_read_only_but_for_commands_that_change_it(project, held: str) -> None:
    if held == "landlock":
        pytest.skip("Landlock cannot except a folder; the policy holds .git there, and the status says so")
    await (await asyncio.create_subprocess_exec("git", "init", "-q", cwd=project.root)).wait()
    (project.root / ".mazu").mkdir()
    await project.call(
        run_shell,
        command="touch .git/x .mazu/x; echo evil > .git/hooks/pre-commit; mv .git .gone; rm -rf .git",
    )
    assert not (project.root / ".git/x").exists()
    assert not (project.root / ".mazu/x").exists()
    assert not (project.root / ".git/hooks/pre-commit").exists()
    (project.root / "a").write_text("1\n")
    project.turn = replace(project.turn, changes_git=True)
    line = "git add a && git -c user.name=a -c user.email=a@b commit -qm one && git log --oneline"
    assert "one" in await project.text(run_shell, command=line)
    for place in ("hooks/pre-commit", "config", "info/attributes", "modules/x"):
        await project.call(run_shell, command=f"mkdir -p .git/modules; echo evil >> .git/{place}")
        assert "evil" not in (
            (project.root / ".git" / place).read_text() if (project.root / ".git" / place).exists() else ""
        )


HOOK = """#!/bin/sh
mv .git g && cp -r g .git
echo ../e > .git/commondir
"""


async def test_a_hook_of_an_approved_commit_changes_nothing_that_git_obeys(project, held: str) -> None:
    if held == "landlock":
        pytest.skip("Landlock cannot except a folder")
    await (await asyncio.create_subprocess_exec("git", "init", "-q", cwd=project.root)).wait()
    hook = project.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)
    (project.root / "a").write_text("1\n")
    folder = (project.root / ".git").stat().st_ino
    project.turn = replace(project.turn, changes_git=True)
    line = "git add a && git -c user.name=a -c user.email=a@b commit -qm one"
    text = await project.text(run_shell, command=line)
    assert (project.root / ".git").stat().st_ino == folder
    assert not (project.root / ".git/commondir").exists()
    assert ".git/commondir was made by the command and moved to" in text
    assert any(".git/commondir" in sentence for _, sentence in project.host.said)


HOOK_BESIDE = """#!/bin/sh
cd .git
printf '[core]\\n\\tfsmonitor = ../e.sh\\n' > config.worktree
rm -rf info; mkdir -p info modules/sub/hooks modules/sub/objects rebase-merge
cp config.worktree modules/sub/config; echo 'ref: refs/heads/x' > modules/sub/HEAD
echo ../../../e > worktrees/other/commondir
cp ../e.sh modules/sub/hooks/post-checkout; echo '* filter=x' > info/attributes
echo 'exec ./e.sh' > rebase-merge/git-rebase-todo
true
"""


async def test_what_a_hook_plants_beside_is_moved_or_named(project, held: str) -> None:
    if held == "landlock":
        pytest.skip("Landlock cannot except a folder")
    for line in ("git init -q", "rm -r .git/info", "git -c user.name=a -c user.email=a@b commit -qm one --allow-empty", "git worktree add -q ../other"):  # fmt: skip
        await (await asyncio.create_subprocess_shell(line, cwd=project.root)).wait()
    hook = project.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK_BESIDE)
    hook.chmod(0o755)
    (project.root / "e.sh").write_text("true\n")
    project.turn = replace(project.turn, changes_git=True)
    text = await project.text(
        run_shell, command="git -c user.name=a -c user.email=a@b commit -qm two --allow-empty"
    )
    moved = ("config.worktree", "modules/sub/config", "worktrees/other/commondir")
    for name in moved:
        assert not (project.root / ".git" / name).exists()
        assert f".git/{name} was made by the command and moved to" in text
    for name in ("info/attributes", "modules/sub/hooks", "rebase-merge/git-rebase-todo"):
        assert f".git/{name} is new since a git command ran" in text
    text = await project.text(
        run_shell, command="git -c user.name=a -c user.email=a@b commit -qnm three --allow-empty"
    )
    assert "is new" not in text and "moved" not in text


async def test_a_required_sandbox_that_is_not_there_is_a_refusal(project, monkeypatch) -> None:
    monkeypatch.setattr(sandbox, "probe", lambda: Sandbox("none", "nothing works"))
    project.configure(ShellSettings(sandbox="required"))
    with pytest.raises(MazuError, match="nothing works"):
        await project.call(run_shell, command="true")
    project.configure(ShellSettings(sandbox="auto"))
    assert (await project.call(run_shell, command="true")).ok


ORPHAN = """import os, sys, time
for _ in range(2):
    if os.fork():
        os._exit(0)
    os.setsid()
open("born", "w").close()
os.execve("/bin/sleep", ["sleep", sys.argv[1]], {})
"""


@pytest.mark.parametrize("ends", ["by itself", "stopped"])
@pytest.mark.parametrize("kind", ["bubblewrap", "landlock", "off"])
async def test_what_detaches_itself_and_clears_its_environment_ends_with_the_command(
    project, monkeypatch, kind: str, ends: str
) -> None:
    """Two forks, two sessions, no environment: neither group nor mark nor parents lead to it, but for the subreaper."""
    if kind == "landlock":
        if not landlock.abi():
            pytest.skip("this kernel has no Landlock")
        monkeypatch.setattr(sandbox, "probe", lambda: Sandbox("landlock", "for the test"))
    elif kind == "bubblewrap" and sandbox.probe().kind != "bubblewrap":
        pytest.skip("bubblewrap does not work here")
    project.configure(ShellSettings(sandbox="off" if kind == "off" else "auto"))
    (project.root / "orphan.py").write_text(ORPHAN)
    seconds = own_seconds(361)
    line = f"{sys.executable} orphan.py {seconds}; until [ -e born ]; do sleep 0.05; done;"
    if ends == "by itself":
        await project.call(run_shell, command=f"{line} echo done")
    else:
        task = asyncio.create_task(project.call(run_shell, command=f"{line} sleep 300"))
        await sleeps(seconds, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (project.root / "born").exists()
    await gone(seconds)


@pytest.mark.parametrize("sandbox", ["auto", "off"])
async def test_a_command_ends_as_it_would_without_anybody_between(project, sandbox) -> None:
    project.configure(ShellSettings(sandbox=sandbox))
    assert (await project.call(run_shell, command="yes | head -1")).text == "y"
    assert "exit code 3" in (await project.call(run_shell, command="exit 3")).text
    assert "SIGKILL" in (await project.call(run_shell, command="kill -9 $$")).text


def supervised(*command: str, parent: int) -> list[str]:
    return [sys.executable, "-I", "-S", supervisor.__file__, str(parent), *command]


def test_a_crash_of_a_command_leaves_no_core_of_ours(tmp_path: Path) -> None:
    """The supervisor ends as its command did; its own memory must not be written into the project."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    line = supervised("/bin/sh", "-c", "ulimit -c 0; kill -SEGV $$", parent=os.getpid())
    limit = f"ulimit -c {'unlimited' if hard == resource.RLIM_INFINITY else hard // 1024}"
    done = subprocess.run(["sh", "-c", f'{limit}; exec "$@"', "sh", *line], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGSEGV
    assert not list(tmp_path.iterdir())


def test_a_supervisor_whose_parent_is_gone_starts_nothing(tmp_path: Path) -> None:
    """No signal comes for a parent that died before it was asked for."""
    never = tmp_path / "started"
    wrong = subprocess.Popen(["true"])
    wrong.wait()
    command = supervised("/bin/sh", "-c", f"touch {never}", parent=wrong.pid)
    assert subprocess.run(command, check=False).returncode == 1
    assert not never.exists()


async def test_a_process_that_changes_its_program_as_the_command_ends_is_killed(tmp_path: Path) -> None:
    """It carries the mark when it is told to stop, and stops without it: nobody would find it again."""
    (tmp_path / "orphan.py").write_text(ORPHAN)
    python = f"{sys.executable} -I -S orphan.py {own_seconds(362)}"
    line = supervised("sh", "-c", f"rm -f born; {python}; until [ -e born ]; do :; done", parent=os.getpid())
    for _ in range(25):
        environment = {**os.environ, "MAZU_CHILD": "of-a-test"}
        done = await asyncio.to_thread(subprocess.run, line, cwd=tmp_path, check=False, env=environment)
        assert done.returncode == 0
    await gone(own_seconds(362))


async def test_a_commit_in_a_submodule_that_cannot_work_is_explained(project) -> None:
    if sandbox.probe().kind != "bubblewrap":
        pytest.skip("bubblewrap does not work here")
    made = "git init -q && mkdir .git/modules && git init -q --separate-git-dir .git/modules/lib lib"
    await asyncio.to_thread(subprocess.run, ["sh", "-c", made], cwd=project.root, check=True)
    project.turn = replace(project.turn, attended=True, changes_git=True)
    line = "git -C lib -c user.name=a -c user.email=a@b commit -q --allow-empty -m x"
    for _ in range(2):
        output = await project.call(run_shell, command=line)
        assert "Read-only file system" in output.text
        assert "a git command that changes a submodule is yours to run" in output.text
    assert [".git/modules" in text for _, text in project.host.said] == [True]
