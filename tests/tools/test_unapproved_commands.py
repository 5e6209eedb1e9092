"""Commands that nobody approved, in real processes: what they may do in the sandbox, and what they must not reach."""

import asyncio
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mazu_ls.config.config import ShellSettings
from mazu_ls.errors import MazuError
from mazu_ls.tools.shell import resource_limits, sandbox
from mazu_ls.tools.shell.sandbox import Sandbox
from mazu_ls.tools.shell.shell import run_shell, shell_stop
from tests.scenario import check
from tests.server.client import eventually

pytestmark = pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")


@pytest.fixture
def clone(project):
    """A project as a clone brings it, with what its user added; commands run unapproved."""
    project.turn = replace(project.turn, attended=False)
    project.write(
        {
            ".gitignore": ".env\n*.sqlite3\ncerts/\ntarget/\nnode_modules/\nbuilt/\n",
            ".env": "TOKEN=the-secret\n",
            "db.sqlite3": "rows\n",
            "certs/ca.crt": "certificate\n",
            "target/out.o": "old\n",
            "node_modules/left-pad/index.js": "old\n",
            ".vscode/tasks.json": "{}\n",
            ".idea/workspace.xml": "<x/>\n",
            ".envrc": "export A=1\n",
            ".husky/pre-commit": "true\n",
            ".github/workflows/ci.yml": "on: push\n",
            "sub/.vscode/settings.json": "{}\n",
            "sub/code.py": "x = 1\n",
        }
    )
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    return project


@pytest.mark.parametrize(
    "path",
    [".vscode/tasks.json", ".idea/workspace.xml", ".envrc", ".husky/pre-commit", ".github/workflows/ci.yml", "sub/.vscode/settings.json",
     ".git/config", ".git/hooks/post-checkout", ".git/info/attributes", "db.sqlite3", "certs/ca.crt", ".gitattributes"],
)  # fmt: skip
async def test_what_is_obeyed_or_in_no_checkpoint_stays_as_it_is(clone, path: str) -> None:
    file = clone.root / path
    before = file.read_bytes() if file.exists() else None
    for command in (f"echo evil >> {path}", f"rm -rf {path}", f"mv {path} other", f"python3 -c \"open('{path}','w').write('evil')\"", f"ln -sf /etc/passwd {path}"):  # fmt: skip
        await clone.call(run_shell, command=command)
    assert (file.read_bytes() if file.exists() else None) == before


async def test_build_output_and_sources_are_written(clone) -> None:
    command = (
        "echo new > target/out.o; rm -r node_modules; mkdir node_modules; echo 2 > sub/code.py; touch made"
    )
    assert (await clone.call(run_shell, command=command)).ok
    assert (clone.root / "target/out.o").read_text() == "new\n"
    assert (clone.root / "sub/code.py").read_text() == "2\n"
    clone.configure(ShellSettings(outputs=("built",)))
    clone.turn = replace(clone.turn, attended=False)
    clone.write({"built/a": "old\n"})
    assert (await clone.call(run_shell, command="echo new > built/a")).ok


@pytest.mark.parametrize(
    "command",
    ["cat .env", "cat .e*", "cat .[e]nv", "grep -r TOKEN .", "python3 -c \"print(open('.env').read())\"", "cp .env x; cat x", "ln .env x; cat x"],
)  # fmt: skip
async def test_secrets_of_the_project_are_not_there(clone, command: str) -> None:
    assert "the-secret" not in await clone.text(run_shell, command=command)
    assert (clone.root / ".env").read_text() == "TOKEN=the-secret\n"


@pytest.mark.parametrize("ignored", ["", "build/\n"])
async def test_folders_of_secrets_and_local_data_are_not_moved(clone, ignored: str) -> None:
    """In build output, or below a cache with an ignore list of its own, the next command would find them as any other file."""
    clone.write(
        {
            ".gitignore": f".env\n*.sqlite3\n{ignored}",
            "conf/deep/.env": "TOKEN=deep-secret\n",
            "db/local.sqlite3": "rows\n",
        }
    )
    for cache in ("build", ".mypy_cache"):
        for folder in ("conf", "conf/deep", "db"):
            move = f"mkdir -p {cache}; echo '*' > {cache}/.gitignore; mv {folder} {cache}/x"
            assert not (await clone.call(run_shell, command=move)).ok
        text = await clone.text(
            run_shell, command=f"cat $(find . -name .env); echo gone > {cache}/x/local.sqlite3"
        )
        assert "deep-secret" not in text
    assert (clone.root / "db/local.sqlite3").read_text() == "rows\n"
    assert (clone.root / "conf/deep/.env").read_text() == "TOKEN=deep-secret\n"
    clone.write({"db/schema.sql": "create table t (x);\n"})
    moved = "mv db/schema.sql sub/schema.sql && sed -i s/t/u/ sub/schema.sql && mv sub/schema.sql db/new.sql && cat db/new.sql"
    assert "creaue table" in await clone.text(run_shell, command=moved)


