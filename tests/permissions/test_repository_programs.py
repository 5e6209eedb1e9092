"""Git commands that only read, where no sandbox holds them: asked about where the repository's configuration names a program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mazu_ls.gitcmd.obeyed_files import find_obeyed
from mazu_ls.gitcmd.repository_config import names_programs
from mazu_ls.policy.decide import decide
from mazu_ls.policy.rules import PolicyContext, ToolCallInfo
from mazu_ls.tools.base import Effect
from mazu_ls.tools.shell.environment import child_environment
from tests.hostile.shapes import git

pytestmark = pytest.mark.portable


EVIL = {
    "fsmonitor": "[core]\n\tfsmonitor = {evil}\n",
    "diff.external": "[diff]\n\texternal = {evil}\n",
    "textconv": '[diff "x"]\n\ttextconv = {evil}\n',
    "a driver's command": '[diff "x"]\n\tcommand = {evil}\n',
    "a filter": '[filter "x"]\n\tclean = {evil}\n\trequired\n',
    "a filter process": '[filter "x"]\n\tprocess = {evil}\n',
    "pager": "[core]\n\tpager = {evil}\n",
    "alias": "[alias]\n\tst = !{evil}\n",
    "include": "[include]\n\tpath = {evil}\n",
    "includeIf": '[includeIf "gitdir:/"]\n\tpath = {evil}\n',
    "gpg": "[gpg]\n\tprogram = {evil}\n[log]\n\tshowSignature = true\n",
    "a lazy fetch": '[extensions]\n\tpartialClone = origin\n[remote "origin"]\n\tpromisor = true\n\turl = ext::{evil}\n',
    "upload-pack": '[remote "origin"]\n\tuploadpack = {evil}\n',
    "a key beside its section": "[core] fsmonitor = {evil}\n",
    "a line that goes on": "[core]\n\tabbrev = 7 \\\n\tfsmonitor = {evil}\n",
    "the old form of a section": "[diff.x]\n\ttextconv = {evil}\n",
    "hooks": "[core]\n\thooksPath = {evil}\n",
    "another work tree": "[core]\n\tworktree = ../..\n",
    "a submodule's update": '[submodule "x"]\n\tupdate = !{evil}\n',
    "bytes": "[user]\n\tname = \udcff\n",
}
READS = (
    "git status",
    "git diff",
    "git log -1 --stat",
    "git -C . status --short",
    "cd sub && git diff",
    "git show HEAD",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", "https://example.org/x.git")
    git(folder, "config", "user.name", "U")
    git(folder, "config", "branch.main.remote", "origin")
    (folder / "sub" / "a.x").write_text("one\n")
    (folder / ".gitattributes").write_text("*.x diff=x filter=x\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    (folder / "sub" / "a.x").write_text("two\n")
    return folder


def verdict(root: Path, command: str, *, confined: bool = False) -> str:
    call = ToolCallInfo("run_shell", Effect.EXECUTE, {"command": command})
    return decide(call, "auto", [], PolicyContext([root], root, Path.home(), confined)).verdict


@pytest.mark.parametrize("command", READS)
def test_an_ordinary_repository_is_read_unasked(root: Path, command: str):
    assert names_programs(root) is None
    assert verdict(root, command) == "allow"


@pytest.mark.parametrize("kind", EVIL)
def test_a_repository_that_names_a_program_is_asked_about(root: Path, kind: str):
    text = EVIL[kind].format(evil="/bin/evil")
    with (root / ".git" / "config").open("ab") as file:
        file.write(os.fsencode(text))
    assert names_programs(root)
    for command in READS:
        assert verdict(root, command) == "ask", command
    assert verdict(root, "ls") == "allow"
    assert verdict(root, "git status", confined=True) == "allow"


def test_a_hook_that_reading_starts_is_asked_about(root: Path, tmp_path: Path):
    hook, marker = root / ".git/hooks/post-index-change", tmp_path / "marker"
    hook.write_text(f"#!/bin/sh\necho run >> {marker}\n")
    hook.chmod(0o755)
    os.utime(root / ".gitattributes", (1, 1))  # so that the index is written anew
    assert verdict(root, "git diff") == "ask"
    assert verdict(root, "git describe --dirty") == "ask"
    subprocess.run(
        ["git", "diff"],
        cwd=root,
        env=child_environment(dict(os.environ)),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert marker.exists()  # else it need not be asked about
    hook.unlink()
    (root / ".git/hooks/post-commit").write_text("#!/bin/sh\n")
    assert verdict(root, "git diff") == "allow"


def test_another_repository_below_is_looked_at_as_well(root: Path):
    git(root, "init", "-q", "sub/inner")
    with (root / "sub/inner/.git/config").open("a") as file:
        file.write("[core]\n\tfsmonitor = /bin/evil\n")
    assert verdict(root, "git status") == "allow"
    assert verdict(root, "git -C sub/inner status") == "ask"
    assert verdict(root, "cd sub/inner && git status") == "ask"


def run_marker(root: Path, folder: str) -> None:
    with (root / folder / ".git/config").open("a") as file:
        file.write("[core]\n\tfsmonitor = /bin/evil\n")


@pytest.mark.parametrize(
    "command",
    [
        "cd -- deps/evil && git status",
        "cd -P deps/evil && git status",
        "cd -L deps/evil && git diff",
        "cd sub && cd ../deps/evil && git status",
        "cd deps && cd evil && git status",
        "cd deps && git -C evil status",
        "git -C deps -C evil status",
        "git -C d*s/evil status",
        "cd d*s && git -C evil status",
        "cd deps/e[[:alpha:]]il && git status",
        "cd link && git status",
        "for x in a b; do git status; cd deps/evil; done",
        "cd deps/evil/.git && git log -1",
    ],
)
def test_each_folder_that_git_may_run_in_is_looked_at(root: Path, command: str):
    git(root, "init", "-q", "deps/evil")
    (root / "link").symlink_to("deps/evil")
    run_marker(root, "deps/evil")
    assert verdict(root, command) == "ask"
    assert verdict(root, "cd deps && git status") == "allow"


@pytest.mark.parametrize("version", ["2", "4"])
def test_submodules_are_looked_at_as_deep_as_git_goes(root: Path, version: str):
    inner = root / "sub" / "one" / "two"
    for folder in (inner, inner.parent):
        git(root, "init", "-q", str(folder))
        git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    git(inner.parent, "add", "two")
    git(root, "add", "sub")
    git(root, "update-index", "--index-version", version)
    assert names_programs(root) is None
    assert verdict(root, "git status") == "allow"
    run_marker(root, "sub/one/two")
    for command in READS:
        assert verdict(root, command) == "ask", command
    (root / ".git/index").write_bytes(b"DIRC" + (7).to_bytes(4) + b"\0\0\xe0\0" * 20)
    assert names_programs(root) == "its index, which cannot be read"


def test_a_submodule_made_by_git_is_read_unasked_until_it_names_a_program(root: Path, tmp_path: Path):
    git(tmp_path, "init", "-q", "lib")
    git(tmp_path / "lib", "commit", "-q", "--allow-empty", "-m", "one")
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "lib"), "lib")
    assert verdict(root, "git status") == "allow"
    config = root / ".git/modules/lib/config"
    plain = config.read_text()
    for text in ("[core]\n\tworktree = ../../..\n", "[core]\n\tfsmonitor = /bin/evil\n"):
        config.write_text(plain + text)
        assert verdict(root, "git diff") == "ask"


def test_what_git_writes_into_a_submodule_is_not_taken_for_planted(tmp_path: Path):
    """Submodules with LFS, or cloned in part: git's own settings; one that names a program is still seen."""
    (tmp_path / "lib").mkdir()
    git(tmp_path / "lib", "init", "-q")
    git(tmp_path / "lib", "config", "uploadpack.allowFilter", "true")
    git(tmp_path / "lib", "commit", "-q", "--allow-empty", "-m", "one")
    module = tmp_path / "main/.git/modules/lib"
    module.parent.mkdir(parents=True)
    allowed = ("-c", "protocol.file.allow=always")
    url = (tmp_path / "lib").as_uri()
    git(tmp_path, *allowed, "clone", "-q", "--bare", "--filter=blob:none", url, str(module))
    with (module / "config").open("a") as config:
        config.write(
            '[lfs]\n\trepositoryformatversion = 0\n[lfs "https://h/x.git/info/lfs"]\n\taccess = basic\n'
            '[remote "origin"]\n\tfollowRemoteHEAD = create\n[extensions]\n\trelativeWorktrees = true\n'
        )
    assert [one.path for one in find_obeyed(tmp_path / "main/.git")] == []
    with (module / "config").open("a") as config:
        config.write('[lfs "customtransfer.x"]\n\tpath = ./evil\n')
    assert [one.path for one in find_obeyed(tmp_path / "main/.git")] == [module / "config"]