async def test_what_the_user_writes_beside_a_command_is_not_the_commands(clone) -> None:
    """No checkpoint holds ignored files: what appears while a command runs may be the user's, and stays as it is."""
    clone.write({".gitignore": "*.json\n"})
    running = asyncio.create_task(
        clone.call(run_shell, command="echo x > out.json; until [ -f go ]; do sleep .05; done")
    )

    async def is_made() -> bool:
        return (clone.root / "out.json").exists()

    assert await eventually(is_made, 20)
    clone.write({"mine.json": "mine\n"})
    with (clone.root / "out.json").open("a") as file:
        file.write("written by the user\n")
    clone.write({"go": ""})
    assert (await running).ok
    for command in ("rm -f mine.json out.json", "echo x > mine.json; echo x > out.json", "mv mine.json a; mv out.json b"):  # fmt: skip
        assert not (await clone.call(run_shell, command=command)).ok
    assert (clone.root / "mine.json").read_text() == "mine\n"
    assert (clone.root / "out.json").read_text() == "x\nwritten by the user\n"


async def test_ignored_programs_are_built_again(clone) -> None:
    """Not so what only begins like one: a core dump, and data that nothing executes."""
    clone.write({".gitignore": "/prog\n/core\n/data\n.envrc\n"})
    program = Path("/bin/true").read_bytes()
    for name, content in (("prog", program), ("data", program), ("core", program[:16] + b"\4\0" + program[18:])):  # fmt: skip
        (clone.root / name).write_bytes(content)
        (clone.root / name).chmod(0o644 if name == "data" else 0o755)
    await clone.call(run_shell, command="for one in prog data core .envrc; do echo x > $one; done")
    assert (clone.root / "prog").read_text() == "x\n"
    assert (clone.root / "data").read_bytes() == program
    assert len((clone.root / "core").read_bytes()) == len(program)
    assert (clone.root / ".envrc").read_text() == "export A=1\n"


@pytest.mark.parametrize("below", [".git/annex/ssh", ".mazu/x"])
async def test_a_socket_makes_nothing_writable(clone, below: str) -> None:
    """A mount that keeps a folder in its place must not lie over one that is read-only."""
    folder = clone.root / below
    folder.mkdir(parents=True)
    (clone.root / ".mazu").mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "h"))
        listening.listen()
        text = await clone.text(
            run_shell,
            command="echo evil >> .git/config; echo evil > .git/hooks/x; echo evil > .mazu/config.toml; echo done",
        )
    assert text.count("Read-only file system") == 3 and "done" in text


async def test_secrets_in_folders_that_programs_run_are_hidden(clone) -> None:
    folders = (".qwen", ".gemini", ".devcontainer", ".vscode", ".github/workflows")
    clone.write(
        {f"{folder}/.env": f"S=secret-{folder}\n" for folder in folders} | {".qwen/settings.json": "{}\n"}
    )
    text = await clone.text(run_shell, command="grep -rh S= .[a-z]*/; cat .qwen/settings.json")
    assert "secret" not in text and "{}" in text


async def test_many_protected_files_are_said_to_be_too_many(clone) -> None:
    clone.write({f"packages/p{n}/a/b/c/.env": "A=1\n" for n in range(300)})
    with pytest.raises(MazuError) as refused:
        await clone.text(run_shell, command="true")
    assert "shell.outputs" in str(refused.value)


async def test_local_data_below_a_folder_that_is_often_output_stays(clone) -> None:
    """`.cache` is tracked here, and nothing says that what is ignored below it is made by a build."""
    clone.write(
        {
            ".gitignore": "*.sqlite3\nprod/\n",
            ".cache/readme": "",
            ".cache/users.sqlite3": "rows\n",
            ".cache/prod/.env": "TOKEN=cached\n",
        }
    )
    clone.write({".mypy_cache/.gitignore": "*\n", ".mypy_cache/3.11/a.json": "1\n"})
    text = await clone.text(
        run_shell,
        command="cat .cache/prod/.env; echo 2 > .mypy_cache/3.11/a.json; echo gone > .cache/users.sqlite3",
    )
    assert "cached" not in text and "Read-only file system" in text
    assert (clone.root / ".cache/users.sqlite3").read_text() == "rows\n"
    assert (clone.root / ".mypy_cache/3.11/a.json").read_text() == "2\n"


async def test_a_failure_says_which_files_were_hidden(clone) -> None:
    """As of tests that load `.env`: the model would look for the cause in the code."""
    hidden = "[hidden from this command, since nobody approved it: .env, .envrc]"
    fails = "grep TOKEN .env || { echo 'DATABASE_URL is not set in .env'; exit 1; }"
    assert (await clone.text(run_shell, command="exit 3")).endswith(hidden)
    assert not any("hidden" in text for _, text in clone.host.said)
    for _ in range(2):
        assert (await clone.text(run_shell, command=fails)).endswith(hidden)
    assert hidden not in await clone.text(run_shell, command="exit 3")
    (told,) = [text for _, text in clone.host.said if "hidden" in text]
    assert told.startswith(
        "A command failed from which secrets were hidden (.env, .envrc), since nobody approved it."
    )
    assert (await clone.text(run_shell, command="cat .env")).endswith(hidden), "which is empty, not missing"
    assert hidden not in await clone.text(run_shell, command="echo process.env")
    other = await clone.text(run_shell, command="echo 'const url = process.env.URL; import.meta.env'; exit 1")
    assert hidden not in other
    clone.turn = replace(clone.turn, attended=True)
    assert "TOKEN=the-secret" in await clone.text(run_shell, command=fails)


async def test_sockets_in_build_output_are_hidden(clone, tmp_path: Path) -> None:
    """What listens there runs outside of the sandbox with the user's rights."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(clone.root / "target/s"))
        listener.listen()
        command = "python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect('target/s'); print('reached')\""
        assert "reached" not in await clone.text(run_shell, command=command)


async def test_links_that_a_clone_brings_lead_nowhere(clone, tmp_path: Path) -> None:
    outside = tmp_path / "documents"
    outside.mkdir()
    (outside / "diary.txt").write_text("dear diary\n")
    (clone.root / "notes").symlink_to(outside / "diary.txt")
    (clone.root / "src").mkdir()
    (clone.root / "src/up").symlink_to(outside)
    for command in ("cat n*", "grep -R diary .", "diff -rN src sub", "cat src/up/../documents/diary.txt", f"cat {outside}/diary.txt", "ls -R src/up/"):  # fmt: skip
        assert "dear diary" not in await clone.text(run_shell, command=command)


async def test_a_home_is_empty_but_for_toolchains_without_their_credentials(clone) -> None:
    home = clone.home
    for name, text in {".cargo/bin/tool": "tool", ".cargo/credentials.toml": "KEY", ".m2/settings.xml": "KEY", ".m2/repository/a.jar": "jar", "Documents/x": "KEY", ".ssh/id_rsa": "KEY"}.items():  # fmt: skip
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    text = await clone.text(run_shell, command="find ~ -type f -exec cat {} +; echo x > ~/.cargo/bin/tool")
    assert "tool" in text and "jar" in text and "Read-only" in text
    assert "KEY" not in text
    assert (home / ".cargo/bin/tool").read_text() == "tool"


async def test_sockets_and_other_processes_are_out_of_reach(clone) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(clone.root / "server.sock"))
    listener.listen()
    script = "import socket; socket.socket(socket.AF_UNIX).connect('server.sock'); print('reached')"
    text = await clone.text(
        run_shell, command=f'python3 -c "{script}"; ls /run /tmp; ls /proc | grep -c "^[0-9]"'
    )
    listener.close()
    assert "reached" not in text
    assert int(text.splitlines()[-1]) < 20


async def test_what_programs_would_run_by_themselves_is_moved_away(project) -> None:
    project.turn = replace(project.turn, attended=False)
    text = await project.text(
        run_shell, command="mkdir -p .vscode a/.git && echo '{}' > .vscode/tasks.json && echo made"
    )
    assert "made" in text and ".vscode was made by the command and moved to" in text
    assert not (project.root / ".vscode").exists()
    assert not (project.root / "a/.git").exists()
    moved = list((project.home / "state/quarantine").glob("*-vscode"))
    assert (moved[0] / "tasks.json").read_text() == "{}\n"


async def test_new_files_that_agents_obey_are_named_and_stay(clone) -> None:
    clone.write({"package/AGENTS.md": "mine\n"})
    made = "echo evil > CLAUDE.md; mv package old; mkdir package; echo evil > package/AGENTS.md; touch sub/conftest.py notes.md"
    text = await clone.text(run_shell, command=made)
    said = (
        "New since a command ran that nobody approved: CLAUDE.md, package/AGENTS.md, sub/conftest.py. Agents"
    )
    assert said in text
    assert [said in sentence for _, sentence in clone.host.said] == [True]
    assert (clone.root / "CLAUDE.md").read_text() == "evil\n"
    assert said not in await clone.text(run_shell, command="echo more >> sub/code.py; mv old older")


def test_an_edit_of_the_ignore_list_before_any_command_uncovers_nothing() -> None:
    world = check(
        """