def test_a_link_behind_a_name_in_brackets_leads_out(root: Path):
    (root / "[id]").mkdir()
    (root / "[id]" / "link").symlink_to("/etc")
    (root / "[id]" / ".env").write_text("SECRET=1\n")
    for command in (
        "cat '[id]/link/hostname'",
        "cd '[id]' && cat l*k/hostname",
        "grep '' '[id]'/.e?v",
        'x="[id]"; cat "$x"/.e?v',
    ):
        assert verdict(root, command) == "ask", command


def test_what_is_read_unasked_starts_nothing(root: Path, tmp_path: Path):
    """Real git, in the environment of commands: each configuration that starts a program is one that is asked about."""
    evil, marker = tmp_path / "evil", tmp_path / "marker"
    evil.write_text(f"#!/bin/sh\necho run >> {marker}\ncat\n")
    evil.chmod(0o755)
    plain, started = (root / ".git/config").read_bytes(), []
    for kind, text in EVIL.items():
        (root / ".git/config").write_bytes(plain + os.fsencode(text.format(evil=evil)))
        for command in ("git status", "git diff", "git log -1 -p --show-signature"):
            subprocess.run(
                command, shell=True, cwd=root, env=child_environment(dict(os.environ)), capture_output=True, check=False, timeout=60
            )  # fmt: skip
        if marker.exists():
            started.append(kind)
            marker.unlink()
    assert {"diff.external", "textconv", "a driver's command", "a filter"} <= set(started), started


def test_cd_back_leads_to_no_folder_that_the_line_did_not_leave() -> None:
    """The policy reads `cd -` as a folder of the line, so none comes from the environment."""
    assert "OLDPWD" not in child_environment({**os.environ, "OLDPWD": "/"})