-- .gitignore --
*.sqlite
-- a.sqlite --
mine
-- settings --
permissions.mode = "auto"
-- user --
Go on.
-- model calls write_file --
path: .gitignore
content: nothing
-- model calls run_shell --
command: echo evil > a.sqlite
-- model says --
Done.
""",
        """
tool: …
tool: exit code 1
assistant: Done.
stop: end_turn
-- a.sqlite --
mine
""",
    )
    assert "Read-only file system" in str(world.bodies[-1])


MAKES_REPOSITORIES = """python3 -c "
import os
open('.gitignore', 'a').write('hidden/\\ndist/\\n')
for place in ('venv', 'node_modules', 'node_modules/left-pad', 'dist', 'hidden'):
    for folder in ('hooks', 'objects', 'refs'):
        os.makedirs(place + '/.git/' + folder)
    open(place + '/.git/HEAD', 'w').write('ref: refs/heads/main')
    open(place + '/.git/config', 'w').write('[core]\\n\\tfsmonitor = touch pwned\\n')
os.makedirs('venv/linked'); open('venv/linked/.git', 'w').write('gitdir: ../../dist')
" """


async def test_a_repository_that_starts_programs_is_moved_out_of_build_output(clone) -> None:
    text = await clone.text(run_shell, command=MAKES_REPOSITORIES + "; git init -q target/plain")
    for place in ("venv", "node_modules", "node_modules/left-pad", "dist", "hidden", "venv/linked"):
        assert f"{place}/.git was made by the command and moved to" in text
        assert not (clone.root / place / ".git").exists()
    assert len(clone.host.said) == 6
    assert (clone.root / "target/plain/.git/HEAD").exists()  # as builds make them: no program in it


async def test_a_repository_in_build_output_that_changed_is_named_and_stays(clone) -> None:
    await clone.call(run_shell, command="git init -q target/a; git init -q target/b")
    clone.write({"target/b/.git/config": "[core]\n\tpager = less\n"})
    command = "touch target/b/.git/index.lock; mv target/a target/c; mv target/b target/d"
    assert (await clone.call(run_shell, command=command)).ok
    clone.write({"mine/.git/HEAD": "", "mine/.git/config": "[core]\n\tpager = less\n"})
    assert (await clone.call(run_shell, command="mv mine target/")).ok
    assert clone.host.said == []
    text = await clone.text(run_shell, command="git -C target/c config core.fsmonitor ./evil")
    assert "target/c/.git was changed since a command ran that nobody approved" in text
    assert "target/d" not in text
    assert (clone.root / "target/c/.git/config").exists()


async def test_an_approved_command_may_do_more(clone) -> None:
    clone.turn = replace(clone.turn, attended=True)
    assert "the-secret" in await clone.text(run_shell, command="cat .env")
    assert (await clone.call(run_shell, command="echo 2 > db.sqlite3; echo 3 > .vscode/tasks.json")).ok
    assert not (await clone.call(run_shell, command="touch .git/x")).ok


async def test_without_its_sandbox_it_does_not_run(clone, monkeypatch) -> None:
    monkeypatch.setattr(sandbox, "probe", lambda: Sandbox("landlock", "for the test"))
    with pytest.raises(MazuError, match="No sandbox"):
        await clone.call(run_shell, command="touch ran")
    assert not (clone.root / "ran").exists()


@pytest.mark.parametrize("attended", [True, False])
async def test_a_command_that_eats_memory_is_ended_with_a_sentence(
    clone, monkeypatch, attended: bool
) -> None:
    monkeypatch.setattr(resource_limits, "memory_bytes", lambda: 300 * 2**20)
    clone.turn = replace(clone.turn, attended=attended)
    output = await clone.call(run_shell, command="echo {1..999999999}", timeout=60)
    assert not output.ok
    assert "GiB of memory, more than a command may" in output.text


async def test_a_command_that_multiplies_is_ended_with_a_sentence(clone, monkeypatch) -> None:
    monkeypatch.setattr(resource_limits, "MAX_PROCESSES", 40)
    output = await clone.call(run_shell, command="for i in $(seq 60); do sleep 60 & done; wait", timeout=60)
    assert "processes, more than the 40" in output.text


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
async def test_builds_and_tests_run(clone) -> None:
    clone.write({"Makefile": "test:\n\t@echo $$FOO tested\n", "test_x.py": "import unittest\nclass T(unittest.TestCase):\n  def test(self): pass\n"})  # fmt: skip
    assert (await clone.text(run_shell, command="FOO=all make -s test")).strip() == "all tested"
    assert "OK" in await clone.text(run_shell, command="python3 -m unittest -q")


def _two_checkouts(main: Path) -> None:
    for arguments in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first", "--allow-empty"], ["worktree", "add", "-q", "../linked"]):  # fmt: skip
        main.mkdir(exist_ok=True)
        subprocess.run(["git", *arguments], cwd=main, check=True)


async def test_a_worktree_and_a_folder_of_a_repository_have_their_history(project) -> None:
    main = project.root / "main"
    _two_checkouts(main)
    (main / "package").mkdir()
    for root in (project.root / "linked", main / "package"):
        here = type(project)(root, project.home)
        here.turn = replace(here.turn, attended=False)
        assert "first" in await here.text(run_shell, command="git log --oneline"), root
    assert list((main / "package").iterdir()) == []


def _with_submodule(other: Path, main: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]
    steps = (
        (other, ["init", "-q"]),
        (other, ["commit", "-qm", "inner", "--allow-empty"]),
        (main, ["init", "-q"]),
        (main, ["submodule", "--quiet", "add", "../other", "lib"]),
    )
    for folder, arguments in steps:
        folder.mkdir(exist_ok=True)
        subprocess.run([*git, *arguments], cwd=folder, check=True)


async def test_a_submodule_has_its_history(project) -> None:
    main = project.root / "main"
    _with_submodule(project.root / "other", main)
    here = type(project)(main / "lib", project.home)
    here.turn = replace(here.turn, attended=False)
    assert "inner" in await here.text(run_shell, command="git log --oneline")


FORGED = {
    "worktree of the machine": {"a/commondir": "/\n", "a/gitdir": "../.git\n"},
    "worktree of the home": {"a/commondir": "../../home\n", "a/gitdir": "../.git\n"},
    "its own worktree": {
        "a/worktrees/w/commondir": "../../../..\n",
        "a/worktrees/w/gitdir": "../../../.git\n",
    },
    "its own submodule": {"a/modules/m/config": "worktree = ../../..\n", "a/modules/m/HEAD": "x\n"},
}


@pytest.mark.parametrize("kind", FORGED)
async def test_a_forged_git_file_shows_nothing_more(project, kind: str) -> None:
    (project.home / "notes.txt").write_text("private\n")
    folder = next(iter(FORGED[kind])).rpartition("/")[0]
    project.write(FORGED[kind] | {".git": f"gitdir: {folder}\n"})
    project.turn = replace(project.turn, attended=False)
    text = await project.text(
        run_shell, command=f"cat {project.home}/notes.txt; ls /root /run; ls {project.home}"
    )
    assert "private" not in text
    assert "notes.txt\n" not in text


async def test_a_git_file_that_leads_out_of_the_project_shows_no_folder_of_others(
    project, tmp_path: Path
) -> None:
    (project.home / "notes.txt").write_text("private\n")
    outside = tmp_path / "worktrees" / "w"
    outside.mkdir(parents=True)
    (outside / "commondir").write_text("../..\n")
    (outside / "gitdir").write_text(f"{project.root}/.git\n")
    for name in ("objects", "refs"):
        (tmp_path / name).mkdir()
    (tmp_path / "HEAD").write_text(
        "ref: refs/heads/main\n"
    )  # a git folder that holds the home and the project
    project.write({".git": f"gitdir: {outside}\n"})
    project.turn = replace(project.turn, attended=False)
    assert "private" not in await project.text(run_shell, command=f"cat {project.home}/notes.txt")


SWAP = """python3 -c "
import os
st = os.stat('.')
os.rename('sub', 'sub2'); os.symlink('../home', 'sub')
os.utime('.', ns=(st.st_atime_ns, st.st_mtime_ns))
" """


async def test_a_link_in_the_place_of_a_folder_moves_nothing_outside(clone) -> None:
    (clone.home / "other/.git").mkdir(parents=True)
    names = (".bashrc", ".claude/key", ".mazu/key", ".envrc", "other/.git/key", "other/.vscode/tasks.json")
    for name in names:
        (clone.home / name).parent.mkdir(parents=True, exist_ok=True)
        (clone.home / name).write_text("mine\n")
    await clone.call(run_shell, command="true")  # the folders are known by now
    await clone.call(run_shell, command=SWAP)
    assert (clone.root / "sub").is_symlink()
    assert [name for name in names if not (clone.home / name).is_file()] == []


async def test_a_link_in_the_place_of_a_folder_shows_nothing_outside(clone) -> None:
    names = (".claude/key", ".mazu/key", "other/.git/key")  # a folder with a secret cannot be moved
    for name in names:
        (clone.home / name).parent.mkdir(parents=True, exist_ok=True)
        (clone.home / name).write_text("private\n")
    clone.write({"sub/.claude/x": "", "sub/.mazu/x": "", "sub/other/.git/x": ""})
    await clone.call(run_shell, command="true")
    await clone.call(run_shell, command=SWAP, background=True)
    async with asyncio.timeout(40):
        while not (clone.root / "sub").is_symlink():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    text = await clone.text(run_shell, command=" ; ".join(f"cat sub/{name}" for name in names))
    assert "private" not in text


async def test_a_created_file_is_moved_away_where_the_state_is_on_another_disk(clone, monkeypatch) -> None:
    import os

    from mazu_ls.tools.shell import quarantine

    rename = os.rename

    def other_disk(source, target, *, src_dir_fd=None, dst_dir_fd=None):
        if dst_dir_fd is None:
            raise OSError(18, "Invalid cross-device link")
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(quarantine.os, "rename", other_disk)
    text = await clone.text(run_shell, command="echo evil > sub/.envrc")
    assert "moved to" in text
    assert not (clone.root / "sub/.envrc").exists()
    assert [path.name.partition("-")[0] for path in (clone.root / "sub").glob("envrc*")] == [
        "envrc.quarantined"
    ]


OLD_TIME = """python3 -c "
import os
st = os.stat('.')
os.mkdir('.vs' + 'code2'); os.rename('.vs' + 'code2', '.cursor'); open('.cursor/rules', 'w').write('evil'); open('.mcp.json', 'w').write('evil')
os.utime('.', ns=(st.st_atime_ns, st.st_mtime_ns))
" """
OLD_PATH = """python3 -c "
import os
for above, place in (('.github', 'workflows/ci.yml'), ('sub', '.vscode/tasks.json'), ('vendor', 'x/.git/config')):
    os.rename(above, above + '-old')
    os.makedirs(os.path.dirname(above + '/' + place)); open(above + '/' + place, 'w').write('evil')
" """


async def test_a_file_made_by_a_command_that_sets_the_time_back_is_moved_away(clone) -> None:
    await clone.call(run_shell, command="true")  # the folders are known by now
    text = await clone.text(run_shell, command=OLD_TIME)
    assert ".cursor was made by the command and moved" in text
    assert ".mcp.json was made by the command and moved" in text
    assert not (clone.root / ".cursor").exists()
    assert not (clone.root / ".mcp.json").exists()


async def test_a_file_made_under_a_known_path_is_moved_away_and_the_users_own_is_not(clone) -> None:
    clone.write({"vendor/x/.git/config": "good\n"})
    text = await clone.text(run_shell, command=OLD_PATH)
    for place in (".github/workflows", "sub/.vscode", "vendor/x/.git"):
        assert f"{place} was made by the command and moved" in text
        assert not (clone.root / place).exists()
    assert (clone.root / ".github-old/workflows/ci.yml").read_text() == "on: push\n"
    assert (clone.root / "sub-old/.vscode/settings.json").exists()
    assert (clone.root / "vendor-old/x/.git/config").read_text() == "good\n"


async def test_files_with_secrets_are_empty_for_a_command_wherever_they_lie(clone) -> None:
    clone.write(
        {"secrets/db.txt": "the-secret\n", ".envrc": "export A=the-secret\n", "sub/.env": "B=the-secret\n"}
    )
    await clone.call(run_shell, command="python3 -c \"import os; os.utime('sub', (1, 1))\"")
    clone.write({"sub/.env.local": "C=the-secret\n"})
    await clone.call(run_shell, command="python3 -c \"import os; os.utime('sub', (1, 1))\"")
    text = await clone.text(run_shell, command="cat secrets/* .env .envrc sub/.env sub/.env.local")
    assert "the-secret" not in text


async def test_a_mazu_folder_that_a_command_makes_is_named(clone) -> None:
    command = (
        "python3 -c \"import os; os.mkdir('.ma' + 'zu'); open('.ma' + 'zu/config.toml', 'w').write('')\""
    )
    assert ".mazu is new since a command ran" in await clone.text(run_shell, command=command)
    assert len(clone.host.said) == 1


WAITS = "touch running; for i in $(seq 500); do test -e made && exit 0; sleep 0.02; done; exit 7"


async def _running(project) -> None:
    async with asyncio.timeout(60):
        while not (project.root / "running").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("background", [False, True])
async def test_what_the_user_made_meanwhile_stays(clone, background: bool) -> None:
    (clone.root / ".gitlab-ci.yml").write_text("old\n")
    running = asyncio.create_task(clone.call(run_shell, command=WAITS, background=background))
    await _running(clone)
    saved = clone.root / "saved"
    saved.write_text("new\n")
    saved.rename(clone.root / ".gitlab-ci.yml")
    clone.write({".mazu/skills/a.md": "mine\n", "new/.vscode/launch.json": "{}\n"})
    if not background:
        clone.host.open[clone.root / "new/.vscode/launch.json"] = "{}\n"
    clone.write({"made": ""})
    told = (await running).text
    if background:  # told at once if it has ended by then, else by the next call
        assert "new/.vscode is new" in told + await clone.text(shell_stop, id="sh1")
    assert (clone.root / ".gitlab-ci.yml").read_text() == "new\n"
    assert (clone.root / ".mazu/skills/a.md").exists()
    assert (clone.root / "new/.vscode/launch.json").exists()
    assert sorted(text.partition(",")[0] for _, text in clone.host.said) == [
        ".mazu is new since a command ran that nobody approved",
        "new/.vscode is new since a command ran that nobody approved",
    ]
    assert not (clone.home / "state/quarantine").exists()


async def test_a_repository_that_changes_meanwhile_is_the_users_doing(project) -> None:
    project.turn = replace(project.turn, attended=False)
    running = asyncio.create_task(project.call(run_shell, command=WAITS))
    await _running(project)
    await asyncio.to_thread(subprocess.run, ["git", "init", "-q"], cwd=project.root, check=True)
    project.write({".github/workflows/ci.yml": "on: push\n", "made": ""})
    text = (await running).text
    assert "was not moved" in text and "moved to" not in text
    assert (project.root / ".git/HEAD").exists()
    assert (project.root / ".github/workflows/ci.yml").exists()
    assert len(project.host.said) == 2


async def test_a_host_that_is_gone_does_not_keep_a_command_from_being_ended(project, monkeypatch) -> None:
    async def gone(*_: object) -> None:
        raise ConnectionError

    project.turn = replace(project.turn, attended=False)
    await project.call(run_shell, command="mkdir .vscode; touch running; sleep 60", background=True)
    await _running(project)
    monkeypatch.setattr(project.host, "say", gone)
    assert "could not be looked at" in await project.text(shell_stop, id="sh1")
    assert (project.root / ".vscode").exists()


CREDENTIALS_OF_TOOLCHAINS = (
    ".yarn/berry/.yarnrc.yml", ".local/share/uv/credentials/credentials.toml", ".cargo/config.toml", ".composer/config.json",
    ".nuget/NuGet/config/nuget.config", ".bun/.npmrc", ".m2/gradle.properties", ".npm/.npmrc", ".pyenv/.env",
)  # fmt: skip


async def test_credential_files_of_toolchains_are_not_there(clone) -> None:
    for name in CREDENTIALS_OF_TOOLCHAINS:
        path = clone.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('[registries.x]\ntoken = "held-back"\n')
    (clone.home / ".cargo/env").write_text("shown")
    told = await clone.text(
        run_shell,
        command="cat ~/.cargo/env; cat " + " ".join(f"~/{name}" for name in CREDENTIALS_OF_TOOLCHAINS),
    )
    assert "shown" in told
    assert "held-back" not in told


async def test_settings_of_a_toolchain_without_a_key_are_there(clone) -> None:
    (clone.home / ".cargo").mkdir()
    (clone.home / ".cargo/config.toml").write_text('[build]\nrustflags = ["-C", "opt-level=3"]\n')
    assert "opt-level" in await clone.text(run_shell, command="cat ~/.cargo/config.toml")


@pytest.mark.parametrize(
    ("command", "moved"),
    [
        ("mkdir -p .git/hooks && cp /bin/true .git/hooks/post-checkout", True),
        ("git init -q . && printf '[core]\\n\\tfsmonitor = ./x\\n' >> .git/config", True),
        ("mkdir x && git init -q x && printf '[core]\\n\\tfsmonitor = ./x\\n' >> x/.git/config && printf 'gitdir: x/.git' > .git", True),
        ("git init -q .", False),
    ],
)  # fmt: skip
async def test_a_repository_that_a_command_makes_is_moved_where_it_starts_programs(
    project, command: str, moved: bool
) -> None:
    project.turn = replace(project.turn, attended=False)
    said = (await project.call(run_shell, command=command)).text
    assert (project.root / ".git").exists() is not moved
    assert ("moved to" if moved else "It was not moved") in said


async def test_a_repository_that_the_user_makes_meanwhile_with_hooks_of_a_template_stays(
    project, monkeypatch
) -> None:
    home = project.home
    (home / "template/hooks").mkdir(parents=True)
    (home / "template/hooks/pre-commit").write_text("#!/bin/sh\nexec pre-commit hook\n")
    (home / ".gitconfig").write_text("[init]\n\ttemplateDir = ~/template\n")
    monkeypatch.setenv("HOME", str(home))
    project.turn = replace(project.turn, attended=False)
    line = "until [ -e ready ]; do sleep 0.02; done; git init -q; touch made"
    user = await asyncio.create_subprocess_exec("sh", "-c", line, cwd=project.root)
    text = await project.text(run_shell, command="touch ready; until [ -e made ]; do sleep 0.02; done")
    assert await user.wait() == 0
    assert "It was not moved" in text
    assert (project.root / ".git/hooks/pre-commit").exists()


async def test_what_a_command_takes_off_the_ignore_list_stays_out_of_reach(clone) -> None:
    clone.write({".gitignore": "*.sqlite3\n*.pem\n", "server.pem": "the-secret\n"})
    for command in ("ls", "echo '!*' >> .gitignore", "cat server.pem; echo evil > db.sqlite3"):
        said = await clone.call(run_shell, command=command)
        assert "the-secret" not in said.text
    assert (clone.root / ".gitignore").read_text().endswith("!*\n")
    assert (clone.root / "db.sqlite3").read_text() == "rows\n"


async def test_a_file_that_is_too_large_for_a_checkpoint_is_named_with_the_reason(clone) -> None:
    with (clone.root / "numbers.csv").open("wb") as file:
        file.truncate(11 << 20)
    said = await clone.call(run_shell, command="echo 1,2 >> numbers.csv")
    assert "[numbers.csv is read-only for commands that nobody approved: it is larger than 10 MiB" in str(
        said
    )
    said = await clone.call(run_shell, command="echo x >> db.sqlite3")
    assert "numbers.csv" not in str(said)
    with (clone.root / "db.sqlite3").open("wb") as file:
        file.truncate(11 << 20)
    said = await clone.call(run_shell, command="echo x >> db.sqlite3")
    assert "larger than" not in str(said), "git ignores it: no setting would let it be written"


def track(root: Path, *names: str) -> None:
    """Enter files in the index, which alone makes them tracked, without their content."""
    for name in names:
        entry = f"100644,e69de29bb2d1d6434b8b29ae775ad8c2e48c5391,{name}"
        subprocess.run(["git", "update-index", "--add", "--cacheinfo", entry], cwd=root, check=True)


async def test_a_tracked_file_that_is_too_large_for_a_checkpoint_is_read_only_too(clone) -> None:
    clone.write({"small.bin": "1\n"})
    (clone.root / "Assets").mkdir()
    with (clone.root / "Assets/big.bin").open("wb") as file:
        file.truncate(101 << 20)
    track(clone.root, "small.bin", "Assets/big.bin")
    said = "[Assets/big.bin is read-only for commands that nobody approved: it is larger than 100 MiB"
    for command in ("echo x >> Assets/big.bin", "rm -f Assets/big.bin", "mv Assets moved"):
        answer = str(await clone.call(run_shell, command=command))
        assert (clone.root / "Assets/big.bin").stat().st_size == 101 << 20, answer
        if "mv" not in command:
            assert (said in answer, "checkpoints.max_tracked_file_bytes" in answer) == (True, True), answer
    assert (await clone.call(run_shell, command="echo 2 >> small.bin")).ok


async def test_a_name_that_goes_on_is_another_file(clone) -> None:
    clone.write({".env.example": "TOKEN=\n"})
    for line in ("cat .env.example", "cp .env.example .env-sample", "grep -c T .env.example"):
        assert "hidden from this command" not in str(await clone.call(run_shell, command=line)), line
    assert "hidden from this command" in str(await clone.call(run_shell, command="cat .env"))


@pytest.mark.parametrize("end", ["", " 2>&1 | tail -1", " 2>&1 | tail -1 | cut -c 1-50"])
async def test_a_database_that_cannot_be_written_is_named_with_its_setting(clone, end: str) -> None:
    code = "import sqlite3; sqlite3.connect('db.sqlite3').execute('create table t(a)')"
    (clone.root / "db.sqlite3").write_bytes(b"")
    output = await clone.call(run_shell, command=f'python3 -c "{code}"{end}')
    assert "write a reado" in output.text
    setting = """mazu-ls config set shell.outputs '["db.sqlite3"]'"""
    assert setting in output.text
    assert [setting in text for _, text in clone.host.said] == [True]
    clone.write({"notes.md": "attempt to write a readonly database\ndb.sqlite3: Permission denied\n"})
    clone.host.said.clear()
    for line in (
        "echo 'readonly database'",
        "grep -rn 'readonly database' *.md | head",
        "grep -n 'Permission denied' notes.md 2>/dev/null; true",
        "cd . && cat notes.md",
    ):
        plain = await clone.call(run_shell, command=line)
        assert setting not in plain.text, line
    assert clone.host.said == []


async def test_build_output_that_a_command_removed_is_named(clone) -> None:
    clone.write(
        {"sub/dist/notes.txt": "by hand\n", "build/a": "x\n", ".gitignore": "target/\ndist/\nnode_modules/\n"}
    )
    output = await clone.text(run_shell, command="rm -rf target sub/dist node_modules build")
    said = "sub/dist/, target/ went while a command ran that nobody approved: git ignores it, so no checkpoint holds it"
    assert said in output and "node_modules" not in output and "build" not in output
    assert [text for _, text in clone.host.said if said in text]
    assert "went" not in await clone.text(
        run_shell, command="mkdir target; touch target/a; rm -rf target; mkdir target"
    )
